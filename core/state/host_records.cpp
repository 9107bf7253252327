// Host functions of a store, found again by what they are: instantiating a module twice adds none.
//
// The tree is ordered by a mixed hash and not balanced: whoever defines host functions is the
// embedder, who does not attack himself. What is added becomes a leaf, and only the newest is ever
// taken out, so that is a leaf too.
#include "core/state/host_records.h"

#include "collections/hash.h"

#include <new>

namespace ebb {
namespace {

struct Identity {
  uint64_t hash;
  uintptr_t target;
  uintptr_t entry;
  uintptr_t context;
  uint32_t type;
};

Identity identity_of(const HostRecord& record, TypeId type) {
  Identity identity{0, reinterpret_cast<uintptr_t>(record.target),
                    reinterpret_cast<uintptr_t>(record.entry),
                    reinterpret_cast<uintptr_t>(record.context), type.value};
  identity.hash = hash_number(identity.target, identity.type);
  identity.hash = hash_number(identity.context, identity.hash);
  return identity;
}

int compare(const Identity& a, const Identity& b) {
  if (a.hash != b.hash) return a.hash < b.hash ? -1 : 1;
  if (a.target != b.target) return a.target < b.target ? -1 : 1;
  if (a.entry != b.entry) return a.entry < b.entry ? -1 : 1;
  if (a.context != b.context) return a.context < b.context ? -1 : 1;
  if (a.type != b.type) return a.type < b.type ? -1 : 1;
  return 0;
}

/// Where the record of an identity hangs, or would hang.
HostRecord** find(HostRecord** link, const Identity& wanted) {
  while (*link != nullptr) {
    const int order = compare(wanted, identity_of(**link, (*link)->type));
    if (order == 0) break;
    link = &(*link)->children[order < 0 ? 0 : 1];
  }
  return link;
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

void free_empty_chunk(StoreState& store) {
  HostRecordChunk* chunk = store.host_records;
  if (chunk == nullptr || chunk->count != 0) return;
  store.host_records = chunk->next;
  store.heap.release(chunk->block, alignof(HostRecordChunk));
}

} // namespace

bool note_host_function(HostRecord*& tree, HostRecord& record) {
  HostRecord** link = find(&tree, identity_of(record, record.type));
  if (*link != nullptr) return false;
  record.children[0] = record.children[1] = nullptr;
  *link = &record;
  return true;
}

bool has_host_function(const StoreState& store, const HostRecord& record, TypeId type) {
  HostRecord* tree = store.host_tree;
  return *find(&tree, identity_of(record, type)) != nullptr;
}

Result<FuncRef> host_function(StoreState& store, const HostRecord& record, TypeId type,
                              HostFunctionPointer function) {
  HostRecord** link = find(&store.host_tree, identity_of(record, type));
  if (*link != nullptr) return FuncRef{1, (*link)->index};
  const uint32_t index = static_cast<uint32_t>(store.host_functions.size());
  EBB_TRY(reserve_record(store));
  const Result<void> reserved = store.host_functions.reserve(size_t{index} + 1);
  if (!reserved.ok()) {
    free_empty_chunk(store);
    return reserved.error();
  }

  HostRecordChunk& chunk = *store.host_records;
  HostRecord& kept = chunk.records[chunk.count++];
  kept = record;
  kept.type = type;
  kept.index = index;
  kept.children[0] = kept.children[1] = nullptr;
  *link = &kept;
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

Result<void> host_functions_reserve(StoreState& store, size_t count, Vec<HostFunction>& outgrown) {
  const size_t size = store.host_functions.size();
  if (count <= store.host_functions.capacity() - size) return {};
  Vec<HostFunction> grown(store.heap);
  EBB_TRY(grown.reserve_exact(host_functions_grown(size, count)));
  for (const HostFunction& function : store.host_functions)
    grown.push_reserved(function);
  outgrown = std::move(store.host_functions);
  store.host_functions = std::move(grown);
  return {};
}

void host_functions_truncate(StoreState& store, size_t count, Vec<HostFunction>& outgrown) {
  while (store.host_functions.size() > count) {
    free_empty_chunk(store);
    const HostFunction newest = store.host_functions.pop();
    const HostRecord& record = *static_cast<HostRecord*>(newest.context);
    *find(&store.host_tree, identity_of(record, newest.type)) = nullptr;
    store.engine.types.release(newest.type);
    --store.host_records->count;
  }
  free_empty_chunk(store);
  if (outgrown.data() != nullptr) {
    store.host_functions = std::move(outgrown);
  } else if (count == 0) {
    store.host_functions.shrink_to_fit();
  }
}

void host_records_free(StoreState& store) {
  while (HostRecordChunk* chunk = store.host_records) {
    store.host_records = chunk->next;
    store.heap.release(chunk->block, alignof(HostRecordChunk));
  }
}

} // namespace ebb
