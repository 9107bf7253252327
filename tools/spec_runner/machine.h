// Machine: the public interface of Ebb as scripts see it: definitions and instances by name, one
// store, one linker.
#pragma once

#include "core/runtime/ebb.h"
#include "tools/spec_runner/options.h"
#include "tools/spec_runner/values.h"

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ebb::spec {

/// Why something is not there for later commands: a failure, or a skip that takes them along.
struct Absence {
  bool is_skip = false;
};

/// A definition or an instance of a script, or why it is absent.
struct Definition {
  std::shared_ptr<Module> module;
  Absence absence;
};
struct NamedInstance {
  std::optional<Instance> instance;
  Absence absence;
};

class Machine {
public:
  /// The allocator outlives it.
  Machine(const Options& options, const Allocator& allocator);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// Makes engine, store and linker, and registers `spectest`, whose bytes were kept. Stops if that
  /// fails.
  Error start(std::span<const uint8_t> spectest);

  /// Ends everything; `start` may follow.
  void stop();
  const Engine* engine() const { return engine_ ? &*engine_ : nullptr; }
  const Linker* linker() const { return linker_ ? &*linker_ : nullptr; }
  const Store* store() const { return store_ ? &*store_ : nullptr; }

  /// Compiles bytes to a precompiled module; what another host made of them is taken instead, and
  /// compared, if the options say so.
  Result<std::vector<uint8_t>> precompile(const std::vector<uint8_t>& bytes);
  /// Keeps bytes for as long as the machine lives.
  std::span<const uint8_t> keep(std::vector<uint8_t> bytes);
  /// Loads bytes that were kept.
  Result<std::shared_ptr<Module>> load(std::span<const uint8_t> bytes);
  /// Whether modules are checked when they are loaded although they are prepared later.
  bool is_lazy() const { return config_.preparation == Config::Preparation::at_first_call; }
  Result<Instance> instantiate(const Module& module);
  Result<void> register_as(const std::string& name, const Instance& instance);
  /// Calls or reads what an action names.
  Result<std::vector<Val>> perform(const Instance& instance, const Action& action);

  /// Whether a value is what is expected.
  bool matches(const Value& expected, const Val& actual);
  std::string describe(const Val& actual);
  /// The details of the last failure, on one line.
  std::string explain(Error error);

private:
  Result<std::vector<uint8_t>> exchange(const std::vector<uint8_t>& bytes,
                                        std::vector<uint8_t> compiled);
  Error refuse(const char* why);
  Result<void> call(const Func& function, std::span<const Val> args, std::span<Val> results);
  Result<Val> argument(const Value& value, ValType type);

  Config config_;
  std::string write_precompiled_;
  std::string read_precompiled_;
  CompileSettings compile_settings_;
  uint64_t slice_ = 0; // of fuel; 0 for calls that are not suspended for want of it
  bool interrupts_ = false;
  std::vector<std::vector<uint8_t>> bytes_; // borrowed by modules
  std::optional<Engine> engine_;
  std::optional<Linker> linker_;
  std::optional<Store> store_;
  Diagnostic diagnostic_;
};

} // namespace ebb::spec
