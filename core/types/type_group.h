// TypeGroup: a canonical recursive group in one block of memory, internal to core/types.
//
// Behind the header lie the types, their values, their fields and their lists of supertypes.
// `references` counts the references that users hold to any type of the group, and those of other
// groups' types.
#pragma once

#include "core/types/sub_type.h"

namespace ebb {

struct TypeGroup {
  TypeGroup* next = nullptr; // in the bucket, or in the list of groups to be freed
  uint64_t hash = 0;
  size_t references = 0;
  size_t block_bytes = 0;
  uint32_t type_count = 0;
  uint32_t value_count = 0;
  uint32_t field_count = 0;

  SubType* types() { return reinterpret_cast<SubType*>(this + 1); }
  const SubType* types() const { return reinterpret_cast<const SubType*>(this + 1); }
  ValType* values() { return reinterpret_cast<ValType*>(types() + type_count); }
  const ValType* values() const { return reinterpret_cast<const ValType*>(types() + type_count); }
  FieldType* fields() { return reinterpret_cast<FieldType*>(values() + value_count); }
  const FieldType* fields() const {
    return reinterpret_cast<const FieldType*>(values() + value_count);
  }
  TypeId* supertypes() { return reinterpret_cast<TypeId*>(fields() + field_count); }
};

static_assert(sizeof(TypeGroup) % alignof(SubType) == 0 && alignof(TypeGroup) >= alignof(SubType));
static_assert(alignof(ValType) == 4 && alignof(FieldType) == 4 && alignof(TypeId) == 4);

} // namespace ebb
