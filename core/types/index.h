// Strong index types: an index into one of a module's index spaces never passes for one of another,
// or for a size.
#pragma once

#include <cstdint>

namespace ebb {

#define EBB_INDEX_TYPE(Name)                                                                       \
  struct Name {                                                                                    \
    uint32_t value = 0;                                                                            \
    constexpr Name() = default;                                                                    \
    constexpr explicit Name(uint32_t index) : value(index) {}                                      \
    constexpr bool operator==(const Name&) const = default;                                        \
  }

EBB_INDEX_TYPE(TypeIndex);
EBB_INDEX_TYPE(FuncIndex);
EBB_INDEX_TYPE(TableIndex);
EBB_INDEX_TYPE(MemoryIndex);
EBB_INDEX_TYPE(GlobalIndex);
EBB_INDEX_TYPE(TagIndex);
EBB_INDEX_TYPE(ElemIndex);
EBB_INDEX_TYPE(DataIndex);
EBB_INDEX_TYPE(LocalIndex);
EBB_INDEX_TYPE(LabelIndex);

#undef EBB_INDEX_TYPE

/// The function index that names none; it stands for a null reference in lists of functions.
inline constexpr FuncIndex no_function{UINT32_MAX};

} // namespace ebb
