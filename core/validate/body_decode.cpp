// Decoding of local declarations and instructions.
#include "core/validate/body_validator.h"

#include "core/types/implementation_limits.h"
#include "core/validate/instruction_rules.h"

#include <cstring>

namespace ebb {
namespace {

constexpr uint32_t memory_index_flag = 0x40; // in the alignment: an index of a memory follows

} // namespace

Result<void> BodyValidator::read_locals() {
  runs_.clear();
  tracks_locals_ = false;
  uint64_t total = param_count_;
  const WireCount groups = EBB_TRY(reader_.count(2));
  for (uint32_t i = 0; i < groups.claimed(); ++i) {
    const uint32_t count = EBB_TRY(reader_.u32());
    total += count;
    if (total - param_count_ > UINT32_MAX) return Error::too_many_locals;
    const ValType type = EBB_TRY(type_reader_.val_type(reader_));
    if (count == 0 || total > limits::locals_max) continue;
    if (has_feature(Feature::function_references) && !type.is_defaultable()) tracks_locals_ = true;
    const uint32_t end = static_cast<uint32_t>(total);
    if (!runs_.is_empty() && runs_.back().type == type) {
      runs_.back().end = end;
    } else {
      EBB_TRY(runs_.push(LocalRun{end, type}));
    }
  }
  if (total > limits::locals_max) return Error::too_many_function_locals;
  local_count_ = static_cast<uint32_t>(total);

  cached_locals_ = 0;
  const uint32_t cached = local_count_ < local_cache_size ? local_count_ : local_cache_size;
  uint32_t index = 0;
  for (; index < cached && index < param_count_; ++index)
    local_cache_[index] = function_type_->params()[index];
  for (const LocalRun* run = runs_.begin(); index < cached; ++run) {
    for (; index < cached && index < run->end; ++index)
      local_cache_[index] = run->type;
  }
  cached_locals_ = cached;
  quick_locals_ = tracks_locals_ ? 0 : cached;
  if (tracks_locals_) {
    set_bits_.clear();
    EBB_TRY(set_bits_.resize((local_count_ + size_t{31}) / 32));
  }
  return {};
}

Result<void> BodyValidator::decode(Instruction& out) {
  const uint8_t code = EBB_TRY(reader_.u8());
  out.op =
      is_opcode_prefix(code) ? prefixed_opcode(code, EBB_TRY(reader_.u32())) : plain_opcode(code);
  if (out.op == no_opcode) {
    return is_prefix_left_out(code) ? Error::feature_disabled : Error::illegal_opcode;
  }
  const InstructionRule& rule = rule_of(out.op);
  EBB_TRY(type_reader_.need(rule.feature));
  if (rule.immediate == Immediate::none) return {};
  return decode_immediate(out, rule.immediate);
}

Result<void> BodyValidator::decode_immediate(Instruction& out, Immediate immediate) {
  switch (immediate) {
  case Immediate::none:
    return {};
  case Immediate::label:
  case Immediate::func:
  case Immediate::type:
  case Immediate::local:
  case Immediate::global:
  case Immediate::table:
  case Immediate::elem:
  case Immediate::data:
  case Immediate::tag:
    out.index = EBB_TRY(reader_.u32());
    return {};
  case Immediate::memory:
    out.index = EBB_TRY(reader_.u32());
    if (out.index != 0 && !features_.has(Feature::multi_memory)) {
      return unless_off(Error::zero_byte_expected, Feature::multi_memory);
    }
    return {};
  case Immediate::type_table:
    out.index = EBB_TRY(reader_.u32());
    out.index2 = EBB_TRY(reader_.u32());
    if (out.index2 != 0 && !features_.has(Feature::reference_types)) {
      return Error::zero_byte_expected;
    }
    return {};
  case Immediate::table_table:
  case Immediate::elem_table:
  case Immediate::memory_memory:
  case Immediate::type_field:
  case Immediate::type_count:
  case Immediate::type_data:
  case Immediate::type_elem:
  case Immediate::type_type:
    out.index = EBB_TRY(reader_.u32());
    out.index2 = EBB_TRY(reader_.u32());
    return {};
  case Immediate::data_memory:
    out.index2 = EBB_TRY(reader_.u32());
    out.index = EBB_TRY(reader_.u32());
    return {};
  case Immediate::block:
    out.block_type = EBB_TRY(type_reader_.block_type(reader_));
    return {};
  case Immediate::try_table:
    only_with(Feature::exceptions);
    out.block_type = EBB_TRY(type_reader_.block_type(reader_));
    return decode_catches();
  case Immediate::br_table:
    return decode_br_table(out);
  case Immediate::types:
    return decode_select_types(out);
  case Immediate::heap_type: {
    const bool is_nullable = out.op == Opcode::ref_null || out.op == Opcode::ref_test_null ||
                             out.op == Opcode::ref_cast_null;
    out.type = ValType::ref(EBB_TRY(type_reader_.heap_type(reader_)), is_nullable);
    return {};
  }
  case Immediate::cast_label:
    return decode_cast(out);
  case Immediate::i32:
    out.imm = static_cast<uint32_t>(EBB_TRY(reader_.s32()));
    return {};
  case Immediate::i64:
    out.imm = static_cast<uint64_t>(EBB_TRY(reader_.s64()));
    return {};
  case Immediate::f32:
    out.imm = EBB_TRY(reader_.u32_fixed());
    return {};
  case Immediate::f64:
    out.imm = EBB_TRY(reader_.u64_fixed());
    return {};
  case Immediate::v128:
  case Immediate::shuffle:
    return decode_bytes(out);
  case Immediate::lane2:
  case Immediate::lane4:
  case Immediate::lane8:
  case Immediate::lane16:
    only_with(Feature::simd);
    out.index2 = EBB_TRY(reader_.u8());
    return {};
  case Immediate::mem8:
  case Immediate::mem16:
  case Immediate::mem32:
  case Immediate::mem64:
  case Immediate::mem128:
    return decode_memory_operand(out);
  case Immediate::mem8_lane:
  case Immediate::mem16_lane:
  case Immediate::mem32_lane:
  case Immediate::mem64_lane:
    only_with(Feature::simd);
    EBB_TRY(decode_memory_operand(out));
    out.index2 = EBB_TRY(reader_.u8());
    return {};
  }
  EBB_UNREACHABLE();
}

Result<void> BodyValidator::decode_memory_operand(Instruction& out) {
  const uint32_t flags = EBB_TRY(reader_.u32());
  out.align = flags & (memory_index_flag - 1);
  out.index = 0;
  if (flags >= 2 * memory_index_flag) return Error::malformed_memop_flags;
  if (flags & memory_index_flag) {
    if (!features_.has(Feature::multi_memory)) {
      return unless_off(Error::malformed_memop_flags, Feature::multi_memory);
    }
    out.index = EBB_TRY(reader_.u32());
  }
  if (features_.has(Feature::memory64)) {
    out.imm = EBB_TRY(reader_.u64());
  } else {
    out.imm = EBB_TRY(reader_.u32());
  }
  return {};
}

Result<void> BodyValidator::decode_br_table(Instruction& out) {
  labels_.clear();
  const WireCount count = EBB_TRY(reader_.count());
  if (count.claimed() > limits::br_table_labels_max) return Error::br_table_too_large;
  EBB_TRY(labels_.reserve(count.limit(1) + 1));
  for (uint32_t i = 0; i < count.claimed(); ++i)
    labels_.push_reserved(EBB_TRY(reader_.u32()));
  labels_.push_reserved(EBB_TRY(reader_.u32()));
  out.index = count.claimed();
  return {};
}

Result<void> BodyValidator::decode_catches() {
  only_with(Feature::exceptions);
  catches_.clear();
  const WireCount count = EBB_TRY(reader_.count(2));
  for (uint32_t i = 0; i < count.claimed(); ++i) {
    CatchClause clause;
    const uint8_t code = EBB_TRY(reader_.u8());
    if (code > static_cast<uint8_t>(CatchKind::catch_all_ref)) return Error::malformed_catch_clause;
    clause.kind = static_cast<CatchKind>(code);
    if (clause.kind == CatchKind::catch_ || clause.kind == CatchKind::catch_ref) {
      clause.tag = TagIndex{EBB_TRY(reader_.u32())};
    }
    clause.label = LabelIndex{EBB_TRY(reader_.u32())};
    EBB_TRY(catches_.push(clause));
  }
  return {};
}

Result<void> BodyValidator::decode_cast(Instruction& out) {
  only_with(Feature::gc);
  const uint8_t flags = EBB_TRY(reader_.u8());
  if (flags > 3) return Error::malformed_reference_type;
  out.index = EBB_TRY(reader_.u32());
  out.type = ValType::ref(EBB_TRY(type_reader_.heap_type(reader_)), (flags & 1) != 0);
  out.type2 = ValType::ref(EBB_TRY(type_reader_.heap_type(reader_)), (flags & 2) != 0);
  return {};
}

Result<void> BodyValidator::decode_select_types(Instruction& out) {
  const WireCount count = EBB_TRY(reader_.count());
  for (uint32_t i = 0; i < count.claimed(); ++i)
    out.type = EBB_TRY(type_reader_.val_type(reader_));
  if (count.claimed() != 1) return Error::invalid_result_arity;
  return {};
}

Result<void> BodyValidator::decode_bytes(Instruction& out) {
  only_with(Feature::simd);
  const std::span<const uint8_t> bytes = EBB_TRY(reader_.bytes(sizeof(out.bytes)));
  memcpy(out.bytes, bytes.data(), sizeof(out.bytes));
  return {};
}

} // namespace ebb
