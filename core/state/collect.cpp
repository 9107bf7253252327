// The one mark over a store, which allocates nothing, and what is swept after it.
//
// External references are swept while calls are in progress: their roots are the references on the
// stack, in tables and in globals, of all instances there are. Instances are collected between
// calls only, so their roots are those that the embedder has not released or holds by a Root; the
// list of what is still to be looked at runs through the instances.
#include "core/state/store_state.h"

#include <cstring>

namespace ebb {
namespace {

constexpr size_t word_bits = 32;

void mark_extern(StoreState& store, RefBits ref) {
  if (!is_extern_ref(ref)) return;
  const uint32_t index = extern_ref_index(ref);
  if (index >= store.externs.size()) return;
  store.externs_used[index / word_bits] |= uint32_t{1} << (index % word_bits);
}

void mark_externs(StoreState& store, const RefBits* refs, size_t count) {
  for (size_t i = 0; i < count; ++i)
    mark_extern(store, refs[i]);
}

void mark_externs_of(StoreState& store, const InstanceState& instance) {
  for (uint32_t i = instance.imported_table_count; i < instance.table_count; ++i) {
    const TableState& table = *instance.tables[i];
    mark_externs(store, table.elements, static_cast<size_t>(table.size));
  }
  for (uint32_t i = instance.imported_global_count; i < instance.global_count; ++i) {
    const GlobalState& global = *instance.globals[i];
    if (global.type.type.is_ref()) mark_extern(store, global.bits[0]);
  }
}

/// Marks an instance and puts it on the list.
void reach(StoreState& store, uint32_t id, InstanceState*& list) {
  if (id == 0 || id >= store.instances.size()) return;
  InstanceState* instance = store.instances[id];
  if (instance == nullptr || instance->marked) return;
  instance->marked = true;
  instance->next = list;
  list = instance;
}

void reach_function(StoreState& store, RefBits ref, InstanceState*& list) {
  reach(store, FuncRef::from_bits(ref).instance, list);
}

void reach_parts(StoreState& store, const InstanceState& instance, InstanceState*& list) {
  for (uint32_t i = 0; i < instance.imported_function_count; ++i)
    reach(store, instance.imported_functions[i].instance, list);
  for (uint32_t i = 0; i < instance.imported_memory_count; ++i)
    reach(store, instance.memories[i]->owner, list);
  for (uint32_t i = 0; i < instance.imported_tag_count; ++i)
    reach(store, instance.tags[i]->owner, list);
  for (uint32_t i = 0; i < instance.imported_table_count; ++i)
    reach(store, instance.tables[i]->owner, list);
  for (uint32_t i = instance.imported_table_count; i < instance.table_count; ++i) {
    const TableState& table = *instance.tables[i];
    for (uint64_t at = 0; at < table.size; ++at)
      reach_function(store, table.elements[at], list);
  }
  for (uint32_t i = 0; i < instance.imported_global_count; ++i)
    reach(store, instance.globals[i]->owner, list);
  for (uint32_t i = instance.imported_global_count; i < instance.global_count; ++i) {
    const GlobalState& global = *instance.globals[i];
    if (global.type.type.is_ref()) reach_function(store, global.bits[0], list);
  }
}

} // namespace

void externs_sweep(StoreState& store) {
  const size_t words = store.externs_used.size();
  if (words == 0) return;
  memset(store.externs_used.data(), 0, words * sizeof(uint32_t));
  mark_externs(store, store.stack.end - store.position.refs, store.position.refs);
  for (const InstanceState* instance : store.instances) {
    if (instance != nullptr) mark_externs_of(store, *instance);
  }
  uint32_t used = 0;
  for (const uint32_t bits : store.externs_used)
    used += static_cast<uint32_t>(__builtin_popcount(bits));
  store.externs_free = static_cast<uint32_t>(store.externs.size()) - used;
  store.externs_next = 0;
}

/// Makes both lists `count` entries long, or neither. Fails: out_of_memory.
static Result<void> externs_grow(StoreState& store, size_t count) {
  const size_t size = store.externs.size();
  Vec<uint64_t> values(store.heap);
  Vec<uint32_t> used(store.heap);
  EBB_TRY(values.resize(count));
  EBB_TRY(used.resize(count / word_bits));
  if (size != 0) {
    memcpy(values.data(), store.externs.data(), size * sizeof(uint64_t));
    memcpy(used.data(), store.externs_used.data(), size / word_bits * sizeof(uint32_t));
  }
  store.externs = std::move(values);
  store.externs_used = std::move(used);
  store.externs_free += static_cast<uint32_t>(count - size);
  return {};
}

Result<void> externs_reserve(StoreState& store, size_t count) {
  if (store.externs_free >= count) return {};
  externs_sweep(store);
  const size_t size = store.externs.size();
  const size_t used = size - store.externs_free;
  // Growing when less than half was free keeps the number of sweeps in proportion to what is added.
  if (store.externs_free >= count && used <= size / 2) return {};
  if (count > UINT32_MAX / 4 || used > UINT32_MAX / 4) return Error::out_of_memory;
  size_t wanted = size < word_bits ? word_bits : size;
  while (wanted < 2 * (used + count))
    wanted *= 2;
  if (wanted > size) {
    const Result<void> grown = externs_grow(store, wanted);
    if (!grown.ok()) return refuse_by_heap(store, Resource::heap, wanted * sizeof(uint64_t));
  }
  return {};
}

RefBits externs_add(StoreState& store, uint64_t value) {
  EBB_ASSERT(store.externs_free != 0);
  const uint32_t words = static_cast<uint32_t>(store.externs_used.size());
  uint32_t at = store.externs_next;
  while (store.externs_used[at] == UINT32_MAX)
    at = at + 1 < words ? at + 1 : 0;
  const uint32_t bit = static_cast<uint32_t>(__builtin_ctz(~store.externs_used[at]));
  const uint32_t index = at * static_cast<uint32_t>(word_bits) + bit;
  store.externs_used[at] |= uint32_t{1} << bit;
  store.externs[index] = value;
  store.externs_next = at;
  --store.externs_free;
  return extern_ref_bits(index);
}

void instances_collect(StoreState& store) {
  EBB_ASSERT(store.calls == 0 && store.host_depth == 0);
  InstanceState* list = nullptr;
  for (InstanceState* instance : store.instances) {
    if (instance != nullptr && (!instance->released || instance->roots != 0)) {
      reach(store, instance->id, list);
    }
  }
  while (list != nullptr) {
    const InstanceState& instance = *list;
    list = instance.next;
    reach_parts(store, instance, list);
  }
  for (InstanceState* instance : store.instances) {
    if (instance == nullptr) continue;
    if (instance->marked) {
      instance->marked = false;
      instance->next = nullptr;
    } else {
      instance_free(store, *instance);
    }
  }
}

} // namespace ebb
