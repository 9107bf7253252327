// The frame of a module: header, sections and their order, custom sections, what must agree at the
// end.
#include "core/validate/module_decoder.h"

#include "core/types/implementation_limits.h"

#include <cstring>

namespace ebb {
namespace {

enum Section : uint8_t {
  custom_section,
  type_section,
  import_section,
  function_section,
  table_section,
  memory_section,
  global_section,
  export_section,
  start_section,
  element_section,
  code_section,
  data_section,
  data_count_section,
  tag_section,
  section_count,
};

// The place of each section in a module; tag and data count came late and lie between others.
constexpr uint8_t section_places[section_count] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 11, 6};

} // namespace

ModuleDecoder::ModuleDecoder(std::span<const uint8_t> bytes, FeatureSet features,
                             TypeRegistry& types, Heap& heap, ModuleDecl& out)
    : out_(out), types_(types), features_(features),
      type_reader_(out.types, features, out.features_used),
      const_validator_(out, types, features, heap), module_reader_(bytes), group_types_(heap),
      group_values_(heap), group_fields_(heap) {
  out_.bytes = bytes;
  out_.types = TypeList(&types, heap);
}

Result<void> ModuleDecoder::decode() {
  reader_ = module_reader_;
  if (out_.bytes.size() > limits::module_bytes_max) return Error::module_too_large;
  Result<void> decoded = read_header();
  error_offset_ = module_reader_.offset();
  if (decoded) decoded = read_sections();
  out_.features_used.add(const_validator_.features_used());
  return decoded;
}

Result<void> ModuleDecoder::read_header() {
  static constexpr uint8_t magic[] = {0x00, 0x61, 0x73, 0x6d};
  const std::span<const uint8_t> found = EBB_TRY(module_reader_.bytes(sizeof(magic)));
  if (memcmp(found.data(), magic, sizeof(magic)) != 0) return Error::magic_mismatch;
  if (EBB_TRY(module_reader_.u32_fixed()) != 1) return Error::unknown_version;
  return {};
}

Result<void> ModuleDecoder::read_sections() {
  uint8_t last_place = 0;
  while (!module_reader_.at_end()) {
    error_offset_ = module_reader_.offset();
    const uint8_t id = module_reader_.take();
    if (id >= section_count) return Error::malformed_section_id;
    if (id != custom_section) {
      if (section_places[id] <= last_place) return Error::section_order;
      last_place = section_places[id];
    }
    EBB_TRY(read_section(id));
  }
  error_offset_ = module_reader_.offset();
  return finish();
}

Result<void> ModuleDecoder::read_section(uint8_t id) {
  const ByteRange range = EBB_TRY(module_reader_.sized_range());
  reader_ = Reader(out_.slice(range), range.offset);
  error_offset_ = 0;
  Result<void> read = read_section_contents(id);
  if (read && !reader_.at_end()) read = Error::section_size_mismatch;
  if (!read && error_offset_ == 0) error_offset_ = reader_.offset();
  return read;
}

Result<void> ModuleDecoder::read_section_contents(uint8_t id) {
  switch (static_cast<Section>(id)) {
  case custom_section:
    return read_custom();
  case type_section:
    return read_types();
  case import_section:
    return read_imports();
  case function_section:
    return read_functions();
  case table_section:
    return read_tables();
  case memory_section:
    return read_memories();
  case global_section:
    return read_globals();
  case export_section:
    return read_exports();
  case start_section:
    return read_start();
  case element_section:
    return read_elems();
  case code_section:
    return read_bodies();
  case data_section:
    return read_datas();
  case data_count_section:
    return read_data_count();
  case tag_section:
    return read_tags();
  case section_count:
    break;
  }
  EBB_UNREACHABLE();
}

Result<void> ModuleDecoder::read_custom() {
  CustomSection section;
  section.name = EBB_TRY(reader_.name());
  section.bytes = reader_.rest();
  return out_.customs.push(section);
}

Result<void> ModuleDecoder::finish() {
  if (out_.bodies.size() != out_.defined_functions()) return Error::function_count_mismatch;
  if (out_.has_data_count && out_.data_count != out_.datas.size()) {
    return Error::data_count_mismatch;
  }
  // Bodies may ask about any function.
  EBB_TRY(out_.declared_functions.resize((out_.functions.size() + 31) / 32));
  out_.shrink_to_fit();
  return {};
}

Result<void> decode_module(std::span<const uint8_t> bytes, FeatureSet features, TypeRegistry& types,
                           Heap& heap, ModuleDecl& out, Diagnostic* diagnostic) {
  ModuleDecoder decoder(bytes, features, types, heap, out);
  const Result<void> decoded = decoder.decode();
  if (!decoded && diagnostic) {
    diagnostic->set(decoded.error());
    if (decoded.error() != Error::out_of_memory) diagnostic->set_offset(decoder.error_offset());
  }
  return decoded;
}

} // namespace ebb
