// Function: what compilation says of a function beside its code.
#pragma once

#include "core/types/index.h"
#include "core/types/val_type.h"

#include <span>

namespace ebb {

/// How many slots of each kind a value sequence takes: 8 bytes each, references apart from numbers.
struct SlotCounts {
  uint16_t numbers = 0; ///< v128 takes two.
  uint16_t refs = 0;
};

/// A function that the module defines, as its compact code is described: a fixed layout without
/// pointers, which a precompiled module contains as it stands.
struct Function {
  uint32_t code_offset =
      0; ///< Into ModuleImage::code; the function's pins are listed behind the code.
  uint32_t code_bytes = 0;
  TypeIndex type;
  SlotCounts params;
  SlotCounts results;
  SlotCounts frame; ///< Everything the frame may touch, parameters and outgoing arguments included.
  uint32_t extent = 0; ///< Slots to reserve: the frame, and a home for each pinned register.
};
static_assert(sizeof(Function) == 28 && alignof(Function) == 4);

/// Slots of a sequence of types.
SlotCounts slot_counts(std::span<const ValType> types);

} // namespace ebb
