// The types of tables, memories, globals and tags.
#pragma once

#include "core/types/features.h"
#include "core/types/val_type.h"

namespace ebb {

/// Sizes in pages or elements, and the type of addresses.
struct Limits {
  uint64_t min = 0;
  uint64_t max = 0; ///< Meaningless without `has_max`.
  bool has_max = false;
  bool is_64 = false; ///< Whether addresses are i64.

  constexpr ValType address_type() const {
    return has_feature(Feature::memory64) && is_64 ? ValType::i64() : ValType::i32();
  }
  /// Whether these limits, as those of an import's definition, satisfy what the import asks for.
  constexpr bool match(const Limits& wanted) const {
    return is_64 == wanted.is_64 && min >= wanted.min &&
           (!wanted.has_max || (has_max && max <= wanted.max));
  }
  constexpr bool operator==(const Limits&) const = default;
};

struct MemoryType {
  Limits limits;
  uint8_t page_shift = 16; ///< The binary logarithm of the page size: 0 or 16.
  bool is_shared = false;

  constexpr uint64_t page_bytes() const { return uint64_t{1} << page_shift; }
  constexpr bool operator==(const MemoryType&) const = default;
};

struct TableType {
  ValType element;
  Limits limits;
  constexpr bool operator==(const TableType&) const = default;
};

struct GlobalType {
  ValType type;
  bool is_mutable = false;
  constexpr bool operator==(const GlobalType&) const = default;
};

struct TagType {
  TypeId type; ///< A function type without results.
  constexpr bool operator==(const TagType&) const = default;
};

enum class ExternKind : uint8_t { func, table, memory, global, tag };

} // namespace ebb
