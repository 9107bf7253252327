// Module: a validated and compiled module, immutable, shared by stores and threads.
#pragma once

#include "collections/string.h"
#include "core/runtime/engine.h"
#include "core/runtime/extern_type.h"

namespace ebb {

struct ModuleImage;

/// An import as the module declares it; the names are views into the module.
struct Import {
  StringView module;
  StringView name;
  ExternType type;
};

struct Export {
  StringView name;
  ExternType type;
};

/// A counted reference to a module.
class Module {
public:
  /// Decodes, validates and compiles `bytes`, of which the module keeps a copy of what it needs.
  /// Fails: malformed, invalid and unsupported errors (the place is in the diagnostic),
  /// out_of_memory. On failure: the engine is as it was.
  static Result<Module> load(const Engine& engine, std::span<const uint8_t> bytes,
                             Diagnostic* diagnostic = nullptr);
  /// The same without a copy: `bytes` must not change and must outlive the module.
  static Result<Module> load_borrowed(const Engine& engine, std::span<const uint8_t> bytes,
                                      Diagnostic* diagnostic = nullptr);
  /// Validates without compiling; also accepts modules with instructions that are not executed yet.
  /// Fails: malformed and invalid errors, errors of implementation limits, out_of_memory. Nothing
  /// is held afterwards.
  static Result<void> validate(const Allocator& allocator, std::span<const uint8_t> bytes,
                               FeatureSet features = FeatureSet::all(),
                               Diagnostic* diagnostic = nullptr);

  Module(Module&& other) noexcept
      : engine_(std::move(other.engine_)), image_(std::exchange(other.image_, nullptr)) {}
  Module& operator=(Module&& other) noexcept {
    Module moved(std::move(other));
    std::swap(engine_, moved.engine_);
    std::swap(image_, moved.image_);
    return *this;
  }
  ~Module();

  /// Another reference to the same module. Cannot fail.
  Module clone() const;

  size_t import_count() const;
  /// `index` is below `import_count`.
  Import import(size_t index) const;
  size_t export_count() const;
  Export export_(size_t index) const;
  /// The number of functions, imported ones included; their names are empty unless kept.
  size_t function_count() const;
  StringView function_name(uint32_t function) const;
  /// The features that the module needs.
  FeatureSet features_used() const;
  /// What the module holds.
  HeapStats stats() const;

  const Engine& engine() const { return engine_; }
  ModuleImage& image() const { return *image_; }

private:
  Module(Engine&& engine, ModuleImage* image) : engine_(std::move(engine)), image_(image) {}
  Engine engine_;
  ModuleImage* image_;
};

} // namespace ebb
