// What the compiler does for most instructions, compiled into the loop that goes through them:
// numbers, locals, constants, loads, stores, and branches without values. Each writes what the way
// for all instructions would write, which is left what is rare: operands that have no form or are
// written to a slot first, other types, and targets far away. Small builds have only that way.
#pragma once

#include "core/compile/stack_inline.h"

namespace ebb {

/// The form of an op with a destination of kind `d` and these operands, exchanged if need be, or
/// Form::count.
[[gnu::always_inline]] inline Form FunctionCompiler::find_form(Op op, Kind d, Operand& a,
                                                               Operand& b) {
  const Form form = find_compact_form(op, {d, a.kind, b.kind, Kind::n});
  if (form != Form::count) return form;
  const Op other = exchanged(op);
  if (other == Op::count) return Form::count;
  const Form mirrored = find_compact_form(other, {d, b.kind, a.kind, Kind::n});
  if (mirrored != Form::count) std::swap(a, b);
  return mirrored;
}

/// The same, where one operand that the accumulator mirrors may be read from there: as `fit`.
[[gnu::always_inline]] inline Form FunctionCompiler::choose_form(Op op, Kind d, Operand& a,
                                                                 Operand& b) const {
  for (int which = 0; which < 2; which++) {
    const Operand& candidate = which == 0 ? a : b;
    if (candidate.kind != Kind::s || candidate.value != acc_slot_) continue;
    Operand first = which == 0 ? Operand::acc() : a;
    Operand second = which == 0 ? b : Operand::acc();
    const Form form = find_form(op, d, first, second);
    if (form == Form::count) continue;
    a = first;
    b = second;
    return form;
  }
  return find_form(op, d, a, b);
}

/// Takes numbers off the stack, down to a height.
[[gnu::always_inline]] inline void FunctionCompiler::drop_numbers(size_t height) {
  for (size_t i = entries_.size(); i-- > height;) {
    const Entry& entry = entries_[i];
    if (entry.where == Where::local) local_of(entry).pending = entry.next_pending;
  }
  numbers_ -= static_cast<uint32_t>(entries_.size() - height);
  entries_.truncate(height);
  if (acc_entry_ != no_entry && acc_entry_ >= height) acc_entry_ = no_entry;
  if (flushed_ > height) flushed_ = height;
}

/// Pushes an entry for a number; `below` is of a local's, as `Entry::next_pending`.
[[gnu::always_inline]] inline Result<void>
FunctionCompiler::push_number(Where where, ValKind type, uint64_t bits, uint32_t below) {
  if (numbers_ + 1 > frame_numbers_) EBB_TRY(note_frame(numbers_ + 1, 0));
  Entry* const at = EBB_TRY(entries_.room_for(1));
  *at = Entry{where, type, static_cast<uint16_t>(numbers_), below, bits};
  entries_.take_room(1);
  numbers_ += 1;
  return {};
}

/// Pushes the value of a local, a number.
[[gnu::always_inline]] inline Result<void> FunctionCompiler::push_number_of(uint32_t index) {
  Local& local = locals_[index];
  EBB_TRY(push_number(Where::local, local.type, index, local.pending));
  local.pending = static_cast<uint32_t>(entries_.size());
  return {};
}

[[gnu::always_inline]] inline Result<void> FunctionCompiler::quick_local_get(uint32_t index) {
  Local& local = locals_[index];
  if (!is_number(local.type)) return local_get(index);
  if (!local.is_set) clear_at_entry(local);
  weigh(local);
  return push_number_of(index);
}

/// What was computed last goes to the local at once.
[[gnu::always_inline]] inline Result<void> FunctionCompiler::quick_local_set(uint32_t index,
                                                                             bool tee) {
  Local& local = locals_[index];
  const Entry& entry = entries_.back();
  const bool in_acc = entry.where == Where::acc && emitter_.last_gives_acc();
  const bool is_easy = local.is_set && local.pending == 0 && is_number(local.type) && in_acc;
  if (!is_easy) return local_set(index, tee);
  if (!EBB_TRY(emitter_.redirect_last(local.slot))) return local_set(index, tee);
  weigh(local);
  drop_numbers(entries_.size() - 1);
  acc_mirrors(local.slot, local.type);
  return tee ? push_number_of(index) : Result<void>();
}

/// An op of one or two operands and one result, or a load, whose offset is `extra`.
[[gnu::always_inline]] inline Result<bool>
FunctionCompiler::quick_result(Op op, uint32_t operands, ValKind result, uint32_t extra) {
  const size_t height = entries_.size() - operands;
  Entry& first = entries_[height];
  Operand a = operand(first);
  Operand b;
  if (operands == 2) {
    const Entry& second = entries_[height + 1];
    b = operand(second);
    if (op == Op::i32_sub && second.where == Where::constant) {
      op = Op::i32_add;
      b = Operand::immediate(0u - static_cast<uint32_t>(second.bits));
    }
  }
  if (acc_entry_ < height) EBB_TRY(flush_acc());
  const bool in_acc = fits_acc(result);
  const Form form = choose_form(op, in_acc ? Kind::a : Kind::s, a, b);
  if (form == Form::count) return false;
  EBB_TRY(note_offset());
  EBB_TRY(emitter_.put_plain(form, first.slot, a, b, extra));
  drop_numbers(height + 1);
  if (first.where == Where::local) local_of(first).pending = first.next_pending;
  if (flushed_ > height) flushed_ = height;
  first.where = in_acc ? Where::acc : Where::slot;
  first.type = result;
  acc_entry_ = in_acc ? height : no_entry;
  acc_slot_ = no_slot;
  return true;
}

[[gnu::always_inline]] inline Result<void>
FunctionCompiler::quick_numeric(Opcode opcode, uint32_t operands, ValKind result) {
  if (EBB_TRY(quick_result(op_of(opcode), operands, result, 0))) return {};
  instruction_.op = opcode;
  return step_numeric(instruction_);
}

/// A load or store of the first memory, through a 32-bit address.
[[gnu::always_inline]] inline Result<void>
FunctionCompiler::quick_access(Opcode opcode, ValKind result, uint32_t offset) {
  const Op op = op_of(opcode);
  const size_t height = entries_.size() - (is_store(op) ? 2 : 1);
  if (entries_[height].where != Where::constant && offset <= UINT16_MAX) {
    if (!is_store(op)) {
      if (EBB_TRY(quick_result(op, 1, result, offset))) return {};
    } else {
      Operand address = operand(entries_[height]);
      Operand value = operand(entries_[height + 1]);
      const Form form = choose_form(op, Kind::n, address, value);
      if (form != Form::count) {
        EBB_TRY(note_offset());
        EBB_TRY(emitter_.put_plain(form, 0, address, value, offset));
        drop_numbers(height);
        return {};
      }
    }
  }
  instruction_.op = opcode;
  instruction_.index = 0;
  instruction_.imm = offset;
  return step_memory_access(instruction_, op);
}

inline Result<void> FunctionCompiler::quick_call(uint32_t index) {
  instruction_.op = Opcode::call;
  instruction_.index = index;
  return call(instruction_);
}

/// A br_if without values whose condition is the comparison before it.
[[gnu::always_inline]] inline Result<void> FunctionCompiler::quick_branch_if(uint32_t label) {
  Block& target = block(label);
  const bool is_direct = target.kind != FrameKind::function && numbers_ - 1 == target.numbers &&
                         refs_ == target.refs && emitter_.reach() == Reach::near;
  if (!is_direct || entries_.back().where != Where::acc || !emitter_.last_gives_acc() ||
      options_.keep_offsets)
    return branch_if(label);
  const Op last = emitter_.last_op();
  const Op branch = last == Op::i32_eqz ? Op::br_unless : branch_of(last, false);
  if (branch == Op::count) return branch_if(label);
  if (target.kind == FrameKind::loop) {
    if (!EBB_TRY(emitter_.make_last_backward(branch, target.start))) return branch_if(label);
    note_back(target);
  } else {
    EBB_TRY(emitter_.make_last_forward(branch, target.end));
    target.targeted = true;
  }
  note_branch(block_index(label));
  drop_numbers(entries_.size() - 1);
  return {};
}

} // namespace ebb
