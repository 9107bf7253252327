// Types, and what is declared by a type: tables, memories, tags, globals.
#include "core/artifact/artifact_reader.h"
#include "core/binary/reader.h"
#include "core/types/implementation_limits.h"

namespace ebb::artifact {

Result<void> ArtifactReader::read_types() {
  decl_.types = TypeList(&types_, image_.heap);
  const ByteRange range = section(SectionId::types);
  for (uint32_t at = range.offset; at < range.offset + range.size;)
    EBB_TRY(read_type_group(at, range.offset + range.size));
  decl_.types.shrink_to_fit();
  // Their room is wanted for what comes.
  group_types_ = Vec<SubTypeSpec>(image_.heap);
  group_values_ = Vec<ValType>(image_.heap);
  group_fields_ = Vec<FieldType>(image_.heap);
  return {};
}

Result<void> ArtifactReader::read_type_group(uint32_t& at, uint32_t end) {
  const uint32_t start = at;
  uint32_t group = 1;
  uint32_t behind = at;
  const uint32_t first_number = EBB_TRY(number(behind, end));
  if ((first_number & group_bit) != 0) {
    group = first_number & ~group_bit;
    at = behind;
    // A type takes a byte at least.
    if (group < 2 || group > end - at) return bad(start, "a group's count of types is wrong");
  }
  if (group > limits::rec_group_types_max) return over_limit(Error::rec_group_too_large, start);
  const size_t first = decl_.types.size();
  if (first + group > limits::types_max) return over_limit(Error::too_many_types, start);
  group_types_.clear();
  group_values_.clear();
  group_fields_.clear();
  for (uint32_t i = 0; i < group; ++i)
    EBB_TRY(read_sub_type(at, end, i, group));
  const Result<void> interned =
      decl_.types.intern({group_types_.span(), group_values_.span(), group_fields_.span()});
  if (!interned.ok() && interned.error() != Error::out_of_memory)
    return over_limit(interned.error(), start);
  EBB_TRY(interned);
  for (size_t i = first; i < decl_.types.size(); ++i)
    if (!types_.matches_supertype(decl_.types[TypeIndex{static_cast<uint32_t>(i)}]))
      return bad(start, "a type does not match its supertype");
  return {};
}

Result<void> ArtifactReader::read_sub_type(uint32_t& at, uint32_t end, uint32_t position,
                                           uint32_t group) {
  const uint32_t start = at;
  const uint32_t head = EBB_TRY(number(at, end));
  SubTypeSpec spec;
  const uint32_t kind = head & type_kind_mask;
  if (kind > static_cast<uint32_t>(CompositeKind::array) ||
      head >> type_items_shift > type_items_mask)
    return bad(start, "no kind of type");
  spec.kind = static_cast<CompositeKind>(kind);
  spec.is_final = (head & type_is_final) != 0;
  spec.has_supertype = (head & type_has_supertype) != 0;
  spec.param_count = head >> type_params_shift & type_params_mask;
  spec.item_count = head >> type_items_shift;
  if (spec.has_supertype) {
    const uint32_t supertype_at = at;
    const uint32_t bits = EBB_TRY(number(at, end));
    spec.supertype = EBB_TRY(heap_type(bits, group, supertype_at));
    if (spec.supertype.is_abstract() ||
        (spec.supertype.is_recursive() && spec.supertype.position() >= position))
      return bad(supertype_at, "not a supertype");
  }
  const uint32_t bytes_each = spec.kind == CompositeKind::func ? 1 : 2;
  if (spec.item_count > (end - at) / bytes_each) return bad(start, "types go beyond their section");
  EBB_TRY(spec.kind == CompositeKind::func ? read_values(spec, at, end, group)
                                           : read_fields(spec, at, end, group));
  return group_types_.push(spec);
}

Result<void> ArtifactReader::read_values(SubTypeSpec& spec, uint32_t& at, uint32_t end,
                                         uint32_t group) {
  if (spec.param_count > spec.item_count) return bad(at, "more parameters than values");
  if (spec.param_count > limits::params_max) return over_limit(Error::too_many_params, at);
  if (spec.item_count - spec.param_count > limits::results_max)
    return over_limit(Error::too_many_results, at);
  spec.first = static_cast<uint32_t>(group_values_.size());
  EBB_TRY(group_values_.reserve(group_values_.size() + spec.item_count));
  for (uint32_t i = 0; i < spec.item_count; ++i) {
    const uint32_t start = at;
    const uint32_t value = EBB_TRY(number(at, end));
    group_values_.push_reserved(EBB_TRY(val_type(value, group, start)));
  }
  return {};
}

Result<void> ArtifactReader::read_fields(SubTypeSpec& spec, uint32_t& at, uint32_t end,
                                         uint32_t group) {
  if (spec.param_count != 0 || (spec.kind == CompositeKind::array && spec.item_count != 1))
    return bad(at, "an array has one field");
  if (spec.item_count > limits::struct_fields_max) return over_limit(Error::too_many_fields, at);
  spec.first = static_cast<uint32_t>(group_fields_.size());
  EBB_TRY(group_fields_.reserve(group_fields_.size() + spec.item_count));
  for (uint32_t i = 0; i < spec.item_count; ++i) {
    const uint32_t start = at;
    FieldType field;
    const uint32_t value = EBB_TRY(number(at, end));
    field.type = EBB_TRY(val_type(value, group, start));
    const uint32_t how = EBB_TRY(number(at, end));
    if (how > 7 || (how & 3) > static_cast<uint32_t>(Packing::i16)) return bad(start, "no packing");
    field.packing = static_cast<Packing>(how & 3);
    field.is_mutable = (how & 4) != 0;
    if (field.is_packed() && field.type != ValType::i32()) return bad(start, "only i32 is packed");
    group_fields_.push_reserved(field);
  }
  return {};
}

/// The next LEB128 number of the types.
Result<uint32_t> ArtifactReader::number(uint32_t& at, uint32_t end) {
  Reader reader(bytes_.subspan(at, end - at), at);
  const Result<uint32_t> value = reader.u32();
  if (!value.ok()) return bad(at, "types go beyond their section");
  at = static_cast<uint32_t>(reader.offset());
  return value;
}

/// `group` is how many types the group has that is read; outside of one no type is recursive.
Result<HeapType> ArtifactReader::heap_type(uint32_t bits, uint32_t group, uint32_t at) {
  constexpr uint32_t concrete = 1u << 26;
  constexpr uint32_t recursive = 1u << 27;
  if (bits < static_cast<uint32_t>(AbstractHeapType::bottom)) return HeapType::from_bits(bits);
  if ((bits & concrete) != 0) {
    const uint32_t index = bits - concrete;
    if (index < decl_.types.size()) return HeapType::concrete(decl_.types[TypeIndex{index}]);
  } else if ((bits & recursive) != 0) {
    const uint32_t position = bits - recursive;
    if (position < group) return HeapType::recursive(position);
  }
  return bad(at, "no heap type");
}

Result<ValType> ArtifactReader::val_type(uint32_t value, uint32_t group, uint32_t at) {
  if ((value & 7) == static_cast<uint32_t>(ValKind::ref))
    return ValType::ref(EBB_TRY(heap_type(value >> 4, group, at)), (value & 8) != 0);
  switch (value) {
  case static_cast<uint32_t>(ValKind::i32):
    return ValType::i32();
  case static_cast<uint32_t>(ValKind::i64):
    return ValType::i64();
  case static_cast<uint32_t>(ValKind::f32):
    return ValType::f32();
  case static_cast<uint32_t>(ValKind::f64):
    return ValType::f64();
  case static_cast<uint32_t>(ValKind::v128):
    return ValType::v128();
  default:
    return bad(at, "no value type");
  }
}

Result<ValType> ArtifactReader::ref_type(uint32_t value, uint32_t at) {
  const ValType type = EBB_TRY(val_type(value, 0, at));
  if (!type.is_ref()) return bad(at, "not a reference type");
  return type;
}

Result<Limits> ArtifactReader::limits(const LimitsRecord& record, uint32_t flags, uint32_t at) {
  Limits found;
  found.min = record.min[0] | uint64_t{record.min[1]} << 32;
  found.max = record.max[0] | uint64_t{record.max[1]} << 32;
  found.has_max = (flags & limits_has_max) != 0;
  found.is_64 = (flags & limits_is_64) != 0;
  if (found.has_max ? found.min > found.max : found.max != 0) return bad(at, "limits out of order");
  return found;
}

Result<void> ArtifactReader::read_tables() {
  constexpr uint32_t table_init = offsetof(TableRecord, init);
  const uint32_t tables = count(SectionId::tables);
  if (tables > limits::tables_max)
    return over_limit(Error::too_many_tables, where(SectionId::tables, 0));
  EBB_TRY(decl_.tables.reserve_exact(tables));
  for (uint32_t i = 0; i < tables; ++i) {
    const TableRecord found = record<TableRecord>(SectionId::tables, i);
    const uint32_t at = where(SectionId::tables, i);
    TableDecl table;
    table.type.element = EBB_TRY(ref_type(found.element, at));
    if ((found.flags & ~(limits_has_max | limits_is_64)) != 0) return bad(at + 4, "unknown flags");
    table.type.limits = EBB_TRY(limits(found.limits, found.flags, at + 8));
    const Limits& sizes = table.type.limits;
    if (!sizes.is_64 && (sizes.min > UINT32_MAX || sizes.max > UINT32_MAX))
      return bad(at + 8, "a table is larger than its indices reach");
    if (EBB_TRY(has_init(found.init, at + table_init))) {
      if (i < decl_.imported_tables) return bad(at + table_init, "an import has no initial value");
      table.init =
          EBB_TRY(init(found.init, table.type.element, decl_.globals.size(), at + table_init));
    } else if (i >= decl_.imported_tables && !table.type.element.is_defaultable()) {
      return bad(at + table_init, "a table without null needs an initial value");
    }
    decl_.tables.push_reserved(table);
  }
  return {};
}

Result<void> ArtifactReader::read_memories() {
  const uint32_t memories = count(SectionId::memories);
  if (memories > limits::memories_max)
    return over_limit(Error::too_many_memories, where(SectionId::memories, 0));
  EBB_TRY(decl_.memories.reserve_exact(memories));
  for (uint32_t i = 0; i < memories; ++i) {
    const MemoryRecord found = record<MemoryRecord>(SectionId::memories, i);
    const uint32_t at = where(SectionId::memories, i);
    if ((found.flags & limits_is_shared) != 0)
      return over_limit(Error::unsupported_shared_memory, at);
    if ((found.flags & ~(limits_has_max | limits_is_64)) != 0) return bad(at, "unknown flags");
    if (found.page_shift != 0 && found.page_shift != 16) return bad(at + 2, "no page size");
    MemoryType memory;
    memory.page_shift = static_cast<uint8_t>(found.page_shift);
    memory.limits = EBB_TRY(limits(found.limits, found.flags, at + 4));
    const uint64_t address_max = memory.limits.is_64 ? UINT64_MAX : UINT32_MAX;
    const uint64_t most =
        memory.page_shift == 0 ? address_max : (address_max >> memory.page_shift) + 1;
    if (memory.limits.min > most || memory.limits.max > most)
      return bad(at + 4, "a memory is larger than its addresses reach");
    decl_.memories.push_reserved(memory);
  }
  return {};
}

Result<void> ArtifactReader::read_tags() {
  const uint32_t tags = count(SectionId::tags);
  if (tags > limits::tags_max) return over_limit(Error::too_many_tags, where(SectionId::tags, 0));
  EBB_TRY(decl_.tags.reserve_exact(tags));
  for (uint32_t i = 0; i < tags; ++i) {
    const TypeIndex index{record<uint32_t>(SectionId::tags, i)};
    if (index.value >= decl_.types.size() || !decl_.types.get(index).is_func() ||
        !decl_.types.get(index).results().empty())
      return bad(where(SectionId::tags, i), "not the type of a tag");
    decl_.tags.push_reserved(TagType{decl_.types[index]});
  }
  return {};
}

Result<void> ArtifactReader::read_globals() {
  const uint32_t globals = count(SectionId::globals);
  if (globals > limits::globals_max)
    return over_limit(Error::too_many_globals, where(SectionId::globals, 0));
  EBB_TRY(decl_.globals.reserve_exact(globals));
  for (uint32_t i = 0; i < globals; ++i) {
    const GlobalRecord found = record<GlobalRecord>(SectionId::globals, i);
    const uint32_t at = where(SectionId::globals, i);
    GlobalDecl global;
    global.type.type = EBB_TRY(val_type(found.type, 0, at));
    if (found.is_mutable > 1) return bad(at + 4, "no mutability");
    global.type.is_mutable = found.is_mutable != 0;
    const bool has = EBB_TRY(has_init(found.init, at + 8));
    if (has == (i < decl_.imported_globals))
      return bad(at + 8, "globals that are not imported have an initial value");
    if (has) global.init = EBB_TRY(init(found.init, global.type.type, i, at + 8));
    decl_.globals.push_reserved(global);
  }
  return {};
}

} // namespace ebb::artifact
