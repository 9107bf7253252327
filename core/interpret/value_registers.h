// The machine registers that hold values. Apart from registers.h, whose short names of types would
// get in the way of who only keeps registers.
#pragma once

#include <cstdint>

namespace ebb {

/// What the accumulator and a pinned integer are: i64 sits in them only where they have 64 bits.
using Word = uintptr_t;

#if defined(__x86_64__) || defined(__aarch64__)
using FloatRegister = float __attribute__((vector_size(16)));
#else
using FloatRegister = uint64_t;
#endif

/// The machine registers that hold values, as a run begins with them or leaves them behind.
struct ValueRegisters {
  Word acc = 0;
  Word pin = 0;
  FloatRegister facc{};
  FloatRegister fpin{};
};

} // namespace ebb
