#include "core/artifact/format.h"

#include "core/bytecode/bytecode.h"

namespace ebb::artifact {
namespace {

// Every compact form and every op's extra bytes as text, and the sizes of operands, hashed when
// this is compiled.
constexpr uint32_t hash(uint32_t state, const char* text) {
  for (; *text != 0; ++text)
    state = (state ^ static_cast<uint8_t>(*text)) * 16777619u;
  return (state ^ ' ') * 16777619u;
}

constexpr uint32_t find_fingerprint() {
  uint32_t state = 2166136261u;
#define EBB_FORM_ENTRY(d, a, b, c, name, ...) state = hash(state, #name "_" #d #a #b #c);
#include "core/bytecode/forms_compact.inc"
#undef EBB_FORM_ENTRY
#define EBB_BINARY(name, in, out, forms, expression)
#define EBB_BINARY_TRAP(name, in, out, forms, check, expression)
#define EBB_UNARY(name, in, out, forms, expression)
#define EBB_UNARY_TRAP(name, in, out, forms, check, expression)
#define EBB_LOAD(name, memory, out, forms)
#define EBB_STORE(name, in, memory, forms)
#define EBB_BRANCH(name, in, forms, condition)
#define EBB_SPECIAL(name, forms, extra, effect) state = hash(state, #extra);
#include "core/bytecode/instructions.def"
#include "core/bytecode/instructions_undef.h"
  for (const Kind kind : {Kind::s, Kind::k, Kind::r, Kind::w, Kind::h})
    state = (state ^ kind_bytes(kind)) * 16777619u;
  for (const Op op : {Op::br, Op::far_br})
    state = (state ^ target_bytes(op)) * 16777619u;
  return state;
}

constexpr uint32_t fingerprint = find_fingerprint();

} // namespace

uint32_t bytecode_fingerprint() { return fingerprint; }

uint32_t item_bytes(SectionId id) {
  switch (id) {
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
