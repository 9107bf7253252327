// Modules: loading, and reflection over what was declared.
#include "core/runtime/module.h"

#include "core/artifact/writer.h"
#include "core/binary/reader.h"
#include "core/runtime/runtime_state.h"
#include "core/state/load.h"
#include "core/state/prepare.h"
#include "core/validate/validate.h"

namespace ebb {

StringView text_of(const ModuleImage& image, ByteRange range) {
  return {reinterpret_cast<const char*>(image.bytes) + range.offset, range.size};
}

ExternType declared_type(const ModuleImage& image, ExternKind kind, uint32_t index) {
  const ModuleDecl& decl = image.decl;
  ExternType type;
  type.kind = kind;
  switch (kind) {
  case ExternKind::func: {
    const SubType& func = decl.types.get(image.function_type(FuncIndex{index}));
    type.func = {func.params(), func.results()};
    break;
  }
  case ExternKind::table:
    type.table = decl.tables[index].type;
    break;
  case ExternKind::memory:
    type.memory = decl.memories[index];
    break;
  case ExternKind::global:
    type.global = decl.globals[index].type;
    break;
  case ExternKind::tag: {
    const SubType& func = image.registry->get(decl.tags[index].type);
    type.func = {func.params(), func.results()};
    break;
  }
  }
  return type;
}

Result<Module> Module::load(const Engine& engine, std::span<const uint8_t> bytes,
                            Diagnostic* diagnostic) {
  ModuleImage* image =
      EBB_TRY(load_module(engine.state(), bytes, BytesOwnership::copied, diagnostic));
  return Module(engine.clone(), image);
}

Result<Module> Module::load_borrowed(const Engine& engine, std::span<const uint8_t> bytes,
                                     Diagnostic* diagnostic) {
  ModuleImage* image =
      EBB_TRY(load_module(engine.state(), bytes, BytesOwnership::borrowed, diagnostic));
  return Module(engine.clone(), image);
}

Result<Module> Module::load_wasm(const Engine& engine, std::span<const uint8_t> bytes,
                                 Diagnostic* diagnostic) {
  ModuleImage* image =
      EBB_TRY(ebb::load_wasm(engine.state(), bytes, BytesOwnership::copied, diagnostic));
  return Module(engine.clone(), image);
}

Result<Module> Module::load_precompiled(const Engine& engine, std::span<const uint8_t> bytes,
                                        Diagnostic* diagnostic) {
  ModuleImage* image =
      EBB_TRY(ebb::load_precompiled(engine.state(), bytes, BytesOwnership::borrowed, diagnostic));
  return Module(engine.clone(), image);
}

Result<void> Module::compile(const Engine& engine, std::span<const uint8_t> bytes,
                             const CompileSettings& settings, const ByteSink& sink,
                             Diagnostic* diagnostic) {
  const ArtifactOptions options{settings.profile == CompileSettings::Profile::wide,
                                metering_of(settings.fuel, settings.interruption), settings.strip};
  return compile_module(engine.state(), bytes, options, sink, diagnostic);
}

Result<void> Module::serialize(const ByteSink& sink, bool strip) const {
  const bool has_code = !image_->is_compiled || image_->is_sound || image_->lazy.empty();
  if (!has_code || (image_->code.empty() && !image_->functions.empty()))
    return Error::code_not_kept;
  return write_artifact(*image_, {image_->wide, image_->metering, strip}, sink,
                        engine_.state().heap);
}

Result<void> Module::validate(const Allocator& allocator, std::span<const uint8_t> bytes,
                              FeatureSet features, Diagnostic* diagnostic) {
  Heap heap(allocator);
  return validate_module(bytes, features, heap, diagnostic);
}

Result<void> Module::validate_all(Diagnostic* diagnostic) const {
  return validate_bodies(engine_.state(), *image_, diagnostic);
}

Result<void> Module::prepare() const { return prepare_all(engine_.state(), *image_); }

Module::~Module() {
  if (image_ != nullptr) release_module(engine_.state(), *image_);
}

Module Module::clone() const {
  retain_module(*image_);
  return Module(engine_.clone(), image_);
}

size_t Module::import_count() const { return image_->decl.imports.size(); }

Import Module::import(size_t index) const {
  const ImportDecl& import = image_->decl.imports[index];
  return {text_of(*image_, import.module), text_of(*image_, import.name),
          declared_type(*image_, import.kind, import.index)};
}

size_t Module::export_count() const { return image_->decl.exports.size(); }

Export Module::export_(size_t index) const {
  const ExportDecl& exported = image_->decl.exports[index];
  return {text_of(*image_, exported.name), declared_type(*image_, exported.kind, exported.index)};
}

size_t Module::function_count() const { return image_->function_count(); }

StringView Module::function_name(uint32_t function) const {
  return ebb::function_name(*image_, function);
}

FeatureSet Module::features_used() const { return image_->decl.features_used; }

HeapStats Module::stats() const { return image_->heap.stats(); }

} // namespace ebb
