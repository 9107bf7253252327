// The quick way through the instructions that most code is made of, where there is nothing wrong
// with them: numbers, locals, constants, loads and stores of the first memory, branches without
// values. What is not like that is left to `decode` and `check`, which say what is wrong. Small
// builds have only those. A header, since who walks a body is to have it inlined.
#pragma once

#include "core/validate/body_validator.h"

#include "core/types/implementation_limits.h"

namespace ebb {

/// What an opcode of one byte wants.
struct QuickRule {
  Opcode op = no_opcode;
  QuickWay way = QuickWay::careful;
  uint8_t pops = 0;
  bool has_result = false;
  uint8_t align = 0;
  ValType types[2]; ///< Of operands, the first in front.
  ValType result;
};

extern const QuickRule* const quick_rules; ///< By opcode without prefix.

/// Pops operands if they have just these types, of which there are `count`, and at most two.
inline bool BodyValidator::pop_quickly(const ValType* types, uint32_t count) {
  if (operands_.size() - control_.back().height < count) return false;
  const ValType* const end = operands_.end();
  if (end[-1] != types[count - 1]) return false;
  if (count == 2 && end[-2] != types[0]) return false;
  operands_.truncate(operands_.size() - count);
  return true;
}

/// Pushes where there is room.
inline bool BodyValidator::push_quickly(ValType type) {
  const bool has_room = operands_.size() < operands_.capacity();
  if (!has_room || operands_.size() >= limits::frame_slots_max) return false;
  operands_.push_reserved(type);
  return true;
}

[[gnu::always_inline]] inline QuickWay BodyValidator::step_quickly(Instruction& out) {
  EBB_ASSERT(!control_.is_empty());
  was_reachable_ = !control_.back().unreachable;
  out.offset = reader_.offset();
  const uint8_t* at = reader_.cursor();
  const size_t remaining = reader_.remaining();
  if (remaining < 2 || is_const_) return QuickWay::careful;
  // Where this instruction ends is where the next one is looked for, which waits for that: so it
  // does not go through memory, as it would in a reader.
  const uint8_t* next = at + 2;
  const QuickRule& rule = quick_rules[*at];
  const bool has_byte = at[1] < 0x80;
  switch (rule.way) {
  case QuickWay::careful:
    return QuickWay::careful;
  case QuickWay::numeric:
    if (!pop_quickly(rule.types, rule.pops)) return QuickWay::careful;
    if (rule.has_result) operands_.push_reserved(rule.result);
    next = at + 1;
    break;
  case QuickWay::access: {
    if (at[1] > rule.align || !has_plain_memory_ || remaining < 3) return QuickWay::careful;
    uint32_t offset = *next++;
    if (offset >= 0x80) {
      Reader reader({at + 2, remaining - 2});
      const Result<uint32_t> value = reader.u32();
      if (!value.ok()) return QuickWay::careful;
      offset = value.value();
      next = reader.cursor();
    }
    if (!pop_quickly(rule.types, rule.pops)) return QuickWay::careful;
    if (rule.has_result) operands_.push_reserved(rule.result);
    out.align = at[1];
    out.index = 0;
    out.imm = offset;
    break;
  }
  case QuickWay::local_get:
    if (!has_byte || at[1] >= cached_locals_ || tracks_locals_) return QuickWay::careful;
    if (!push_quickly(local_cache_[at[1]])) return QuickWay::careful;
    out.index = at[1];
    break;
  case QuickWay::local_set:
  case QuickWay::local_tee:
    if (!has_byte || at[1] >= cached_locals_ || tracks_locals_) return QuickWay::careful;
    if (operands_.size() == control_.back().height) return QuickWay::careful;
    operand_type_ = local_cache_[at[1]];
    if (operands_.back() != operand_type_) return QuickWay::careful;
    if (rule.way == QuickWay::local_set) operands_.truncate(operands_.size() - 1);
    out.index = at[1];
    break;
  case QuickWay::i32_const: {
    int32_t number = static_cast<int8_t>(at[1] << 1) >> 1;
    if (!has_byte) {
      Reader reader({at + 1, remaining - 1});
      const Result<int32_t> value = reader.s32();
      if (!value.ok()) return QuickWay::careful;
      number = value.value();
      next = reader.cursor();
    }
    if (!push_quickly(ValType::i32())) return QuickWay::careful;
    out.imm = static_cast<uint32_t>(number);
    break;
  }
  case QuickWay::drop:
    if (operands_.size() == control_.back().height) return QuickWay::careful;
    operand_type_ = operands_.pop();
    next = at + 1;
    break;
  case QuickWay::br_if: {
    if (!has_byte || at[1] >= control_.size()) return QuickWay::careful;
    const ControlFrame& target = control(at[1]);
    const bool is_bare =
        target.type == nullptr && (target.kind == FrameKind::loop || !target.has_value_type);
    constexpr ValType condition = ValType::i32();
    if (!is_bare || !pop_quickly(&condition, 1)) return QuickWay::careful;
    out.index = at[1];
    break;
  }
  }
  out.op = rule.op;
  reader_.skip(static_cast<size_t>(next - at));
  return rule.way;
}

} // namespace ebb
