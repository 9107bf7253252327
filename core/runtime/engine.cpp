// Engines: from a configuration to the state behind it.
#include "core/runtime/engine.h"

#include "core/interpret/machine.h"
#include "core/platform/platform.h"
#include "core/runtime/runtime_state.h"
#include "core/state/machine_table.h"

namespace ebb {
namespace {

static_assert(static_cast<int>(Config::Encoding::threaded) == static_cast<int>(Encoding::threaded));

constexpr size_t stack_bytes_most = size_t{1} << 30;

bool is_valid(const Config& config) {
  const Allocator* allocator = config.allocator;
  return allocator != nullptr && allocator->allocate != nullptr && allocator->resize != nullptr &&
         allocator->release != nullptr && config.stack_bytes_max >= Stack::bytes_initial &&
         config.stack_bytes_max <= stack_bytes_most && config.host_depth_max != 0 &&
         (config.encoding == Config::Encoding::compact || machine_table().has_threaded) &&
         (!is_small_build || config.preparation == Config::Preparation::at_load);
}

Result<EngineSettings> settings_of(const Config& config) {
  EngineSettings settings;
  settings.features = config.features;
  settings.encoding = static_cast<Encoding>(config.encoding);
  settings.memory_pages = config.memory_backing == Config::Backing::pages;
  settings.engine_bytes_max = config.engine_bytes_max;
  settings.module_bytes_max = config.module_bytes_max;
  settings.stack_bytes_max = config.stack_bytes_max;
  settings.host_depth_max = config.host_depth_max;
  settings.metering = metering_of(config.fuel, config.interruption);
  settings.lazy = config.preparation == Config::Preparation::at_first_call;
  settings.threads_lazily = config.preparation == Config::Preparation::threaded_at_first_call;
  settings.keep_names = config.keep_names;
  settings.keep_offsets = config.keep_offsets;
  settings.fixed_seed = config.fixed_seed;
  settings.seed = config.seed;
  if (!config.fixed_seed && !platform_entropy(&settings.seed, sizeof(settings.seed))) {
    return Error::host_failure;
  }
  settings.limits = config.limits;
  return settings;
}

Error report(Diagnostic* diagnostic, Error error) {
  if (diagnostic != nullptr) diagnostic->set(error);
  return error;
}

Error report_refusal(Diagnostic* diagnostic, RefusalCause cause, size_t limit) {
  if (diagnostic != nullptr) {
    diagnostic->set(Error::out_of_memory)
        .set_refusal(Resource::heap, sizeof(EngineState), cause, limit);
  }
  return Error::out_of_memory;
}

} // namespace

void retain_engine(EngineState& engine) {
  engine.references.fetch_add(1, std::memory_order_relaxed);
}

void release_engine(EngineState& engine) {
  if (engine.references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  const Allocator& allocator = engine.heap.allocator();
  const size_t bytes = engine.self_bytes;
  engine.~EngineState();
  allocator.release(allocator.context, &engine, bytes, alignof(EngineState));
}

Result<Engine> Engine::create(const Config& config, Diagnostic* diagnostic) {
  if (!is_valid(config)) return report(diagnostic, Error::invalid_config);
  const Result<EngineSettings> made = settings_of(config);
  if (!made.ok()) return report(diagnostic, made.error());
  EngineSettings settings = made.value();
  if (config.engine_bytes_max < sizeof(EngineState)) {
    return report_refusal(diagnostic, RefusalCause::budget, config.engine_bytes_max);
  }
  const Allocator& allocator = *config.allocator;
  const Block block =
      allocator.allocate(allocator.context, sizeof(EngineState), alignof(EngineState), false);
  if (!block) return report_refusal(diagnostic, RefusalCause::allocator, 0);
  if (config.engine_bytes_max < block.bytes) {
    allocator.release(allocator.context, block.pointer, block.bytes, alignof(EngineState));
    return report_refusal(diagnostic, RefusalCause::budget, config.engine_bytes_max);
  }
  if (settings.engine_bytes_max != Config::no_limit) settings.engine_bytes_max -= block.bytes;
  EngineState* state = ::new (block.pointer) EngineState(allocator, settings);
  state->self_bytes = block.bytes;
  state->machine = &machine_table();
  return Engine(state);
}

Engine::~Engine() {
  if (state_ != nullptr) release_engine(*state_);
}

Engine Engine::clone() const {
  retain_engine(*state_);
  return Engine(state_);
}

HeapStats stats_with_self(const Heap& heap, size_t self_bytes) {
  HeapStats stats = heap.stats();
  if (stats.limit != Heap::no_limit) stats.limit += self_bytes;
  stats.used += self_bytes;
  stats.peak += self_bytes;
  stats.requests += 1;
  return stats;
}

HeapStats Engine::stats() const { return stats_with_self(state_->heap, state_->self_bytes); }

} // namespace ebb
