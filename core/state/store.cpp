// The life of a store and the reasons of its refusals.
#include "core/state/store_state.h"

#include "core/state/host_records.h"
#include "error/build.h"

namespace ebb {

StoreState::StoreState(EngineState& store_engine, size_t limit)
    : engine(store_engine), heap(store_engine.heap, limit), instances(heap), host_functions(heap),
      externs(heap), externs_used(heap) {}

StoreState::~StoreState() {
  EBB_ASSERT(host_depth == 0 && calls == 0 && roots == 0);
  for (InstanceState* instance : instances) {
    if (instance != nullptr && instance != &host_instance) instance_free(*this, *instance);
  }
  for (const HostFunction& function : host_functions)
    engine.types.release(function.type);
  host_records_free(*this);
  if (stack.block) heap.release(stack.block, alignof(uint64_t));
}

EBB_CALLED_IF_SMALL Error refuse(StoreState& store, Resource resource, uint64_t bytes,
                                 RefusalCause cause, uint64_t limit) {
  store.diagnostic.set(Error::out_of_memory).set_refusal(resource, bytes, cause, limit);
  return Error::out_of_memory;
}

Error refuse_by_heap(StoreState& store, Resource resource, uint64_t bytes) {
  const bool by_budget = store.heap.last_refusal() == Refusal::budget;
  if (resource == Resource::memory || resource == Resource::table) ++store.grows_refused;
  return refuse(store, resource, bytes, by_budget ? RefusalCause::budget : RefusalCause::allocator,
                by_budget ? store.heap.stats().limit : 0);
}

Result<void> ask_limits(StoreState& store, Growing what, uint64_t from, uint64_t to,
                        uint64_t maximum, uint64_t unit_bytes) {
  const LimitsCallback& limits = store.engine.settings.limits;
  if (limits.allow == nullptr || limits.allow(limits.context, what, from, to, maximum)) return {};
  const Resource resource = what == Growing::memory  ? Resource::memory
                            : what == Growing::table ? Resource::table
                                                     : Resource::stack;
  return refuse(store, resource, to * unit_bytes, RefusalCause::limits_callback, 0);
}

} // namespace ebb
