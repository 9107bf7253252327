// The quick way through the instructions that most code is made of, where there is nothing wrong
// with them: numbers, locals, constants, loads and stores of the first memory, blocks and branches
// without values, calls. What is not like that is left to `decode` and `check`, which say what is
// wrong. Small builds have only those. A header, since who walks a body is to have it inlined, and
// what is done with an instruction beside, so that each is dispatched once.
#pragma once

#include "core/validate/body_validator.h"

#include "core/types/implementation_limits.h"

namespace ebb {

/// How an instruction is gone through.
enum class QuickWay : uint8_t {
  careful, ///< Not quickly.
  unary,
  binary,
  access, ///< Of the first memory.
  local_get,
  local_set,
  local_tee,
  i32_const,
  i64_const,
  f32_const,
  f64_const,
  drop,
  select,
  global_get,
  global_set,
  call,
  block, ///< Or a loop or an if.
  end,
  br, ///< Without values.
  br_if,
};

/// What an opcode of one byte wants.
struct QuickRule {
  Opcode op = no_opcode;
  bool has_result = false;
  uint8_t align = 0;
  ValType types[2]; ///< Of operands, the first in front.
  ValType result;
};

// By opcode without prefix.
struct QuickRules {
  QuickRule rules[256];
  QuickWay ways[256]; ///< By themselves, since all waits for them.
};
extern const QuickRules quick_rules;

/// Pops an operand if it has just this type.
[[gnu::always_inline]] inline bool BodyValidator::pop_quickly(ValType type) {
  if (operands_.size() == floor_ || operands_.back() != type) return false;
  operands_.truncate(operands_.size() - 1);
  return true;
}

/// Pops two operands if they have just these types.
[[gnu::always_inline]] inline bool BodyValidator::pop_quickly(ValType first, ValType second) {
  if (operands_.size() - floor_ < 2) return false;
  const ValType* const end = operands_.end();
  if (end[-1] != second || end[-2] != first) return false;
  operands_.truncate(operands_.size() - 2);
  return true;
}

/// Whether the operand on top has the type of a local.
[[gnu::always_inline]] inline bool BodyValidator::has_local_quickly(uint32_t index) {
  if (index >= quick_locals_ || operands_.size() == floor_) return false;
  operand_type_ = local_cache_[index];
  return operands_.back() == operand_type_;
}

/// Pushes where there is room.
[[gnu::always_inline]] inline bool BodyValidator::push_quickly(ValType type) {
  const bool has_room = operands_.size() < operands_.capacity();
  if (!has_room || operands_.size() >= limits::frame_slots_max) return false;
  operands_.push_reserved(type);
  return true;
}

/// Pops arguments and pushes results.
inline bool BodyValidator::call_quickly(const SubType& type) {
  const std::span<const ValType> params = type.params();
  const std::span<const ValType> results = type.results();
  const size_t size = operands_.size();
  if (size - floor_ < params.size()) return false;
  const size_t left = size - params.size();
  for (size_t i = 0; i < params.size(); i++)
    if (operands_[left + i] != params[i]) return false;
  const size_t most = operands_.capacity() < limits::frame_slots_max ? operands_.capacity()
                                                                     : limits::frame_slots_max;
  if (left + results.size() > most) return false;
  operands_.truncate(left);
  for (const ValType& result : results)
    operands_.push_reserved(result);
  return true;
}

/// Opens a block whose type is empty or one number.
inline bool BodyValidator::open_quickly(FrameKind kind, uint8_t type) {
  constexpr uint8_t empty = 0x40, last_number = 0x7c, first_number = 0x7f;
  const bool is_number = type >= last_number && type <= first_number;
  if (type != empty && !is_number) return false;
  const bool has_room = control_.size() < control_.capacity();
  if (!has_room || control_.size() >= limits::nesting_max) return false;
  if (kind == FrameKind::if_ && !pop_quickly(ValType::i32())) return false;
  ControlFrame frame;
  frame.kind = kind;
  frame.has_value_type = is_number;
  if (is_number) frame.value_type = ValType::number(static_cast<ValKind>(first_number - type));
  floor_ = operands_.size();
  frame.height = static_cast<uint32_t>(floor_);
  frame.set_locals = static_cast<uint32_t>(set_locals_.size());
  control_.push_reserved(frame);
  return true;
}

/// Closes a block which is neither the last nor an if with a result.
inline bool BodyValidator::close_quickly() {
  const ControlFrame& frame = control_.back();
  const bool is_plain = frame.type == nullptr && control_.size() > 1 && !tracks_locals_;
  if (!is_plain) return false;
  if (frame.has_value_type) {
    const bool has_value = operands_.size() == size_t{frame.height} + 1;
    if (!has_value || operands_.back() != frame.value_type || frame.kind == FrameKind::if_)
      return false;
  } else if (operands_.size() != frame.height) {
    return false;
  }
  closed_frame_ = frame;
  control_.pop();
  floor_ = control_.back().height;
  return true;
}

/// Whether a label exists and a branch to it carries nothing.
inline bool BodyValidator::is_bare_label(uint32_t label) const {
  if (label >= control_.size()) return false;
  const ControlFrame& target = control(label);
  return target.type == nullptr && (target.kind == FrameKind::loop || !target.has_value_type);
}

/// The next instruction goes to one of the `quick_…` functions of `user` once it has been checked;
/// `user.before(op)` comes before that. What `user.wants_step(op)` says so of is left to `step`.
template <class User>
[[gnu::always_inline]] inline Result<bool> BodyValidator::step_quickly(User& user) {
  EBB_ASSERT(!control_.is_empty() && floor_ == control_.back().height);
  const uint8_t* const at = reader_.cursor();
  const size_t remaining = reader_.remaining();
  if (remaining < 2 || is_const_) [[unlikely]]
    return false;
  const QuickRule& rule = quick_rules.rules[*at];
  if (user.wants_step(rule.op)) [[unlikely]]
    return false;
  instruction_ = at;
  // Where this instruction ends is where the next one is looked for, which waits for that: so it
  // does not go through memory, as it would in a reader.
  const uint8_t* next = at + 2;
  const bool has_byte = at[1] < 0x80;
  const auto go_on = [&]() __attribute__((always_inline)) {
    reader_.skip(static_cast<size_t>(next - at));
    user.before(rule.op);
  };
  const QuickWay way = quick_rules.ways[*at];
  switch (way) {
  case QuickWay::careful:
    return false;
  case QuickWay::unary:
    if (!pop_quickly(rule.types[0])) [[unlikely]]
      return false;
    operands_.push_reserved(rule.result);
    next = at + 1;
    go_on();
    EBB_TRY(user.template quick_numeric<1>(rule.op, rule.result.kind()));
    return true;
  case QuickWay::binary:
    if (!pop_quickly(rule.types[0], rule.types[1])) [[unlikely]]
      return false;
    operands_.push_reserved(rule.result);
    next = at + 1;
    go_on();
    EBB_TRY(user.template quick_numeric<2>(rule.op, rule.result.kind()));
    return true;
  case QuickWay::access: {
    if (at[1] > rule.align || !has_plain_memory_ || remaining < 3) [[unlikely]]
      return false;
    uint32_t offset = *next++;
    if (offset >= 0x80) {
      Reader reader({at + 2, remaining - 2});
      const Result<uint32_t> value = reader.u32();
      if (!value.ok()) [[unlikely]]
        return false;
      offset = value.value();
      next = reader.cursor();
    }
    const bool is_popped =
        rule.has_result ? pop_quickly(rule.types[0]) : pop_quickly(rule.types[0], rule.types[1]);
    if (!is_popped) [[unlikely]]
      return false;
    if (rule.has_result) operands_.push_reserved(rule.result);
    go_on();
    EBB_TRY(user.quick_access(rule.op, rule.result.kind(), offset));
    return true;
  }
  case QuickWay::local_get: {
    const uint32_t index = at[1];
    if (index >= quick_locals_) [[unlikely]]
      return false;
    if (!push_quickly(local_cache_[index])) [[unlikely]]
      return false;
    go_on();
    EBB_TRY(user.quick_local_get(index));
    return true;
  }
  case QuickWay::local_set:
    if (!has_local_quickly(at[1])) [[unlikely]]
      return false;
    operands_.truncate(operands_.size() - 1);
    go_on();
    EBB_TRY(user.template quick_local_set<false>(at[1]));
    return true;
  case QuickWay::local_tee:
    if (!has_local_quickly(at[1])) [[unlikely]]
      return false;
    go_on();
    EBB_TRY(user.template quick_local_set<true>(at[1]));
    return true;
  case QuickWay::i32_const: {
    int32_t number = static_cast<int8_t>(at[1] << 1) >> 1;
    if (!has_byte) {
      Reader reader({at + 1, remaining - 1});
      const Result<int32_t> value = reader.s32();
      if (!value.ok()) [[unlikely]]
        return false;
      number = value.value();
      next = reader.cursor();
    }
    if (!push_quickly(ValType::i32())) [[unlikely]]
      return false;
    go_on();
    EBB_TRY(user.quick_constant(ValKind::i32, static_cast<uint32_t>(number)));
    return true;
  }
  case QuickWay::i64_const: {
    Reader reader({at + 1, remaining - 1});
    const Result<int64_t> value = reader.s64();
    if (!value.ok()) [[unlikely]]
      return false;
    if (!push_quickly(ValType::i64())) [[unlikely]]
      return false;
    next = reader.cursor();
    go_on();
    EBB_TRY(user.quick_constant(ValKind::i64, static_cast<uint64_t>(value.value())));
    return true;
  }
  case QuickWay::f32_const: {
    Reader reader({at + 1, remaining - 1});
    const Result<uint32_t> value = reader.u32_fixed();
    if (!value.ok()) [[unlikely]]
      return false;
    if (!push_quickly(ValType::f32())) [[unlikely]]
      return false;
    next = reader.cursor();
    go_on();
    EBB_TRY(user.quick_constant(ValKind::f32, value.value()));
    return true;
  }
  case QuickWay::f64_const: {
    Reader reader({at + 1, remaining - 1});
    const Result<uint64_t> value = reader.u64_fixed();
    if (!value.ok()) [[unlikely]]
      return false;
    if (!push_quickly(ValType::f64())) [[unlikely]]
      return false;
    next = reader.cursor();
    go_on();
    EBB_TRY(user.quick_constant(ValKind::f64, value.value()));
    return true;
  }
  case QuickWay::drop:
    if (operands_.size() == floor_) [[unlikely]]
      return false;
    operand_type_ = operands_.pop();
    next = at + 1;
    go_on();
    user.quick_drop();
    return true;
  case QuickWay::select: {
    if (operands_.size() - floor_ < 3) [[unlikely]]
      return false;
    const ValType* const end = operands_.end();
    if (end[-1] != ValType::i32() || end[-2] != end[-3] || !end[-2].is_num()) [[unlikely]]
      return false;
    operand_type_ = end[-2];
    operands_.truncate(operands_.size() - 2);
    next = at + 1;
    go_on();
    EBB_TRY(user.quick_select());
    return true;
  }
  case QuickWay::global_get:
  case QuickWay::global_set: {
    if (!has_byte || at[1] >= module_.globals.size()) [[unlikely]]
      return false;
    const GlobalType& global = module_.globals[at[1]].type;
    if (!global.type.is_num()) [[unlikely]]
      return false;
    if (way == QuickWay::global_get) {
      if (!push_quickly(global.type)) [[unlikely]]
        return false;
    } else {
      if (!global.is_mutable || !pop_quickly(global.type)) [[unlikely]]
        return false;
      operand_type_ = global.type;
    }
    go_on();
    EBB_TRY(user.quick_global(at[1], way == QuickWay::global_set));
    return true;
  }
  case QuickWay::call: {
    Reader reader({at + 1, remaining - 1});
    const Result<uint32_t> index = reader.u32();
    if (!index.ok() || index.value() >= module_.functions.size()) [[unlikely]]
      return false;
    if (!call_quickly(module_.function_type(FuncIndex{index.value()}))) [[unlikely]]
      return false;
    next = reader.cursor();
    go_on();
    EBB_TRY(user.quick_call(index.value()));
    return true;
  }
  case QuickWay::block: {
    const FrameKind kind = rule.op == Opcode::block  ? FrameKind::block
                           : rule.op == Opcode::loop ? FrameKind::loop
                                                     : FrameKind::if_;
    if (!open_quickly(kind, at[1])) [[unlikely]]
      return false;
    go_on();
    EBB_TRY(user.quick_open(kind));
    return true;
  }
  case QuickWay::end:
    if (!close_quickly()) [[unlikely]]
      return false;
    next = at + 1;
    go_on();
    EBB_TRY(user.quick_close());
    return true;
  case QuickWay::br:
    if (!has_byte || !is_bare_label(at[1])) [[unlikely]]
      return false;
    set_unreachable();
    go_on();
    EBB_TRY(user.quick_branch(at[1]));
    return true;
  case QuickWay::br_if: {
    if (!has_byte || !is_bare_label(at[1]) || !pop_quickly(ValType::i32())) [[unlikely]]
      return false;
    go_on();
    EBB_TRY(user.quick_branch_if(at[1]));
    return true;
  }
  }
  EBB_UNREACHABLE();
}

} // namespace ebb
