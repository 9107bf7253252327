#include "core/artifact/format.h"

#include "core/bytecode/bytecode.h"

namespace ebb::artifact {
namespace {

// Every compact form and every op's extra bytes as text, hashed when this is compiled.
constexpr uint32_t hash(uint32_t state, const char* text) {
  for (; *text != 0; ++text)
    state = (state ^ static_cast<uint8_t>(*text)) * 16777619u;
  return (state ^ ' ') * 16777619u;
}

constexpr uint32_t find_fingerprint() {
  uint32_t state = 2166136261u;
#define EBB_HASH_FORM(d, a, b, c, name, ...) state = hash(state, #name "_" #d #a #b #c);
#define EBB_BINARY(name, in, out, forms, expression) EBB_FORMS_##forms(EBB_HASH_FORM, name)
#define EBB_BINARY_TRAP(name, in, out, forms, check, expression)                                   \
  EBB_FORMS_##forms(EBB_HASH_FORM, name)
#define EBB_UNARY(name, in, out, forms, expression) EBB_FORMS_##forms(EBB_HASH_FORM, name)
#define EBB_UNARY_TRAP(name, in, out, forms, check, expression)                                    \
  EBB_FORMS_##forms(EBB_HASH_FORM, name)
#define EBB_LOAD(name, memory, out) EBB_FORMS_load(EBB_HASH_FORM, name)
#define EBB_STORE(name, in, memory, forms) EBB_FORMS_##forms(EBB_HASH_FORM, name)
#define EBB_BRANCH(name, in, forms, condition) EBB_FORMS_##forms(EBB_HASH_FORM, name)
#define EBB_SPECIAL(name, forms, extra, effect)                                                    \
  EBB_FORMS_##forms(EBB_HASH_FORM, name) state = hash(state, #extra);
#include "core/bytecode/instructions.def"
#include "core/bytecode/instructions_undef.h"
#undef EBB_HASH_FORM
  return state;
}

constexpr uint32_t fingerprint = find_fingerprint();

} // namespace

uint32_t bytecode_fingerprint() { return fingerprint; }

uint32_t item_bytes(SectionId id) {
  switch (id) {
  case SectionId::types:
  case SectionId::imported_types:
  case SectionId::tags:
  case SectionId::elem_functions:
    return sizeof(uint32_t);
  case SectionId::imports:
    return sizeof(ImportDecl);
  case SectionId::functions:
  case SectionId::constants:
    return sizeof(Function);
  case SectionId::tables:
    return sizeof(TableRecord);
  case SectionId::memories:
    return sizeof(MemoryRecord);
  case SectionId::globals:
    return sizeof(GlobalRecord);
  case SectionId::exports:
    return sizeof(ExportDecl);
  case SectionId::elems:
    return sizeof(ElemRecord);
  case SectionId::elem_inits:
    return sizeof(InitRecord);
  case SectionId::datas:
    return sizeof(DataRecord);
  case SectionId::vectors:
    return 16;
  case SectionId::offset_ranges:
    return sizeof(OffsetRange);
  default:
    return 1;
  }
}

const char* section_name(SectionId id) {
  constexpr const char* names[] = {
      "none",           "types",      "imports",       "imported types", "functions", "constants",
      "tables",         "memories",   "tags",          "globals",        "exports",   "elems",
      "elem functions", "elem inits", "datas",         "strings",        "vectors",   "data",
      "code",           "names",      "offset ranges", "offset map"};
  static_assert(sizeof(names) / sizeof(names[0]) == section_id_count);
  return names[static_cast<size_t>(id)];
}

} // namespace ebb::artifact
