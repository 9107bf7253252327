// Initializers, element segments and data segments.
#include "core/artifact/artifact_reader.h"
#include "core/types/implementation_limits.h"

namespace ebb::artifact {

/// Whether there is an initial value.
Result<bool> ArtifactReader::has_init(const InitRecord& record, uint32_t at) {
  if (record.kind != static_cast<uint32_t>(Init::Kind::none)) return true;
  if (record.low != 0 || record.high != 0) return bad(at + 4, "bits of no initial value");
  return false;
}

/// An initial value of the expected type. `globals_visible` are those that it may read.
Result<Init> ArtifactReader::init(const InitRecord& record, ValType expected,
                                  size_t globals_visible, uint32_t at) {
  if (record.kind == static_cast<uint32_t>(Init::Kind::none) ||
      record.kind > static_cast<uint32_t>(Init::Kind::extended))
    return bad(at, "no kind of initial value");
  Init found;
  found.kind = static_cast<Init::Kind>(record.kind);
  found.type = expected;
  switch (found.kind) {
  case Init::Kind::number: {
    const bool is_small = expected == ValType::i32() || expected == ValType::f32();
    if (!expected.is_num() || (is_small && record.high != 0))
      return bad(at + 4, "no number of the type");
    found.bits = record.low | uint64_t{record.high} << 32;
    return found;
  }
  case Init::Kind::v128: {
    // Those of `vectors` in order.
    const ByteRange vectors = section(SectionId::vectors);
    if (!expected.is_v128() || record.low != 0 || record.high != 0 || vectors_ == vectors.size)
      return bad(at + 4, "no vector");
    found.range = {vectors.offset + vectors_, 16};
    vectors_ += 16;
    return found;
  }
  case Init::Kind::ref_null:
    found.type = EBB_TRY(ref_type(record.low, at + 4));
    if (record.high != 0 || !found.type.is_nullable() || !types_.is_subtype(found.type, expected))
      return bad(at + 4, "null of another type");
    return found;
  default:
    found.index = record.low;
    EBB_TRY(init_of_index(record, expected, globals_visible, at + 4));
    return found;
  }
}

/// Checks an initial value that names something.
Result<void> ArtifactReader::init_of_index(const InitRecord& record, ValType expected,
                                           size_t globals_visible, uint32_t at) {
  const uint32_t index = record.low;
  if (record.high != 0) return bad(at + 4, "an index has 32 bits");
  switch (static_cast<Init::Kind>(record.kind)) {
  case Init::Kind::ref_func: {
    if (index >= function_count()) return bad(at, "no function");
    const TypeId type = decl_.types[type_index_of(index)];
    if (!types_.is_subtype(ValType::ref(HeapType::concrete(type), false), expected))
      return bad(at, "a function of another type");
    return {};
  }
  case Init::Kind::global_get:
    if (index >= globals_visible) return bad(at, "no global that can be read here");
    if (decl_.globals[index].type.is_mutable ||
        !types_.is_subtype(decl_.globals[index].type.type, expected))
      return bad(at, "a global of another type");
    return {};
  default: {
    if (index >= image_.constants.size()) return bad(at, "no initializer");
    const SlotCounts slots = slot_counts({&expected, 1});
    const Function& constant = image_.constants[index];
    if (slots.numbers > constant.frame_numbers() || slots.refs > constant.frame_refs)
      return bad(at, "an initializer of another type");
    return {};
  }
  }
}

Result<void> ArtifactReader::read_elems() {
  const uint32_t elems = count(SectionId::elems);
  if (elems > limits::elem_segments_max)
    return over_limit(Error::too_many_elem_segments, where(SectionId::elems, 0));
  decl_.elem_functions =
      Vec<FuncIndex>::view(image_.heap, items<FuncIndex>(SectionId::elem_functions));
  EBB_TRY(decl_.elem_inits.reserve_exact(count(SectionId::elem_inits)));
  EBB_TRY(decl_.elems.reserve_exact(elems));
  for (uint32_t i = 0; i < elems; ++i)
    EBB_TRY(read_elem(record<ElemRecord>(SectionId::elems, i), where(SectionId::elems, i)));
  if (elem_functions_ != decl_.elem_functions.size() ||
      decl_.elem_inits.size() != count(SectionId::elem_inits))
    return bad(where(SectionId::elems, 0), "items that no element segment has");
  return {};
}

Result<void> ArtifactReader::read_elem(const ElemRecord& found, uint32_t at) {
  const uint32_t mode = found.mode & elem_mode_mask;
  const uint32_t table_index = found.mode >> elem_table_shift;
  if (mode > static_cast<uint32_t>(SegmentMode::declarative)) return bad(at, "no kind of segment");
  ElemDecl elem;
  elem.mode = static_cast<SegmentMode>(mode);
  elem.has_inits = (found.mode & elem_has_inits) != 0;
  elem.type = EBB_TRY(ref_type(found.type, at + 4));
  elem.table = TableIndex{table_index};
  elem.first = elem.has_inits ? static_cast<uint32_t>(decl_.elem_inits.size()) : elem_functions_;
  elem.count = found.count;
  if (elem.mode == SegmentMode::active) {
    if (table_index >= decl_.tables.size()) return bad(at, "no table");
    const TableType& table = decl_.tables[table_index].type;
    if (!types_.is_subtype(elem.type, table.element))
      return bad(at + 4, "a segment of another type");
    elem.offset = EBB_TRY(init(found.offset, table.limits.address_type(), decl_.globals.size(),
                               at + offsetof(ElemRecord, offset)));
  } else if (table_index != 0 || EBB_TRY(has_init(found.offset, at))) {
    return bad(at, "only active segments have a place");
  }
  EBB_TRY(elem.has_inits ? read_elem_inits(elem, at) : check_elem_functions(elem, at));
  decl_.elems.push_reserved(elem);
  return {};
}

Result<void> ArtifactReader::check_elem_functions(const ElemDecl& elem, uint32_t at) {
  if (elem.count > decl_.elem_functions.size() - elem_functions_)
    return bad(at + 12, "a segment has more items than there are");
  elem_functions_ += elem.count;
  const bool any_function =
      types_.is_subtype(ValType::ref(AbstractHeapType::func, false), elem.type);
  for (uint32_t i = elem.first; i < elem_functions_; ++i) {
    const FuncIndex function = decl_.elem_functions[i];
    const uint32_t item = where(SectionId::elem_functions, i);
    if (function == no_function) {
      if (!elem.type.is_nullable()) return bad(item, "null where none may be");
      continue;
    }
    if (function.value >= function_count()) return bad(item, "no function");
    if (any_function) continue;
    const TypeId type = decl_.types[type_index_of(function.value)];
    if (!types_.is_subtype(ValType::ref(HeapType::concrete(type), false), elem.type))
      return bad(item, "a function of another type");
  }
  return {};
}

Result<void> ArtifactReader::read_elem_inits(const ElemDecl& elem, uint32_t at) {
  if (elem.count > count(SectionId::elem_inits) - decl_.elem_inits.size())
    return bad(at + 12, "a segment has more items than there are");
  for (uint32_t i = elem.first; i < elem.first + elem.count; ++i)
    decl_.elem_inits.push_reserved(
        EBB_TRY(init(record<InitRecord>(SectionId::elem_inits, i), elem.type, decl_.globals.size(),
                     where(SectionId::elem_inits, i))));
  return {};
}

Result<void> ArtifactReader::read_datas() {
  const uint32_t datas = count(SectionId::datas);
  if (datas > limits::data_segments_max)
    return over_limit(Error::too_many_data_segments, where(SectionId::datas, 0));
  EBB_TRY(decl_.datas.reserve_exact(datas));
  const ByteRange contents = section(SectionId::data);
  uint32_t next = contents.offset;
  for (uint32_t i = 0; i < datas; ++i) {
    const DataRecord found = record<DataRecord>(SectionId::datas, i);
    const uint32_t at = where(SectionId::datas, i);
    DataDecl data;
    if (found.mode > static_cast<uint32_t>(SegmentMode::active))
      return bad(at, "no kind of segment");
    data.mode = static_cast<SegmentMode>(found.mode);
    data.memory = MemoryIndex{found.memory};
    data.bytes = {next, found.bytes};
    if (found.bytes > contents.offset + contents.size - next)
      return bad(at + 4, "data outside of its section");
    next += found.bytes;
    if (data.mode == SegmentMode::active) {
      if (found.memory >= decl_.memories.size()) return bad(at + 2, "no memory");
      data.offset = EBB_TRY(init(found.offset, decl_.memories[found.memory].limits.address_type(),
                                 decl_.globals.size(), at + offsetof(DataRecord, offset)));
    } else if (found.memory != 0 || EBB_TRY(has_init(found.offset, at))) {
      return bad(at + 2, "only active segments have a place");
    }
    decl_.datas.push_reserved(data);
  }
  if (next != contents.offset + contents.size) return bad(next, "bytes that no data segment has");
  return {};
}

} // namespace ebb::artifact
