// See compiled_module.h.
#include "fuzz/compiled_module.h"

#include "core/interpret/machine.h"
#include "core/state/machine_table.h"
#include "core/validate/decode_module.h"

namespace ebb::fuzz {

CompiledModule::CompiledModule(const Engine& engine, std::span<const uint8_t> bytes,
                               const CompileOptions& options)
    : engine_(engine), options_(options),
      image_(engine.state().heap, Heap::no_limit, engine.state().types) {
  const Result<void> compiled = compile(bytes);
  if (!compiled.ok()) error_ = compiled.error();
}

CompiledModule::~CompiledModule() { make_unready(); }

Result<void> CompiledModule::compile(std::span<const uint8_t> bytes) {
  EngineState& engine = engine_.state();
  const FeatureSet features = engine.settings.features;
  EBB_TRY(decode_module(bytes, features, engine.types, image_.heap, image_.decl, nullptr));
  image_.bytes = bytes.data();
  image_.wide = options_.wide;
  image_.metering = options_.metering;
  BodyValidator validator(image_.decl, engine.types, features, image_.heap);
  FunctionCompiler compiler(image_.decl, {image_.owned_code, image_.owned_offset_map}, validator,
                            options_, image_.heap);
  ModuleDecl& decl = image_.decl;
  for (size_t i = 0; i < decl.defined_functions(); i++) {
    Function function;
    const FuncIndex index{static_cast<uint32_t>(i) + decl.imported_functions};
    EBB_TRY(compiler.compile(index, function));
    EBB_TRY(image_.owned_functions.push(function));
  }
  const size_t globals = decl.globals.size();
  for (size_t i = 0; i < globals; i++)
    EBB_TRY(compile_constant(compiler, decl.globals[i].init, i));
  for (TableDecl& table : decl.tables)
    EBB_TRY(compile_constant(compiler, table.init, globals));
  for (ElemDecl& elem : decl.elems)
    EBB_TRY(compile_constant(compiler, elem.offset, globals));
  for (Init& init : decl.elem_inits)
    EBB_TRY(compile_constant(compiler, init, globals));
  for (DataDecl& data : decl.datas)
    EBB_TRY(compile_constant(compiler, data.offset, globals));
  // The exact size, so that a sanitizer sees a step beyond the end.
  image_.owned_code.shrink_to_fit();
  image_.functions = image_.owned_functions.span();
  image_.constants = image_.owned_constants.span();
  image_.code = image_.owned_code.span();
  return {};
}

Result<void> CompiledModule::compile_constant(FunctionCompiler& compiler, Init& init,
                                              size_t globals_visible) {
  if (init.kind != Init::Kind::extended) return {};
  Function function;
  EBB_TRY(compiler.compile_constant(init.range, init.type, globals_visible, function));
  EBB_TRY(image_.owned_constants.push(function));
  init.index = static_cast<uint32_t>(image_.owned_constants.size() - 1);
  return {};
}

bool CompiledModule::make_ready(Encoding encoding) {
  make_unready();
  image_.encoding = encoding;
  return machine_table().make_ready(image_).ok();
}

void CompiledModule::make_unready() { image_.release_threaded(); }

} // namespace ebb::fuzz
