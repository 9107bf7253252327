// ModuleDecoder: the state of decode_module while it runs. Internal to core/validate.
//
// It reads section by section. Type groups are built in vectors that all groups share; constant
// expressions are checked by a BodyValidator over the declaration as far as it is filled, which is
// just what they may refer to.
#pragma once

#include "core/validate/body_validator.h"
#include "core/validate/decode_module.h"

namespace ebb {

class ModuleDecoder {
public:
  ModuleDecoder(std::span<const uint8_t> bytes, FeatureSet features, TypeRegistry& types,
                Heap& heap, ModuleDecl& out);

  Result<void> decode();
  /// Where the failure was, in the module.
  uint32_t error_offset() const { return error_offset_; }

private:
  // The module: module_decoder.cpp.
  Result<void> read_header();
  Result<void> read_sections();
  Result<void> read_section(uint8_t id);
  Result<void> read_section_contents(uint8_t id);
  Result<void> read_custom();
  Result<void> finish();

  // Types: decode_types.cpp.
  Result<void> read_types();
  Result<void> read_type_group();
  Result<void> read_sub_type(uint32_t position);
  Result<void> read_composite_type(SubTypeSpec& spec);
  Result<uint32_t> read_values(uint32_t count_max, Error too_many);
  Result<void> read_fields(SubTypeSpec& spec);

  // Declarations: decode_declarations.cpp.
  Result<void> read_imports();
  Result<void> read_import();
  Result<void> read_functions();
  Result<void> read_tables();
  Result<void> read_table();
  Result<void> read_memories();
  Result<void> read_tags();
  Result<void> read_globals();
  Result<void> read_exports();
  Result<void> read_start();
  Result<void> read_data_count();
  Result<void> read_bodies();
  Result<TypeIndex> read_func_type();
  Result<TableType> read_table_type();
  Result<MemoryType> read_memory_type();
  Result<GlobalType> read_global_type();
  Result<TagType> read_tag_type();
  Result<Limits> read_limits(uint8_t flags);
  Result<void> check_extern_index(ExternKind kind, uint32_t index);
  Result<void> sort_exports();

  // Segments: decode_segments.cpp.
  Result<void> read_elems();
  Result<void> read_elem();
  Result<void> read_elem_functions(ElemDecl& elem);
  Result<void> read_elem_inits(ElemDecl& elem);
  Result<void> add_elem_init(ElemDecl& elem, const Init& init);
  Result<void> read_datas();
  Result<void> read_data();

  Result<Init> read_init(ValType expected);
  Result<void> declare_function(uint32_t index);
  Result<void> need(Feature feature) { return type_reader_.need(feature); }

  ModuleDecl& out_;
  TypeRegistry& types_;
  FeatureSet features_;
  TypeReader type_reader_;
  BodyValidator const_validator_;
  Reader module_reader_; // over the module
  Reader reader_;        // over the section
  Vec<SubTypeSpec> group_types_;
  Vec<ValType> group_values_;
  Vec<FieldType> group_fields_;
  uint32_t error_offset_ = 0;
};

} // namespace ebb
