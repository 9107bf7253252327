// See guest.h.
#include "tools/ebb/guest.h"

#include "tools/ebb/values.h"

#include <cstring>
#include <new>

namespace ebb::tool {
namespace {

constexpr const char* wasi_module = "wasi_snapshot_preview1";

StringView view(const char* text) { return StringView(text, std::strlen(text)); }

// Any constant: hash maps need no entropy where the guest is the user's own, and a run repeats
// exactly.
constexpr uint64_t torture_seed = 0x9e3779b97f4a7c15;

Config config_of(const Options& options, const Allocator& allocator) {
  Config config;
  config.allocator = &allocator;
  config.encoding = options.compact ? Config::Encoding::compact : Config::Encoding::threaded;
  config.preparation = options.preparation;
  config.fuel = options.fuel != Options::no_fuel;
  config.interruption =
      options.command == Command::run && options.seconds_max != Options::no_timeout;
  config.keep_names = true;
  config.keep_offsets = options.offsets || !options.compact;
  config.fixed_seed = options.command == Command::torture;
  config.seed = torture_seed;
  return config;
}

template <class T> Result<void> keep(std::optional<T>& place, Result<T>&& made) {
  if (!made.ok()) return made.error();
  place.emplace(std::move(made).value());
  return {};
}

} // namespace

const char* step_name(Step step) {
  constexpr const char* names[step_count] = {
      "making the engine", "loading the module",  "making the linker",   "defining WASI", "linking",
      "making the store",  "making the instance", "calling _initialize", "the call"};
  return names[static_cast<size_t>(step)];
}

Guest::Guest(const Options& options, std::span<const uint8_t> bytes, const Allocator& allocator,
             const WasiHooks& hooks)
    : options_(options), bytes_(bytes), allocator_(allocator) {
  wasi_.hooks = hooks;
}

bool Guest::prepare() {
  const size_t word_count = options_.args.count + 1;
  const auto words = word_pages_.array<StringView>(word_count);
  const auto env = env_pages_.array<StringView>(options_.env_count);
  if (words.size() != word_count || env.size() != options_.env_count) return false;
  words[0] = view(options_.file);
  for (size_t i = 0; i < options_.args.count; ++i)
    words[i + 1] = view(options_.args.words[i]);
  for (size_t i = 0; i < options_.env_count; ++i)
    env[i] = view(options_.env[i]);
  wasi_.args = words;
  wasi_.environment = env;
  return true;
}

Result<void> Guest::perform(Step step) {
  diagnostic_.clear();
  switch (step) {
  case Step::engine:
    return keep(engine_, Engine::create(config_of(options_, allocator_), &diagnostic_));
  case Step::module:
    return load();
  case Step::linker:
    return keep(linker_, Linker::create(*engine_));
  case Step::wasi:
    return define_wasi();
  case Step::instance_pre:
    return link();
  case Step::store:
    return make_store();
  case Step::instance:
    return note(instantiate());
  case Step::initialize:
    return note(initialize());
  case Step::call:
    return note(call());
  }
  return Error::invalid_config;
}

// Keeps the store's details of a failure.
Result<void> Guest::note(Result<void> result) {
  if (!result.ok()) diagnostic_ = store_->diagnostic();
  return result;
}

Result<void> Guest::load() {
  return keep(module_, Module::load_borrowed(*engine_, bytes_, &diagnostic_));
}

bool Guest::imports_wasi() const {
  for (size_t i = 0; i < module_->import_count(); ++i)
    if (module_->import(i).module == view(wasi_module)) return true;
  return false;
}

Result<void> Guest::define_wasi() {
  if (!imports_wasi()) return {};
  return wasi_add_to_linker(*linker_, &wasi_);
}

Result<void> Guest::link() {
  EBB_TRY(keep(pre_, linker_->instantiate_pre(*module_, &diagnostic_)));
  // What the linker holds is not needed again, and small hosts want it back.
  linker_.reset();
  return {};
}

Result<void> Guest::make_store() {
  StoreLimits limits;
  if (options_.budget != Options::no_budget) limits.budget_bytes = options_.budget;
  EBB_TRY(keep(store_, Store::create(*engine_, limits)));
  if (options_.fuel != Options::no_fuel) store_->set_fuel(options_.fuel);
  return {};
}

Result<void> Guest::instantiate() {
  peak_before_instance_ = engine_->stats().peak;
  for (bool& closed : wasi_.closed)
    closed = false;
  instance_ = EBB_TRY(pre_->instantiate(*store_));
  return {};
}

Result<void> Guest::initialize() {
  if (!options_.invoke) return {};
  const auto function = instance_.get_func(*store_, view("_initialize"));
  if (!function.ok()) return {};
  return function.value().call(*store_, {}, {});
}

Result<void> Guest::read_arguments(const FuncType& type) {
  const Words words = options_.invoke ? options_.invoke_args : Words();
  if (words.count != type.params.size()) return Error::argument_mismatch;
  arguments_ = argument_pages_.array<Val>(words.count);
  results_ = result_pages_.array<Val>(type.results.size());
  if (arguments_.size() != words.count || results_.size() != type.results.size())
    return Error::out_of_memory;
  for (size_t i = 0; i < words.count; ++i) {
    ::new (static_cast<void*>(&arguments_[i])) Val();
    if (read_value(words.words[i], type.params[i], arguments_[i])) continue;
    bad_argument_ = words.words[i];
    return Error::argument_mismatch;
  }
  for (Val& result : results_)
    ::new (static_cast<void*>(&result)) Val();
  return {};
}

Result<void> Guest::call() {
  const Func function = EBB_TRY(instance_.get_func(*store_, view(function_name())));
  const FuncType type = EBB_TRY(function.type(*store_));
  EBB_TRY(read_arguments(type));
  return function.call(*store_, arguments_, results_);
}

void Guest::forget_instance() {
  if (store_) (void)instance_.release(*store_);
  instance_ = Instance();
}

void Guest::tear_down() {
  instance_ = Instance();
  store_.reset();
  pre_.reset();
  linker_.reset();
  module_.reset();
  engine_.reset();
}

} // namespace ebb::tool
