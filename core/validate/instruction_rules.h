// InstructionRule: the row of opcodes.def as the validator wants it, its signature parsed when the
// compiler runs. Internal to core/validate.
#pragma once

#include "core/binary/opcode.h"
#include "core/types/val_type.h"

namespace ebb {

/// A letter of a signature.
enum class Operand : uint8_t { i32, i64, f32, f64, v128, address, none };

struct InstructionRule {
  Immediate immediate;
  Feature feature;
  bool is_special; ///< Has a rule of its own instead of a signature.
  uint8_t pop_count;
  Operand pops[3];
  Operand push;
};

constexpr Operand operand_of(char letter) {
  switch (letter) {
  case 'i':
    return Operand::i32;
  case 'I':
    return Operand::i64;
  case 'f':
    return Operand::f32;
  case 'F':
    return Operand::f64;
  case 'V':
    return Operand::v128;
  case 'm':
    return Operand::address;
  default:
    return Operand::none;
  }
}

constexpr InstructionRule make_rule(Immediate immediate, Feature feature, const char* signature) {
  InstructionRule rule{immediate, feature, false, 0, {}, Operand::none};
  if (*signature == '*') {
    rule.is_special = true;
    return rule;
  }
  for (; *signature != ':'; ++signature)
    rule.pops[rule.pop_count++] = operand_of(*signature);
  rule.push = operand_of(signature[1]);
  return rule;
}

inline constexpr InstructionRule instruction_rules[] = {
#define EBB_OPCODE(name, prefix, code, mnemonic, immediate, signature, feature)                    \
  make_rule(Immediate::immediate, Feature::feature, signature),
#include "core/binary/opcodes.def"
#undef EBB_OPCODE
};

constexpr const InstructionRule& rule_of(Opcode opcode) {
  return instruction_rules[static_cast<size_t>(opcode)];
}

} // namespace ebb
