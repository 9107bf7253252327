// Checking of control instructions: blocks, branches, calls, exceptions.
#include "core/validate/body_validator.h"

#include "core/types/implementation_limits.h"

namespace ebb {

Result<ControlFrame*> BodyValidator::label(uint32_t index) {
  if (index >= control_.size()) return Error::unknown_label;
  return &control_[control_.size() - 1 - index];
}

Result<void> BodyValidator::check_control(const Instruction& in) {
  switch (in.op) {
  case Opcode::unreachable:
    set_unreachable();
    return {};
  case Opcode::block:
    return check_block(in, FrameKind::block);
  case Opcode::loop:
    return check_block(in, FrameKind::loop);
  case Opcode::if_:
    EBB_TRY(pop(ValType::i32()));
    return check_block(in, FrameKind::if_);
  case Opcode::try_table:
    only_with(Feature::exceptions);
    EBB_TRY(check_catches());
    return check_block(in, FrameKind::try_table);
  case Opcode::else_:
    return check_else();
  case Opcode::end:
    return check_end();
  case Opcode::br: {
    const ControlFrame* target = EBB_TRY(label(in.index));
    EBB_TRY(check_top(target->label_types(), false));
    set_unreachable();
    return {};
  }
  case Opcode::br_if: {
    const ControlFrame* target = EBB_TRY(label(in.index));
    EBB_TRY(pop(ValType::i32()));
    return check_top(target->label_types(), true);
  }
  case Opcode::br_table:
    return check_br_table();
  case Opcode::return_:
    EBB_TRY(check_top(control_[0].results(), false));
    set_unreachable();
    return {};
  case Opcode::call:
  case Opcode::return_call:
    if (in.index >= module_.functions.size()) return Error::unknown_function;
    return check_call(module_.function_type(FuncIndex{in.index}), in.op == Opcode::return_call);
  case Opcode::call_indirect:
  case Opcode::return_call_indirect:
    return check_indirect_call(in, in.op == Opcode::return_call_indirect);
  case Opcode::call_ref:
  case Opcode::return_call_ref: {
    only_with(Feature::function_references);
    const SubType* callee = EBB_TRY(defined_type(in.index, CompositeKind::func));
    EBB_TRY(pop(ref_to(in.index, true)));
    return check_call(*callee, in.op == Opcode::return_call_ref);
  }
  case Opcode::br_on_null:
  case Opcode::br_on_non_null:
    return check_br_on_null(in);
  case Opcode::br_on_cast:
  case Opcode::br_on_cast_fail:
    return check_br_on_cast(in);
  case Opcode::throw_:
    only_with(Feature::exceptions);
    if (in.index >= module_.tags.size()) return Error::unknown_tag;
    EBB_TRY(check_top(types_.get(module_.tags[in.index].type).params(), false));
    set_unreachable();
    return {};
  case Opcode::throw_ref:
    only_with(Feature::exceptions);
    EBB_TRY(pop(ValType::exnref()));
    set_unreachable();
    return {};
  default:
    EBB_UNREACHABLE();
  }
}

Result<void> BodyValidator::check_block(const Instruction& in, FrameKind kind) {
  if (control_.size() >= limits::nesting_max) return Error::nesting_too_deep;
  ControlFrame frame;
  frame.kind = kind;
  switch (in.block_type.kind) {
  case BlockType::Kind::empty:
    break;
  case BlockType::Kind::value:
    frame.has_value_type = true;
    frame.value_type = in.block_type.value;
    break;
  case BlockType::Kind::func:
    frame.type = EBB_TRY(defined_type(in.block_type.type.value, CompositeKind::func));
    break;
  }
  EBB_TRY(pop(frame.params()));
  frame.height = static_cast<uint32_t>(operands_.size());
  frame.set_locals = static_cast<uint32_t>(set_locals_.size());
  EBB_TRY(control_.push(frame));
  floor_ = frame.height;
  return push(frame.params());
}

// Checks that the innermost block ends with its results and nothing else, and closes it.
Result<void> BodyValidator::close_frame() {
  const ControlFrame& frame = control_.back();
  EBB_TRY(pop(frame.results()));
  if (operands_.size() != frame.height) return Error::type_mismatch;
  closed_frame_ = frame;
  control_.pop();
  floor_ = control_.is_empty() ? 0 : control_.back().height;
  while (has_feature(Feature::function_references) &&
         set_locals_.size() > closed_frame_.set_locals) {
    const uint32_t local = set_locals_.pop();
    set_bits_[local / 32] &= ~(1u << (local % 32));
  }
  return {};
}

Result<void> BodyValidator::check_else() {
  if (control_.back().kind != FrameKind::if_) return Error::end_opcode_expected;
  EBB_TRY(close_frame());
  ControlFrame frame = closed_frame_;
  frame.kind = FrameKind::else_;
  frame.unreachable = false;
  frame.checked_by = 0;
  EBB_TRY(control_.push(frame));
  floor_ = frame.height;
  return push(frame.params());
}

Result<void> BodyValidator::check_end() {
  EBB_TRY(close_frame());
  const ControlFrame& frame = closed_frame_;
  if (frame.kind == FrameKind::if_ && !types_.is_subtype(frame.params(), frame.results())) {
    return Error::type_mismatch;
  }
  if (!control_.is_empty()) return push(frame.results());
  if (!is_const_ && !reader_.at_end()) return Error::end_opcode_expected;
  return {};
}

Result<void> BodyValidator::check_br_table() {
  EBB_TRY(pop(ValType::i32()));
  const ControlFrame* fallback = EBB_TRY(label(labels_.back()));
  const size_t arity = fallback->label_types().size();
  // A block that many labels name is checked once, so that the work is bounded by the blocks and
  // the labels.
  ++br_table_serial_;
  for (uint32_t index : labels_) {
    ControlFrame* target = EBB_TRY(label(index));
    if (target->checked_by == br_table_serial_) continue;
    target->checked_by = br_table_serial_;
    const std::span<const ValType> types = target->label_types();
    if (types.size() != arity) return Error::type_mismatch;
    EBB_TRY(check_top(types, false));
  }
  set_unreachable();
  return {};
}

Result<void> BodyValidator::check_br_on_null(const Instruction& in) {
  only_with(Feature::function_references);
  const ControlFrame* target = EBB_TRY(label(in.index));
  const std::span<const ValType> types = target->label_types();
  const ValType non_null = EBB_TRY(pop_ref()).with_nullable(false);
  if (in.op == Opcode::br_on_null) {
    EBB_TRY(check_top(types, true));
    return push(non_null);
  }
  if (types.empty() || !types_.is_subtype(non_null, types.back())) return Error::type_mismatch;
  return check_top(types.first(types.size() - 1), true);
}

Result<void> BodyValidator::check_br_on_cast(const Instruction& in) {
  only_with(Feature::gc);
  const ControlFrame* target = EBB_TRY(label(in.index));
  const std::span<const ValType> types = target->label_types();
  const ValType from = in.type;
  const ValType to = in.type2;
  if (!types_.is_subtype(to, from)) return Error::type_mismatch;
  // What is left of the source type when the cast fails: null goes where the target takes it.
  const ValType rest = from.with_nullable(from.is_nullable() && !to.is_nullable());
  const bool on_success = in.op == Opcode::br_on_cast;
  const ValType taken = on_success ? to : rest;
  if (types.empty() || !types_.is_subtype(taken, types.back())) return Error::type_mismatch;
  operand_type_ = EBB_TRY(pop(from));
  EBB_TRY(check_top(types.first(types.size() - 1), true));
  return push(on_success ? rest : to);
}

Result<void> BodyValidator::check_call(const SubType& callee, bool is_tail) {
  EBB_TRY(pop(callee.params()));
  if (!is_tail) return push(callee.results());
  only_with(Feature::tail_calls);
  if (!types_.is_subtype(callee.results(), control_[0].results())) return Error::type_mismatch;
  set_unreachable();
  return {};
}

Result<void> BodyValidator::check_indirect_call(const Instruction& in, bool is_tail) {
  if (in.index2 >= module_.tables.size()) return Error::unknown_table;
  const TableType& table = module_.tables[in.index2].type;
  if (!types_.is_subtype(table.element, ValType::funcref())) return Error::type_mismatch;
  const SubType* callee = EBB_TRY(defined_type(in.index, CompositeKind::func));
  EBB_TRY(pop(table.limits.address_type()));
  return check_call(*callee, is_tail);
}

// Labels count from outside the block that the clauses belong to.
Result<void> BodyValidator::check_catches() {
  only_with(Feature::exceptions);
  const ValType exception = ValType::ref(AbstractHeapType::exn, false);
  for (const CatchClause& clause : catches_) {
    const ControlFrame* target = EBB_TRY(label(clause.label.value));
    std::span<const ValType> wanted = target->label_types();
    if (clause.kind == CatchKind::catch_ref || clause.kind == CatchKind::catch_all_ref) {
      if (wanted.empty() || !types_.is_subtype(exception, wanted.back())) {
        return Error::type_mismatch;
      }
      wanted = wanted.first(wanted.size() - 1);
    }
    std::span<const ValType> caught;
    if (clause.kind == CatchKind::catch_ || clause.kind == CatchKind::catch_ref) {
      if (clause.tag.value >= module_.tags.size()) return Error::unknown_tag;
      caught = types_.get(module_.tags[clause.tag.value].type).params();
    }
    if (!types_.is_subtype(caught, wanted)) return Error::type_mismatch;
  }
  return {};
}

} // namespace ebb
