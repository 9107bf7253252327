// The rules of the quick way, made from those of all instructions.
#include "core/validate/body_quick.h"

#include "core/validate/instruction_rules.h"

namespace ebb {
namespace {

/// Addresses have 32 bits here.
constexpr ValType quick_type(OperandType operand) {
  return operand == OperandType::address ? ValType::i32() : type_of(operand);
}

constexpr QuickWay way_of(Opcode op, const InstructionRule& rule) {
  if (rule.feature != Feature::mvp) return QuickWay::careful;
  switch (op) {
#define EBB_QUICK(name)                                                                            \
  case Opcode::name:                                                                               \
    return QuickWay::name;
    EBB_QUICK(local_get)
    EBB_QUICK(local_set)
    EBB_QUICK(local_tee)
    EBB_QUICK(i32_const)
    EBB_QUICK(i64_const)
    EBB_QUICK(f32_const)
    EBB_QUICK(f64_const)
    EBB_QUICK(drop)
    EBB_QUICK(select)
    EBB_QUICK(global_get)
    EBB_QUICK(global_set)
    EBB_QUICK(call)
    EBB_QUICK(block)
    EBB_QUICK(end)
    EBB_QUICK(br)
    EBB_QUICK(br_if)
#undef EBB_QUICK
  case Opcode::loop:
  case Opcode::if_:
    return QuickWay::block;
  default:
    break;
  }
  if (rule.is_special || rule.pop(0) == OperandType::none) return QuickWay::careful;
  if (rule.immediate >= Immediate::mem8 && rule.immediate <= Immediate::mem64)
    return QuickWay::access;
  if (rule.immediate != Immediate::none || rule.push() == OperandType::none)
    return QuickWay::careful;
  return rule.pop(1) == OperandType::none ? QuickWay::unary : QuickWay::binary;
}

constexpr QuickRules make_quick_rules() {
  struct Row {
    uint32_t prefix, code;
    Opcode op;
  };
  constexpr Row rows[] = {
#define EBB_OPCODE(name, prefix, code, mnemonic, immediate, signature, feature)                    \
  {prefix, code, Opcode::name},
#include "core/binary/opcodes.def"
#undef EBB_OPCODE
  };
  QuickRules made{};
  for (const Row& row : rows) {
    if (row.prefix != 0) continue;
    const InstructionRule& rule = rule_of(row.op);
    QuickRule& quick = made.rules[row.code];
    made.ways[row.code] = way_of(row.op, rule);
    quick.op = row.op;
    quick.types[0] = quick_type(rule.pop(0));
    quick.types[1] = quick_type(rule.pop(1));
    quick.has_result = rule.push() != OperandType::none;
    quick.result = quick_type(rule.push());
    quick.align = static_cast<uint8_t>(natural_align(rule.immediate));
  }
  return made;
}

} // namespace

constexpr QuickRules quick_rules = make_quick_rules();

} // namespace ebb
