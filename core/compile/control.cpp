// Blocks, branches and returns.
//
// A branch leaves the values that it carries in the slots where its target's block has its results
// (a loop: its parameters). Mostly they are there already; otherwise they are moved on the way, and
// a conditional branch jumps over the move.
#include "core/compile/stack_inline.h"

namespace ebb {

Result<void> FunctionCompiler::open_block(FrameKind kind, std::span<const ValType> params) {
  EBB_TRY(flush_block(params.size()));
  const Values carried = values(params);
  Block block{};
  block.kind = kind;
  block.numbers = static_cast<uint16_t>(numbers_ - carried.slots.numbers);
  block.refs = static_cast<uint16_t>(refs_ - carried.slots.refs);
  block.height = static_cast<uint32_t>(entries_.size() - params.size());
  block.loop_depth = blocks_.back().loop_depth;
  block.region = region_;
  block.set_locals = static_cast<uint32_t>(set_locals_.size());
  block.start = emitter_.position();
  if (kind == FrameKind::loop) {
    if (block.loop_depth < UINT8_MAX) block.loop_depth++;
    emitter_.seal();
    lose_acc();
    if constexpr (!is_small_build) block.loops.label = EBB_TRY(emitter_.list_loop());
  }
  EBB_TRY(blocks_.push(block));
  return kind == FrameKind::loop ? begin_metered() : Result<void>();
}

Result<void> FunctionCompiler::open_if(std::span<const ValType> params) {
  Draft condition;
  EBB_TRY(pop_condition(condition, true));
  EBB_TRY(open_block(FrameKind::if_, params));
  note_branch(blocks_.size() - 1);
  EBB_TRY(note_offset());
  return emitter_.put_forward(condition, block(0).otherwise);
}

Result<void> FunctionCompiler::handle_else() {
  Block& open = blocks_.back();
  if (live_) {
    EBB_TRY(flush_top(validator_.closed_frame().results().size()));
    Draft draft;
    draft.op = Op::br;
    EBB_TRY(emitter_.put_forward(draft, open.end));
    open.targeted = true;
  }
  EBB_TRY(emitter_.bind(open.otherwise));
  forget_set(open.set_locals);
  rejoin_region(open, blocks_.size() - 1, false);
  open.kind = FrameKind::else_;
  truncate(open.height);
  lose_acc();
  EBB_TRY(push_slots(validator_.closed_frame().params()));
  flushed_ = entries_.size();
  live_ = true;
  return {};
}

Result<void> FunctionCompiler::handle_end(bool is_last) {
  if (is_last) {
    EBB_ASSERT(blocks_.size() == 1);
    return live_ ? emit_return() : Result<void>();
  }
  Block& open = blocks_.back();
  const std::span<const ValType> types = validator_.closed_frame().results();
  const bool is_label = open.targeted || open.kind == FrameKind::if_;
  if (live_ || is_label) rejoin_region(open, blocks_.size() - 1, live_);
  if (is_label) {
    if (live_) EBB_TRY(flush_top(types.size()));
    EBB_TRY(emitter_.bind(open.end));
    EBB_TRY(emitter_.bind(open.otherwise));
    forget_set(open.set_locals);
    truncate(open.height);
    lose_acc();
    EBB_TRY(push_slots(types));
    flushed_ = entries_.size();
    live_ = true;
  } else if (!live_) {
    truncate(open.height);
  }
  end_loops();
  blocks_.pop();
  return {};
}

/// A branch to the start of a loop was written.
void FunctionCompiler::note_back(Block& loop) {
  if constexpr (is_small_build) return;
  loop.loops.back_end = emitter_.position();
  loop.loops.has_call = call_end_ > loop.start;
  loop.loops.is_target = true;
}

/// The innermost block ends: if it is a loop, whether that was an innermost one is known; and the
/// block around it has what is in it. Loops that start at the same place count as one.
void FunctionCompiler::end_loops() {
  if (is_small_build || output_.labels == nullptr) return;
  const Block& ended = blocks_.back();
  const Loops& loops = ended.loops;
  if (loops.is_target)
    emitter_.mark_loop(loops.label, !loops.has_call && loops.behind >= loops.back_end);
  if (blocks_.size() < 2) return;
  Block& outer = blocks_[blocks_.size() - 2];
  if (outer.start == ended.start && loops.back_end > outer.loops.back_end) {
    outer.loops.back_end = loops.back_end;
    outer.loops.has_call = loops.has_call;
  }
  for (const uint32_t start :
       {loops.is_target ? ended.start : Loops::no_loop, loops.here, loops.behind}) {
    if (start < outer.loops.here) outer.loops.here = start;
    if (start < outer.loops.behind && start > outer.start) outer.loops.behind = start;
  }
}

/// Takes the condition off the stack as the branch that tests it: a comparison that came last is
/// folded into it.
Result<void> FunctionCompiler::pop_condition(Draft& branch, bool negated) {
  Entry entry = pop();
  if (entry.where == Where::acc && emitter_.last_gives_acc()) {
    const Op last = emitter_.last_op();
    const Op fused = branch_of(last, negated);
    if (fused != Op::count) {
      branch = emitter_.take_last();
      branch.op = fused;
    } else if (last == Op::i32_eqz) {
      branch = emitter_.take_last();
      branch.op = negated ? Op::br_if : Op::br_unless;
    } else if (last == Op::i64_eqz) {
      branch = emitter_.take_last();
      branch.op = negated ? Op::br_i64_ne : Op::br_i64_eq;
      branch.b = Operand::immediate(0);
    }
    if (branch.op != Op::unreachable) {
      branch.d = Operand::none();
      return {};
    }
  }
  branch.op = negated ? Op::br_unless : Op::br_if;
  return fit(branch, &entry, nullptr);
}

/// Whether the carried values, on top of the stack, have the slots where the block wants them.
bool FunctionCompiler::in_place(const Block& block, const Values& carried) const {
  return block.kind != FrameKind::function && numbers_ - carried.slots.numbers == block.numbers &&
         refs_ - carried.slots.refs == block.refs;
}

/// Moves the values on top of the stack to where the block wants them. The stack stays as it is;
/// more than one value must have been flushed.
Result<void> FunctionCompiler::carry(const Block& block, std::span<const ValType> types) {
  if (types.size() == 1 && entries_.back().type != ValKind::ref &&
      entries_.back().type != ValKind::v128) {
    const Entry& entry = entries_.back();
    if (entry.where != Where::acc) return copy_to(entry, block.numbers);
    Draft draft;
    draft.op = is_float(entry.type) ? Op::move_float : Op::move;
    draft.d = Operand::slot(block.numbers);
    draft.a = Operand::acc();
    return emit(draft);
  }
  const Values carried = values(types);
  EBB_TRY(copy_range(block.numbers, numbers_ - carried.slots.numbers, carried.slots.numbers));
  return ref_move_range(block.refs, refs_ - carried.slots.refs, carried.slots.refs);
}

/// Writes a branch to a block, whose carried values are in place.
Result<void> FunctionCompiler::jump(uint32_t label, Draft& branch) {
  EBB_TRY(note_offset());
  Block& target = block(label);
  if (target.kind == FrameKind::loop) {
    EBB_TRY(emitter_.put_backward(branch, target.start));
    note_back(target);
    return {};
  }
  target.targeted = true;
  return emitter_.put_forward(branch, target.end);
}

/// Moves what a branch carries and goes there, unconditionally. The stack stays as it is.
Result<void> FunctionCompiler::go(uint32_t label) {
  const Block& target = block(label);
  if (target.kind == FrameKind::function) return emit_return();
  const std::span<const ValType> types = validator_.label_types(label);
  if (!in_place(target, values(types))) EBB_TRY(carry(target, types));
  Draft draft;
  draft.op = Op::br;
  return jump(label, draft);
}

Result<void> FunctionCompiler::branch(uint32_t label) {
  const Block& target = block(label);
  note_exit(block_index(label));
  const std::span<const ValType> types = validator_.label_types(label);
  if (target.kind != FrameKind::function && (types.size() > 1 || in_place(target, values(types))))
    EBB_TRY(flush_top(types.size()));
  EBB_TRY(go(label));
  live_ = false;
  return {};
}

Result<void> FunctionCompiler::branch_if(uint32_t label) {
  const Block& target = block(label);
  note_branch(block_index(label));
  const std::span<const ValType> types = validator_.label_types(label);
  Values carried = values(types);
  // The condition still lies above what is carried.
  carried.slots.numbers = static_cast<uint16_t>(carried.slots.numbers + 1);
  const bool direct = in_place(target, carried);
  Draft condition;
  EBB_TRY(pop_condition(condition, !direct));
  if (direct || types.size() > 1) EBB_TRY(flush_top(types.size()));
  return direct ? jump(label, condition) : jump_over(label, condition);
}

/// A conditional branch whose values must be moved: the opposite branch jumps over the move and the
/// branch.
Result<void> FunctionCompiler::jump_over(uint32_t label, Draft& opposite) {
  EBB_TRY(note_offset());
  const uint32_t over = EBB_TRY(emitter_.put_over(opposite));
  const uint32_t acc_slot = acc_slot_;
  EBB_TRY(go(label));
  acc_slot_ = acc_slot;
  return emitter_.land(over);
}

Result<void> FunctionCompiler::branch_on_null(uint32_t label, bool on_null) {
  const Block& target = block(label);
  note_branch(block_index(label));
  const std::span<const ValType> types = validator_.label_types(label);
  const Entry tested = entries_.back();
  if (on_null) pop();
  const bool direct = in_place(target, values(types));
  EBB_TRY(flush_top(types.size()));
  Draft draft;
  draft.op = on_null == direct ? Op::br_on_null : Op::br_on_non_null;
  draft.a = Operand::ref(tested.slot);
  EBB_TRY(direct ? jump(label, draft) : jump_over(label, draft));
  if (on_null) return push(Where::slot, ValKind::ref);
  pop();
  return {};
}

Result<void> FunctionCompiler::branch_table() {
  Entry index = pop();
  const std::span<const uint32_t> labels = validator_.br_labels();
  const std::span<const ValType> types = validator_.label_types(labels.back());
  const Values carried = values(types);
  Draft draft;
  const uint32_t count = static_cast<uint32_t>(labels.size() - 1);
  if (count > UINT16_MAX && emitter_.reach() == Reach::near) emitter_.need_far();
  if (emitter_.reach() == Reach::near) {
    draft.op = Op::br_table;
    draft.set_extra16(0, count & UINT16_MAX);
  } else {
    draft.op = Op::far_br_table;
    draft.set_extra32(0, count);
  }
  EBB_TRY(fit(draft, &index, nullptr));
  EBB_TRY(flush_top(types.size()));
  EBB_TRY(emit(draft));
  const uint32_t serial = ++table_serial_;
  for (const uint32_t label : labels) {
    Block& target = block(label);
    note_exit(block_index(label));
    if (!in_place(target, carried)) {
      target.stub_serial = serial;
      EBB_TRY(emitter_.put_table_forward(target.stub));
    } else if (target.kind == FrameKind::loop) {
      EBB_TRY(emitter_.put_table_backward(target.start));
    } else {
      target.targeted = true;
      EBB_TRY(emitter_.put_table_forward(target.end));
    }
  }
  for (const uint32_t label : labels)
    if (block(label).kind == FrameKind::loop && in_place(block(label), carried))
      note_back(block(label));
  // Behind the table, once for each label: the move of what it carries.
  for (const uint32_t label : labels) {
    Block& target = block(label);
    if (target.stub_serial != serial) continue;
    target.stub_serial = 0;
    EBB_TRY(emitter_.bind(target.stub));
    EBB_TRY(go(label));
  }
  live_ = false;
  return {};
}

/// Returns the values on top of the stack. The stack stays as it is.
Result<void> FunctionCompiler::emit_return() {
  const std::span<const ValType> types = results();
  Draft draft;
  draft.op = Op::return_void;
  if (types.size() == 1 && (types[0].is_num())) {
    const Entry& entry = entries_.back();
    const bool floats = is_float(entry.type);
    draft.op = floats ? Op::return_float : Op::return_int;
    draft.a = operand(entry);
    if (draft.a.kind == Kind::s && draft.a.value == acc_slot_) draft.a = Operand::acc();
    if (find_compact_form(draft.op, draft.kinds()) == Form::count) {
      EBB_TRY(copy_to(entry, entry.slot));
      draft.a = Operand::slot(entry.slot);
    }
    return emit(draft);
  }
  const Values carried = values(types);
  EBB_TRY(flush_top(types.size()));
  EBB_TRY(copy_range(0, numbers_ - carried.slots.numbers, carried.slots.numbers));
  EBB_TRY(ref_move_range(0, refs_ - carried.slots.refs, carried.slots.refs));
  return emit(draft);
}

} // namespace ebb
