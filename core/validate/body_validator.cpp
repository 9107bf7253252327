// Setting up for a body, the operand stack, and the step that ties decoding and checking together.
#include "core/validate/body_quick.h"

#include "core/types/implementation_limits.h"

#include <cstring>

namespace ebb {

BodyValidator::BodyValidator(const ModuleDecl& module, const TypeRegistry& types,
                             FeatureSet features, Heap& heap)
    : module_(module), types_(types), features_(features),
      type_reader_(module.types, features, features_used_), operands_(heap), control_(heap),
      labels_(heap), catches_(heap), runs_(heap), set_bits_(heap), set_locals_(heap) {}

Result<void> BodyValidator::begin_function(FuncIndex function) {
  const ByteRange body = module_.body(function);
  reader_ = Reader(module_.slice(body), body.offset);
  function_ = function;
  is_const_ = false;
  failed_ = false;
  globals_visible_ = static_cast<uint32_t>(module_.globals.size());
  br_table_serial_ = 0;
  has_plain_memory_ = !module_.memories.is_empty() && !module_.memories[0].limits.is_64;
  operands_.clear();
  control_.clear();
  floor_ = 0;
  set_locals_.clear();

  const SubType& type = module_.function_type(function);
  param_count_ = static_cast<uint32_t>(type.params().size());
  function_type_ = &type;
  Result<void> begun = read_locals();
  if (begun) {
    ControlFrame frame;
    frame.type = &type;
    begun = control_.push(frame);
  }
  if (!begun) return fail(begun.error(), reader_.offset()).error();
  instruction_ = reader_.cursor();
  return {};
}

Result<void> BodyValidator::begin_const_expr(ByteRange range, ValType expected,
                                             size_t globals_visible) {
  reader_ = Reader(module_.slice(range), range.offset);
  instruction_ = reader_.cursor();
  function_ = no_function;
  function_type_ = nullptr;
  is_const_ = true;
  failed_ = false;
  globals_visible_ = static_cast<uint32_t>(globals_visible);
  param_count_ = 0;
  local_count_ = 0;
  cached_locals_ = 0;
  tracks_locals_ = false;
  operands_.clear();
  control_.clear();
  floor_ = 0;
  set_locals_.clear();
  runs_.clear();
  ControlFrame frame;
  frame.has_value_type = true;
  frame.value_type = expected;
  return control_.push(frame);
}

Result<bool> BodyValidator::fail(Error error, uint32_t offset) {
  failed_ = true;
  error_offset_ = offset;
  control_.clear();
  return error;
}

Result<bool> BodyValidator::step(Instruction& out) {
  EBB_ASSERT(!control_.is_empty());
  instruction_ = reader_.cursor();
  out.offset = instruction_offset();
  const Result<void> decoded = decode(out);
  if (!decoded) [[unlikely]]
    return fail(decoded.error(), reader_.offset());
  const Result<void> checked = check(out);
  if (!checked) [[unlikely]]
    return fail(checked.error(), out.offset);
  return !control_.is_empty();
}

namespace {

/// Who wants to know nothing of the instructions.
struct NoUser {
  static bool wants_step(Opcode) { return false; }
  void before(Opcode) {}
  template <uint32_t> Result<void> quick_numeric(Opcode, ValKind) { return {}; }
  Result<void> quick_access(Opcode, ValKind, uint32_t) { return {}; }
  Result<void> quick_local_get(uint32_t) { return {}; }
  template <bool> Result<void> quick_local_set(uint32_t) { return {}; }
  Result<void> quick_constant(ValKind, uint64_t) { return {}; }
  void quick_drop() {}
  Result<void> quick_select() { return {}; }
  Result<void> quick_global(uint32_t, bool) { return {}; }
  Result<void> quick_call(uint32_t) { return {}; }
  Result<void> quick_open(FrameKind) { return {}; }
  Result<void> quick_close() { return {}; }
  Result<void> quick_branch(uint32_t) { return {}; }
  Result<void> quick_branch_if(uint32_t) { return {}; }
};

} // namespace

Result<void> BodyValidator::finish() {
  Instruction in;
  NoUser nobody;
  for (bool more = true; more;) {
    if constexpr (!is_small_build) {
      // It fails where its user does.
      const Result<bool> is_done = step_quickly(nobody);
      EBB_ASSERT(is_done.ok());
      if (is_done.ok() && is_done.value()) continue;
    }
    more = EBB_TRY(step(in));
  }
  return {};
}

ValType BodyValidator::local_type_slow(uint32_t index) const {
  EBB_ASSERT(index < local_count_);
  if (index < param_count_) return function_type_->params()[index];
  // The first run that ends behind the index.
  size_t low = 0;
  size_t high = runs_.size() - 1;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (runs_[middle].end > index) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return runs_[low].type;
}

Result<void> BodyValidator::push(ValType type) {
  if (operands_.size() >= limits::frame_slots_max) return Error::frame_too_large;
  return operands_.push(type);
}

Result<void> BodyValidator::push(std::span<const ValType> types) {
  if (operands_.size() + types.size() > limits::frame_slots_max) return Error::frame_too_large;
  return operands_.append(types);
}

Result<ValType> BodyValidator::pop_any() {
  const ControlFrame& frame = control_.back();
  if (operands_.size() == frame.height) {
    if (frame.unreachable) return ValType::bottom();
    return Error::type_mismatch;
  }
  return operands_.pop();
}

Result<ValType> BodyValidator::pop(ValType expected) {
  const ValType type = EBB_TRY(pop_any());
  if (type != expected && !types_.is_subtype(type, expected)) return Error::type_mismatch;
  return type;
}

// The type of a reference; of an operand that is missing, the reference type below all others.
Result<ValType> BodyValidator::pop_ref() {
  const ValType type = EBB_TRY(pop_any());
  operand_type_ = type;
  if (type.is_bottom()) return ValType::ref(AbstractHeapType::bottom, false);
  if (!type.is_ref()) return Error::type_mismatch;
  return type;
}

Result<void> BodyValidator::pop(std::span<const ValType> expected) {
  EBB_TRY(check_top(expected, false));
  const size_t available = operands_.size() - control_.back().height;
  operands_.truncate(operands_.size() -
                     (available < expected.size() ? available : expected.size()));
  return {};
}

// Checks the topmost operands against a list of types, and with `replace` gives them those types,
// as popping and pushing would. Lists may be long, and mostly their types are just the expected
// ones.
Result<void> BodyValidator::check_top(std::span<const ValType> expected, bool replace) {
  const ControlFrame& frame = control_.back();
  const size_t available = operands_.size() - frame.height;
  const bool is_short = available < expected.size();
  if (is_short && !frame.unreachable) return Error::type_mismatch;
  const size_t count = is_short ? available : expected.size();
  const ValType* const wanted = expected.data() + (expected.size() - count);
  ValType* const top = operands_.data() + (operands_.size() - count);
  if (count != 0 && memcmp(top, wanted, count * sizeof(ValType)) != 0) {
    for (size_t i = 0; i < count; ++i) {
      if (!types_.is_subtype(top[i], wanted[i])) return Error::type_mismatch;
    }
  } else if (!is_short) {
    return {};
  }
  if (!replace) return {};
  operands_.truncate(operands_.size() - count);
  return push(expected);
}

void BodyValidator::set_unreachable() {
  ControlFrame& frame = control_.back();
  operands_.truncate(frame.height);
  frame.unreachable = true;
}

} // namespace ebb
