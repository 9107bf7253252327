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
inline Form FunctionCompiler::choose_rare_form(Op op, Kind d, Operand& a, Operand& b) const {
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

/// The same again, with fewer branches: those would depend on where operands happen to be.
[[gnu::always_inline]] inline Form FunctionCompiler::choose_form(Op op, Kind d, Operand& a,
                                                                 Operand& b) const {
  const bool mirrors_a = (a.kind == Kind::s) & (a.value == acc_slot_);
  const bool mirrors_b = !mirrors_a & (b.kind == Kind::s) & (b.value == acc_slot_);
  const Kind kind_a = mirrors_a ? Kind::a : a.kind;
  const Kind kind_b = mirrors_b ? Kind::a : b.kind;
  const Form form = find_compact_form(op, {d, kind_a, kind_b, Kind::n});
  if (form == Form::count) [[unlikely]]
    return choose_rare_form(op, d, a, b);
  a.kind = kind_a;
  b.kind = kind_b;
  return form;
}

/// A number as an operand.
[[gnu::always_inline]] inline Operand FunctionCompiler::number(const Entry& entry) const {
  if (entry.where == Where::constant) return immediate(entry);
  constexpr Kind kinds[] = {Kind::n, Kind::s, Kind::s, Kind::a};
  static_assert(static_cast<int>(Where::local) == 1 && static_cast<int>(Where::acc) == 3);
  return {kinds[static_cast<int>(entry.where)], entry.read_slot()};
}

/// Takes an entry that may stand for a local out of its list, of which it is the first.
[[gnu::always_inline]] inline void FunctionCompiler::unlink(const Entry& entry) {
  uint32_t& pending =
      entry.where == Where::local ? locals_.data()[entry.local()].pending : no_local_;
  pending = entry.next_pending;
}

/// Takes numbers off the stack.
template <uint32_t count> [[gnu::always_inline]] inline void FunctionCompiler::drop_numbers() {
  const size_t height = entries_.size() - count;
  for (uint32_t i = count; i-- > 0;)
    unlink(entries_[height + i]);
  numbers_ -= count;
  entries_.truncate(height);
  acc_entry_ = acc_entry_ >= height ? no_entry : acc_entry_;
  flushed_ = flushed_ > height ? height : flushed_;
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
  const uint64_t bits = index | uint64_t{local.slot} << 32;
  EBB_TRY(push_number(Where::local, local.type, bits, local.pending));
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
template <bool is_tee>
[[gnu::always_inline]] inline Result<void> FunctionCompiler::quick_local_set(uint32_t index) {
  Local& local = locals_[index];
  if (!local.is_set) EBB_TRY(note_set(index));
  const bool is_easy = entries_.back().where == Where::acc && emitter_.last_gives_acc() &&
                       local.pending == 0 && is_number(local.type);
  if (!is_easy) return local_set(index, is_tee);
  if (!EBB_TRY(emitter_.redirect_last(local.slot))) return local_set(index, is_tee);
  weigh(local);
  drop_numbers<1>();
  acc_mirrors(local.slot, local.type);
  return is_tee ? push_number_of(index) : Result<void>();
}

/// An op of one or two operands and one result, or a load, whose offset is `extra`.
template <uint32_t operands>
[[gnu::always_inline]] inline Result<bool> FunctionCompiler::quick_result(Op op, ValKind result,
                                                                          uint32_t extra) {
  const size_t height = entries_.size() - operands;
  Entry& first = entries_[height];
  Operand a = number(first);
  Operand b;
  if constexpr (operands == 2) {
    const Entry& second = entries_[height + 1];
    b = number(second);
    if (op == Op::i32_sub && second.where == Where::constant) {
      op = Op::i32_add;
      b = Operand::immediate(0u - static_cast<uint32_t>(second.bits));
    }
  }
  if (acc_entry_ < height) [[unlikely]]
    EBB_TRY(flush_acc());
  const bool in_acc = fits_acc(result);
  const Kind d = in_acc ? Kind::a : Kind::s;
  Form form;
  if (operands == 2 && (a.kind == Kind::n || b.kind == Kind::n)) [[unlikely]] {
    // A constant that is not short goes to its slot first.
    const bool is_second = b.kind == Kind::n;
    Entry& constant = entries_[height + is_second];
    EBB_TRY(materialize(constant));
    (is_second ? b : a) = Operand::slot(constant.slot);
    form = find_form(op, d, a, b);
  } else {
    form = choose_form(op, d, a, b);
  }
  if (form == Form::count) [[unlikely]]
    return false;
  EBB_TRY(note_offset());
  EBB_TRY(emitter_.put_plain(form, first.slot, a, b, extra));
  drop_numbers<operands>();
  entries_.take_room(1);
  numbers_ += 1;
  first.where = in_acc ? Where::acc : Where::slot;
  first.type = result;
  acc_entry_ = in_acc ? height : no_entry;
  acc_slot_ = no_slot;
  return true;
}

template <uint32_t operands>
[[gnu::always_inline]] inline Result<void> FunctionCompiler::quick_numeric(Opcode opcode,
                                                                           ValKind result) {
  if (EBB_TRY(quick_result<operands>(op_of(opcode), result, 0))) return {};
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
      if (EBB_TRY(quick_result<1>(op, result, offset))) return {};
    } else {
      Operand address = number(entries_[height]);
      Operand value = number(entries_[height + 1]);
      const Form form = choose_form(op, Kind::n, address, value);
      if (form != Form::count) {
        EBB_TRY(note_offset());
        EBB_TRY(emitter_.put_plain(form, 0, address, value, offset));
        drop_numbers<2>();
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
  drop_numbers<1>();
  return {};
}

} // namespace ebb
