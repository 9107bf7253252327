// Checking of instructions: constant expressions, signatures from the table, variables, tables,
// references.
#include "core/validate/body_validator.h"

#include "core/validate/instruction_rules.h"

namespace ebb {
namespace {

// How many lanes there are; 0 where the immediate has none.
uint32_t lane_count(Immediate immediate) {
  switch (immediate) {
  case Immediate::lane2:
  case Immediate::mem64_lane:
    return 2;
  case Immediate::lane4:
  case Immediate::mem32_lane:
    return 4;
  case Immediate::lane8:
  case Immediate::mem16_lane:
    return 8;
  case Immediate::lane16:
  case Immediate::mem8_lane:
    return 16;
  default:
    return 0;
  }
}

ValType narrower(ValType a, ValType b) { return a == ValType::i64() ? b : a; }

} // namespace

Result<void> BodyValidator::check(const Instruction& in) {
  if (is_const_) EBB_TRY(check_const(in));
  const InstructionRule& rule = rule_of(in.op);
  if (rule.is_special) return check_special(in);
  if (rule.immediate != Immediate::none) EBB_TRY(check_immediate(in, rule.immediate));
  return check_signature(in);
}

Result<void> BodyValidator::check_const(const Instruction& in) {
  switch (in.op) {
  case Opcode::end:
  case Opcode::i32_const:
  case Opcode::i64_const:
  case Opcode::f32_const:
  case Opcode::f64_const:
  case Opcode::v128_const:
  case Opcode::ref_null:
  case Opcode::ref_func:
  case Opcode::ref_i31:
  case Opcode::struct_new:
  case Opcode::struct_new_default:
  case Opcode::array_new:
  case Opcode::array_new_default:
  case Opcode::array_new_fixed:
  case Opcode::any_convert_extern:
  case Opcode::extern_convert_any:
    return {};
  case Opcode::i32_add:
  case Opcode::i32_sub:
  case Opcode::i32_mul:
  case Opcode::i64_add:
  case Opcode::i64_sub:
  case Opcode::i64_mul:
    return type_reader_.need(Feature::extended_const);
  case Opcode::global_get:
    if (in.index >= globals_visible_) return Error::unknown_global;
    if (module_.globals[in.index].type.is_mutable) return Error::constant_expression_required;
    if (in.index < module_.imported_globals) return {};
    return type_reader_.need(Feature::gc);
  default:
    return Error::constant_expression_required;
  }
}

Result<void> BodyValidator::check_immediate(const Instruction& in, Immediate immediate) {
  switch (immediate) {
  case Immediate::elem:
    if (in.index >= module_.elems.size()) return Error::unknown_elem_segment;
    return {};
  case Immediate::data:
    if (!module_.has_data_count) return Error::data_count_required;
    if (in.index >= module_.data_count) return Error::unknown_data_segment;
    return {};
  case Immediate::data_memory:
    if (!module_.has_data_count) return Error::data_count_required;
    if (in.index >= module_.memories.size()) return Error::unknown_memory;
    if (in.index2 >= module_.data_count) return Error::unknown_data_segment;
    return {};
  case Immediate::memory:
    if (in.index >= module_.memories.size()) return Error::unknown_memory;
    return {};
  case Immediate::shuffle:
    only_with(Feature::simd);
    for (uint8_t lane : in.bytes) {
      if (lane >= 32) return Error::invalid_lane_index;
    }
    return {};
  case Immediate::lane2:
  case Immediate::lane4:
  case Immediate::lane8:
  case Immediate::lane16:
    only_with(Feature::simd);
    if (in.index2 >= lane_count(immediate)) return Error::invalid_lane_index;
    return {};
  default:
    break;
  }
  if (immediate < Immediate::mem8) return {};
  if (in.index >= module_.memories.size()) return Error::unknown_memory;
  if (in.align > natural_align(immediate)) return Error::alignment_too_large;
  if (has_feature(Feature::memory64) && in.imm > UINT32_MAX &&
      !module_.memories[in.index].limits.is_64) {
    return Error::offset_out_of_range;
  }
  if (!has_feature(Feature::simd)) return {};
  const uint32_t lanes = lane_count(immediate);
  if (lanes != 0 && in.index2 >= lanes) return Error::invalid_lane_index;
  return {};
}

Result<void> BodyValidator::check_signature(const Instruction& in) {
  const InstructionRule& rule = rule_of(in.op);
  for (uint32_t i = InstructionRule::pops_max; i-- != 0;) {
    const OperandType operand = rule.pop(i);
    if (operand == OperandType::none) continue;
    EBB_TRY(pop(operand == OperandType::address ? address_type(in) : type_of(operand)));
  }
  const OperandType result = rule.push();
  if (result == OperandType::none) return {};
  return push(result == OperandType::address ? address_type(in) : type_of(result));
}

Result<void> BodyValidator::check_special(const Instruction& in) {
  switch (in.op) {
  case Opcode::drop:
    operand_type_ = EBB_TRY(pop_any());
    return {};
  case Opcode::select:
  case Opcode::select_t:
    return check_select(in);
  case Opcode::local_get:
  case Opcode::local_set:
  case Opcode::local_tee:
    return check_local(in);
  case Opcode::global_get:
  case Opcode::global_set:
    return check_variable(in);
  case Opcode::table_get:
  case Opcode::table_set:
  case Opcode::table_init:
  case Opcode::table_copy:
  case Opcode::table_grow:
  case Opcode::table_size:
  case Opcode::table_fill:
    return check_table(in);
  case Opcode::memory_copy: {
    if (in.index >= module_.memories.size() || in.index2 >= module_.memories.size()) {
      return Error::unknown_memory;
    }
    const ValType to = module_.memories[in.index].limits.address_type();
    const ValType from = module_.memories[in.index2].limits.address_type();
    EBB_TRY(pop(narrower(to, from)));
    EBB_TRY(pop(from));
    EBB_TRY(pop(to));
    return {};
  }
  case Opcode::ref_null:
  case Opcode::ref_is_null:
  case Opcode::ref_func:
  case Opcode::ref_eq:
  case Opcode::ref_as_non_null:
  case Opcode::ref_test:
  case Opcode::ref_test_null:
  case Opcode::ref_cast:
  case Opcode::ref_cast_null:
  case Opcode::any_convert_extern:
  case Opcode::extern_convert_any:
    return check_reference(in);
  case Opcode::ref_i31:
  case Opcode::i31_get_s:
  case Opcode::i31_get_u:
    return check_object(in);
  default:
    if (has_feature(Feature::gc) && in.op >= Opcode::struct_new && in.op <= Opcode::array_init_elem)
      return check_object(in);
    return check_control(in);
  }
}

Result<void> BodyValidator::check_select(const Instruction& in) {
  EBB_TRY(pop(ValType::i32()));
  if (in.op == Opcode::select_t) {
    EBB_TRY(pop(in.type));
    EBB_TRY(pop(in.type));
    operand_type_ = in.type;
    return push(in.type);
  }
  const ValType second = EBB_TRY(pop_any());
  const ValType first = EBB_TRY(pop_any());
  if (first.is_ref() || second.is_ref()) return Error::type_mismatch;
  if (first != second && !first.is_bottom() && !second.is_bottom()) return Error::type_mismatch;
  operand_type_ = first.is_bottom() ? second : first;
  return push(operand_type_);
}

Result<void> BodyValidator::check_local(const Instruction& in) {
  if (in.index >= local_count_) return Error::unknown_local;
  const ValType type = local_type(in.index);
  const bool is_tracked = has_feature(Feature::function_references) && tracks_locals_ &&
                          in.index >= param_count_ && !type.is_defaultable();
  if (in.op == Opcode::local_get) {
    if (is_tracked && !is_local_set(in.index)) return Error::uninitialized_local;
    return push(type);
  }
  operand_type_ = EBB_TRY(pop(type));
  if (is_tracked && !is_local_set(in.index)) {
    EBB_TRY(set_locals_.push(in.index));
    set_bits_[in.index / 32] |= 1u << (in.index % 32);
  }
  return in.op == Opcode::local_tee ? push(type) : Result<void>();
}

Result<void> BodyValidator::check_variable(const Instruction& in) {
  if (in.index >= globals_visible_) return Error::unknown_global;
  const GlobalType& global = module_.globals[in.index].type;
  if (in.op == Opcode::global_get) return push(global.type);
  if (!global.is_mutable) return Error::immutable_global;
  operand_type_ = EBB_TRY(pop(global.type));
  return {};
}

Result<void> BodyValidator::check_table(const Instruction& in) {
  const uint32_t index = in.op == Opcode::table_init ? in.index2 : in.index;
  if (index >= module_.tables.size()) return Error::unknown_table;
  const TableType& table = module_.tables[index].type;
  const ValType address = table.limits.address_type();
  switch (in.op) {
  case Opcode::table_get:
    EBB_TRY(pop(address));
    return push(table.element);
  case Opcode::table_set:
    EBB_TRY(pop(table.element));
    EBB_TRY(pop(address));
    return {};
  case Opcode::table_size:
    return push(address);
  case Opcode::table_grow:
    EBB_TRY(pop(address));
    EBB_TRY(pop(table.element));
    return push(address);
  case Opcode::table_fill:
    EBB_TRY(pop(address));
    EBB_TRY(pop(table.element));
    EBB_TRY(pop(address));
    return {};
  case Opcode::table_copy: {
    if (in.index2 >= module_.tables.size()) return Error::unknown_table;
    const TableType& source = module_.tables[in.index2].type;
    if (!types_.is_subtype(source.element, table.element)) return Error::type_mismatch;
    EBB_TRY(pop(narrower(address, source.limits.address_type())));
    EBB_TRY(pop(source.limits.address_type()));
    EBB_TRY(pop(address));
    return {};
  }
  case Opcode::table_init:
    if (in.index >= module_.elems.size()) return Error::unknown_elem_segment;
    if (!types_.is_subtype(module_.elems[in.index].type, table.element)) {
      return Error::type_mismatch;
    }
    EBB_TRY(pop(ValType::i32()));
    EBB_TRY(pop(ValType::i32()));
    EBB_TRY(pop(address));
    return {};
  default:
    EBB_UNREACHABLE();
  }
}

Result<void> BodyValidator::check_reference(const Instruction& in) {
  switch (in.op) {
  case Opcode::ref_null:
    return push(in.type);
  case Opcode::ref_is_null:
    EBB_TRY(pop_ref());
    return push(ValType::i32());
  case Opcode::ref_as_non_null:
    only_with(Feature::function_references);
    return push(EBB_TRY(pop_ref()).with_nullable(false));
  case Opcode::ref_func: {
    const FuncIndex function{in.index};
    if (in.index >= module_.functions.size()) return Error::unknown_function;
    if (!is_const_ && !module_.is_declared(function)) return Error::undeclared_function_reference;
    return push(ValType::ref(HeapType::concrete(module_.function_type_id(function)), false));
  }
  case Opcode::ref_eq:
    only_with(Feature::gc);
    EBB_TRY(pop(ValType::eqref()));
    EBB_TRY(pop(ValType::eqref()));
    return push(ValType::i32());
  case Opcode::ref_test:
  case Opcode::ref_test_null:
  case Opcode::ref_cast:
  case Opcode::ref_cast_null: {
    only_with(Feature::gc);
    const bool is_test = in.op == Opcode::ref_test || in.op == Opcode::ref_test_null;
    operand_type_ = EBB_TRY(pop(ValType::ref(types_.top(in.type.heap_type()), true)));
    return push(is_test ? ValType::i32() : in.type);
  }
  case Opcode::any_convert_extern: {
    only_with(Feature::gc);
    operand_type_ = EBB_TRY(pop(ValType::externref()));
    return push(ValType::ref(AbstractHeapType::any, operand_type_.is_nullable()));
  }
  case Opcode::extern_convert_any: {
    only_with(Feature::gc);
    operand_type_ = EBB_TRY(pop(ValType::anyref()));
    return push(ValType::ref(AbstractHeapType::extern_, operand_type_.is_nullable()));
  }
  default:
    EBB_UNREACHABLE();
  }
}

} // namespace ebb
