// CompiledModule: a module compiled with chosen options and not yet ready to run, whose code may be
// altered first.
//
// The library compiles for the profile of its host; here either can be had, and what comes out can
// be looked at and spoiled before it is run.
#pragma once

#include "core/artifact/module_image.h"
#include "core/compile/function_compiler.h"
#include "core/runtime/ebb.h"

namespace ebb::fuzz {

class CompiledModule {
public:
  /// `bytes` must outlive it.
  CompiledModule(const Engine& engine, std::span<const uint8_t> bytes,
                 const CompileOptions& options);
  CompiledModule(const CompiledModule&) = delete;
  CompiledModule& operator=(const CompiledModule&) = delete;
  ~CompiledModule();

  /// Why it could not be compiled, or none.
  Error error() const { return error_; }
  ModuleImage& image() { return image_; }
  const CompileOptions& options() const { return options_; }
  std::span<uint8_t> code() { return image_.owned_code.span(); }
  Function& function(size_t index) { return image_.owned_functions[index]; }
  Function& constant(size_t index) { return image_.owned_constants[index]; }

  /// Makes the code as it now is ready to run. False if memory ran out.
  bool make_ready(Encoding encoding);
  /// Takes that back.
  void make_unready();

private:
  Result<void> compile(std::span<const uint8_t> bytes);
  Result<void> compile_constant(FunctionCompiler& compiler, Init& init, size_t globals_visible);

  const Engine& engine_;
  const CompileOptions options_;
  CompiledImage image_;
  Error error_ = Error::none;
};

} // namespace ebb::fuzz
