// Set-up of a function, and the instructions that compute.
#include "core/compile/quick_steps.h"
#include "core/validate/body_quick.h"

#include "core/bytecode/code_bytes.h"
#include "core/types/implementation_limits.h"

namespace ebb {

FunctionCompiler::FunctionCompiler(const ModuleDecl& module, CompileOutput output,
                                   BodyValidator& validator, const CompileOptions& options,
                                   Heap& heap)
    : decl_(module), output_(output), validator_(validator), options_(options),
      emitter_(output.code, output.labels), entries_(heap), locals_(heap), blocks_(heap),
      set_locals_(heap) {}

std::span<const ValType> FunctionCompiler::results() const {
  return type_ != nullptr ? type_->results() : std::span<const ValType>(&constant_type_, 1);
}

Result<void> FunctionCompiler::add_local(ValType type) {
  const bool is_ref = type.kind() == ValKind::ref;
  const uint32_t slot = is_ref ? refs_ : numbers_;
  if (is_ref)
    refs_ += 1;
  else
    numbers_ += slots_of(type.kind());
  EBB_TRY(note_frame(numbers_, refs_));
  return locals_.push(Local{static_cast<uint16_t>(slot), type.kind(), false, 0, 0});
}

Result<void> FunctionCompiler::begin(std::span<const ValType> params, Function& function) {
  entries_.clear();
  locals_.clear();
  blocks_.clear();
  set_locals_.clear();
  clear_first_ = clear_end_ = 0;
  numbers_ = refs_ = frame_numbers_ = frame_refs_ = 0;
  flushed_ = dead_depth_ = 0;
  acc_slot_ = no_slot;
  acc_entry_ = no_entry;
  exit_ = SIZE_MAX;
  call_end_ = 0;
  live_ = true;
  counts_fuel_ = options_.metering == Metering::fuel && type_ != nullptr;
  noted_code_ = emitter_.position();
  noted_wasm_ = 0;
  function.code_offset = emitter_.position();
  for (const ValType& type : params)
    EBB_TRY(add_local(type));
  for (Local& local : locals_)
    local.is_set = true;
  params_ = {static_cast<uint16_t>(numbers_), static_cast<uint16_t>(refs_)};
  return {};
}

Result<void> FunctionCompiler::compile(FuncIndex index, Function& function) {
  const size_t code_bytes = output_.code.size();
  const size_t map_bytes = output_.offset_map.size();
  // Where a function is so long, some branch is mostly too.
  constexpr uint32_t near_body_max = uint32_t{64} * 1024;
  if (decl_.body(index).size <= near_body_max) {
    EBB_TRY(compile_in_reach(index, function, Reach::near));
    if (!emitter_.is_too_short()) return {};
  }
  output_.code.truncate(code_bytes);
  output_.offset_map.truncate(map_bytes);
  EBB_TRY(compile_in_reach(index, function, Reach::far));
  // What such a branch jumps over are a few instructions.
  EBB_ASSERT(!emitter_.is_too_short());
  return {};
}

Result<void> FunctionCompiler::compile_in_reach(FuncIndex index, Function& function, Reach reach) {
  emitter_.begin(reach);
  EBB_TRY(validator_.begin_function(index));
  type_ = &decl_.function_type(index);
  EBB_TRY(begin(type_->params(), function));
  for (uint32_t i = validator_.param_count(); i < validator_.local_count(); i++)
    EBB_TRY(add_local(validator_.local_type(i)));
  function.type = decl_.functions[index.value];

  // Whether references must be cleared is known at the end; a function without any is entered
  // behind this.
  Draft clear;
  clear.op = Op::enter_refs;
  EBB_TRY(emitter_.put(clear));
  if (numbers_ > params_.numbers) {
    Draft enter;
    enter.op = Op::enter;
    enter.set_extra16(4, numbers_);
    EBB_TRY(emitter_.put(enter));
    enter_at_ = emitter_.position() - op_info(Op::enter).extra;
  }
  EBB_TRY(begin_metered());
  EBB_TRY(run());
  return finish_function(function);
}

Result<void> FunctionCompiler::compile_constant(ByteRange range, ValType type,
                                                size_t globals_visible, Function& function) {
  emitter_.begin(Reach::near);
  EBB_TRY(validator_.begin_const_expr(range, type, globals_visible));
  type_ = nullptr;
  constant_type_ = type;
  EBB_TRY(begin({}, function));
  Draft clear;
  clear.op = Op::enter_refs;
  EBB_TRY(emitter_.put(clear));
  EBB_TRY(run());
  return finish_function(function);
}

Result<void> FunctionCompiler::run() {
  emitter_.seal();
  Block whole{};
  whole.kind = FrameKind::function;
  whole.numbers = static_cast<uint16_t>(numbers_);
  whole.refs = static_cast<uint16_t>(refs_);
  EBB_TRY(blocks_.push(whole));
  const SlotCounts out = slot_counts(results());
  EBB_TRY(note_frame(out.numbers, out.refs));
  for (;;) {
    // Behind a branch a block mostly ends.
    const bool is_easy = live_ || (dead_depth_ == 0 && validator_.next_is_end());
    if (!is_small_build && is_easy && EBB_TRY(validator_.step_quickly(*this))) continue;
    const bool more = EBB_TRY(validator_.step(instruction_));
    if (!more) return handle_end(true);
    EBB_TRY(live_ ? step(instruction_) : step_dead(instruction_.op));
  }
}

Result<void> FunctionCompiler::finish_function(Function& function) {
  function.set_frame(frame_numbers_, frame_refs_);
  const uint32_t clear_bytes = compact_bytes(form_info(Form::enter_refs_nnnn));
  if (frame_refs_ > params_.refs) {
    uint8_t* extra = output_.code.data() + function.code_offset + 2;
    write_code(extra, params_.refs);
    write_code(extra + 2, static_cast<uint16_t>(frame_refs_ - params_.refs));
  } else {
    function.code_offset += clear_bytes;
    emitter_.cut_start(clear_bytes);
  }
  if (clear_end_ != 0) {
    write_code(output_.code.data() + enter_at_, static_cast<uint16_t>(clear_first_));
    const uint32_t count = clear_end_ - clear_first_;
    write_code(output_.code.data() + enter_at_ + 2, static_cast<uint16_t>(count));
  }
  function.code_bytes = emitter_.position() - function.code_offset;
  if (function.code_bytes > function_code_bytes_max) return Error::body_too_large;
  return write_pins();
}

/// Behind its code, a function lists the locals that are worth a machine register, the heaviest
/// first: see PinList.
Result<void> FunctionCompiler::write_pins() {
  // Small builds run compact code alone, and write no modules for others.
  if constexpr (is_small_build) {
    constexpr uint8_t none[PinList::bytes(0, 0)] = {};
    return emitter_.put_bytes(none, sizeof none);
  }
  constexpr uint32_t listed_max = PinList::listed_max;
  // A use costs less than a pin's way from its slot into the register at the entry, two no more.
  constexpr uint32_t weight_min = 3;
  uint8_t slots[2][listed_max];
  uint32_t weights[2][listed_max];
  bool wide[2][listed_max];
  uint8_t counts[2] = {0, 0};
  for (const Local& local : locals_) {
    if (local.weight < weight_min || local.slot > UINT8_MAX) continue;
    const size_t which = is_float(local.type) ? 1 : 0;
    uint32_t at = counts[which];
    while (at > 0 && weights[which][at - 1] < local.weight)
      at--;
    if (at == listed_max) continue;
    const uint32_t last = counts[which] < listed_max ? counts[which]++ : listed_max - 1;
    for (uint32_t i = last; i > at; i--) {
      slots[which][i] = slots[which][i - 1];
      weights[which][i] = weights[which][i - 1];
      wide[which][i] = wide[which][i - 1];
    }
    slots[which][at] = static_cast<uint8_t>(local.slot);
    weights[which][at] = local.weight;
    wide[which][at] = local.type == ValKind::i64;
  }
  uint8_t head[2] = {counts[0], counts[1]};
  for (uint32_t i = 0; i < counts[0]; i++)
    if (wide[0][i]) head[0] = static_cast<uint8_t>(head[0] | PinList::wide_bit << i);
  EBB_TRY(emitter_.put_bytes(head, 2));
  EBB_TRY(emitter_.put_bytes(slots[0], counts[0]));
  EBB_TRY(emitter_.put_bytes(slots[1], counts[1]));
  constexpr uint8_t zero = 0;
  return emitter_.put_bytes(&zero, PinList::bytes(head[0], head[1]) - 2 - counts[0] - counts[1]);
}

/// Notes where the code that comes next was translated from, in the map that backtraces read.
Result<void> FunctionCompiler::note_new_offset() {
  const uint32_t wasm = validator_.instruction_offset();
  if (wasm == noted_wasm_) return {};
  uint8_t buffer[10];
  size_t size = 0;
  uint32_t deltas[2] = {emitter_.position() - noted_code_, wasm - noted_wasm_};
  for (uint32_t delta : deltas) {
    for (; delta >= 0x80; delta >>= 7)
      buffer[size++] = static_cast<uint8_t>(delta | 0x80);
    buffer[size++] = static_cast<uint8_t>(delta);
  }
  EBB_TRY(output_.offset_map.append(buffer, size));
  noted_code_ = emitter_.position();
  noted_wasm_ = wasm;
  return {};
}

Error FunctionCompiler::unsupported(Opcode op) const {
  // There all features of the build can be compiled.
  if (is_small_build) return Error::unsupported_simd;
  switch (opcode_info(op).feature) {
  case Feature::exceptions:
    return Error::unsupported_exceptions;
  case Feature::gc:
    return Error::unsupported_gc;
  default:
    return Error::unsupported_simd;
  }
}

/// In code that cannot be reached only the blocks count.
Result<void> FunctionCompiler::step_dead(Opcode op) {
  switch (op) {
  case Opcode::block:
  case Opcode::loop:
  case Opcode::if_:
  case Opcode::try_table:
    dead_depth_++;
    return {};
  case Opcode::else_:
    return dead_depth_ > 0 ? Result<void>() : handle_else();
  case Opcode::end:
    if (dead_depth_ == 0) return handle_end(false);
    dead_depth_--;
    return {};
  default:
    return {};
  }
}

Result<void> FunctionCompiler::step(const Instruction& in) {
  if (wants_step(in.op)) EBB_TRY(begin_region());
  before(in.op);
  switch (in.op) {
  case Opcode::unreachable: {
    Draft draft;
    draft.op = Op::unreachable;
    EBB_TRY(emit(draft));
    live_ = false;
    return {};
  }
  case Opcode::nop:
    return {};
  case Opcode::block:
    return open_block(FrameKind::block, validator_.control(0).params());
  case Opcode::loop:
    return open_block(FrameKind::loop, validator_.control(0).params());
  case Opcode::if_:
    return open_if(validator_.control(0).params());
  case Opcode::else_:
    return handle_else();
  case Opcode::end:
    return handle_end(false);
  case Opcode::br:
    return branch(in.index);
  case Opcode::br_if:
    return branch_if(in.index);
  case Opcode::br_table:
    return branch_table();
  case Opcode::br_on_null:
    only_with(Feature::function_references);
    return branch_on_null(in.index, true);
  case Opcode::br_on_non_null:
    only_with(Feature::function_references);
    return branch_on_null(in.index, false);
  case Opcode::return_:
    note_exit(0);
    EBB_TRY(emit_return());
    live_ = false;
    return {};
  case Opcode::drop:
    pop();
    return {};
  case Opcode::select:
  case Opcode::select_t:
    return select();
  case Opcode::local_get:
  case Opcode::local_set:
  case Opcode::local_tee:
  case Opcode::global_get:
  case Opcode::global_set:
    return step_variable(in);
  case Opcode::i32_const:
  case Opcode::i64_const:
  case Opcode::f32_const:
  case Opcode::f64_const:
    return step_constant(in);
  case Opcode::call:
  case Opcode::call_indirect:
  case Opcode::call_ref:
  case Opcode::return_call:
  case Opcode::return_call_indirect:
  case Opcode::return_call_ref:
    return call(in);
  case Opcode::ref_null:
  case Opcode::ref_func:
  case Opcode::ref_is_null:
  case Opcode::ref_as_non_null:
    return step_reference(in);
  case Opcode::table_get:
  case Opcode::table_set:
  case Opcode::table_size:
  case Opcode::table_grow:
  case Opcode::table_fill:
  case Opcode::table_copy:
  case Opcode::table_init:
  case Opcode::elem_drop:
    return step_table(in);
  case Opcode::memory_size:
  case Opcode::memory_grow:
  case Opcode::memory_fill:
  case Opcode::memory_copy:
  case Opcode::memory_init:
  case Opcode::data_drop:
    return step_bulk(in);
  default:
    return step_numeric(in);
  }
}

Result<void> FunctionCompiler::step_constant(const Instruction& in) {
  switch (in.op) {
  case Opcode::i32_const:
    return push(Where::constant, ValKind::i32, in.imm);
  case Opcode::i64_const:
    return push(Where::constant, ValKind::i64, in.imm);
  case Opcode::f32_const:
    return push(Where::constant, ValKind::f32, in.imm);
  default:
    return push(Where::constant, ValKind::f64, in.imm);
  }
}

Result<void> FunctionCompiler::step_variable(const Instruction& in) {
  switch (in.op) {
  case Opcode::local_get:
    return local_get(in.index);
  case Opcode::local_set:
    return local_set(in.index, false);
  case Opcode::local_tee:
    return local_set(in.index, true);
  case Opcode::global_get:
    return global_get(in.index);
  default:
    return global_set(in.index);
  }
}

void FunctionCompiler::weigh(Local& local) const {
  if constexpr (is_small_build) return; // Nothing is pinned there.
  const uint32_t depth = blocks_.back().loop_depth;
  const uint32_t weight = 1u << 3 * (depth < 8 ? depth : 8);
  local.weight = local.weight > UINT32_MAX - weight ? UINT32_MAX : local.weight + weight;
}

/// A declared number that may be read before it is set must be zero then.
void FunctionCompiler::clear_at_entry(Local& local) {
  local.is_set = true;
  if (local.type == ValKind::ref) return;
  const uint32_t end = local.slot + slots_of(local.type);
  if (clear_end_ == 0 || local.slot < clear_first_) clear_first_ = local.slot;
  if (end > clear_end_) clear_end_ = end;
}

/// Control may come here from where fewer locals were set.
void FunctionCompiler::forget_set(uint32_t count) {
  for (size_t i = count; i < set_locals_.size(); i++)
    locals_[set_locals_[i]].is_set = false;
  set_locals_.truncate(count);
}

Result<void> FunctionCompiler::local_get(uint32_t index) {
  Local& local = locals_[index];
  if (!local.is_set) clear_at_entry(local);
  if (local.type == ValKind::ref) {
    Draft draft;
    draft.op = Op::ref_move;
    draft.d = Operand::ref(refs_);
    draft.a = Operand::ref(local.slot);
    EBB_TRY(push(Where::slot, ValKind::ref));
    return emit(draft);
  }
  if (local.type == ValKind::v128) {
    EBB_TRY(flush_acc());
    EBB_TRY(copy_range(numbers_, local.slot, 2));
    return push(Where::slot, ValKind::v128);
  }
  weigh(local);
  return push_local(index);
}

Result<void> FunctionCompiler::copy_range(uint32_t to, uint32_t from, uint32_t count) {
  if (count == 0 || to == from) return {};
  Draft draft;
  draft.op = Op::copy_range;
  draft.d = Operand::slot(to);
  draft.a = Operand::slot(from);
  draft.set_extra16(0, count);
  slot_written(to, count);
  return emit(draft);
}

/// A local is set from now on.
Result<void> FunctionCompiler::note_set(uint32_t index) {
  EBB_TRY(set_locals_.push(index));
  locals_[index].is_set = true;
  return {};
}

Result<void> FunctionCompiler::local_set(uint32_t index, bool tee) {
  Local& local = locals_[index];
  if (!local.is_set) EBB_TRY(note_set(index));
  const uint32_t slot = local.slot;
  if (local.type == ValKind::ref || local.type == ValKind::v128) {
    EBB_ASSERT(entries_.back().where == Where::slot);
    const uint32_t from = entries_.back().slot;
    if (!tee) pop();
    if (local.type == ValKind::v128) return copy_range(slot, from, 2);
    Draft draft;
    draft.op = Op::ref_move;
    draft.d = Operand::ref(slot);
    draft.a = Operand::ref(from);
    return emit(draft);
  }
  weigh(local);
  Entry entry = pop();
  const bool is_itself = entry.where == Where::local && entry.local() == index;
  if (!is_itself) {
    const bool done = local.pending == 0 && EBB_TRY(redirect_to_local(entry, slot));
    if (!done) {
      EBB_TRY(save_pending(index));
      EBB_TRY(move_to(entry, slot));
    }
  }
  return tee ? push_local(index) : Result<void>();
}

/// Lets the instruction that made a popped value write it to a local's slot, if it was the last.
Result<bool> FunctionCompiler::redirect_to_local(const Entry& entry, uint32_t slot) {
  const bool in_acc = entry.where == Where::acc && emitter_.last_gives_acc();
  const bool in_slot = entry.where == Where::slot && emitter_.last_writes(entry.slot);
  if (!in_acc && !in_slot) return false;
  if (!EBB_TRY(emitter_.redirect_last(slot))) return false;
  if (in_acc || acc_slot_ == entry.slot)
    acc_mirrors(slot, entry.type);
  else
    slot_written(slot);
  return true;
}

/// Writes a popped value to a slot; the accumulator has it too, afterwards, unless another entry
/// needs it.
Result<void> FunctionCompiler::move_to(Entry& entry, uint32_t slot) {
  if (entry.where == Where::slot && entry.slot == slot) return {};
  if (acc_entry_ != no_entry || (entry.where != Where::acc && !fits_acc(entry.type)))
    return copy_to(entry, slot);
  if (!is_small_build && entry.where != Where::constant) {
    const bool in_acc = entry.where == Where::acc || entry.read_slot() == acc_slot_;
    constexpr Form forms[2][2] = {{Form::move_ssnn, Form::move_sann},
                                  {Form::move_float_ssnn, Form::move_float_sann}};
    EBB_TRY(note_offset());
    EBB_TRY(emitter_.put_plain(forms[is_float(entry.type)][in_acc], slot,
                               Operand::slot(entry.read_slot()), {}, 0));
    acc_mirrors(slot, entry.type);
    return {};
  }
  Draft draft;
  draft.op = is_float(entry.type) ? Op::move_float : Op::move;
  draft.d = Operand::slot(slot);
  draft.a = operand(entry);
  if (draft.a.kind == Kind::s && draft.a.value == acc_slot_) draft.a = Operand::acc();
  if (draft.a.kind == Kind::n) {
    Draft copied;
    constant_source(entry, copied);
    // What is short leaves the accumulator alone.
    if (copied.op != Op::copy_const) return copy_to(entry, slot);
    draft.op = is_float(entry.type) ? Op::const_float : Op::const_int;
    draft.set_extra64(0, entry.bits);
  }
  EBB_TRY(emit(draft));
  acc_mirrors(slot, entry.type);
  return {};
}

Result<void> FunctionCompiler::global_get(uint32_t index) {
  const ValKind type = decl_.globals[index].type.type.kind();
  Draft draft;
  draft.set_extra32(0, index);
  if (type == ValKind::ref) {
    draft.op = Op::global_get_ref;
    draft.d = Operand::ref(refs_);
    EBB_TRY(push(Where::slot, type));
    return emit(draft);
  }
  if (type == ValKind::v128) {
    draft.op = Op::global_get_v128;
    draft.d = Operand::slot(numbers_);
    slot_written(numbers_, 2);
    EBB_TRY(push(Where::slot, type));
    return emit(draft);
  }
  if (index > UINT16_MAX) {
    draft.op = Op::far_global_get;
    return push_special(draft, type);
  }
  draft.op = is_float(type) ? Op::global_get_float : Op::global_get;
  draft.set_extra16(0, index);
  return emit_result(draft, type, nullptr, nullptr);
}

Result<void> FunctionCompiler::global_set(uint32_t index) {
  Entry entry = pop();
  Draft draft;
  draft.set_extra32(0, index);
  if (entry.type == ValKind::ref) {
    draft.op = Op::global_set_ref;
    draft.a = operand(entry);
    return emit(draft);
  }
  if (entry.type == ValKind::v128) {
    draft.op = Op::global_set_v128;
    draft.a = operand(entry);
    return emit(draft);
  }
  if (index > UINT16_MAX) {
    draft.op = Op::far_global_set;
    EBB_TRY(slot_operand(entry, draft.a));
    return emit(draft);
  }
  draft.op = is_float(entry.type) ? Op::global_set_float : Op::global_set;
  draft.set_extra16(0, index);
  EBB_TRY(fit(draft, &entry, nullptr));
  return emit(draft);
}

Result<void> FunctionCompiler::step_numeric(const Instruction& in) {
  Op op = op_of(in.op);
  if (op == Op::count) return unsupported(in.op);
  if (is_memory_access(op)) return step_memory_access(in, op);
  // The validator has applied the signature: what it left on top is the result.
  const ValKind result = validator_.operand(0).kind();
  Draft draft;
  const bool is_unary = op >= Op::i32_eqz;
  if (is_unary) {
    draft.op = op;
    Entry a = pop();
    return emit_result(draft, result, &a, nullptr);
  }
  Entry b = pop();
  Entry a = pop();
  if (op == Op::i32_sub && b.where == Where::constant) {
    // Additions can be joined with more of what comes next.
    op = Op::i32_add;
    b.bits = 0u - static_cast<uint32_t>(b.bits);
  }
  draft.op = op;
  return emit_result(draft, result, &a, &b);
}

namespace {

/// Whether a load or store has forms with an offset of four bytes.
bool has_far_offset(Op op) {
  Kinds kinds = {Kind::s, Kind::s, Kind::h, Kind::n};
  if (is_store(op)) kinds = {Kind::n, Kind::s, Kind::s, Kind::h};
  return find_compact_form(op, kinds) != Form::count;
}

} // namespace

Result<void> FunctionCompiler::step_memory_access(const Instruction& in, Op op) {
  const MemoryType& memory = decl_.memories[in.index];
  if (in.index != 0 || memory.limits.address_type() == ValType::i64()) return far_access(in, op);
  const uint32_t offset = static_cast<uint32_t>(in.imm);
  const Entry& top = entries_[entries_.size() - (is_store(op) ? 2 : 1)];
  const uint32_t base = static_cast<uint32_t>(top.bits);
  const bool is_absolute = top.where == Where::constant && base <= UINT32_MAX - offset;
  Draft draft;
  draft.op = op;
  if (is_absolute) return absolute_access(base + offset, draft);
  if (offset > UINT16_MAX) {
    // The low half comes first, as an operand.
    Operand& half = is_store(op) ? draft.c : draft.b;
    half = {Kind::h, offset & UINT16_MAX};
    if (!has_far_offset(op)) return far_access(in, op);
  }
  draft.set_extra16(0, offset > UINT16_MAX ? offset >> 16 : offset);
  if (is_store(op)) {
    Entry value = pop();
    Entry address = pop();
    if (address.where == Where::constant) EBB_TRY(materialize(address));
    EBB_TRY(fit(draft, &address, &value));
    return emit(draft);
  }
  Entry address = pop();
  if (address.where == Where::constant) EBB_TRY(materialize(address));
  return emit_result(draft, validator_.operand(0).kind(), &address, nullptr);
}

/// An access to where both address and offset are known.
Result<void> FunctionCompiler::absolute_access(uint32_t address, Draft& draft) {
  draft.a = {Kind::k, address & UINT16_MAX};
  draft.set_extra16(0, address >> 16);
  if (!is_store(draft.op)) {
    pop();
    return emit_result(draft, validator_.operand(0).kind(), nullptr, nullptr);
  }
  Entry value = pop();
  if (value.where == Where::constant) EBB_TRY(materialize(value));
  pop();
  draft.b = operand(value);
  if (draft.b.kind == Kind::s && draft.b.value == acc_slot_) draft.b = Operand::acc();
  return emit(draft);
}

namespace {

/// For each load and store, in their order.
constexpr Op far_ops[] = {Op::far_load32_u, Op::far_load8_s32, Op::far_load8_u,  Op::far_load16_s32,
                          Op::far_load16_u, Op::far_load64,    Op::far_load8_s,  Op::far_load8_u,
                          Op::far_load16_s, Op::far_load16_u,  Op::far_load32_s, Op::far_load32_u,
                          Op::far_load32_u, Op::far_load64,    Op::far_store32,  Op::far_store8,
                          Op::far_store16,  Op::far_store64,   Op::far_store8,   Op::far_store16,
                          Op::far_store32,  Op::far_store32,   Op::far_store64};
static_assert(sizeof far_ops / sizeof far_ops[0] ==
              static_cast<size_t>(Op::f64_store) - static_cast<size_t>(Op::i32_load) + 1);

} // namespace

/// An access to another memory than the first, or through 64-bit addresses.
Result<void> FunctionCompiler::far_access(const Instruction& in, Op op) {
  Draft draft;
  draft.op = far_ops[static_cast<size_t>(op) - static_cast<size_t>(Op::i32_load)];
  draft.set_extra32(0, in.index | (decl_.memories[in.index].limits.is_64 ? far_address_64 : 0));
  draft.set_extra64(4, in.imm);
  if (is_store(op)) {
    Entry value = pop();
    Entry address = pop();
    EBB_TRY(flush_acc());
    EBB_TRY(slot_operand(value, draft.b));
    EBB_TRY(slot_operand(address, draft.a));
    lose_acc();
    return emit(draft);
  }
  Entry address = pop();
  EBB_TRY(flush_acc());
  EBB_TRY(slot_operand(address, draft.a));
  return push_special(draft, validator_.operand(0).kind());
}

} // namespace ebb
