// The verifier's second pass: the rules of README.md, one instruction after the other.
#include "core/bytecode/verifier_state.h"

#include "core/bytecode/code_bytes.h"

namespace ebb {
namespace {

/// How instructions with an operand type use the accumulator: operands a and b, and the result.
struct AccRow {
  AccType a, b, out;
};

constexpr AccType acc_u32 = AccType::int32, acc_s32 = AccType::int32;
constexpr AccType acc_u64 = AccType::int64, acc_s64 = AccType::int64;
constexpr AccType acc_f32 = AccType::float32, acc_f64 = AccType::float64;

constexpr AccRow acc_rows[] = {
#define EBB_BINARY(name, in, out, forms, expression) {acc_##in, acc_##in, acc_##out},
#define EBB_BINARY_TRAP(name, in, out, forms, check, expression) {acc_##in, acc_##in, acc_##out},
#define EBB_UNARY(name, in, out, forms, expression) {acc_##in, acc_##in, acc_##out},
#define EBB_UNARY_TRAP(name, in, out, forms, check, expression) {acc_##in, acc_##in, acc_##out},
#define EBB_LOAD(name, memory, out, forms) {acc_u32, acc_u32, acc_##out},
#define EBB_STORE(name, in, memory, forms) {acc_u32, acc_##in, acc_##in},
#define EBB_BRANCH(name, in, forms, condition) {acc_##in, acc_##in, acc_##in},
#define EBB_SPECIAL(name, forms, extra, effect)
#include "core/bytecode/instructions.def"
#include "core/bytecode/instructions_undef.h"
};
static_assert(sizeof(acc_rows) / sizeof(acc_rows[0]) == static_cast<size_t>(Op::move),
              "special rows come behind all others");

bool is_real(AccType type) {
  return type == AccType::float32 || type == AccType::float64 || type == AccType::any_float;
}

AccType acc_type_of(ValType type) {
  switch (type.kind()) {
  case ValKind::i32:
    return AccType::int32;
  case ValKind::f32:
    return AccType::float32;
  case ValKind::f64:
    return AccType::float64;
  default:
    return AccType::int64;
  }
}

uint32_t extra16(const VerifiedInstruction& in, size_t at) {
  return read_code<uint16_t>(in.extra + at);
}
uint32_t extra32(const VerifiedInstruction& in, size_t at) {
  return read_code<uint32_t>(in.extra + at);
}

/// Slots that a number operand takes.
uint32_t width_of(Op op, size_t operand) {
  const bool is_vector = (op == Op::select_v128 && operand < 3) || op == Op::global_get_v128 ||
                         op == Op::global_set_v128;
  return is_vector ? 2 : 1;
}

/// What may stand in a constant: nothing that traps, branches, calls or writes elsewhere than the
/// frame.
bool is_constant_op(Op op) {
  switch (op) {
  case Op::i32_add:
  case Op::i32_sub:
  case Op::i32_mul:
  case Op::i64_add:
  case Op::i64_sub:
  case Op::i64_mul:
  case Op::move:
  case Op::move_float:
  case Op::copy:
  case Op::copy_float:
  case Op::copy_const:
  case Op::copy_high:
  case Op::copy_range:
  case Op::const_int:
  case Op::const_float:
  case Op::global_get:
  case Op::global_get_float:
  case Op::far_global_get:
  case Op::global_get_v128:
  case Op::global_get_ref:
  case Op::enter_refs:
  case Op::ref_move:
  case Op::ref_move_range:
  case Op::ref_null:
  case Op::ref_func:
  case Op::return_void:
  case Op::return_int:
  case Op::return_float:
    return true;
  default:
    return false;
  }
}

} // namespace

Result<void> Verifier::check() {
  height_ = record_.frame_refs;
  VerifiedInstruction in;
  for (at_ = 0; at_ < size_; at_ = in.next) {
    EBB_TRY(decode(at_, in));
    EBB_TRY(arrive(in));
    EBB_TRY(check_entry(in));
    if (is_constant_ && !is_constant_op(in.op)) return Error::bytecode_constant;
    EBB_TRY(check_operands(in));
    EBB_TRY(check_indices(in));
    EBB_TRY(check_acc_operands(in));
    apply_acc_effect(in);
    if (is_call(in.effect)) EBB_TRY(check_call(in));
    EBB_TRY(check_return(in));
    EBB_TRY(check_targets(in));
    is_reachable_ = in.effect != Effect::terminal && in.effect != Effect::target_terminal &&
                    in.effect != Effect::table_terminal && in.effect != Effect::call_terminal;
  }
  return is_reachable_ ? Result<void>(Error::bytecode_end) : Result<void>();
}

/// What is known where an instruction starts, from the instruction above it and from branches.
Result<void> Verifier::arrive(const VerifiedInstruction& in) {
  const AccState branched = branch_state(in.at);
  const bool is_target = branched != AccState::none;
  const bool is_restore = in.op == Op::refs_restore;
  if (is_target && (is_restore || in.op == Op::enter || in.op == Op::enter_refs))
    return Error::bytecode_target;
  if (is_restore != (restore_ != 0) || (is_restore && extra16(in, 0) != restore_))
    return Error::bytecode_frame;
  restore_ = 0;
  if (!is_reachable_) {
    acc_ = is_target ? branched : AccState::unset;
    height_ = record_.frame_refs;
  } else if (is_target && branched != acc_) {
    acc_ = AccState::unset;
  }
  if (!is_target || heights_.is_empty()) return {};
  lower_height(in.at, height_);
  height_ = heights_[in.at / 2];
  return {};
}

/// A function clears its references, zeroes its locals and counts its fuel before anything else.
Result<void> Verifier::check_entry(const VerifiedInstruction& in) {
  const uint32_t cleared = uint32_t{record_.frame_refs} - param_refs_;
  const bool clears = in.op == Op::enter_refs;
  if (clears != (in.at == 0 && cleared != 0)) return Error::bytecode_entry;
  if (clears) {
    const bool is_whole = extra16(in, 0) == param_refs_ && extra16(in, 2) == cleared;
    return is_whole ? Result<void>() : Result<void>(Error::bytecode_entry);
  }
  if (in.op == Op::fuel) {
    // A charge of nothing would let a loop run on; a charge where none is wanted would stop code
    // whose store has no fuel.
    const bool charges = extra16(in, 0) != 0;
    if (context_.metering == Metering::none || charges != (context_.metering == Metering::fuel))
      return Error::bytecode_fuel;
    has_fuel_ = true;
    return {};
  }
  if (in.op == Op::enter && !in_entry_) return Error::bytecode_entry;
  if (in.op != Op::enter && context_.metering != Metering::none && !has_fuel_ && !is_constant_)
    return Error::bytecode_fuel;
  in_entry_ = false;
  return {};
}

Result<void> Verifier::check_numbers(uint32_t first, uint32_t count) const {
  return first + count <= record_.frame_numbers() ? Result<void>()
                                                  : Result<void>(Error::bytecode_slot);
}

/// References are read below the height; `first` alone must not be above it, either.
Result<void> Verifier::read_refs(uint32_t first, uint32_t count) const {
  if (first + count > record_.frame_refs) return Error::bytecode_slot;
  return first + count <= height_ ? Result<void>() : Result<void>(Error::bytecode_reference);
}

/// References are written anywhere; those that follow on from the height raise it.
Result<void> Verifier::write_refs(uint32_t first, uint32_t count) {
  if (first + count > record_.frame_refs) return Error::bytecode_slot;
  if (first <= height_ && first + count > height_) height_ = first + count;
  return {};
}

Result<void> Verifier::check_operands(const VerifiedInstruction& in) {
  switch (in.op) {
  case Op::copy_range:
    EBB_TRY(check_numbers(in.values[0], extra16(in, 0)));
    return check_numbers(in.values[1], extra16(in, 0));
  case Op::ref_move_range:
    EBB_TRY(read_refs(in.values[1], extra16(in, 0)));
    return write_refs(in.values[0], extra16(in, 0));
  case Op::enter:
    EBB_TRY(check_numbers(extra16(in, 4), 0));
    return check_numbers(extra16(in, 0), extra16(in, 2));
  default:
    break;
  }
  const Kind kinds[] = {in.kinds.d, in.kinds.a, in.kinds.b, in.kinds.c};
  for (size_t i = 0; i < 4; i++) {
    if (kinds[i] == Kind::s) EBB_TRY(check_numbers(in.values[i], width_of(in.op, i)));
    if (kinds[i] == Kind::r && i != 0) EBB_TRY(read_refs(in.values[i], 1));
  }
  return in.kinds.d == Kind::r ? write_refs(in.values[0], 1) : Result<void>();
}

/// How an operand (d, a, b, c) uses the accumulator. Indices and results have been checked.
AccType Verifier::acc_type(const VerifiedInstruction& in, size_t operand) const {
  if (in.op < Op::move) {
    const AccRow& row = acc_rows[static_cast<size_t>(in.op)];
    return operand == 0 ? row.out : operand == 1 ? row.a : row.b;
  }
  switch (in.op) {
  case Op::select:
  case Op::select_float:
    if (operand == 3) return AccType::int32;
    return in.op == Op::select ? AccType::any_int : AccType::any_float;
  case Op::move_float:
  case Op::const_float:
    return AccType::any_float;
  case Op::global_get:
  case Op::global_get_float:
  case Op::global_set:
  case Op::global_set_float:
    return acc_type_of(context_.global_at(context_.module, extra16(in, 0)).type);
  case Op::return_int:
  case Op::return_float:
    return acc_type_of(results_[0]);
  case Op::call_indirect:
    return (extra32(in, 4) & far_address_64) != 0 ? AccType::int64 : AccType::int32;
  case Op::move:
  case Op::const_int:
    return AccType::any_int;
  default:
    return AccType::int32;
  }
}

Result<void> Verifier::check_acc_operands(const VerifiedInstruction& in) const {
  const Kind kinds[] = {in.kinds.d, in.kinds.a, in.kinds.b, in.kinds.c};
  for (size_t i = 0; i < 4; i++) {
    if (kinds[i] != Kind::a) continue;
    const AccType type = acc_type(in, i);
    if (is_too_wide(type)) return Error::bytecode_profile;
    const AccState wanted = is_real(type) ? AccState::real : AccState::integer;
    if (i != 0 && acc_ != wanted) return Error::bytecode_accumulator;
  }
  return {};
}

void Verifier::set_acc(AccType type) {
  acc_ = is_too_wide(type) ? AccState::unset : is_real(type) ? AccState::real : AccState::integer;
}

void Verifier::apply_acc_effect(const VerifiedInstruction& in) {
  switch (in.effect) {
  case Effect::acc_int:
  case Effect::acc_float:
    set_acc(acc_type(in, 0));
    break;
  case Effect::acc_lost:
  case Effect::call:
    acc_ = AccState::unset;
    break;
  default:
    break;
  }
}

Result<void> Verifier::check_global(const VerifiedInstruction& in) const {
  const uint32_t index = op_info(in.op).extra == 2 ? extra16(in, 0) : extra32(in, 0);
  if (index >= context_.globals) return Error::bytecode_index;
  const GlobalType& global = context_.global_at(context_.module, index);
  const ValKind kind = global.type.kind();
  bool fits = false;
  bool sets = false;
  switch (in.op) {
  case Op::global_set:
    sets = true;
    [[fallthrough]];
  case Op::global_get:
    fits = kind == ValKind::i32 || kind == ValKind::i64;
    break;
  case Op::global_set_float:
    sets = true;
    [[fallthrough]];
  case Op::global_get_float:
    fits = kind == ValKind::f32 || kind == ValKind::f64;
    break;
  case Op::far_global_set:
    sets = true;
    [[fallthrough]];
  case Op::far_global_get:
    fits = kind != ValKind::v128 && kind != ValKind::ref;
    break;
  case Op::global_set_v128:
    sets = true;
    [[fallthrough]];
  case Op::global_get_v128:
    fits = kind == ValKind::v128;
    break;
  default:
    sets = in.op == Op::global_set_ref;
    fits = kind == ValKind::ref;
    break;
  }
  return fits && (!sets || global.is_mutable) ? Result<void>()
                                              : Result<void>(Error::bytecode_index);
}

Result<void> Verifier::check_table_operand(uint32_t operand) const {
  const uint32_t index = operand & ~far_address_64;
  if (index >= context_.tables) return Error::bytecode_index;
  const bool is_64 = context_.table_at(context_.module, index).limits.is_64;
  return is_64 == ((operand & far_address_64) != 0) ? Result<void>()
                                                    : Result<void>(Error::bytecode_index);
}

Result<void> Verifier::check_memory_operand(uint32_t operand) const {
  const uint32_t index = operand & ~far_address_64;
  if (index >= context_.memories) return Error::bytecode_index;
  const bool is_64 = context_.memory_at(context_.module, index).limits.is_64;
  return is_64 == ((operand & far_address_64) != 0) ? Result<void>()
                                                    : Result<void>(Error::bytecode_index);
}

namespace {

Result<void> below(uint32_t index, uint32_t count) {
  return index < count ? Result<void>() : Result<void>(Error::bytecode_index);
}

} // namespace

/// What an instruction names beside slots; of calls only the table.
Result<void> Verifier::check_indices(const VerifiedInstruction& in) const {
  // Plain loads and stores are for a first memory of 32-bit addresses.
  if (is_memory_access(in.op)) return check_memory_operand(0);
  if (in.op >= Op::far_load8_s && in.op <= Op::far_store64)
    return check_memory_operand(extra32(in, 0));
  switch (in.op) {
  case Op::global_get:
  case Op::global_get_float:
  case Op::far_global_get:
  case Op::global_get_v128:
  case Op::global_get_ref:
  case Op::far_global_set:
  case Op::global_set:
  case Op::global_set_float:
  case Op::global_set_v128:
  case Op::global_set_ref:
    return check_global(in);
  case Op::ref_func:
    return below(extra32(in, 0), context_.functions);
  case Op::call_indirect:
  case Op::return_call_indirect:
    return check_table_operand(extra32(in, 4));
  case Op::table_get:
  case Op::table_set:
  case Op::table_size:
  case Op::table_grow:
  case Op::table_fill:
    return check_table_operand(extra32(in, 0));
  case Op::table_copy:
    EBB_TRY(check_table_operand(extra32(in, 0)));
    return check_table_operand(extra32(in, 4));
  case Op::table_init:
    EBB_TRY(check_table_operand(extra32(in, 0)));
    return below(extra32(in, 4), context_.elems);
  case Op::elem_drop:
    return below(extra32(in, 0), context_.elems);
  case Op::memory_size:
  case Op::memory_grow:
  case Op::memory_fill:
    return check_memory_operand(extra32(in, 0));
  case Op::memory_copy:
    EBB_TRY(check_memory_operand(extra32(in, 0)));
    return check_memory_operand(extra32(in, 4));
  case Op::memory_init:
    EBB_TRY(check_memory_operand(extra32(in, 0)));
    return below(extra32(in, 4), context_.datas);
  case Op::data_drop:
    return below(extra32(in, 0), context_.datas);
  case Op::return_int:
  case Op::return_float:
    // Here because the accumulator's type is the result's.
    return is_single_number() && acc_type_is_real() == (in.op == Op::return_float)
               ? Result<void>()
               : Result<void>(Error::bytecode_result);
  default:
    return {};
  }
}

bool Verifier::acc_type_is_real() const { return is_real(acc_type_of(results_[0])); }

Result<void> Verifier::check_call(const VerifiedInstruction& in) {
  CallShape call;
  EBB_TRY(shape_of(in, call));
  for (const SlotCounts part : {call.param_slots, call.result_slots}) {
    if (call.outgoing + part.numbers > record_.frame_numbers()) return Error::bytecode_frame;
    if (call.outgoing_refs + part.refs > record_.frame_refs) return Error::bytecode_frame;
  }
  EBB_TRY(read_refs(call.outgoing_refs, call.param_slots.refs));
  if (in.effect == Effect::call_terminal) return check_tail_call(call);
  restore_ = call.outgoing_refs;
  height_ = call.outgoing_refs + call.result_slots.refs;
  if (call.results.size() == 1 && call.results[0].is_num()) set_acc(acc_type_of(call.results[0]));
  return {};
}

/// The callee's results become the function's, as they lie and in the accumulator.
Result<void> Verifier::check_tail_call(const CallShape& call) const {
  if (call.results.size() != results_.size()) return Error::bytecode_result;
  for (size_t i = 0; i < results_.size(); i++) {
    const bool same =
        call.results[i].is_ref() ? results_[i].is_ref() : call.results[i] == results_[i];
    if (!same) return Error::bytecode_result;
  }
  return {};
}

/// A single number is returned as one, so that callers find it in the accumulator too.
Result<void> Verifier::check_return(const VerifiedInstruction& in) const {
  if (in.op != Op::return_void) return {};
  if (is_single_number()) return Error::bytecode_result;
  return read_refs(0, slot_counts(results_).refs);
}

/// Forward, a branch leaves what is known at its target. Backward, it must bring what was taken for
/// granted there.
Result<void> Verifier::check_targets(const VerifiedInstruction& in) {
  for (uint32_t i = 0; i < in.target_count; i++) {
    const uint32_t target = EBB_TRY(target_of(in, i));
    if (target <= in.at) {
      if (!heights_.is_empty() && height_ < heights_[target / 2]) return Error::bytecode_reference;
      continue;
    }
    if (!is_start(target)) return Error::bytecode_target;
    const AccState there = branch_state(target);
    set_branch_state(target, there == AccState::none || there == acc_ ? acc_ : AccState::unset);
    lower_height(target, height_);
  }
  return {};
}

} // namespace ebb
