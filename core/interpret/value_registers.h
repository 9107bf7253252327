// The machine registers that hold values. Apart from registers.h, whose short names of types would
// get in the way of who only keeps registers.
#pragma once

#include "core/bytecode/forms_threaded.h"

#include <cstdint>

namespace ebb {

/// What the accumulator and a pinned integer are: i64 sits in them only where they have 64 bits.
using Word = uintptr_t;

#if (defined(__x86_64__) || defined(__aarch64__)) && defined(__clang__)
// Of a vector register the low lanes; the others may have anything, so that nobody need clear them.
using FloatRegister = double;
#elif defined(__x86_64__) || defined(__aarch64__)
using FloatRegister = float __attribute__((vector_size(16)));
#else
using FloatRegister = uint64_t;
#endif

/// The machine registers that hold values, as a run begins with them or leaves them behind.
struct ValueRegisters {
  Word acc = 0;
  Word pins[EBB_INT_PINS] = {};
  FloatRegister facc{};
  FloatRegister float_pins[EBB_FLOAT_PINS] = {};
  const uint8_t* loop = nullptr; ///< The start of the innermost loop.
};

} // namespace ebb
