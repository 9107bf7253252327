// Superinstructions: a few instructions that follow one another, run by one handler.
//
// In threaded code an instruction that begins one has its handler; nothing else changes, so that
// control may come to any of the others from elsewhere and the walk that looks for positions need
// not know. Which there are is listed in superinstructions.def: each is a shorter one, or a single
// instruction, and one more.
#pragma once

#include "core/bytecode/bytecode.h"

namespace ebb {

/// Those that a machine has; by default none.
struct Superinstructions {
  /// Of a sequence: the number of a form, or of a superinstruction, which come after all forms.
  static constexpr uint32_t none = 0;

  const void* const* handlers = nullptr;
  const uint32_t* keys = nullptr;
  const uint16_t* index = nullptr; ///< Places in `keys`, plus one, by hash.
  uint32_t count = 0;

  static constexpr uint32_t index_bits = 11;
  static constexpr uint32_t key_of(uint32_t before, Form next) {
    return before << 16 | static_cast<uint32_t>(next);
  }
  static constexpr uint32_t hash(uint32_t key) { return key * 0x9E3779B1u >> (32 - index_bits); }
  static constexpr uint32_t following(uint32_t at) { return (at + 1) & ((1u << index_bits) - 1); }

  /// The number of what `before` and another instruction make together, or `none`.
  uint32_t find(uint32_t before, Form next) const {
    if (count == 0) return none;
    const uint32_t key = key_of(before, next);
    for (uint32_t at = hash(key); index[at] != 0; at = following(at))
      if (keys[index[at] - 1] == key) return static_cast<uint32_t>(Form::end) + index[at] - 1;
    return none;
  }
  const void* handler(uint32_t number) const {
    return handlers[number - static_cast<uint32_t>(Form::end)];
  }
};

} // namespace ebb
