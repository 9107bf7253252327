// The symbolic stack: entries, where their values are, and how instructions take their operands
// from it.
#include "core/compile/stack_inline.h"

#include "core/types/implementation_limits.h"

namespace ebb {

void FunctionCompiler::lose_acc() {
  EBB_ASSERT(acc_entry_ == no_entry);
  acc_slot_ = no_slot;
}

void FunctionCompiler::slot_written(uint32_t slot, uint32_t count) {
  if (acc_slot_ >= slot && acc_slot_ - slot < count) acc_slot_ = no_slot;
}

FunctionCompiler::Values FunctionCompiler::values(std::span<const ValType> types) const {
  const uint32_t count = static_cast<uint32_t>(types.size());
  if (count == 0) return {};
  if (count == 1 && types[0].is_num()) return {1, {1, 0}};
  return {count, slot_counts(types)};
}

Result<void> FunctionCompiler::push_slots(std::span<const ValType> types) {
  for (const ValType& type : types)
    EBB_TRY(push(Where::slot, type.kind()));
  return {};
}

void FunctionCompiler::truncate(size_t height) {
  while (entries_.size() > height)
    pop();
}

/// The shortest way to a constant in a slot. Gives what the slot has then.
uint64_t FunctionCompiler::constant_source(const Entry& entry, Draft& draft) {
  // Of a value of 32 bits the upper half does not matter.
  const bool is_32 = entry.type == ValKind::i32 || entry.type == ValKind::f32;
  const int64_t bits = is_32 ? static_cast<int32_t>(entry.bits) : static_cast<int64_t>(entry.bits);
  if (bits != static_cast<int16_t>(bits) && bits << 16 == 0) {
    draft.op = Op::copy_high;
    draft.set_extra16(0, static_cast<uint16_t>(entry.bits >> 48));
  } else if (bits == static_cast<int32_t>(bits)) {
    draft.op = Op::copy;
    draft.a = Operand::immediate(static_cast<uint32_t>(bits));
  } else {
    draft.op = Op::copy_const;
    draft.set_extra64(0, entry.bits);
  }
  return static_cast<uint64_t>(bits);
}

/// Copies a value from its slot, or its local's.
Result<void> FunctionCompiler::copy_slot(const Entry& entry, uint32_t slot) {
  EBB_ASSERT(entry.where == Where::local || entry.where == Where::slot);
  const Form form = is_float(entry.type) ? Form::copy_float_ssnn : Form::copy_ssnn;
  EBB_TRY(note_offset());
  EBB_TRY(emitter_.put_plain(form, slot, operand(entry), {}, 0));
  slot_written(slot);
  return {};
}

/// Writes a value that is not in the accumulator to a slot and leaves the accumulator alone.
Result<void> FunctionCompiler::copy_to(const Entry& entry, uint32_t slot) {
  if constexpr (!is_small_build) {
    if (entry.where != Where::constant) return copy_slot(entry, slot);
  }
  Draft draft;
  draft.op = is_float(entry.type) ? Op::copy_float : Op::copy;
  draft.d = Operand::slot(slot);
  switch (entry.where) {
  case Where::constant: {
    const uint64_t bits = constant_source(entry, draft);
    if (!is_small_build && draft.a.kind == Kind::k) {
      EBB_TRY(note_offset());
      EBB_TRY(emitter_.put_plain(Form::copy_sknn, slot, draft.a, {}, 0));
    } else {
      EBB_TRY(emit(draft));
    }
    emitter_.note_constant(slot, bits);
    slot_written(slot);
    return {};
  }
  case Where::local:
    draft.a = Operand::slot(entry.read_slot());
    break;
  case Where::slot:
    draft.a = Operand::slot(entry.slot);
    break;
  case Where::acc:
    EBB_UNREACHABLE();
  }
  EBB_TRY(emit(draft));
  slot_written(slot);
  return {};
}

/// The accumulator goes to an entry's slot: the instruction that made it writes there, if it is
/// still the last.
Result<void> FunctionCompiler::store_acc(const Entry& entry) {
  bool redirected = false;
  if (emitter_.last_gives_acc()) redirected = EBB_TRY(emitter_.redirect_last(entry.slot));
  if (!redirected) {
    Draft draft;
    draft.op = is_float(entry.type) ? Op::move_float : Op::move;
    draft.d = Operand::slot(entry.slot);
    draft.a = Operand::acc();
    EBB_TRY(emit(draft));
  }
  acc_mirrors(entry.slot, entry.type);
  return {};
}

Result<void> FunctionCompiler::flush_acc() {
  if (acc_entry_ == no_entry) return {};
  Entry& entry = entries_[acc_entry_];
  EBB_TRY(store_acc(entry));
  entry.where = Where::slot;
  acc_entry_ = no_entry;
  return {};
}

Result<void> FunctionCompiler::flush(size_t index) {
  Entry& entry = entries_[index];
  switch (entry.where) {
  case Where::slot:
    return {};
  case Where::acc:
    return flush_acc();
  case Where::local: {
    // Flushing goes from the top down, so that this is the topmost entry of its local.
    EBB_ASSERT(local_of(entry).pending == index + 1);
    EBB_TRY(copy_to(entry, entry.slot));
    local_of(entry).pending = entry.next_pending;
    break;
  }
  case Where::constant:
    EBB_TRY(copy_to(entry, entry.slot));
    break;
  }
  entry.where = Where::slot;
  return {};
}

Result<void> FunctionCompiler::flush_top(size_t count) {
  EBB_ASSERT(count <= entries_.size());
  const size_t end = entries_.size() - count;
  if (acc_entry_ != no_entry && acc_entry_ >= end) EBB_TRY(flush_acc());
  for (size_t i = entries_.size(); i-- > end;)
    EBB_TRY(flush(i));
  return {};
}

/// Before a block opens: its parameters are written, and below them no entry depends on a local or
/// the accumulator.
Result<void> FunctionCompiler::flush_block(size_t params) {
  EBB_TRY(flush_acc());
  EBB_TRY(flush_top(params));
  for (size_t i = entries_.size() - params; i-- > flushed_;)
    if (entries_[i].where != Where::constant) EBB_TRY(flush(i));
  flushed_ = entries_.size();
  return {};
}

/// Entries that stand for the local's present value get it in their slots.
Result<void> FunctionCompiler::save_pending(uint32_t local) {
  while (locals_[local].pending != 0) {
    Entry& entry = entries_[locals_[local].pending - 1];
    EBB_TRY(copy_to(entry, entry.slot));
    entry.where = Where::slot;
    locals_[local].pending = entry.next_pending;
  }
  return {};
}

/// A popped entry's value goes to its slot unless it is in one.
Result<void> FunctionCompiler::materialize(Entry& entry) {
  if (entry.where == Where::local) return {};
  if (entry.where == Where::constant) {
    Draft draft;
    // Its slot may still have it from before. That holds only for what comes next: see the rule on
    // temporaries in core/bytecode/README.md.
    if (!emitter_.has_constant(entry.slot, constant_source(entry, draft)))
      EBB_TRY(copy_to(entry, entry.slot));
  } else if (entry.where == Where::acc) {
    EBB_TRY(store_acc(entry));
  }
  entry.where = Where::slot;
  return {};
}

Result<void> FunctionCompiler::slot_operand(Entry& entry, Operand& out) {
  EBB_TRY(materialize(entry));
  out = operand(entry);
  return {};
}

/// Chooses operands for which the draft's op has a form: the accumulator where it has the value,
/// immediates where they fit, in the order in which the op wants them. Operands that have no form
/// go to slots, for which every op has one.
Result<void> FunctionCompiler::fit(Draft& draft, Entry* a, Entry* b) {
  const auto has_form = [&] {
    draft.form = find_compact_form(draft.op, draft.kinds());
    return draft.form != Form::count;
  };
  const auto exchange = [&] {
    const Op other = exchanged(draft.op);
    if (other == Op::count || b == nullptr) return false;
    draft.op = other;
    std::swap(draft.a, draft.b);
    std::swap(a, b);
    return true;
  };
  const auto fits = [&] {
    return has_form() || (exchange() && has_form()) || (exchange() && false);
  };

  draft.a = operand(*a);
  if (b != nullptr) draft.b = operand(*b);
  // One operand that the accumulator mirrors may be read from there.
  for (int which = 0; which < 2; which++) {
    Operand& candidate = which == 0 ? draft.a : draft.b;
    if (candidate.kind != Kind::s || candidate.value != acc_slot_) continue;
    const Operand slot = candidate;
    candidate = Operand::acc();
    if (fits()) return {};
    (which == 0 ? draft.a : draft.b) = slot;
  }
  if (fits()) return {};
  for (Entry* entry : {b, a}) {
    if (entry == nullptr || entry->where != Where::constant) continue;
    EBB_TRY(materialize(*entry));
    draft.a = operand(*a);
    if (b != nullptr) draft.b = operand(*b);
    if (fits()) return {};
  }
  for (Entry* entry : {a, b})
    if (entry != nullptr && entry->where == Where::acc) EBB_TRY(materialize(*entry));
  draft.a = operand(*a);
  if (b != nullptr) draft.b = operand(*b);
  return {};
}

/// Writes an instruction with a result, which stays in the accumulator if it can.
Result<void> FunctionCompiler::emit_result(Draft& draft, ValKind type, Entry* a, Entry* b) {
  EBB_TRY(flush_acc());
  const bool in_acc = fits_acc(type);
  draft.d = in_acc ? Operand::acc() : Operand::slot(numbers_);
  if (a != nullptr) EBB_TRY(fit(draft, a, b));
  EBB_TRY(note_frame(numbers_ + slots_of(type), 0));
  EBB_TRY(emit(draft));
  lose_acc();
  return push(in_acc ? Where::acc : Where::slot, type);
}

} // namespace ebb
