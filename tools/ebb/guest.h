// Guest: a module on its way from bytes to the end of a call, step by step.
//
// `run` performs the steps one after the other; `torture` performs them while memory is refused,
// and performs a step again, on the same objects, after it failed. So each step leaves everything
// as it was if it fails, because the calls that it makes do.
#pragma once

#include "core/runtime/ebb.h"
#include "core/wasi/wasi.h"
#include "tools/ebb/options.h"
#include "tools/ebb/pages.h"

#include <optional>

namespace ebb::tool {

enum class Step : uint8_t {
  engine,
  module,
  linker,
  wasi,
  instance_pre,
  store,
  instance,   ///< Also runs the start function.
  initialize, ///< Calls _initialize, where there is one and a function is named by --invoke.
  call,
};
inline constexpr size_t step_count = 9;

/// What went on in a step, for messages: "loading the module".
const char* step_name(Step step);
/// Whether a step may run guest code, so that its failure cannot be followed by the same step on
/// the same instance.
inline bool runs_guest_code(Step step) { return step >= Step::instance; }

class Guest {
public:
  Guest(const Options& options, std::span<const uint8_t> bytes, const Allocator& allocator,
        const WasiHooks& hooks);
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;
  ~Guest() { tear_down(); }

  /// Room for arguments and environment. False if the system has none.
  bool prepare();
  /// Performs a step; those before it were performed. Fails: as the call that it makes; the details
  /// are in `diagnostic`.
  Result<void> perform(Step step);
  /// Gives the instance up, so that another can be made in the same store.
  void forget_instance();
  void tear_down();

  const Diagnostic& diagnostic() const { return diagnostic_; }
  Engine* engine() { return engine_ ? &*engine_ : nullptr; }
  Module* module() { return module_ ? &*module_ : nullptr; }
  Store* store() { return store_ ? &*store_ : nullptr; }
  /// Of the last call.
  std::span<const Val> results() const { return results_; }
  /// An argument that cannot be read, if `call` failed with argument_mismatch because of one; else
  /// null.
  const char* bad_argument() const { return bad_argument_; }
  /// The name of the function that `call` calls.
  const char* function_name() const { return options_.invoke ? options_.invoke : "_start"; }
  /// Engine's peak before there was an instance, and so before there was linear memory.
  size_t peak_before_instance() const { return peak_before_instance_; }

private:
  Result<void> load();
  Result<void> link();
  Result<void> define_wasi();
  Result<void> make_store();
  Result<void> instantiate();
  Result<void> initialize();
  Result<void> call();
  Result<void> read_arguments(const FuncType& type);
  bool imports_wasi() const;
  Result<void> note(Result<void> result);

  const Options& options_;
  std::span<const uint8_t> bytes_;
  const Allocator& allocator_;
  WasiContext wasi_;
  Pages word_pages_;
  Pages env_pages_;
  Pages argument_pages_;
  Pages result_pages_;
  std::optional<Engine> engine_;
  std::optional<Module> module_;
  std::optional<Linker> linker_;
  std::optional<InstancePre> pre_;
  std::optional<Store> store_;
  Instance instance_;
  std::span<Val> arguments_;
  std::span<Val> results_;
  const char* bad_argument_ = nullptr;
  Diagnostic diagnostic_;
  size_t peak_before_instance_ = 0;
};

} // namespace ebb::tool
