// See verify_image.h.
#include "core/artifact/verify_image.h"

namespace ebb {
namespace {

const ModuleDecl& decl_of(const void* module) {
  return static_cast<const ModuleImage*>(module)->decl;
}

const SubType& type_at(const void* module, uint32_t index) {
  return decl_of(module).types.get(TypeIndex{index});
}
const SubType& function_type_at(const void* module, uint32_t index) {
  const TypeIndex type = static_cast<const ModuleImage*>(module)->function_type(FuncIndex{index});
  return decl_of(module).types.get(type);
}
const GlobalType& global_at(const void* module, uint32_t index) {
  return decl_of(module).globals[index].type;
}
const TableType& table_at(const void* module, uint32_t index) {
  return decl_of(module).tables[index].type;
}
const MemoryType& memory_at(const void* module, uint32_t index) {
  return decl_of(module).memories[index];
}

/// Looks at each constant with the type that its initializer wants. The first initializer of
/// several instructions names the first constant, and so on, so that there is no constant without a
/// type. Fails: bytecode_record, and as `visit`.
template <class Visit> Result<void> each_constant(const ModuleImage& image, Visit visit) {
  const ModuleDecl& decl = image.decl;
  uint32_t next = 0;
  const auto look = [&](const Init& init) -> Result<void> {
    if (init.kind != Init::Kind::extended) return {};
    if (init.index != next || next >= image.constants.size()) return Error::bytecode_record;
    return visit(next++, init.type);
  };
  for (const GlobalDecl& global : decl.globals)
    EBB_TRY(look(global.init));
  for (const TableDecl& table : decl.tables)
    EBB_TRY(look(table.init));
  for (const ElemDecl& elem : decl.elems)
    EBB_TRY(look(elem.offset));
  for (const Init& init : decl.elem_inits)
    EBB_TRY(look(init));
  for (const DataDecl& data : decl.datas)
    EBB_TRY(look(data.offset));
  return next == image.constants.size() ? Result<void>() : Result<void>(Error::bytecode_record);
}

void note(uint32_t* place, size_t value) {
  if (place != nullptr) *place = static_cast<uint32_t>(value);
}

} // namespace

VerifyContext verify_context(const ModuleImage& image) {
  const ModuleDecl& decl = image.decl;
  VerifyContext context;
  context.module = &image;
  context.type_at = &type_at;
  context.function_type_at = &function_type_at;
  context.global_at = &global_at;
  context.table_at = &table_at;
  context.memory_at = &memory_at;
  context.types = static_cast<uint32_t>(decl.types.size());
  context.functions = static_cast<uint32_t>(image.function_count());
  context.imported_functions = decl.imported_functions;
  context.globals = static_cast<uint32_t>(decl.globals.size());
  context.tables = static_cast<uint32_t>(decl.tables.size());
  context.memories = static_cast<uint32_t>(decl.memories.size());
  context.elems = static_cast<uint32_t>(decl.elems.size());
  context.datas = static_cast<uint32_t>(decl.datas.size());
  context.code = image.code;
  context.wide = image.wide;
  context.metering = image.metering;
  return context;
}

Result<void> verify_records(const ModuleImage& image, uint32_t* bad_function) {
  const ModuleDecl& decl = image.decl;
  uint64_t code_end = 0;
  for (size_t i = 0; i < image.functions.size(); i++) {
    const Function& function = image.functions[i];
    note(bad_function, i);
    if (function.type.value >= decl.types.size()) return Error::bytecode_record;
    const SubType& type = decl.types.get(function.type);
    if (!type.is_func()) return Error::bytecode_record;
    EBB_TRY(verify_record(image.code, function, type.params(), type.results()));
    // In order and apart, so that verifying and threading all of them takes time and room for the
    // code but once.
    if (function.code_offset < code_end) return Error::bytecode_record;
    code_end = uint64_t{function.code_offset} + function.code_bytes;
  }
  for (size_t i = 0; i < image.constants.size(); i++) {
    const Function& constant = image.constants[i];
    note(bad_function, image.functions.size() + i);
    if (constant.code_offset < code_end) return Error::bytecode_record;
    code_end = uint64_t{constant.code_offset} + constant.code_bytes;
  }
  return each_constant(image, [&](uint32_t constant, ValType type) {
    note(bad_function, image.functions.size() + constant);
    return verify_record(image.code, image.constants[constant], {}, {&type, 1});
  });
}

Result<void> verify_image_function(const ModuleImage& image, uint32_t function, Heap& scratch,
                                   uint32_t* bad_offset) {
  const Function& record = image.functions[function];
  return verify_function(verify_context(image), record, image.decl.types.get(record.type), scratch,
                         bad_offset);
}

Result<void> verify_image_constants(const ModuleImage& image, Heap& scratch, uint32_t* bad_function,
                                    uint32_t* bad_offset) {
  const VerifyContext context = verify_context(image);
  return each_constant(image, [&](uint32_t constant, ValType type) {
    note(bad_function, image.functions.size() + constant);
    return verify_constant(context, image.constants[constant], type, scratch, bad_offset);
  });
}

Result<void> verify_image_functions(const ModuleImage& image, Heap& scratch, uint32_t* bad_function,
                                    uint32_t* bad_offset) {
  for (uint32_t i = 0; i < image.functions.size(); i++) {
    note(bad_function, i);
    EBB_TRY(verify_image_function(image, i, scratch, bad_offset));
  }
  return {};
}

} // namespace ebb
