// Superinstructions: a few instructions that follow one another, run by one handler.
//
// In threaded code an instruction that begins one has its handler; nothing else changes, so that
// control may come to any of the others from elsewhere and the walk that looks for positions need
// not know. Which there are is listed in superinstructions.def: each is a shorter one, or a single
// instruction, and one more.
#pragma once

#include "core/bytecode/bytecode.h"

namespace ebb {

/// Where superinstructions are found by their keys, each at the first look: keys of one bucket are
/// moved together until each has a place of its own.
struct SuperinstructionTable {
  static constexpr uint32_t bucket_bits = 10, place_bits = 12;
  static constexpr uint32_t buckets = 1u << bucket_bits, places = 1u << place_bits;
  static constexpr uint32_t no_key = UINT32_MAX; ///< Of no two forms.

  uint8_t moves[buckets] = {};
  uint32_t keys[places] = {};
  uint16_t numbers[places] = {};

  static constexpr uint32_t hash(uint32_t key) {
    const uint32_t mixed = key * 0x9E3779B1u;
    return (mixed ^ mixed >> 15) * 0x85EBCA77u;
  }
  static constexpr uint32_t bucket(uint32_t hash) { return hash >> (32 - bucket_bits); }
  static constexpr uint32_t place(uint32_t hash, uint32_t move) {
    return ((hash >> 8) + move * (hash >> 3 | 1)) & (places - 1);
  }
};

/// Those that a machine has; by default none.
struct Superinstructions {
  /// Of a sequence: the number of a form, or of a superinstruction, which come after all forms.
  static constexpr uint32_t none = UINT16_MAX;

  const void* const* handlers = nullptr;
  const uint32_t* keys = nullptr; ///< What each consists of.
  const SuperinstructionTable* table = nullptr;
  uint32_t count = 0;

  static constexpr uint32_t key_of(uint32_t before, Form next) {
    return before << 16 | static_cast<uint32_t>(next);
  }

  /// The number of what `before`, or `none`, and another instruction make together; `none` if there
  /// is no such superinstruction. Not asked where `count` is 0.
  uint32_t find(uint32_t before, Form next) const {
    const uint32_t key = key_of(before, next);
    const uint32_t hash = SuperinstructionTable::hash(key);
    const uint32_t move = table->moves[SuperinstructionTable::bucket(hash)];
    const uint32_t place = SuperinstructionTable::place(hash, move);
    return table->keys[place] == key ? static_cast<uint32_t>(Form::end) + table->numbers[place]
                                     : none;
  }
  const void* handler(uint32_t number) const {
    return handlers[number - static_cast<uint32_t>(Form::end)];
  }
};

} // namespace ebb
