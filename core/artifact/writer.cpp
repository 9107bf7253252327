// The writer runs twice over the same code: once to count the bytes of each section, from which
// follows where everything lies, and once to write. So nothing is gathered in memory, and both
// passes cannot disagree.
#include "core/artifact/writer.h"

#include "collections/hash_map.h"
#include "core/artifact/format.h"
#include "core/types/implementation_limits.h"

namespace ebb {
namespace {

using namespace artifact;

class Writer {
public:
  Writer(const ModuleImage& image, const ArtifactOptions& options, const ByteSink& sink, Heap& heap)
      : image_(image), decl_(image.decl), options_(options), sink_(sink), type_indices_(heap) {}

  Result<void> run();

private:
  Result<void> find_type_indices();
  Result<void> lay_out();
  Result<void> write_header();
  Result<void> write_section(SectionId id);
  Result<void> write_types();
  Result<void> write_type(const SubType& type);
  Result<void> write_imports();
  Result<void> write_functions(std::span<const Function> functions);
  Result<void> write_tables();
  Result<void> write_memories();
  Result<void> write_tags();
  Result<void> write_globals();
  Result<void> write_exports();
  Result<void> write_elems();
  Result<void> write_datas();
  Result<void> write_strings();
  Result<void> write_data();
  Result<void> write_offset_ranges();
  Result<void> write_init(const Init& init);
  Result<void> write_limits(const Limits& limits);
  Result<void> write_name(ByteRange name);

  Result<void> put(const void* bytes, size_t count);
  Result<void> word(uint32_t value) { return put(&value, sizeof(value)); }
  Result<void> words(std::initializer_list<uint32_t> values);
  Result<void> number(uint32_t value);
  Result<void> kind(ExternKind value) { return word(static_cast<uint32_t>(value)); }
  Result<void> flush();
  Result<void> pad();

  uint32_t index_of(TypeId id) const { return *type_indices_.find(id.value); }
  uint32_t heap_word(HeapType type, const SubType* owner) const;
  uint32_t type_word(ValType type, const SubType* owner = nullptr) const;
  /// Of a section that is not there, 0.
  uint32_t offset(SectionId id) const {
    return bytes_[static_cast<size_t>(id)] == 0 ? 0 : offsets_[static_cast<size_t>(id)];
  }
  bool repeats(size_t import) const;
  std::span<const uint8_t> slice(ByteRange range) const {
    return {image_.bytes + range.offset, range.size};
  }
  const ExportDecl& export_at(size_t rank) const { return decl_.export_by_name(rank); }

  const ModuleImage& image_;
  const ModuleDecl& decl_;
  const ArtifactOptions options_;
  const ByteSink& sink_;
  HashMap<uint32_t, uint32_t> type_indices_; ///< From canonical ids to the first index of each.
  uint32_t offsets_[section_id_count] = {};
  uint32_t bytes_[section_id_count] = {};
  uint16_t section_count_ = 0;
  uint32_t file_bytes_ = 0;
  uint64_t position_ = 0; ///< In the section that is counted, or in the file.
  bool counting_ = true;
  uint8_t buffer_[256];
  size_t buffered_ = 0;
};

Result<void> Writer::run() {
  EBB_TRY(find_type_indices());
  EBB_TRY(lay_out());
  counting_ = false;
  position_ = 0;
  EBB_TRY(write_header());
  for (size_t id = 1; id < section_id_count; ++id) {
    EBB_TRY(pad());
    EBB_ASSERT(bytes_[id] == 0 || position_ == offsets_[id]);
    EBB_TRY(write_section(static_cast<SectionId>(id)));
  }
  EBB_TRY(pad());
  EBB_ASSERT(position_ == file_bytes_);
  return flush();
}

Result<void> Writer::find_type_indices() {
  const size_t count = decl_.types.size();
  EBB_TRY(type_indices_.reserve(count));
  for (uint32_t i = 0; i < count; ++i) {
    const TypeId id = decl_.types[TypeIndex{i}];
    if (!type_indices_.contains(id.value))
      EBB_TRY(type_indices_.set(uint32_t{id.value}, uint32_t{i}));
  }
  return {};
}

Result<void> Writer::lay_out() {
  uint64_t total = 0;
  for (size_t id = 1; id < section_id_count; ++id) {
    position_ = 0;
    EBB_TRY(write_section(static_cast<SectionId>(id)));
    if (position_ > limits::module_bytes_max) return Error::module_too_large;
    bytes_[id] = static_cast<uint32_t>(position_);
    if (bytes_[id] != 0) ++section_count_;
    total += aligned(bytes_[id]);
  }
  total += table_end(section_count_);
  if (total > limits::module_bytes_max) return Error::module_too_large;
  file_bytes_ = static_cast<uint32_t>(total);
  uint32_t next = table_end(section_count_);
  for (size_t id = 1; id < section_id_count; ++id) {
    offsets_[id] = next;
    next += aligned(bytes_[id]);
  }
  EBB_ASSERT(next == file_bytes_);
  return {};
}

Result<void> Writer::write_header() {
  Header header{};
  memcpy(header.magic, magic, sizeof(magic));
  header.version = version;
  header.bytecode = bytecode_fingerprint();
  header.profile = static_cast<uint8_t>(options_.wide ? Profile::wide : Profile::narrow);
  header.flags = artifact::flags_of(options_.metering);
  header.section_count = section_count_;
  header.features = decl_.features_used.bits();
  header.file_bytes = file_bytes_;
  header.start = decl_.start.value;
  for (const std::span<const Function> list : {image_.functions, image_.constants})
    for (const Function& function : list)
      if (function.extent > header.extent_max) header.extent_max = function.extent;
  EBB_TRY(put(&header, sizeof(header)));
  for (size_t id = 1; id < section_id_count; ++id)
    if (bytes_[id] != 0) {
      const SectionEntry entry = {static_cast<uint8_t>(id), bytes_[id]};
      EBB_TRY(put(&entry, sizeof(entry)));
    }
  return {};
}

Result<void> Writer::write_section(SectionId id) {
  switch (id) {
  case SectionId::types:
    return write_types();
  case SectionId::imports:
    return write_imports();
  case SectionId::imported_types:
    return put(decl_.functions.data(), decl_.imported_functions * sizeof(TypeIndex));
  case SectionId::functions:
    return write_functions(image_.functions);
  case SectionId::constants:
    return write_functions(image_.constants);
  case SectionId::tables:
    return write_tables();
  case SectionId::memories:
    return write_memories();
  case SectionId::tags:
    return write_tags();
  case SectionId::globals:
    return write_globals();
  case SectionId::exports:
    return write_exports();
  case SectionId::elems:
    return write_elems();
  case SectionId::elem_functions:
    return put(decl_.elem_functions.data(), decl_.elem_functions.size() * sizeof(FuncIndex));
  case SectionId::elem_inits:
    for (const Init& init : decl_.elem_inits)
      EBB_TRY(write_init(init));
    return {};
  case SectionId::datas:
    return write_datas();
  case SectionId::strings:
    return write_strings();
  case SectionId::vectors:
    for (const GlobalDecl& global : decl_.globals)
      if (global.init.kind == Init::Kind::v128) EBB_TRY(write_name(global.init.range));
    return {};
  case SectionId::data:
    return write_data();
  case SectionId::code:
    return put(image_.code.data(), image_.code.size());
  case SectionId::names:
    return options_.strip ? Result<void>() : write_name(decl_.name_section());
  case SectionId::offset_ranges:
    return options_.strip ? Result<void>() : write_offset_ranges();
  case SectionId::offset_map:
    if (options_.strip) return {};
    return put(image_.offset_map.data(), image_.offset_map.size());
  case SectionId::none:
  case SectionId::count:
    break;
  }
  EBB_UNREACHABLE();
}

// --- types

/// LEB128.
Result<void> Writer::number(uint32_t value) {
  uint8_t bytes[5];
  size_t size = 0;
  for (; value >= 0x80; value >>= 7)
    bytes[size++] = static_cast<uint8_t>(value | 0x80);
  bytes[size++] = static_cast<uint8_t>(value);
  return put(bytes, size);
}

uint32_t Writer::heap_word(HeapType type, const SubType* owner) const {
  if (type.is_abstract()) return type.bits();
  const SubType& known = image_.registry->get(type.type_id());
  if (owner != nullptr && known.is_in_group_of(*owner))
    return HeapType::recursive(known.position()).bits();
  return HeapType::concrete(TypeId{index_of(type.type_id())}).bits();
}

uint32_t Writer::type_word(ValType type, const SubType* owner) const {
  if (!type.is_ref()) return type.bits();
  return ValType::ref(HeapType::from_bits(heap_word(type.heap_type(), owner)), type.is_nullable())
      .bits();
}

Result<void> Writer::write_types() {
  for (uint32_t i = 0; i < decl_.types.size();) {
    const uint32_t group = decl_.types.get(TypeIndex{i}).group_size();
    if (group != 1) EBB_TRY(number(group | group_bit));
    for (uint32_t end = i + group; i < end; ++i)
      EBB_TRY(write_type(decl_.types.get(TypeIndex{i})));
  }
  return {};
}

Result<void> Writer::write_type(const SubType& type) {
  const bool has_supertype = !type.supertype().is_none();
  const uint32_t params = type.is_func() ? static_cast<uint32_t>(type.params().size()) : 0;
  const size_t items = type.is_func() ? type.values().size() : type.fields().size();
  EBB_TRY(number(static_cast<uint32_t>(type.kind()) | (type.is_final() ? type_is_final : 0) |
                 (has_supertype ? type_has_supertype : 0) | params << type_params_shift |
                 static_cast<uint32_t>(items) << type_items_shift));
  if (has_supertype) EBB_TRY(number(heap_word(HeapType::concrete(type.supertype()), &type)));
  if (type.is_func()) {
    for (const ValType& value : type.values())
      EBB_TRY(number(type_word(value, &type)));
    return {};
  }
  for (const FieldType& field : type.fields()) {
    EBB_TRY(number(type_word(field.type, &type)));
    EBB_TRY(number(static_cast<uint32_t>(field.packing) | (field.is_mutable ? 4u : 0u)));
  }
  return {};
}

// --- declarations

/// Whether an import is of the same module as the one before it, whose name then serves both.
bool Writer::repeats(size_t import) const {
  if (import == 0) return false;
  const std::span<const uint8_t> a = slice(decl_.imports[import - 1].module);
  const std::span<const uint8_t> b = slice(decl_.imports[import].module);
  return a.size() == b.size() && (a.empty() || memcmp(a.data(), b.data(), a.size()) == 0);
}

Result<void> Writer::write_imports() {
  uint32_t next = offset(SectionId::strings);
  uint32_t module = next;
  for (size_t i = 0; i < decl_.imports.size(); ++i) {
    const ImportDecl& import = decl_.imports[i];
    if (!repeats(i)) {
      module = next;
      next += import.module.size;
    }
    EBB_TRY(words({module, import.module.size, next, import.name.size, import.index}));
    EBB_TRY(kind(import.kind));
    next += import.name.size;
  }
  return {};
}

Result<void> Writer::write_exports() {
  uint32_t next = offset(SectionId::strings);
  for (size_t i = 0; i < decl_.imports.size(); ++i)
    next += (repeats(i) ? 0 : decl_.imports[i].module.size) + decl_.imports[i].name.size;
  for (size_t i = 0; i < decl_.exports.size(); ++i) {
    const ExportDecl& exported = export_at(i);
    EBB_TRY(words({next, exported.name.size, exported.index}));
    EBB_TRY(kind(exported.kind));
    next += exported.name.size;
  }
  return {};
}

Result<void> Writer::write_strings() {
  for (size_t i = 0; i < decl_.imports.size(); ++i) {
    if (!repeats(i)) EBB_TRY(write_name(decl_.imports[i].module));
    EBB_TRY(write_name(decl_.imports[i].name));
  }
  for (size_t i = 0; i < decl_.exports.size(); ++i)
    EBB_TRY(write_name(export_at(i).name));
  return {};
}

Result<void> Writer::write_name(ByteRange name) {
  const std::span<const uint8_t> text = slice(name);
  return put(text.data(), text.size());
}

Result<void> Writer::write_functions(std::span<const Function> functions) {
  return put(functions.data(), functions.size_bytes());
}

Result<void> Writer::write_init(const Init& init) {
  uint64_t bits = 0;
  switch (init.kind) {
  case Init::Kind::number:
    bits = init.bits;
    break;
  case Init::Kind::v128:
    break; // Those of `vectors` in order.
  case Init::Kind::ref_func:
  case Init::Kind::global_get:
  case Init::Kind::extended:
    bits = init.index;
    break;
  case Init::Kind::ref_null:
    bits = type_word(init.type);
    break;
  case Init::Kind::none:
    break;
  }
  return words({static_cast<uint32_t>(init.kind), static_cast<uint32_t>(bits),
                static_cast<uint32_t>(bits >> 32)});
}

Result<void> Writer::write_limits(const Limits& limits) {
  const uint64_t max = limits.has_max ? limits.max : 0;
  return words({static_cast<uint32_t>(limits.min), static_cast<uint32_t>(limits.min >> 32),
                static_cast<uint32_t>(max), static_cast<uint32_t>(max >> 32)});
}

uint32_t flags_of(const Limits& limits) {
  return (limits.has_max ? limits_has_max : 0) | (limits.is_64 ? limits_is_64 : 0);
}

Result<void> Writer::write_tables() {
  for (const TableDecl& table : decl_.tables) {
    EBB_TRY(words({type_word(table.type.element), flags_of(table.type.limits)}));
    EBB_TRY(write_limits(table.type.limits));
    EBB_TRY(write_init(table.init));
  }
  return {};
}

Result<void> Writer::write_memories() {
  for (const MemoryType& memory : decl_.memories) {
    const uint32_t flags = flags_of(memory.limits) | (memory.is_shared ? limits_is_shared : 0);
    EBB_TRY(word(flags | uint32_t{memory.page_shift} << 16));
    EBB_TRY(write_limits(memory.limits));
  }
  return {};
}

Result<void> Writer::write_tags() {
  for (const TagType& tag : decl_.tags)
    EBB_TRY(word(index_of(tag.type)));
  return {};
}

Result<void> Writer::write_globals() {
  for (const GlobalDecl& global : decl_.globals) {
    EBB_TRY(words({type_word(global.type.type), global.type.is_mutable ? 1u : 0u}));
    EBB_TRY(write_init(global.init));
  }
  return {};
}

Result<void> Writer::write_elems() {
  for (const ElemDecl& elem : decl_.elems) {
    const uint32_t how = elem.has_inits ? elem_has_inits : 0;
    EBB_TRY(words({static_cast<uint32_t>(elem.mode) | how | elem.table.value << elem_table_shift,
                   type_word(elem.type), elem.count}));
    EBB_TRY(write_init(elem.offset));
  }
  return {};
}

Result<void> Writer::write_datas() {
  for (const DataDecl& data : decl_.datas) {
    EBB_TRY(words({static_cast<uint32_t>(data.mode) | data.memory.value << 16, data.bytes.size}));
    EBB_TRY(write_init(data.offset));
  }
  return {};
}

Result<void> Writer::write_data() {
  for (const DataDecl& data : decl_.datas)
    EBB_TRY(write_name(data.bytes));
  return {};
}

Result<void> Writer::write_offset_ranges() {
  return put(image_.offset_ranges.data(), image_.offset_ranges.size() * sizeof(OffsetRange));
}

// --- bytes

Result<void> Writer::words(std::initializer_list<uint32_t> values) {
  return put(values.begin(), values.size() * sizeof(uint32_t));
}

Result<void> Writer::put(const void* from, size_t count) {
  position_ += count;
  if (counting_ || count == 0) return {};
  if (count > sizeof(buffer_) - buffered_) EBB_TRY(flush());
  if (count > sizeof(buffer_))
    return sink_.write(sink_.context, static_cast<const uint8_t*>(from), count);
  memcpy(buffer_ + buffered_, from, count);
  buffered_ += count;
  return {};
}

Result<void> Writer::flush() {
  if (buffered_ == 0) return {};
  const size_t count = buffered_;
  buffered_ = 0;
  return sink_.write(sink_.context, buffer_, count);
}

Result<void> Writer::pad() {
  static constexpr uint8_t zeros[alignment] = {};
  return put(zeros, (alignment - position_ % alignment) % alignment);
}

} // namespace

Result<void> write_artifact(const ModuleImage& image, const ArtifactOptions& options,
                            const ByteSink& sink, Heap& heap) {
  return Writer(image, options, sink, heap).run();
}

} // namespace ebb
