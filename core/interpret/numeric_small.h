// What the machine of small builds does with values: by the number of an op, not by a handler each.
#pragma once

#include "core/bytecode/ops.h"
#include "error/error.h"

#include <cstdint>

namespace ebb {

// Both are called, since neither needs as many registers as the machine.

/// Computes an op on two integers: all in front of the comparisons. Operands are values[0] and
/// values[1]; the result is values[0], in its low half if it has 32 bits. Gives the trap, if that
/// is how it ends.
__attribute__((noinline)) Error compute_integers(Op op, uint64_t* values);
/// The same for any other op whose operands and result are values alone: all that are left in front
/// of the loads.
__attribute__((noinline)) Error compute(Op op, uint64_t* values);

/// Whether the condition of a branch that compares holds for values[0] and values[1].
bool branches(Op op, const uint64_t* values);

/// Loads and stores: how many bytes they access, and what they do where these are.
uint32_t accessed_bytes(Op op);
uint64_t load_value(Op op, const uint8_t* at);
void store_value(Op op, uint8_t* at, uint64_t value);

} // namespace ebb
