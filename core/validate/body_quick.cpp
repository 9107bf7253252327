// The quick way through the instructions that most code is made of, where there is nothing wrong
// with them: numbers, locals, constants, loads and stores of the first memory, branches without
// values. What is not like that is left to `decode` and `check`, which say what is wrong. Small
// builds have only those.
#include "core/validate/body_validator.h"

#include "core/types/implementation_limits.h"
#include "core/validate/instruction_rules.h"

namespace ebb {
namespace {

enum class Way : uint8_t {
  careful,
  numeric,
  access,
  local_get,
  local_set,
  local_tee,
  i32_const,
  drop,
  br_if
};

struct QuickRule {
  Opcode op = no_opcode;
  Way way = Way::careful;
  uint8_t pops = 0;
  bool has_result = false;
  uint8_t align = 0;
  ValType types[2]; ///< Of operands, the first in front.
  ValType result;
};

/// Addresses have 32 bits here.
constexpr ValType quick_type(Operand operand) {
  return operand == Operand::address ? ValType::i32() : type_of(operand);
}

constexpr Way way_of(Opcode op, const InstructionRule& rule) {
  if (rule.feature != Feature::mvp) return Way::careful;
  switch (op) {
  case Opcode::local_get:
    return Way::local_get;
  case Opcode::local_set:
    return Way::local_set;
  case Opcode::local_tee:
    return Way::local_tee;
  case Opcode::i32_const:
    return Way::i32_const;
  case Opcode::drop:
    return Way::drop;
  case Opcode::br_if:
    return Way::br_if;
  default:
    break;
  }
  if (rule.is_special || rule.pop(0) == Operand::none) return Way::careful;
  if (rule.immediate >= Immediate::mem8 && rule.immediate <= Immediate::mem64) return Way::access;
  return rule.immediate == Immediate::none ? Way::numeric : Way::careful;
}

struct QuickRules {
  QuickRule rules[256];
};

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
    quick.op = row.op;
    quick.way = way_of(row.op, rule);
    quick.pops = rule.pop(0) == Operand::none ? 0 : rule.pop(1) == Operand::none ? 1 : 2;
    quick.types[0] = quick_type(rule.pop(0));
    quick.types[1] = quick_type(rule.pop(1));
    quick.has_result = rule.push() != Operand::none;
    quick.result = quick_type(rule.push());
    quick.align = static_cast<uint8_t>(natural_align(rule.immediate));
  }
  return made;
}

[[maybe_unused]] constexpr QuickRules quick_rules = make_quick_rules();

} // namespace

/// Pops operands if they have just these types, of which there are `count`, and at most two.
bool BodyValidator::pop_quickly(const ValType* types, uint32_t count) {
  if (operands_.size() - control_.back().height < count) return false;
  const ValType* const end = operands_.end();
  if (end[-1] != types[count - 1]) return false;
  if (count == 2 && end[-2] != types[0]) return false;
  operands_.truncate(operands_.size() - count);
  return true;
}

/// Pushes where there is room.
bool BodyValidator::push_quickly(ValType type) {
  const bool has_room = operands_.size() < operands_.capacity();
  if (!has_room || operands_.size() >= limits::frame_slots_max) return false;
  operands_.push_reserved(type);
  return true;
}

/// Reads and checks the next instruction if that is easy and it is right. Otherwise nothing that
/// counts has changed.
bool BodyValidator::step_quickly(Instruction& out) {
  if constexpr (is_small_build) return false;
  Reader reader = reader_;
  const uint8_t* at = reader.cursor();
  if (reader.remaining() < 2 || is_const_) return false;
  const QuickRule& rule = quick_rules.rules[*at];
  const bool has_byte = at[1] < 0x80;
  reader.skip(1);
  switch (rule.way) {
  case Way::careful:
    return false;
  case Way::numeric:
    if (!pop_quickly(rule.types, rule.pops)) return false;
    if (rule.has_result) operands_.push_reserved(rule.result);
    break;
  case Way::access: {
    if (at[1] > rule.align || !has_plain_memory_) return false;
    reader.skip(1);
    const Result<uint32_t> offset = reader.u32();
    if (!offset.ok() || !pop_quickly(rule.types, rule.pops)) return false;
    if (rule.has_result) operands_.push_reserved(rule.result);
    out.align = at[1];
    out.index = 0;
    out.imm = offset.value();
    break;
  }
  case Way::local_get:
    if (!has_byte || at[1] >= cached_locals_ || tracks_locals_) return false;
    if (!push_quickly(local_cache_[at[1]])) return false;
    out.index = at[1];
    reader.skip(1);
    break;
  case Way::local_set:
  case Way::local_tee:
    if (!has_byte || at[1] >= cached_locals_ || tracks_locals_) return false;
    if (operands_.size() == control_.back().height) return false;
    operand_type_ = local_cache_[at[1]];
    if (operands_.back() != operand_type_) return false;
    if (rule.way == Way::local_set) operands_.truncate(operands_.size() - 1);
    out.index = at[1];
    reader.skip(1);
    break;
  case Way::i32_const: {
    const Result<int32_t> value = reader.s32();
    if (!value.ok() || !push_quickly(ValType::i32())) return false;
    out.imm = static_cast<uint32_t>(value.value());
    break;
  }
  case Way::drop:
    if (operands_.size() == control_.back().height) return false;
    operand_type_ = operands_.pop();
    break;
  case Way::br_if: {
    if (!has_byte || at[1] >= control_.size()) return false;
    const ControlFrame& target = control(at[1]);
    const bool is_bare =
        target.type == nullptr && (target.kind == FrameKind::loop || !target.has_value_type);
    constexpr ValType condition = ValType::i32();
    if (!is_bare || !pop_quickly(&condition, 1)) return false;
    out.index = at[1];
    reader.skip(1);
    break;
  }
  }
  out.op = rule.op;
  reader_ = reader;
  return true;
}

} // namespace ebb
