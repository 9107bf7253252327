// Refs: references as they lie in slots, tables and globals, 8 bytes each, null is zero.
//
// A function reference names an instance of the store and a function that this instance defines, so
// that making one allocates nothing. An external reference has no instance (its low half is zero)
// and in its high half an index of its store's externs, plus one; so the two are told apart by
// looking. None is ever a raw pointer.
#pragma once

#include <cstdint>

namespace ebb {

/// The instance number under which a store's host functions go.
inline constexpr uint32_t host_instance_id = 1;

/// Any reference in its stored form.
using RefBits = uint64_t;
inline constexpr RefBits null_ref = 0;

/// {instance, function}: `instance` is its number in the store, from 1 (the store's host
/// functions); `function` counts the functions that the instance defines, without its imports.
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

/// The external reference to `StoreState::externs[index]`.
inline RefBits extern_ref_bits(uint32_t index) { return (uint64_t{index} + 1) << 32; }
inline bool is_extern_ref(RefBits bits) {
  return static_cast<uint32_t>(bits) == 0 && bits != null_ref;
}
inline uint32_t extern_ref_index(RefBits bits) { return static_cast<uint32_t>(bits >> 32) - 1; }

} // namespace ebb
