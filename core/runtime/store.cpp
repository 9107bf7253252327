// Stores: made under a budget, closed when nothing runs on them.
#include "core/runtime/store.h"

#include "core/runtime/runtime_state.h"
#include "core/state/prepare.h"

namespace ebb {
namespace {

/// Two stores that live at the same time differ in the low half, which comes from the address; one
/// that lies where another of the engine lay differs in the high half.
uint64_t new_id(EngineState& engine, const StoreState& state) {
  const uint32_t count = engine.stores_made.fetch_add(1, std::memory_order_relaxed) + 1;
  const uint64_t place = reinterpret_cast<uintptr_t>(&state) / alignof(StoreState);
  return uint64_t{count} << 32 | static_cast<uint32_t>(place) | 1;
}

bool is_busy(const StoreState& state) {
  return state.calls != 0 || state.host_depth != 0 || state.roots != 0;
}

void destroy(StoreState* state) {
  EngineState& engine = state->engine;
  const Block block{state, state->self_bytes};
  state->~StoreState();
  engine.heap.release(block, alignof(StoreState));
  release_engine(engine);
}

} // namespace

Result<Store> Store::create(const Engine& handle, const StoreLimits& limits, void* host_data) {
  EngineState& engine = handle.state();
  if (limits.budget_bytes < sizeof(StoreState)) return Error::out_of_memory;
  const Block block = EBB_TRY(engine.heap.allocate(sizeof(StoreState), alignof(StoreState)));
  if (limits.budget_bytes < block.bytes) {
    engine.heap.release(block, alignof(StoreState));
    return Error::out_of_memory;
  }
  const bool has_budget = limits.budget_bytes != Config::no_limit;
  StoreState* state = ::new (block.pointer)
      StoreState(engine, has_budget ? limits.budget_bytes - block.bytes : Heap::no_limit);
  state->self_bytes = block.bytes;
  state->id = new_id(engine, *state);
  state->host_data = host_data;
  state->host_instance.store = state;
  state->host_instance.id = 1;
  retain_engine(engine);
  Store store(state);
  if (limits.kind == StoreLimits::Kind::reserved) {
    if (!has_budget) return Error::out_of_memory;
    EBB_TRY(state->heap.reserve());
  }
  EBB_TRY(state->instances.reserve_exact(instances_first));
  state->instances.push_reserved(nullptr);
  state->instances.push_reserved(&state->host_instance);
  return store;
}

Store::~Store() {
  if (state_ == nullptr) return;
  EBB_ASSERT(!is_busy(*state_));
  destroy(state_);
}

Result<void> Store::close() {
  if (state_ == nullptr) return {};
  if (is_busy(*state_)) return note(*state_, Error::busy);
  destroy(std::exchange(state_, nullptr));
  return {};
}

void* Store::host_data() const { return state_->host_data; }

HeapStats Store::stats() const { return stats_with_self(state_->heap, state_->self_bytes); }

size_t Store::linear_memory_bytes() const { return static_cast<size_t>(state_->memory_bytes); }

const Diagnostic& Store::diagnostic() const { return state_->diagnostic; }

Error Store::last_error() const { return state_->diagnostic.error; }

uint64_t Store::fuel() const { return state_->fuel; }

void Store::set_fuel(uint64_t units) {
  state_->fuel = units < StoreState::fuel_max ? units : StoreState::fuel_max;
}

InterruptHandle Store::interrupt_handle() const { return InterruptHandle(state_->interrupt); }

void Store::clear_interrupt() { state_->interrupt.store(0, std::memory_order_relaxed); }

Result<void> Store::prepare() {
  begin_operation(*state_);
  EBB_TRY(noted(*state_, stack_prepare(*state_)));
  for (InstanceState* instance : state_->instances) {
    if (instance == nullptr || instance->module == nullptr) continue;
    EBB_TRY(noted(*state_, prepare_all(state_->engine, *instance->module)));
    for (uint32_t i = instance->imported_table_count; i < instance->table_count; ++i)
      EBB_TRY(noted(*state_, table_prepare(*state_, *instance->tables[i])));
  }
  return {};
}

Result<void> Store::collect() {
  if (state_->calls != 0 || state_->host_depth != 0) return note(*state_, Error::busy);
  instances_collect(*state_);
  externs_sweep(*state_);
  return {};
}

} // namespace ebb
