#include "core/bytecode/ops.h"

#include "core/bytecode/comparisons.h"

namespace ebb {

Op op_of(Opcode opcode) {
  switch (opcode) {
#define EBB_BINARY(name, in, out, forms, expression)                                               \
  case Opcode::name:                                                                               \
    return Op::name;
#define EBB_BINARY_TRAP(name, in, out, forms, check, expression)                                   \
  case Opcode::name:                                                                               \
    return Op::name;
#define EBB_UNARY(name, in, out, forms, expression)                                                \
  case Opcode::name:                                                                               \
    return Op::name;
#define EBB_UNARY_TRAP(name, in, out, forms, check, expression)                                    \
  case Opcode::name:                                                                               \
    return Op::name;
#define EBB_LOAD(name, memory, out, forms)                                                         \
  case Opcode::name:                                                                               \
    return Op::name;
#define EBB_STORE(name, in, memory, forms)                                                         \
  case Opcode::name:                                                                               \
    return Op::name;
#define EBB_BRANCH(name, in, forms, condition)
#define EBB_SPECIAL(name, forms, extra, effect)
#include "core/bytecode/instructions.def"
#include "core/bytecode/instructions_undef.h"
  default:
    return Op::count;
  }
}

Op branch_of(Op compare, bool negated) {
  const CompareRow* row = compare_row(compare);
  if (row == nullptr) return Op::count;
  return negated ? row->negated : row->branch;
}

Op negated(Op branch) {
  switch (branch) {
  case Op::br_if:
    return Op::br_unless;
  case Op::br_unless:
    return Op::br_if;
  case Op::br_on_null:
    return Op::br_on_non_null;
  case Op::br_on_non_null:
    return Op::br_on_null;
  default:
    break;
  }
  for (const CompareRow& row : compare_rows) {
    if (row.branch == branch) return row.negated;
    if (row.negated == branch) return row.branch;
  }
  return Op::count;
}

Op mirrored(Op op) { return mirrored_op(op); }

} // namespace ebb
