// Module: a validated and compiled module, immutable, shared by stores and threads.
#pragma once

#include "collections/byte_sink.h"
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

/// How a module is compiled that is to run elsewhere.
struct CompileSettings {
  /// Whether the code may keep 64 bits in the accumulator: wide code is faster where registers hold
  /// as many, and is refused elsewhere.
  enum class Profile : uint8_t { narrow, wide };
  Profile profile = Profile::narrow;
  /// Leave out names and the map from code to offsets in the .wasm.
  bool strip = false;
  /// Count fuel; engines with Config::fuel take no other code.
  bool fuel = false;
  /// Look for interruptions; engines with Config::interruption take no code without this or fuel.
  bool interruption = false;
};

/// A counted reference to a module.
class Module {
public:
  /// Decodes, validates and compiles `bytes`, or checks a precompiled module (told apart by how
  /// they begin), of which the module keeps a copy of what it needs. Fails: malformed, invalid and
  /// unsupported errors (the place is in the diagnostic), out_of_memory. On failure: the engine is
  /// as it was.
  static Result<Module> load(const Engine& engine, std::span<const uint8_t> bytes,
                             Diagnostic* diagnostic = nullptr);
  /// The same without a copy: `bytes` must not change and must outlive the module. A precompiled
  /// module must lie at a multiple of 4 bytes (else misaligned_bytes); it runs in place.
  static Result<Module> load_borrowed(const Engine& engine, std::span<const uint8_t> bytes,
                                      Diagnostic* diagnostic = nullptr);
  /// `load` for a .wasm alone, and `load_borrowed` for a precompiled module alone; the other kind
  /// is malformed. A program that calls nothing else links without what the other kind needs.
  static Result<Module> load_wasm(const Engine& engine, std::span<const uint8_t> bytes,
                                  Diagnostic* diagnostic = nullptr);
  static Result<Module> load_precompiled(const Engine& engine, std::span<const uint8_t> bytes,
                                         Diagnostic* diagnostic = nullptr);
  /// Compiles a .wasm to a precompiled module (.ebb) of any profile, which is handed to the sink
  /// piece by piece; the same input and settings give the same bytes on every host.
  /// Fails: as `load`, and as the sink. On failure: the engine is as it was.
  static Result<void> compile(const Engine& engine, std::span<const uint8_t> bytes,
                              const CompileSettings& settings, const ByteSink& sink,
                              Diagnostic* diagnostic = nullptr);
  /// The module as a precompiled one, in the profile that it has here.
  /// Fails: code_not_kept (threaded code is all there is, or functions wait for their first calls),
  /// out_of_memory, and as the sink.
  Result<void> serialize(const ByteSink& sink, bool strip = false) const;
  /// Validates without compiling; also accepts modules with instructions that are not executed yet.
  /// Fails: malformed and invalid errors, errors of implementation limits, out_of_memory. Nothing
  /// is held afterwards.
  static Result<void> validate(const Allocator& allocator, std::span<const uint8_t> bytes,
                               FeatureSet features = FeatureSet::all(),
                               Diagnostic* diagnostic = nullptr);

  /// Validates the bodies that wait for their first call (Config::Preparation::at_first_call),
  /// without compiling them; those of a precompiled module are verified. Fails: as `validate`, and
  /// bytecode errors. On failure: the module is as it was.
  Result<void> validate_all(Diagnostic* diagnostic = nullptr) const;
  /// Makes all functions ready to run. Fails: as `load`. On failure: those that were made ready
  /// stay so.
  Result<void> prepare() const;

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
