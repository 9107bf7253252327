// The verifier's entry points, what it asks of a function's record, and its first pass.
#include "core/bytecode/verifier_state.h"

#include "core/bytecode/code_bytes.h"
#include "core/types/implementation_limits.h"

namespace ebb {

namespace {

/// Whether the list behind the code is complete and names slots of the frame: see PinList.
bool pins_fit(std::span<const uint8_t> list, uint32_t frame_numbers) {
  if (list.size() < 2) return false;
  const uint32_t ints = list[0] & PinList::count_mask;
  const uint32_t floats = list[1];
  if (ints > PinList::listed_max || floats > PinList::listed_max) return false;
  // Only those that are listed may be marked as wide.
  if (list[0] >= PinList::wide_bit << ints) return false;
  if (list.size() < PinList::bytes(list[0], list[1])) return false;
  for (uint32_t i = 0; i < ints + floats; i++)
    if (list[2 + i] >= frame_numbers) return false;
  return true;
}

} // namespace

Result<void> verify_record(std::span<const uint8_t> code, const Function& function,
                           std::span<const ValType> params, std::span<const ValType> results) {
  if (params.size() > limits::params_max || results.size() > limits::results_max)
    return Error::bytecode_record;
  const uint32_t slots = uint32_t{function.frame_refs} + pin_homes;
  if (function.extent < slots || function.extent > limits::frame_slots_max + pin_homes)
    return Error::bytecode_record;
  for (const SlotCounts part : {slot_counts(params), slot_counts(results)})
    if (part.numbers > function.frame_numbers() || part.refs > function.frame_refs)
      return Error::bytecode_record;
  if (function.code_offset > code.size() ||
      function.code_bytes > code.size() - function.code_offset ||
      function.code_bytes > function_code_bytes_max ||
      ((function.code_offset | function.code_bytes) & 1) != 0)
    return Error::bytecode_record;
  return {};
}

Result<void> Verifier::run() {
  EBB_TRY(verify_record(context_.code, record_, params_, results_));
  const uint32_t code_end = record_.code_offset + record_.code_bytes;
  if (!pins_fit(context_.code.subspan(code_end), record_.frame_numbers()))
    return Error::bytecode_record;
  code_ = context_.code.data() + record_.code_offset;
  size_ = record_.code_bytes;
  EBB_TRY(marks_.resize(size_t{size_ / 4} + 1));
  if (record_.frame_refs != 0) {
    EBB_TRY(heights_.resize(size_t{size_ / 2} + 1));
    for (uint16_t& height : heights_)
      height = no_height;
  }
  EBB_TRY(scan());
  return check();
}

namespace {

bool is_machine_only(Op op) { return op >= Op::exit_machine && op <= Op::pin_float_store; }

} // namespace

Result<void> Verifier::decode(uint32_t at, VerifiedInstruction& out) const {
  const uint32_t left = size_ - at;
  if (left < 2) return Error::bytecode_opcode;
  const uint16_t number = read_code<uint16_t>(code_ + at);
  if (number >= static_cast<uint16_t>(Form::compact_count)) return Error::bytecode_opcode;
  const FormInfo& info = form_info(static_cast<Form>(number));
  if (is_machine_only(info.op) || is_left_out(info.op)) return Error::bytecode_opcode;
  const OpInfo& op = op_info(info.op);
  const uint32_t bytes = compact_bytes(info);
  if (left < bytes) return Error::bytecode_opcode;
  out.op = info.op;
  out.effect = op.effect;
  out.kinds = info.kinds;
  out.at = at;
  out.next = at + bytes;
  const uint8_t* operand = code_ + at + 2;
  const Kind kinds[] = {info.kinds.d, info.kinds.a, info.kinds.b, info.kinds.c};
  for (size_t i = 0; i < 4; i++) {
    const uint32_t size = kind_bytes(kinds[i]);
    // Of immediates nothing needs proof.
    out.values[i] = size == 2 ? read_code<uint16_t>(operand) : 0;
    operand += size;
  }
  out.extra = operand;
  out.target_count = has_target(op.effect) ? 1 : 0;
  out.targets_at = out.next - target_bytes(info.op) * out.target_count;
  if (op.effect == Effect::table_terminal) {
    const uint64_t count = table_targets(info.op, out.extra);
    if (count > (left - bytes) / target_bytes(info.op)) return Error::bytecode_opcode;
    out.targets_at = out.next;
    out.target_count = static_cast<uint32_t>(count);
    out.next += target_bytes(info.op) * out.target_count;
  }
  return {};
}

void Verifier::set_mark(uint32_t at, uint8_t mark) {
  uint8_t& both = marks_[at / 4];
  const uint32_t shift = at / 2 % 2 * 4;
  both = static_cast<uint8_t>((both & ~(15u << shift)) | static_cast<uint32_t>(mark) << shift);
}

void Verifier::set_branch_state(uint32_t at, AccState state) {
  set_mark(at, static_cast<uint8_t>((mark(at) & 1) | static_cast<uint8_t>(state) << 1));
}

void Verifier::lower_height(uint32_t at, uint32_t height) {
  if (!heights_.is_empty() && height < heights_[at / 2])
    heights_[at / 2] = static_cast<uint16_t>(height);
}

/// Where a target leads; in the code, on a whole unit of it.
Result<uint32_t> Verifier::target_of(const VerifiedInstruction& in, uint32_t which) const {
  const uint32_t field = in.targets_at + target_bytes(in.op) * which;
  const int64_t target = int64_t{field} + target_distance(in.op, code_ + field);
  if (target < 0 || target >= size_ || (target & 1) != 0) return Error::bytecode_target;
  return static_cast<uint32_t>(target);
}

Result<void> Verifier::scan() {
  VerifiedInstruction in;
  for (at_ = 0; at_ < size_; at_ = in.next) {
    EBB_TRY(decode(at_, in));
    set_mark(at_, static_cast<uint8_t>(mark(at_) | 1));
    if (is_call(in.effect)) EBB_TRY(scan_call(in));
    for (uint32_t i = 0; i < in.target_count; i++) {
      const uint32_t target = EBB_TRY(target_of(in, i));
      EBB_TRY(scan_target(in, target));
    }
  }
  return {};
}

/// Of a backward branch: where it lands, nothing is known of the accumulator, and references are as
/// the lowest call since then leaves them.
Result<void> Verifier::scan_target(const VerifiedInstruction& in, uint32_t target) {
  if (target > in.at) return {};
  if (!is_start(target)) return Error::bytecode_target;
  const auto form = static_cast<Form>(read_code<uint16_t>(code_ + target));
  if (context_.metering != Metering::none && form != Form::fuel_nnnn) return Error::bytecode_fuel;
  set_branch_state(target, AccState::unset);
  lower_height(target, lowest_call_since(target));
  return {};
}

Result<void> Verifier::scan_call(const VerifiedInstruction& in) {
  if (heights_.is_empty() || in.effect == Effect::call_terminal) return {};
  CallShape call;
  EBB_TRY(shape_of(in, call));
  const uint32_t height = call.outgoing_refs + call.result_slots.refs;
  while (!calls_.is_empty() && calls_.back().height >= height)
    calls_.truncate(calls_.size() - 1);
  return calls_.push({in.at, height});
}

/// The lowest height that a call from `at` to here leaves; heights in `calls_` ascend.
uint32_t Verifier::lowest_call_since(uint32_t at) const {
  size_t low = 0;
  size_t high = calls_.size();
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (calls_[middle].at < at)
      low = middle + 1;
    else
      high = middle;
  }
  const uint32_t all = record_.frame_refs;
  return low < calls_.size() && calls_[low].height < all ? calls_[low].height : all;
}

/// The type of what a call names. For call_indirect and call_ref the machine checks that the callee
/// has it.
Result<const SubType*> Verifier::callee_type(const VerifiedInstruction& in) const {
  const uint32_t index =
      in.op == Op::call ? read_code<uint16_t>(in.extra) : read_code<uint32_t>(in.extra);
  const uint32_t defined = context_.functions - context_.imported_functions;
  switch (in.op) {
  case Op::call:
  case Op::call_refs:
  case Op::return_call:
    if (index >= defined) return Error::bytecode_index;
    return &context_.function_type_at(context_.module, index + context_.imported_functions);
  case Op::call_import:
  case Op::return_call_import:
    if (index >= context_.imported_functions) return Error::bytecode_index;
    return &context_.function_type_at(context_.module, index);
  default: {
    if (index >= context_.types) return Error::bytecode_index;
    const SubType& type = context_.type_at(context_.module, index);
    if (!type.is_func()) return Error::bytecode_index;
    return &type;
  }
  }
}

Result<void> Verifier::shape_of(const VerifiedInstruction& in, CallShape& out) const {
  const SubType& type = *EBB_TRY(callee_type(in));
  const uint8_t* tail = in.extra + op_info(in.op).extra;
  out.params = type.params();
  out.results = type.results();
  out.param_slots = slot_counts(out.params);
  out.result_slots = slot_counts(out.results);
  out.outgoing = read_code<uint16_t>(tail - 2);
  out.outgoing_refs = in.op == Op::call ? 0 : read_code<uint16_t>(tail - 4);
  return {};
}

namespace {

Result<void> verify(Verifier& verifier, uint32_t* bad_offset) {
  const Result<void> verified = verifier.run();
  if (!verified.ok() && bad_offset != nullptr) *bad_offset = verifier.offset();
  return verified;
}

} // namespace

Result<void> verify_function(const VerifyContext& context, const Function& function,
                             const SubType& type, Heap& scratch, uint32_t* bad_offset) {
  Verifier verifier(context, function, type.params(), type.results(), false, scratch);
  return verify(verifier, bad_offset);
}

Result<void> verify_constant(const VerifyContext& context, const Function& function, ValType type,
                             Heap& scratch, uint32_t* bad_offset) {
  Verifier verifier(context, function, {}, {&type, 1}, true, scratch);
  return verify(verifier, bad_offset);
}

} // namespace ebb
