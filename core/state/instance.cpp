// What instances do with their functions and segments, and how they end.
#include "core/state/instance_state.h"

#include "core/state/load.h"
#include "core/state/store_state.h"

#include <cstring>

namespace ebb {

FuncRef func_ref_of(const InstanceState& instance, uint32_t index) {
  if (index < instance.imported_function_count) return instance.imported_functions[index];
  return {instance.id, index - instance.imported_function_count};
}

RefBits elem_item(const InstanceState& instance, const ElemDecl& elem, uint32_t item) {
  EBB_ASSERT(item < elem.count);
  const ModuleDecl& decl = instance.module->decl;
  if (!elem.has_inits) {
    const FuncIndex function = decl.elem_functions[elem.first + item];
    return function == no_function ? null_ref : func_ref_of(instance, function.value).bits();
  }
  const Init& init = decl.elem_inits[elem.first + item];
  switch (init.kind) {
  case Init::Kind::ref_func:
    return func_ref_of(instance, init.index).bits();
  case Init::Kind::global_get:
    return instance.globals[init.index]->bits[0];
  default:
    EBB_ASSERT(init.kind == Init::Kind::ref_null);
    return null_ref;
  }
}

Result<void> memory_init(InstanceState& instance, uint32_t memory, uint32_t data, uint64_t to,
                         uint32_t from, uint32_t bytes, Part part) {
  const ByteRange range = instance.module->decl.datas[data].bytes;
  const uint32_t segment_bytes = instance.dropped_datas[data] != 0 ? 0 : range.size;
  MemoryState& target = *instance.memories[memory];
  if (!range_fits(from, bytes, segment_bytes) || !range_fits(to, bytes, target.size_bytes)) {
    return Error::out_of_bounds_memory_access;
  }
  if (bytes != 0) {
    const uint8_t* source = instance.module->bytes + range.offset + from;
    memcpy(target.base + to + part.first, source + part.first, part.of(bytes));
  }
  return {};
}

Result<void> table_init(InstanceState& instance, uint32_t table, uint32_t elem, uint64_t to,
                        uint32_t from, uint32_t count, Part part) {
  const ElemDecl& segment = instance.module->decl.elems[elem];
  const uint32_t segment_count = instance.dropped_elems[elem] != 0 ? 0 : segment.count;
  TableState& target = *instance.tables[table];
  if (!range_fits(from, count, segment_count) || !range_fits(to, count, target.size)) {
    return Error::out_of_bounds_table_access;
  }
  const uint32_t first = static_cast<uint32_t>(part.first);
  const uint32_t end = first + static_cast<uint32_t>(part.of(count));
  for (uint32_t i = first; i < end; ++i)
    target.elements[to + i] = elem_item(instance, segment, from + i);
  return {};
}

Result<uint32_t> instances_reserve(StoreState& store, Vec<InstanceState*>& outgrown) {
  for (uint32_t id = 2; store.instance_gaps != 0; ++id) {
    if (store.instances[id] == nullptr) return id;
  }
  const size_t count = store.instances.size();
  if (count >= UINT32_MAX) return Error::out_of_memory;
  if (count == store.instances.capacity()) {
    Vec<InstanceState*> grown(store.heap);
    EBB_TRY(grown.reserve_exact(instances_grown(count)));
    for (InstanceState* instance : store.instances)
      grown.push_reserved(instance);
    outgrown = std::move(store.instances);
    store.instances = std::move(grown);
  }
  return static_cast<uint32_t>(count);
}

void instances_enter(StoreState& store, InstanceState& instance) {
  instance.generation = ++store.instances_made;
  if (instance.id == store.instances.size()) {
    store.instances.push_reserved(&instance);
  } else {
    EBB_ASSERT(store.instances[instance.id] == nullptr);
    store.instances[instance.id] = &instance;
    --store.instance_gaps;
  }
}

void instance_abandon(StoreState& store, InstanceState& instance, Vec<InstanceState*>& outgrown) {
  const uint32_t id = instance.id;
  instance_free(store, instance);
  --store.instances_made;
  if (id + 1 != store.instances.size()) return;
  store.instances.truncate(id);
  --store.instance_gaps;
  if (outgrown.data() != nullptr) store.instances = std::move(outgrown);
}

void instance_free(StoreState& store, InstanceState& instance) {
  for (uint32_t i = instance.imported_memory_count; i < instance.memory_count; ++i)
    memory_free(store, *instance.memories[i]);
  for (uint32_t i = instance.imported_table_count; i < instance.table_count; ++i)
    table_free(store, *instance.tables[i]);
  if (instance.module != nullptr) {
    release_module(store.engine, *instance.module);
  } else {
    for (uint32_t i = 0; i < instance.tag_count; ++i)
      if (!instance.tags[i]->type.type.is_none())
        store.engine.types.release(instance.tags[i]->type.type);
  }
  store.instances[instance.id] = nullptr;
  ++store.instance_gaps;
  store.heap.release(instance.block, alignof(uint64_t) > alignof(InstanceState)
                                         ? alignof(uint64_t)
                                         : alignof(InstanceState));
}

} // namespace ebb
