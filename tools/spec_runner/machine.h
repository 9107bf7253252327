// Machine: the public interface of Ebb as scripts see it: definitions and instances by name, one
// store, one linker.
#pragma once

#include "core/runtime/ebb.h"
#include "tools/spec_runner/options.h"
#include "tools/spec_runner/values.h"

#include <map>
#include <memory>
#include <optional>
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
  explicit Machine(const Options& options);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// Makes engine, store and linker, and registers `spectest`. False, with the reason in `problem`,
  /// if that fails.
  bool start(const std::vector<uint8_t>& spectest, std::string& problem);

  /// Loads bytes, precompiled before if the options say so; they are kept.
  Result<std::shared_ptr<Module>> load(std::vector<uint8_t> bytes);
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
  Result<std::vector<uint8_t>> precompile(const std::vector<uint8_t>& bytes);
  Result<Val> argument(const Value& value, ValType type);

  Allocator allocator_;
  Config config_;
  bool precompiled_;
  CompileSettings compile_settings_;
  std::vector<std::vector<uint8_t>> bytes_; // borrowed by modules
  std::optional<Engine> engine_;
  std::optional<Linker> linker_;
  std::optional<Store> store_;
  Diagnostic diagnostic_;
};

} // namespace ebb::spec
