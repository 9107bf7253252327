// How values lie in slots and in the machine's registers.
//
// Integers go through the accumulator, a machine word; floating-point numbers through a register of
// their own, the low lanes of a vector where the target has such, so that no value passes between
// the two register files.
#pragma once

#include "core/bytecode/code_bytes.h"
#include "core/interpret/value_registers.h"

#include <bit>
#include <cstdint>
#include <cstring>

namespace ebb {

using u32 = uint32_t;
using s32 = int32_t;
using u64 = uint64_t;
using s64 = int64_t;
using f32 = float;
using f64 = double;

template <class T> inline T read_slot(const uint64_t* slot) {
  T value;
  memcpy(&value, slot, sizeof(T));
  return value;
}

/// Narrow integers are zero-extended where a wide store is free, which lets a wide load follow
/// without a stall.
template <class T> inline void write_slot(uint64_t* slot, T value) {
  memcpy(slot, &value, sizeof(T));
}
#if UINTPTR_MAX > UINT32_MAX
template <> inline void write_slot<u32>(uint64_t* slot, u32 value) { *slot = value; }
template <> inline void write_slot<s32>(uint64_t* slot, s32 value) {
  *slot = static_cast<u32>(value);
}
#endif

#if (defined(__x86_64__) || defined(__aarch64__)) && defined(__clang__)
// A register whose other lanes are anything, so that nobody need clear them.
using FloatLanes = float __attribute__((vector_size(16)));
using DoubleLanes = double __attribute__((vector_size(16)));

template <class T> struct FloatLane;
template <> struct FloatLane<f32> {
  static f32 get(FloatRegister from) {
    DoubleLanes lanes = __builtin_nondeterministic_value(lanes);
    lanes[0] = from;
    return reinterpret_cast<FloatLanes>(lanes)[0];
  }
  static FloatRegister make(f32 value) {
    FloatLanes lanes = __builtin_nondeterministic_value(lanes);
    lanes[0] = value;
    return reinterpret_cast<DoubleLanes>(lanes)[0];
  }
};
template <> struct FloatLane<f64> {
  static f64 get(FloatRegister from) { return from; }
  static FloatRegister make(f64 value) { return value; }
};
#elif defined(__x86_64__) || defined(__aarch64__)
using DoubleLanes = double __attribute__((vector_size(16)));

template <class T> struct FloatLane;
template <> struct FloatLane<f32> {
  static f32 get(FloatRegister from) { return from[0]; }
  static FloatRegister make(f32 value) { return FloatRegister{value, 0, 0, 0}; }
};
template <> struct FloatLane<f64> {
  static f64 get(FloatRegister from) { return reinterpret_cast<DoubleLanes>(from)[0]; }
  static FloatRegister make(f64 value) {
    return reinterpret_cast<FloatRegister>(DoubleLanes{value, 0});
  }
};
#else
template <class T> struct FloatLane;
template <> struct FloatLane<f32> {
  static f32 get(FloatRegister from) { return std::bit_cast<f32>(static_cast<u32>(from)); }
  static FloatRegister make(f32 value) { return std::bit_cast<u32>(value); }
};
template <> struct FloatLane<f64> {
  static f64 get(FloatRegister from) { return std::bit_cast<f64>(from); }
  static FloatRegister make(f64 value) { return std::bit_cast<u64>(value); }
};
#endif

/// A value of type T in the pair of an integer and a floating-point register.
template <class T> struct Registers {
  static T get(Word word, const FloatRegister&) { return static_cast<T>(word); }
  static void put(Word& word, FloatRegister&, T value) {
    using Unsigned = std::make_unsigned_t<T>;
    word = static_cast<Word>(static_cast<Unsigned>(value));
  }
};
template <> struct Registers<f32> {
  static f32 get(Word, const FloatRegister& real) { return FloatLane<f32>::get(real); }
  static void put(Word&, FloatRegister& real, f32 value) { real = FloatLane<f32>::make(value); }
};
template <> struct Registers<f64> {
  static f64 get(Word, const FloatRegister& real) { return FloatLane<f64>::get(real); }
  static void put(Word&, FloatRegister& real, f64 value) { real = FloatLane<f64>::make(value); }
};

} // namespace ebb
