// Imports, functions, tables, memories, tags, globals, exports, start and the ranges of bodies.
#include "core/validate/module_decoder.h"

#include "core/types/implementation_limits.h"

namespace ebb {
namespace {

constexpr uint8_t limits_max_flag = 0x01;
constexpr uint8_t limits_64_flag = 0x04;
constexpr uint8_t limits_page_size_flag = 0x08;
constexpr uint8_t table_init_code = 0x40;

Result<void> check_count(size_t count, uint32_t count_max, Error too_many) {
  if (count > count_max) return too_many;
  return {};
}

} // namespace

// A type index of a function type. Fails besides: unknown_type, type_mismatch.
Result<TypeIndex> ModuleDecoder::read_func_type() {
  const uint32_t index = EBB_TRY(reader_.u32());
  if (index >= out_.types.size()) return Error::unknown_type;
  const TypeIndex type{index};
  if (!out_.types.get(type).is_func()) return Error::type_mismatch;
  return type;
}

// The sizes behind the flags, without a check against what they measure.
Result<Limits> ModuleDecoder::read_limits(uint8_t flags) {
  Limits found;
  found.has_max = (flags & limits_max_flag) != 0;
  found.is_64 = (flags & limits_64_flag) != 0;
  if (found.is_64 && !type_reader_.use(Feature::memory64)) {
    return unless_off(Error::malformed_limits_flags, Feature::memory64);
  }
  if (features_.has(Feature::memory64)) {
    found.min = EBB_TRY(reader_.u64());
    if (found.has_max) found.max = EBB_TRY(reader_.u64());
  } else {
    found.min = EBB_TRY(reader_.u32());
    if (found.has_max) found.max = EBB_TRY(reader_.u32());
  }
  return found;
}

Result<TableType> ModuleDecoder::read_table_type() {
  TableType table;
  table.element = EBB_TRY(type_reader_.ref_type(reader_));
  if (table.element != ValType::funcref()) EBB_TRY(need(Feature::reference_types));
  const uint8_t flags = EBB_TRY(reader_.u8());
  if (flags & ~(limits_max_flag | limits_64_flag)) return Error::malformed_limits_flags;
  table.limits = EBB_TRY(read_limits(flags));
  const uint64_t most = table.limits.is_64 ? UINT64_MAX : UINT32_MAX;
  if (table.limits.min > most) return Error::table_size_limit;
  if (table.limits.has_max) {
    if (table.limits.max > most) return Error::table_size_limit;
    if (table.limits.min > table.limits.max) return Error::limits_order;
  }
  return table;
}

Result<MemoryType> ModuleDecoder::read_memory_type() {
  MemoryType memory;
  const uint8_t flags = EBB_TRY(reader_.u8());
  const bool has_page_size = (flags & limits_page_size_flag) != 0;
  if ((flags & ~(limits_max_flag | limits_64_flag | limits_page_size_flag)) != 0) {
    return Error::malformed_limits_flags;
  }
  if (has_page_size && !type_reader_.use(Feature::custom_page_sizes)) {
    return unless_off(Error::malformed_limits_flags, Feature::custom_page_sizes);
  }
  memory.limits = EBB_TRY(read_limits(flags));
  if (has_page_size) {
    const uint32_t shift = EBB_TRY(reader_.u32());
    if (shift >= 64) return Error::malformed_page_size;
    if (shift != 0 && shift != 16) return Error::invalid_page_size;
    memory.page_shift = static_cast<uint8_t>(shift);
  }
  // As many pages as the addresses reach; with pages of one byte not quite, so that sizes are
  // addresses too.
  const uint64_t address_max = memory.limits.is_64 ? UINT64_MAX : UINT32_MAX;
  const uint64_t most =
      memory.page_shift == 0 ? address_max : (address_max >> memory.page_shift) + 1;
  if (memory.limits.min > most) return Error::memory_size_limit;
  if (memory.limits.has_max) {
    if (memory.limits.max > most) return Error::memory_size_limit;
    if (memory.limits.min > memory.limits.max) return Error::limits_order;
  }
  return memory;
}

Result<GlobalType> ModuleDecoder::read_global_type() {
  GlobalType global;
  global.type = EBB_TRY(type_reader_.val_type(reader_));
  global.is_mutable = EBB_TRY(type_reader_.mutability(reader_));
  return global;
}

Result<TagType> ModuleDecoder::read_tag_type() {
  EBB_TRY(need(Feature::exceptions));
  if (EBB_TRY(reader_.u8()) != 0) return Error::malformed_tag_attribute;
  const TypeIndex type = EBB_TRY(read_func_type());
  if (!out_.types.get(type).results().empty()) return Error::invalid_tag_type;
  return TagType{out_.types[type]};
}

Result<void> ModuleDecoder::read_imports() {
  const WireCount count = EBB_TRY(reader_.count(4));
  EBB_TRY(check_count(count.claimed(), limits::imports_max, Error::too_many_imports));
  EBB_TRY(out_.imports.reserve_wire(count, 4));
  for (uint32_t i = 0; i < count.claimed(); ++i)
    EBB_TRY(read_import());
  out_.imported_functions = static_cast<uint32_t>(out_.functions.size());
  out_.imported_tables = static_cast<uint32_t>(out_.tables.size());
  out_.imported_memories = static_cast<uint32_t>(out_.memories.size());
  out_.imported_globals = static_cast<uint32_t>(out_.globals.size());
  out_.imported_tags = static_cast<uint32_t>(out_.tags.size());
  EBB_TRY(check_count(out_.tables.size(), limits::tables_max, Error::too_many_tables));
  return check_count(out_.memories.size(), limits::memories_max, Error::too_many_memories);
}

Result<void> ModuleDecoder::read_import() {
  ImportDecl import;
  import.module = EBB_TRY(reader_.name());
  import.name = EBB_TRY(reader_.name());
  const uint8_t kind = EBB_TRY(reader_.u8());
  if (kind > static_cast<uint8_t>(ExternKind::tag)) return Error::malformed_import_kind;
  import.kind = static_cast<ExternKind>(kind);
  size_t index = 0;
  switch (import.kind) {
  case ExternKind::func:
    index = out_.functions.size();
    EBB_TRY(out_.functions.reserve(index + 1));
    out_.functions.push_reserved(EBB_TRY(read_func_type()));
    break;
  case ExternKind::table:
    index = out_.tables.size();
    if (index != 0) EBB_TRY(need(Feature::reference_types));
    EBB_TRY(out_.tables.reserve(index + 1));
    out_.tables.push_reserved(TableDecl{EBB_TRY(read_table_type()), {}});
    break;
  case ExternKind::memory:
    index = out_.memories.size();
    if (index != 0) EBB_TRY(need(Feature::multi_memory));
    EBB_TRY(out_.memories.reserve(index + 1));
    out_.memories.push_reserved(EBB_TRY(read_memory_type()));
    break;
  case ExternKind::global: {
    index = out_.globals.size();
    const GlobalType global = EBB_TRY(read_global_type());
    if (global.is_mutable) EBB_TRY(need(Feature::mutable_globals));
    EBB_TRY(out_.globals.push(GlobalDecl{global, {}}));
    break;
  }
  case ExternKind::tag:
    index = out_.tags.size();
    EBB_TRY(out_.tags.reserve(index + 1));
    out_.tags.push_reserved(EBB_TRY(read_tag_type()));
    break;
  }
  import.index = static_cast<uint32_t>(index);
  return out_.imports.push(import);
}

Result<void> ModuleDecoder::read_functions() {
  const WireCount count = EBB_TRY(reader_.count());
  EBB_TRY(check_count(out_.functions.size() + count.claimed(), limits::functions_max,
                      Error::too_many_functions));
  EBB_TRY(out_.functions.reserve_wire(count, 1));
  for (uint32_t i = 0; i < count.claimed(); ++i)
    out_.functions.push_reserved(EBB_TRY(read_func_type()));
  return {};
}

Result<void> ModuleDecoder::read_tables() {
  const WireCount count = EBB_TRY(reader_.count(3));
  EBB_TRY(check_count(out_.tables.size() + count.claimed(), limits::tables_max,
                      Error::too_many_tables));
  EBB_TRY(out_.tables.reserve_wire(count, 3));
  for (uint32_t i = 0; i < count.claimed(); ++i)
    EBB_TRY(read_table());
  return {};
}

Result<void> ModuleDecoder::read_table() {
  if (!out_.tables.is_empty()) EBB_TRY(need(Feature::reference_types));
  TableDecl table;
  if (EBB_TRY(reader_.peek()) == table_init_code) {
    EBB_TRY(need(Feature::function_references));
    reader_.take();
    if (EBB_TRY(reader_.u8()) != 0) return Error::malformed_table;
    table.type = EBB_TRY(read_table_type());
    table.init = EBB_TRY(read_init(table.type.element));
  } else {
    table.type = EBB_TRY(read_table_type());
    if (!table.type.element.is_defaultable()) return Error::type_mismatch;
  }
  return out_.tables.push(table);
}

Result<void> ModuleDecoder::read_memories() {
  const WireCount count = EBB_TRY(reader_.count(2));
  EBB_TRY(check_count(out_.memories.size() + count.claimed(), limits::memories_max,
                      Error::too_many_memories));
  EBB_TRY(out_.memories.reserve_wire(count, 2));
  for (uint32_t i = 0; i < count.claimed(); ++i) {
    if (!out_.memories.is_empty()) EBB_TRY(need(Feature::multi_memory));
    out_.memories.push_reserved(EBB_TRY(read_memory_type()));
  }
  return {};
}

Result<void> ModuleDecoder::read_tags() {
  const WireCount count = EBB_TRY(reader_.count(2));
  EBB_TRY(check_count(out_.tags.size() + count.claimed(), limits::tags_max, Error::too_many_tags));
  EBB_TRY(out_.tags.reserve_wire(count, 2));
  for (uint32_t i = 0; i < count.claimed(); ++i)
    out_.tags.push_reserved(EBB_TRY(read_tag_type()));
  return {};
}

Result<void> ModuleDecoder::read_globals() {
  const WireCount count = EBB_TRY(reader_.count(3));
  EBB_TRY(check_count(out_.globals.size() + count.claimed(), limits::globals_max,
                      Error::too_many_globals));
  EBB_TRY(out_.globals.reserve_wire(count, 3));
  for (uint32_t i = 0; i < count.claimed(); ++i) {
    GlobalDecl global;
    global.type = EBB_TRY(read_global_type());
    global.init = EBB_TRY(read_init(global.type.type));
    EBB_TRY(out_.globals.push(global));
  }
  return {};
}

Result<void> ModuleDecoder::check_extern_index(ExternKind kind, uint32_t index) {
  switch (kind) {
  case ExternKind::func:
    if (index >= out_.functions.size()) return Error::unknown_function;
    return declare_function(index);
  case ExternKind::table:
    if (index >= out_.tables.size()) return Error::unknown_table;
    return {};
  case ExternKind::memory:
    if (index >= out_.memories.size()) return Error::unknown_memory;
    return {};
  case ExternKind::global:
    if (index >= out_.globals.size()) return Error::unknown_global;
    if (out_.globals[index].type.is_mutable) EBB_TRY(need(Feature::mutable_globals));
    return {};
  case ExternKind::tag:
    if (index >= out_.tags.size()) return Error::unknown_tag;
    return {};
  }
  EBB_UNREACHABLE();
}

Result<void> ModuleDecoder::read_exports() {
  const WireCount count = EBB_TRY(reader_.count(3));
  EBB_TRY(check_count(count.claimed(), limits::exports_max, Error::too_many_exports));
  EBB_TRY(out_.exports.reserve_wire(count, 3));
  for (uint32_t i = 0; i < count.claimed(); ++i) {
    ExportDecl item;
    item.name = EBB_TRY(reader_.name());
    const uint8_t kind = EBB_TRY(reader_.u8());
    if (kind > static_cast<uint8_t>(ExternKind::tag)) return Error::malformed_export_kind;
    item.kind = static_cast<ExternKind>(kind);
    item.index = EBB_TRY(reader_.u32());
    EBB_TRY(check_extern_index(item.kind, item.index));
    EBB_TRY(out_.exports.push(item));
  }
  return sort_exports();
}

Result<void> ModuleDecoder::read_start() {
  const uint32_t index = EBB_TRY(reader_.u32());
  if (index >= out_.functions.size()) return Error::unknown_function;
  if (!out_.function_type(FuncIndex{index}).values().empty()) return Error::invalid_start_function;
  out_.start = FuncIndex{index};
  return {};
}

Result<void> ModuleDecoder::read_data_count() {
  EBB_TRY(need(Feature::bulk_memory));
  out_.data_count = EBB_TRY(reader_.u32());
  out_.has_data_count = true;
  return {};
}

Result<void> ModuleDecoder::read_bodies() {
  const WireCount count = EBB_TRY(reader_.count(2));
  if (count.claimed() != out_.defined_functions()) return Error::function_count_mismatch;
  EBB_TRY(out_.bodies.reserve_wire(count, 2));
  for (uint32_t i = 0; i < count.claimed(); ++i) {
    const ByteRange body = EBB_TRY(reader_.sized_range());
    if (body.size > limits::body_bytes_max) return Error::body_too_large;
    EBB_TRY(out_.bodies.push(body));
  }
  return {};
}

} // namespace ebb
