// What the compiler does several times for each instruction, to be compiled into its callers.
#pragma once

#include "core/compile/function_compiler.h"

#include "core/types/implementation_limits.h"

namespace ebb {

EBB_SHORT_INLINE bool FunctionCompiler::fits_acc(ValKind type) const {
  switch (type) {
  case ValKind::i32:
  case ValKind::f32:
    return true;
  case ValKind::i64:
  case ValKind::f64:
    return options_.wide;
  case ValKind::v128:
  case ValKind::ref:
  case ValKind::bottom:
    break;
  }
  return false;
}

EBB_CALLED_IF_SMALL inline Result<void> FunctionCompiler::note_frame(uint32_t numbers,
                                                                     uint32_t refs) {
  if (numbers > frame_numbers_) frame_numbers_ = numbers;
  if (refs > frame_refs_) frame_refs_ = refs;
  if (frame_numbers_ > limits::frame_slots_max - frame_refs_ ||
      frame_refs_ > limits::frame_slots_max)
    return Error::frame_too_large;
  return {};
}

EBB_CALLED_IF_SMALL inline Result<void> FunctionCompiler::push(Where where, ValKind type,
                                                               uint64_t bits) {
  EBB_ASSERT(where != Where::acc || acc_entry_ == no_entry);
  const bool is_ref = type == ValKind::ref;
  const uint32_t numbers = numbers_ + (is_ref ? 0 : slots_of(type));
  const uint32_t refs = refs_ + (is_ref ? 1 : 0);
  EBB_TRY(note_frame(numbers, refs));
  const Entry entry{where, type, static_cast<uint16_t>(is_ref ? refs_ : numbers_), 0, bits};
  EBB_TRY(entries_.push(entry));
  if (where == Where::acc) acc_entry_ = entries_.size() - 1;
  numbers_ = numbers;
  refs_ = refs;
  return {};
}

EBB_CALLED_IF_SMALL inline Result<void> FunctionCompiler::push_local(uint32_t index) {
  const Local& local = locals_[index];
  EBB_TRY(push(Where::local, local.type, index | uint64_t{local.slot} << 32));
  entries_.back().next_pending = locals_[index].pending;
  locals_[index].pending = static_cast<uint32_t>(entries_.size());
  return {};
}

EBB_CALLED_IF_SMALL inline FunctionCompiler::Entry FunctionCompiler::pop() {
  const Entry entry = entries_.pop();
  if (entry.type == ValKind::ref)
    refs_ -= 1;
  else
    numbers_ -= slots_of(entry.type);
  if (entry.where == Where::local) {
    Local& local = local_of(entry);
    EBB_ASSERT(local.pending == entries_.size() + 1);
    local.pending = entry.next_pending;
  }
  if (acc_entry_ == entries_.size()) acc_entry_ = no_entry;
  if (flushed_ > entries_.size()) flushed_ = entries_.size();
  return entry;
}

EBB_SHORT_INLINE void FunctionCompiler::acc_mirrors(uint32_t slot, ValKind type) {
  acc_slot_ = fits_acc(type) ? slot : no_slot;
}

EBB_SHORT_INLINE Operand FunctionCompiler::operand(const Entry& entry) const {
  switch (entry.where) {
  case Where::acc:
    return Operand::acc();
  case Where::local:
    return Operand::slot(entry.read_slot());
  case Where::slot:
    return entry.type == ValKind::ref ? Operand::ref(entry.slot) : Operand::slot(entry.slot);
  case Where::constant:
    break;
  }
  return immediate(entry);
}

/// Of a constant; none if it has more than 32 bits.
EBB_SHORT_INLINE Operand FunctionCompiler::immediate(const Entry& entry) {
  const int64_t value = static_cast<int64_t>(entry.bits);
  if (entry.type == ValKind::i32) return Operand::immediate(static_cast<uint32_t>(entry.bits));
  if (entry.type == ValKind::i64 && value == static_cast<int32_t>(value))
    return Operand::immediate(static_cast<uint32_t>(value));
  return Operand::none();
}

/// Writes a draft whose operands are settled. Whoever clobbers the accumulator has flushed it.
EBB_CALLED_IF_SMALL inline Result<void> FunctionCompiler::emit(Draft& draft) {
  EBB_TRY(note_offset());
  return emitter_.put(draft);
}

} // namespace ebb
