// Refs: references as they lie in slots, tables and globals, 8 bytes each, null is zero.
//
// A function reference names an instance of the store and a function that this instance defines, so that making one
// allocates nothing. Every other reference is an index of its store, plus one. None is ever a raw pointer.
#pragma once

#include <cstdint>

namespace ebb {

/// Any reference in its stored form.
using RefBits = uint64_t;
inline constexpr RefBits null_ref = 0;

/// {instance, function}: `instance` is its number in the store, from 1 (the store's host functions); `function` counts
/// the functions that the instance defines, without its imports.
struct FuncRef {
  uint32_t instance = 0;
  uint32_t function = 0;

  static FuncRef from_bits(RefBits bits) {
    return {static_cast<uint32_t>(bits), static_cast<uint32_t>(bits >> 32)};
  }
  RefBits bits() const { return instance | static_cast<uint64_t>(function) << 32; }
  bool is_null() const { return instance == 0; }
  bool operator==(const FuncRef&) const = default;
};

} // namespace ebb
