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

/// Slots behind every frame: homes of pins that stand for no local, one of each class.
inline constexpr uint32_t pin_homes = 2;

/// What the code of a module does where functions and loops begin. Code that counts fuel can be
/// interrupted too.
enum class Metering : uint8_t { none, interruption, fuel };

/// What threading turns into less than 4 GiB, whatever it is.
inline constexpr uint32_t function_code_bytes_max = uint32_t{128} * 1024 * 1024;

/// A function that the module defines, as its compact code is described: a fixed layout without
/// pointers, which a precompiled module contains as it stands. What parameters and results take
/// follows from the type. Frames have few enough slots for `extent`: see limits::frame_slots_max.
struct Function {
  uint32_t code_offset =
      0; ///< Into ModuleImage::code; the function's pins are listed behind the code.
  uint32_t code_bytes = 0;
  TypeIndex type;
  uint16_t extent =
      pin_homes;           ///< Slots to reserve: the frame, and a home for each pinned register.
  uint16_t frame_refs = 0; ///< References that the frame may touch; the others are numbers.

  uint32_t frame_numbers() const { return uint32_t{extent} - pin_homes - frame_refs; }
  /// Sets what the frame may touch, parameters and outgoing arguments included.
  void set_frame(uint32_t numbers, uint32_t refs) {
    extent = static_cast<uint16_t>(numbers + refs + pin_homes);
    frame_refs = static_cast<uint16_t>(refs);
  }
};
static_assert(sizeof(Function) == 16 && alignof(Function) == 4);

/// Slots of a sequence of types.
SlotCounts slot_counts(std::span<const ValType> types);

} // namespace ebb
