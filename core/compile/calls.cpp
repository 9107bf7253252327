// Calls, and the instructions on references, tables and whole memories, whose operands are all
// slots.
#include "core/compile/stack_inline.h"

#include "core/bytecode/code_bytes.h"

namespace ebb {

Result<void> FunctionCompiler::ref_move_range(uint32_t to, uint32_t from, uint32_t count) {
  if (count == 0 || to == from) return {};
  Draft draft;
  draft.op = count == 1 ? Op::ref_move : Op::ref_move_range;
  draft.d = Operand::ref(to);
  draft.a = Operand::ref(from);
  draft.set_extra16(0, count);
  return emit(draft);
}

Result<void> FunctionCompiler::call(const Instruction& in) {
  Draft draft;
  const uint32_t imported = decl_.imported_functions;
  switch (in.op) {
  case Opcode::call:
  case Opcode::return_call: {
    const bool tail = has_feature(Feature::tail_calls) && in.op == Opcode::return_call;
    const bool is_import = in.index < imported;
    draft.op = tail ? (is_import ? Op::return_call_import : Op::return_call)
                    : (is_import ? Op::call_import : Op::call_refs);
    draft.set_extra32(0, is_import ? in.index : in.index - imported);
    return emit_call(draft, decl_.function_type(FuncIndex{in.index}), 4, tail);
  }
  case Opcode::call_indirect:
  case Opcode::return_call_indirect: {
    const bool tail = has_feature(Feature::tail_calls) && in.op == Opcode::return_call_indirect;
    draft.op = tail ? Op::return_call_indirect : Op::call_indirect;
    draft.set_extra32(0, in.index);
    draft.set_extra32(4, table_operand(in.index2));
    Entry index = pop();
    EBB_TRY(fit(draft, &index, nullptr));
    return emit_call(draft, validator_.type(TypeIndex{in.index}), 8, tail);
  }
  default: {
    only_with(Feature::function_references);
    const bool tail = in.op == Opcode::return_call_ref;
    draft.op = tail ? Op::return_call_ref : Op::call_ref;
    draft.set_extra32(0, in.index);
    draft.a = operand(pop());
    return emit_call(draft, validator_.type(TypeIndex{in.index}), 4, tail);
  }
  }
}

/// Writes a call whose arguments are on top of the stack; the outgoing bases go to `outgoing_at` of
/// its extra bytes.
Result<void> FunctionCompiler::emit_call(Draft& draft, const SubType& type, size_t outgoing_at,
                                         bool tail) {
  const size_t params = type.params().size();
  const Values outs = values(type.results());
  if (draft.a.kind != Kind::a) EBB_TRY(flush_acc());
  EBB_TRY(flush_top(params));
  EBB_ASSERT(acc_entry_ == no_entry);
  truncate(entries_.size() - params);
  const uint32_t outgoing = numbers_;
  const uint32_t outgoing_refs = refs_;
  EBB_TRY(note_frame(outgoing + outs.slots.numbers, outgoing_refs + outs.slots.refs));
  const uint32_t callee = read_code<uint32_t>(draft.extra);
  if (draft.op == Op::call_refs && outgoing_refs == 0 && callee <= UINT16_MAX) {
    draft.op = Op::call;
    draft.set_extra16(0, callee);
    draft.set_extra16(2, outgoing);
  } else {
    draft.set_extra16(outgoing_at, outgoing_refs);
    draft.set_extra16(outgoing_at + 2, outgoing);
  }
  EBB_TRY(emit(draft));
  emitter_.seal();
  call_end_ = emitter_.position();
  lose_acc();
  if (tail) {
    note_exit(0);
    live_ = false;
    return {};
  }
  EBB_TRY(push_slots(type.results()));
  if (outgoing_refs != 0) {
    Draft restore;
    restore.op = Op::refs_restore;
    restore.set_extra16(0, outgoing_refs);
    EBB_TRY(emit(restore));
  }
  if (outs.entries == 1 && outs.slots.numbers == 1) acc_mirrors(outgoing, entries_.back().type);
  return {};
}

Result<void> FunctionCompiler::select() {
  const ValKind type = validator_.operand_type().kind();
  Entry condition = pop();
  Entry b = pop();
  Entry a = pop();
  EBB_TRY(flush_acc());
  Draft draft;
  EBB_TRY(slot_operand(a, draft.a));
  EBB_TRY(slot_operand(b, draft.b));
  if (type == ValKind::ref || type == ValKind::v128) {
    EBB_TRY(slot_operand(condition, draft.c));
    draft.op = type == ValKind::ref ? Op::ref_select : Op::select_v128;
    draft.d = type == ValKind::ref ? Operand::ref(refs_) : Operand::slot(numbers_);
    if (type == ValKind::v128) lose_acc();
    EBB_TRY(emit(draft));
    return push(Where::slot, type);
  }
  if (condition.where == Where::constant) EBB_TRY(materialize(condition));
  draft.c = operand(condition);
  if (draft.c.kind == Kind::s && draft.c.value == acc_slot_) draft.c = Operand::acc();
  draft.op = is_float(type) ? Op::select_float : Op::select;
  return emit_result(draft, type, nullptr, nullptr);
}

/// Writes a special with a number as its result, which goes to the slot on top; the accumulator is
/// lost.
Result<void> FunctionCompiler::push_special(Draft& draft, ValKind type) {
  draft.d = Operand::slot(numbers_);
  EBB_TRY(push_after(draft, type));
  return {};
}

Result<void> FunctionCompiler::push_after(Draft& draft, ValKind type) {
  EBB_TRY(flush_acc());
  lose_acc();
  EBB_TRY(emit(draft));
  return push(Where::slot, type);
}

/// Takes operands off the stack into slots, the last one first.
Result<void> FunctionCompiler::pop_slots(std::initializer_list<Operand*> operands) {
  for (Operand* operand : operands) {
    Entry entry = pop();
    EBB_TRY(slot_operand(entry, *operand));
  }
  EBB_TRY(flush_acc());
  lose_acc();
  return {};
}

Result<void> FunctionCompiler::step_reference(const Instruction& in) {
  Draft draft;
  switch (in.op) {
  case Opcode::ref_null:
    draft.op = Op::ref_null;
    draft.d = Operand::ref(refs_);
    EBB_TRY(push(Where::slot, ValKind::ref));
    return emit(draft);
  case Opcode::ref_func:
    draft.op = Op::ref_func;
    draft.d = Operand::ref(refs_);
    draft.set_extra32(0, in.index);
    EBB_TRY(push(Where::slot, ValKind::ref));
    return emit(draft);
  case Opcode::ref_is_null:
    draft.op = Op::ref_is_null;
    draft.a = operand(pop());
    EBB_TRY(push_special(draft, ValKind::i32));
    acc_mirrors(entries_.back().slot, ValKind::i32);
    return {};
  default:
    only_with(Feature::function_references);
    draft.op = Op::ref_as_non_null;
    draft.a = operand(entries_.back());
    return emit(draft);
  }
}

uint32_t FunctionCompiler::table_operand(uint32_t table) const {
  return table | (decl_.tables[table].type.limits.is_64 ? far_address_64 : 0);
}

uint32_t FunctionCompiler::memory_operand(uint32_t memory) const {
  return memory | (decl_.memories[memory].limits.is_64 ? far_address_64 : 0);
}

Result<void> FunctionCompiler::step_table(const Instruction& in) {
  Draft draft;
  switch (in.op) {
  case Opcode::table_get:
    draft.op = Op::table_get;
    draft.set_extra32(0, table_operand(in.index));
    EBB_TRY(pop_slots({&draft.a}));
    draft.d = Operand::ref(refs_);
    return push_after(draft, ValKind::ref);
  case Opcode::table_set:
    draft.op = Op::table_set;
    draft.set_extra32(0, table_operand(in.index));
    EBB_TRY(pop_slots({&draft.b, &draft.a}));
    return emit(draft);
  case Opcode::table_size:
    draft.op = Op::table_size;
    draft.set_extra32(0, table_operand(in.index));
    return push_special(draft, validator_.operand(0).kind());
  case Opcode::table_grow:
    draft.op = Op::table_grow;
    draft.set_extra32(0, table_operand(in.index));
    EBB_TRY(pop_slots({&draft.a, &draft.b}));
    return push_special(draft, validator_.operand(0).kind());
  case Opcode::table_fill:
    draft.op = Op::table_fill;
    draft.set_extra32(0, table_operand(in.index));
    EBB_TRY(pop_slots({&draft.c, &draft.b, &draft.a}));
    return emit(draft);
  case Opcode::table_copy:
    draft.op = Op::table_copy;
    draft.set_extra32(0, table_operand(in.index));
    draft.set_extra32(4, table_operand(in.index2));
    EBB_TRY(pop_slots({&draft.c, &draft.b, &draft.a}));
    return emit(draft);
  case Opcode::table_init:
    draft.op = Op::table_init;
    draft.set_extra32(0, table_operand(in.index2));
    draft.set_extra32(4, in.index);
    EBB_TRY(pop_slots({&draft.c, &draft.b, &draft.a}));
    return emit(draft);
  default:
    draft.op = Op::elem_drop;
    draft.set_extra32(0, in.index);
    EBB_TRY(pop_slots({}));
    return emit(draft);
  }
}

Result<void> FunctionCompiler::step_bulk(const Instruction& in) {
  Draft draft;
  switch (in.op) {
  case Opcode::memory_size:
    draft.op = Op::memory_size;
    draft.set_extra32(0, memory_operand(in.index));
    return push_special(draft, validator_.operand(0).kind());
  case Opcode::memory_grow:
    draft.op = Op::memory_grow;
    draft.set_extra32(0, memory_operand(in.index));
    EBB_TRY(pop_slots({&draft.a}));
    return push_special(draft, validator_.operand(0).kind());
  case Opcode::memory_fill:
    draft.op = Op::memory_fill;
    draft.set_extra32(0, memory_operand(in.index));
    EBB_TRY(pop_slots({&draft.c, &draft.b, &draft.a}));
    return emit(draft);
  case Opcode::memory_copy:
    draft.op = Op::memory_copy;
    draft.set_extra32(0, memory_operand(in.index));
    draft.set_extra32(4, memory_operand(in.index2));
    EBB_TRY(pop_slots({&draft.c, &draft.b, &draft.a}));
    return emit(draft);
  case Opcode::memory_init:
    draft.op = Op::memory_init;
    draft.set_extra32(0, memory_operand(in.index));
    draft.set_extra32(4, in.index2);
    EBB_TRY(pop_slots({&draft.c, &draft.b, &draft.a}));
    return emit(draft);
  default:
    draft.op = Op::data_drop;
    draft.set_extra32(0, in.index);
    EBB_TRY(pop_slots({}));
    return emit(draft);
  }
}

} // namespace ebb
