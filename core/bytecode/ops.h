// How instructions of wasm map to ops, and ops to each other.
#pragma once

#include "core/binary/opcode.h"
#include "core/bytecode/bytecode.h"

namespace ebb {

/// The op of a plain numeric instruction or memory access, or Op::count.
Op op_of(Opcode opcode);
/// What a comparison branches with; Op::count if it is none. `negated` for when it does not hold.
Op branch_of(Op compare, bool negated);
/// The branch that is taken where this one is not; Op::count of those that are not conditional.
Op negated(Op branch);
/// The comparison, or the branch on one, with its operands exchanged, or Op::count.
Op mirrored(Op op);
/// What computes the same with its first two operands exchanged, or Op::count. Small builds find
/// it by `mirrored`.
inline Op exchanged(Op op) {
  if constexpr (is_small_build) return op_info(op).commutative ? op : mirrored(op);
  return op_infos[static_cast<size_t>(op)].exchanged;
}

} // namespace ebb
