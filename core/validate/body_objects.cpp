// Checking of instructions on garbage collected objects: i31 references, structures and arrays.
#include "core/validate/body_validator.h"

namespace ebb {

// Fails: unknown_type, type_mismatch when the type is of another kind.
Result<const SubType*> BodyValidator::defined_type(uint32_t index, CompositeKind kind) const {
  if (index >= module_.types.size()) return Error::unknown_type;
  const SubType& type = module_.types.get(TypeIndex{index});
  if (type.kind() != kind) return Error::type_mismatch;
  return &type;
}

Result<void> BodyValidator::check_object(const Instruction& in) {
  only_with(Feature::gc);
  switch (in.op) {
  case Opcode::ref_i31:
    EBB_TRY(pop(ValType::i32()));
    return push(ValType::ref(AbstractHeapType::i31, false));
  case Opcode::i31_get_s:
  case Opcode::i31_get_u:
    EBB_TRY(pop(ValType::i31ref()));
    return push(ValType::i32());
  case Opcode::struct_new:
  case Opcode::struct_new_default:
  case Opcode::struct_get:
  case Opcode::struct_get_s:
  case Opcode::struct_get_u:
  case Opcode::struct_set:
    return check_struct(in);
  default:
    return check_array(in);
  }
}

Result<void> BodyValidator::check_struct(const Instruction& in) {
  only_with(Feature::gc);
  const SubType* type = EBB_TRY(defined_type(in.index, CompositeKind::struct_));
  const std::span<const FieldType> fields = type->fields();
  if (in.op == Opcode::struct_new) {
    // What unreachable code leaves out needs no look: it may be of any type.
    const ControlFrame& frame = control_.back();
    for (size_t i = fields.size(); i-- != 0;) {
      if (frame.unreachable && operands_.size() == frame.height) break;
      EBB_TRY(pop(fields[i].type));
    }
    return push(ref_to(in.index, false));
  }
  if (in.op == Opcode::struct_new_default) {
    if (!type->is_defaultable()) return Error::type_mismatch;
    return push(ref_to(in.index, false));
  }
  if (in.index2 >= fields.size()) return Error::unknown_field;
  const FieldType& field = fields[in.index2];
  if (in.op == Opcode::struct_set) {
    if (!field.is_mutable) return Error::immutable_field;
    EBB_TRY(pop(field.type));
    EBB_TRY(pop(ref_to(in.index, true)));
    return {};
  }
  if (field.is_packed() != (in.op != Opcode::struct_get)) return Error::packed_field_access;
  EBB_TRY(pop(ref_to(in.index, true)));
  return push(field.type);
}

Result<void> BodyValidator::check_array(const Instruction& in) {
  only_with(Feature::gc);
  if (in.op == Opcode::array_len) {
    EBB_TRY(pop(ValType::arrayref()));
    return push(ValType::i32());
  }
  const SubType* array = EBB_TRY(defined_type(in.index, CompositeKind::array));
  const FieldType& element = array->element();
  switch (in.op) {
  case Opcode::array_new:
    EBB_TRY(pop(ValType::i32()));
    EBB_TRY(pop(element.type));
    return push(ref_to(in.index, false));
  case Opcode::array_new_default:
    if (!array->is_defaultable()) return Error::type_mismatch;
    EBB_TRY(pop(ValType::i32()));
    return push(ref_to(in.index, false));
  case Opcode::array_new_fixed: {
    // As many operands as the count says must be there; in unreachable code they may all be
    // missing.
    const ControlFrame& frame = control_.back();
    uint32_t count = in.index2;
    for (; count != 0 && operands_.size() != frame.height; --count)
      EBB_TRY(pop(element.type));
    if (count != 0 && !frame.unreachable) return Error::type_mismatch;
    return push(ref_to(in.index, false));
  }
  case Opcode::array_new_data:
  case Opcode::array_new_elem:
  case Opcode::array_init_data:
  case Opcode::array_init_elem:
    return check_array_segment(in, *array);
  default:
    return check_array_access(in, *array);
  }
}

Result<void> BodyValidator::check_array_segment(const Instruction& in, const SubType& array) {
  const FieldType& element = array.element();
  const bool is_init = in.op == Opcode::array_init_data || in.op == Opcode::array_init_elem;
  if (is_init && !element.is_mutable) return Error::immutable_array;
  if (in.op == Opcode::array_new_data || in.op == Opcode::array_init_data) {
    if (!module_.has_data_count) return Error::data_count_required;
    if (in.index2 >= module_.data_count) return Error::unknown_data_segment;
    if (element.type.is_ref()) return Error::type_mismatch;
  } else {
    if (in.index2 >= module_.elems.size()) return Error::unknown_elem_segment;
    if (!types_.is_subtype(module_.elems[in.index2].type, element.type)) {
      return Error::type_mismatch;
    }
  }
  EBB_TRY(pop(ValType::i32()));
  EBB_TRY(pop(ValType::i32()));
  if (!is_init) return push(ref_to(in.index, false));
  EBB_TRY(pop(ValType::i32()));
  EBB_TRY(pop(ref_to(in.index, true)));
  return {};
}

Result<void> BodyValidator::check_array_access(const Instruction& in, const SubType& array) {
  const FieldType& element = array.element();
  const ValType reference = ref_to(in.index, true);
  switch (in.op) {
  case Opcode::array_get:
  case Opcode::array_get_s:
  case Opcode::array_get_u:
    if (element.is_packed() != (in.op != Opcode::array_get)) return Error::packed_field_access;
    EBB_TRY(pop(ValType::i32()));
    EBB_TRY(pop(reference));
    return push(element.type);
  case Opcode::array_set:
    if (!element.is_mutable) return Error::immutable_array;
    EBB_TRY(pop(element.type));
    EBB_TRY(pop(ValType::i32()));
    EBB_TRY(pop(reference));
    return {};
  case Opcode::array_fill:
    if (!element.is_mutable) return Error::immutable_array;
    EBB_TRY(pop(ValType::i32()));
    EBB_TRY(pop(element.type));
    EBB_TRY(pop(ValType::i32()));
    EBB_TRY(pop(reference));
    return {};
  case Opcode::array_copy: {
    if (!element.is_mutable) return Error::immutable_array;
    const SubType* source = EBB_TRY(defined_type(in.index2, CompositeKind::array));
    const FieldType& from = source->element();
    if (from.packing != element.packing || !types_.is_subtype(from.type, element.type)) {
      return Error::array_type_mismatch;
    }
    EBB_TRY(pop(ValType::i32()));
    EBB_TRY(pop(ValType::i32()));
    EBB_TRY(pop(ref_to(in.index2, true)));
    EBB_TRY(pop(ValType::i32()));
    EBB_TRY(pop(reference));
    return {};
  }
  default:
    EBB_UNREACHABLE();
  }
}

} // namespace ebb
