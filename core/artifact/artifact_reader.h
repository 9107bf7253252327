// ArtifactReader: the state of read_artifact while it runs. Internal to core/artifact.
#pragma once

#include "core/artifact/reader.h"

namespace ebb::artifact {

class ArtifactReader {
public:
  ArtifactReader(std::span<const uint8_t> bytes, const ReadSettings& settings, ModuleImage& image,
                 Diagnostic* diagnostic)
      : bytes_(bytes), settings_(settings), image_(image), decl_(image.decl),
        types_(*image.registry), diagnostic_(diagnostic), group_types_(image.heap),
        group_values_(image.heap), group_fields_(image.heap) {}

  Result<void> run();

private:
  // reader.cpp: the whole, functions, imports and exports.
  Result<void> read_header();
  Result<void> check_metering();
  Result<void> check_features();
  Result<void> read_imports();
  Result<void> check_import(const ImportDecl& import, uint32_t where);
  Result<void> read_functions();
  Result<void> check_function(const Function& function, uint32_t where, bool is_constant);
  Result<void> read_exports();
  Result<void> check_name(ByteRange name, uint32_t& next, uint32_t where);
  Result<void> read_start();
  Result<void> read_offsets();

  // reader_types.cpp: types and everything declared by a type.
  Result<void> read_types();
  Result<void> read_type_group(uint32_t& at, uint32_t end);
  Result<void> read_sub_type(uint32_t& at, uint32_t end, uint32_t position, uint32_t group);
  Result<uint32_t> number(uint32_t& at, uint32_t end);
  Result<void> read_values(SubTypeSpec& spec, uint32_t& at, uint32_t end, uint32_t group);
  Result<void> read_fields(SubTypeSpec& spec, uint32_t& at, uint32_t end, uint32_t group);
  Result<HeapType> heap_type(uint32_t bits, uint32_t group, uint32_t where);
  Result<ValType> val_type(uint32_t word, uint32_t group, uint32_t where);
  Result<ValType> ref_type(uint32_t word, uint32_t where);
  Result<Limits> limits(const LimitsRecord& record, uint32_t flags, uint32_t where);
  Result<void> read_tables();
  Result<void> read_memories();
  Result<void> read_tags();
  Result<void> read_globals();

  // reader_segments.cpp: initializers and segments.
  Result<bool> has_init(const InitRecord& record, uint32_t where);
  Result<Init> init(const InitRecord& record, ValType expected, size_t globals_visible,
                    uint32_t where);
  Result<void> init_of_index(const InitRecord& record, ValType expected, size_t globals_visible,
                             uint32_t where);
  Result<void> read_elems();
  Result<void> read_elem(const ElemRecord& record, uint32_t where);
  Result<void> check_elem_functions(const ElemDecl& elem, uint32_t where);
  Result<void> read_elem_inits(const ElemDecl& elem, uint32_t where);
  Result<void> read_datas();

  /// Notes what is wrong at an offset of the file.
  Error bad(uint32_t where, const char* what);
  Error over_limit(Error error, uint32_t where);

  uint32_t word(uint32_t at) const { return read_code<uint32_t>(bytes_.data() + at); }
  ByteRange section(SectionId id) const { return layout_.section(id); }
  uint32_t count(SectionId id) const { return section(id).size / item_bytes(id); }
  uint32_t where(SectionId id, uint32_t index) const {
    return section(id).offset + index * item_bytes(id);
  }
  template <class T> T record(SectionId id, uint32_t index) const {
    EBB_ASSERT(sizeof(T) == item_bytes(id) && index < count(id));
    return read_code<T>(bytes_.data() + where(id, index));
  }
  /// A section's items where they lie.
  template <class T> std::span<const T> items(SectionId id) const {
    EBB_ASSERT(sizeof(T) == item_bytes(id));
    return {reinterpret_cast<const T*>(bytes_.data() + section(id).offset), count(id)};
  }
  uint32_t function_count() const {
    return decl_.imported_functions + static_cast<uint32_t>(image_.functions.size());
  }
  TypeIndex type_index_of(uint32_t function) const {
    return image_.function_type(FuncIndex{function});
  }

  std::span<const uint8_t> bytes_;
  const ReadSettings& settings_;
  ModuleImage& image_;
  ModuleDecl& decl_;
  TypeRegistry& types_;
  Diagnostic* diagnostic_;
  Layout layout_{};
  Vec<SubTypeSpec> group_types_; // of the group that is read
  Vec<ValType> group_values_;
  Vec<FieldType> group_fields_;
  uint32_t elem_functions_ = 0; // taken by segments so far
  uint32_t vectors_ = 0;        // bytes taken by globals so far
};

} // namespace ebb::artifact
