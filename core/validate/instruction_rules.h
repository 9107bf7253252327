// InstructionRule: the row of opcodes.def as the validator wants it, its signature parsed when the
// compiler runs. Internal to core/validate.
#pragma once

#include "core/binary/opcode.h"
#include "core/types/val_type.h"

namespace ebb {

/// A letter of a signature.
enum class OperandType : uint8_t { none, i32, i64, f32, f64, v128, address };

/// Four bytes, since there is one for each instruction.
struct InstructionRule {
  static constexpr uint32_t pops_max = 3;
  static constexpr uint32_t operand_bits = 3;

  Immediate immediate;
  Feature feature;
  uint16_t is_special : 1; ///< Has a rule of its own instead of a signature.
  uint16_t push_bits : operand_bits;
  uint16_t pop_bits : pops_max* operand_bits; ///< The first in the lowest; none ends them.

  constexpr OperandType push() const { return static_cast<OperandType>(push_bits); }
  constexpr OperandType pop(uint32_t index) const {
    return static_cast<OperandType>(pop_bits >> index * operand_bits & ((1u << operand_bits) - 1));
  }
};
static_assert(sizeof(InstructionRule) == 4);

constexpr OperandType operand_of(char letter) {
  switch (letter) {
  case 'i':
    return OperandType::i32;
  case 'I':
    return OperandType::i64;
  case 'f':
    return OperandType::f32;
  case 'F':
    return OperandType::f64;
  case 'V':
    return OperandType::v128;
  case 'm':
    return OperandType::address;
  default:
    return OperandType::none;
  }
}

constexpr InstructionRule make_rule(Immediate immediate, Feature feature, const char* signature) {
  InstructionRule rule{immediate, feature, 0, 0, 0};
  if (*signature == '*') {
    rule.is_special = 1;
    return rule;
  }
  uint32_t pops = 0;
  for (uint32_t shift = 0; *signature != ':'; ++signature, shift += InstructionRule::operand_bits)
    pops |= static_cast<uint32_t>(operand_of(*signature)) << shift;
  rule.pop_bits = static_cast<uint16_t>(pops) & 0x1ff;
  rule.push_bits = static_cast<uint16_t>(operand_of(signature[1])) & 7;
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

/// The natural alignment of a memory operand, as a binary logarithm.
constexpr uint32_t natural_align(Immediate immediate) {
  switch (immediate) {
  case Immediate::mem8:
  case Immediate::mem8_lane:
    return 0;
  case Immediate::mem16:
  case Immediate::mem16_lane:
    return 1;
  case Immediate::mem32:
  case Immediate::mem32_lane:
    return 2;
  case Immediate::mem64:
  case Immediate::mem64_lane:
    return 3;
  default:
    return 4;
  }
}

/// Of an operand that is no address.
constexpr ValType type_of(OperandType operand) {
  switch (operand) {
  case OperandType::i32:
    return ValType::i32();
  case OperandType::i64:
    return ValType::i64();
  case OperandType::f32:
    return ValType::f32();
  case OperandType::f64:
    return ValType::f64();
  default:
    return ValType::v128();
  }
}

} // namespace ebb
