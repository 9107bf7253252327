// Host functions of a store, found again by what they are: instantiating a module twice adds none.
#include "core/state/host_records.h"

#include <new>

namespace ebb {
namespace {

struct Identity {
  uintptr_t target;
  uintptr_t entry;
  uintptr_t context;
  uint32_t type;
};

Identity identity_of(const HostRecord& record, TypeId type) {
  return {reinterpret_cast<uintptr_t>(record.target), reinterpret_cast<uintptr_t>(record.entry),
          reinterpret_cast<uintptr_t>(record.context), type.value};
}

Identity identity_of(const HostFunction& function) {
  return identity_of(*static_cast<const HostRecord*>(function.context), function.type);
}

int compare(const Identity& a, const Identity& b) {
  if (a.target != b.target) return a.target < b.target ? -1 : 1;
  if (a.entry != b.entry) return a.entry < b.entry ? -1 : 1;
  if (a.context != b.context) return a.context < b.context ? -1 : 1;
  if (a.type != b.type) return a.type < b.type ? -1 : 1;
  return 0;
}

/// Room for one more record in the newest chunk.
Result<void> reserve_record(StoreState& store) {
  const HostRecordChunk* newest = store.host_records;
  if (newest != nullptr && newest->count < HostRecordChunk::records_max) return {};
  const Block block =
      EBB_TRY(store.heap.allocate(sizeof(HostRecordChunk), alignof(HostRecordChunk)));
  store.host_records = ::new (block.pointer) HostRecordChunk{store.host_records, block, 0, {}};
  return {};
}

} // namespace

Result<FuncRef> host_function(StoreState& store, const HostRecord& record, TypeId type,
                              HostFunctionPointer function) {
  const Identity wanted = identity_of(record, type);
  size_t low = 0;
  size_t high = store.host_order.size();
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    const uint32_t index = store.host_order[middle];
    const int order = compare(identity_of(store.host_functions[index]), wanted);
    if (order == 0) return FuncRef{1, index};
    if (order < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  EBB_TRY(reserve_record(store));
  EBB_TRY(store.host_functions.reserve(store.host_functions.size() + 1));
  const uint32_t index = static_cast<uint32_t>(store.host_functions.size());
  EBB_TRY(store.host_order.insert(low, index));

  HostRecordChunk& chunk = *store.host_records;
  HostRecord& kept = chunk.records[chunk.count++];
  kept = record;
  kept.type = type;
  const SubType& func_type = store.engine.types.get(type);
  HostFunction added;
  added.function = function;
  added.context = &kept;
  added.type = type;
  added.params = slot_counts(func_type.params());
  added.results = slot_counts(func_type.results());
  store.host_functions.push_reserved(added);
  store.engine.types.retain(type);
  return FuncRef{1, index};
}

void host_records_free(StoreState& store) {
  while (HostRecordChunk* chunk = store.host_records) {
    store.host_records = chunk->next;
    store.heap.release(chunk->block, alignof(HostRecordChunk));
  }
}

} // namespace ebb
