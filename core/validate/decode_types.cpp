// The type section: recursive groups, subtypes, composite types.
#include "core/validate/module_decoder.h"

#include "core/types/implementation_limits.h"

namespace ebb {
namespace {

constexpr uint8_t rec_code = 0x4e;
constexpr uint8_t sub_final_code = 0x4f;
constexpr uint8_t sub_code = 0x50;
constexpr uint8_t array_code = 0x5e;
constexpr uint8_t struct_code = 0x5f;
constexpr uint8_t func_code = 0x60;

} // namespace

Result<void> ModuleDecoder::read_types() {
  const WireCount groups = EBB_TRY(reader_.count(2));
  for (uint32_t i = 0; i < groups.claimed(); ++i)
    EBB_TRY(read_type_group());
  return {};
}

Result<void> ModuleDecoder::read_type_group() {
  group_types_.clear();
  group_values_.clear();
  group_fields_.clear();
  uint32_t count = 1;
  if (EBB_TRY(reader_.peek()) == rec_code) {
    EBB_TRY(need(Feature::gc));
    reader_.take();
    count = EBB_TRY(reader_.count(2)).claimed();
    if (count > limits::rec_group_types_max) return Error::rec_group_too_large;
  }
  const size_t first = out_.types.size();
  if (first + count > limits::types_max) return Error::too_many_types;
  type_reader_.begin_group(count);
  for (uint32_t i = 0; i < count; ++i)
    EBB_TRY(read_sub_type(i));
  type_reader_.end_group();
  EBB_TRY(out_.types.intern({group_types_.span(), group_values_.span(), group_fields_.span()}));
  // An equal group may be there already, but someone else may not have checked it yet.
  for (size_t i = first; i < out_.types.size(); ++i) {
    const TypeId id = out_.types[TypeIndex{static_cast<uint32_t>(i)}];
    if (!types_.matches_supertype(id)) return Error::invalid_sub_type;
  }
  return {};
}

Result<void> ModuleDecoder::read_sub_type(uint32_t position) {
  SubTypeSpec spec;
  const uint8_t code = EBB_TRY(reader_.peek());
  if (code == sub_code || code == sub_final_code) {
    EBB_TRY(need(Feature::gc));
    reader_.take();
    spec.is_final = code == sub_final_code;
    const uint32_t supertypes = EBB_TRY(reader_.count()).claimed();
    for (uint32_t i = 0; i < supertypes; ++i) {
      spec.supertype = EBB_TRY(type_reader_.type_use(reader_));
      // Only types before this one.
      if (spec.supertype.is_recursive() && spec.supertype.position() >= position) {
        return Error::unknown_type;
      }
    }
    if (supertypes > 1) return Error::invalid_sub_type;
    spec.has_supertype = supertypes == 1;
  }
  EBB_TRY(read_composite_type(spec));
  return group_types_.push(spec);
}

Result<void> ModuleDecoder::read_composite_type(SubTypeSpec& spec) {
  const uint8_t code = EBB_TRY(reader_.peek());
  if (code < array_code || code > func_code) return Error::malformed_type;
  reader_.take();
  switch (code) {
  case func_code: {
    spec.kind = CompositeKind::func;
    spec.first = static_cast<uint32_t>(group_values_.size());
    spec.param_count = EBB_TRY(read_values(limits::params_max, Error::too_many_params));
    const uint32_t results = EBB_TRY(read_values(limits::results_max, Error::too_many_results));
    if (results > 1) EBB_TRY(need(Feature::multi_value));
    spec.item_count = spec.param_count + results;
    return {};
  }
  case struct_code:
    EBB_TRY(need(Feature::gc));
    spec.kind = CompositeKind::struct_;
    return read_fields(spec);
  case array_code:
    EBB_TRY(need(Feature::gc));
    spec.kind = CompositeKind::array;
    spec.first = static_cast<uint32_t>(group_fields_.size());
    spec.item_count = 1;
    EBB_TRY(group_fields_.reserve(group_fields_.size() + 1));
    group_fields_.push_reserved(EBB_TRY(type_reader_.field_type(reader_)));
    return {};
  default:
    EBB_UNREACHABLE();
  }
}

Result<uint32_t> ModuleDecoder::read_values(uint32_t count_max, Error too_many) {
  const uint32_t count = EBB_TRY(reader_.count()).claimed();
  if (count > count_max) return too_many;
  EBB_TRY(group_values_.reserve(group_values_.size() + count));
  for (uint32_t i = 0; i < count; ++i)
    group_values_.push_reserved(EBB_TRY(type_reader_.val_type(reader_)));
  return count;
}

Result<void> ModuleDecoder::read_fields(SubTypeSpec& spec) {
  spec.first = static_cast<uint32_t>(group_fields_.size());
  spec.item_count = EBB_TRY(reader_.count(2)).claimed();
  if (spec.item_count > limits::struct_fields_max) return Error::too_many_fields;
  EBB_TRY(group_fields_.reserve(group_fields_.size() + spec.item_count));
  for (uint32_t i = 0; i < spec.item_count; ++i)
    group_fields_.push_reserved(EBB_TRY(type_reader_.field_type(reader_)));
  return {};
}

} // namespace ebb
