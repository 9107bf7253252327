// From names to what they name, and back.
#include "core/runtime/runtime_state.h"

namespace ebb {

void begin_operation(StoreState& store) { store.diagnostic.error = Error::none; }

Error note(StoreState& store, Error error) {
  if (store.diagnostic.error != error) {
    if (error == Error::out_of_memory) return refuse_by_heap(store, Resource::heap, 0);
    store.diagnostic.set(error);
  }
  return error;
}

Result<InstanceState*> find_instance(const StoreState& store, const Handle& handle) {
  if (handle.is_null()) return Error::stale_handle;
  if (handle.store != store.id) return Error::wrong_store;
  if (handle.instance >= store.instances.size()) return Error::stale_handle;
  InstanceState* instance = store.instances[handle.instance];
  if (instance == nullptr || instance->generation != handle.generation) {
    return Error::stale_handle;
  }
  return instance;
}

Result<FuncRef> find_func(const StoreState& store, const Handle& handle) {
  const InstanceState& instance = *EBB_TRY(find_instance(store, handle));
  const size_t count =
      instance.module != nullptr
          ? instance.module->functions.size()
          : (instance.id == store.host_instance.id ? store.host_functions.size() : 0);
  if (handle.index >= count) return Error::stale_handle;
  return FuncRef{handle.instance, handle.index};
}

Result<MemoryState*> find_memory(const StoreState& store, const Handle& handle) {
  const InstanceState& instance = *EBB_TRY(find_instance(store, handle));
  const uint32_t imported = instance.imported_memory_count;
  if (handle.index >= instance.memory_count - imported) return Error::stale_handle;
  return instance.memories[imported + handle.index];
}

Result<TableState*> find_table(const StoreState& store, const Handle& handle) {
  const InstanceState& instance = *EBB_TRY(find_instance(store, handle));
  const uint32_t imported = instance.imported_table_count;
  if (handle.index >= instance.table_count - imported) return Error::stale_handle;
  return instance.tables[imported + handle.index];
}

Result<GlobalState*> find_global(const StoreState& store, const Handle& handle) {
  const InstanceState& instance = *EBB_TRY(find_instance(store, handle));
  const uint32_t imported = instance.imported_global_count;
  if (handle.index >= instance.global_count - imported) return Error::stale_handle;
  return instance.globals[imported + handle.index];
}

Result<TagState*> find_tag(const StoreState& store, const Handle& handle) {
  const InstanceState& instance = *EBB_TRY(find_instance(store, handle));
  const uint32_t imported = instance.imported_tag_count;
  if (handle.index >= instance.tag_count - imported) return Error::stale_handle;
  return instance.tags[imported + handle.index];
}

Handle handle_of(const StoreState& store, uint32_t owner, uint32_t index) {
  return {store.id, owner, store.instances[owner]->generation, index};
}

Handle handle_of(const StoreState& store, const InstanceState& instance) {
  return handle_of(store, instance.id, 0);
}

Func func_of(const StoreState& store, FuncRef ref) {
  return Func(handle_of(store, ref.instance, ref.function));
}

Extern extern_of(const StoreState& store, const InstanceState& instance, ExternKind kind,
                 uint32_t index) {
  switch (kind) {
  case ExternKind::func:
    return func_of(store, func_ref_of(instance, index));
  case ExternKind::table: {
    const TableState& table = *instance.tables[index];
    return Table(handle_of(store, table.owner, table.index));
  }
  case ExternKind::memory: {
    const MemoryState& memory = *instance.memories[index];
    return Memory(handle_of(store, memory.owner, memory.index));
  }
  case ExternKind::global: {
    const GlobalState& global = *instance.globals[index];
    return Global(handle_of(store, global.owner, global.index));
  }
  case ExternKind::tag:
    break;
  }
  const TagState& tag = *instance.tags[index];
  return Tag(handle_of(store, tag.owner, tag.index));
}

TypeId type_of(const StoreState& store, FuncRef ref) {
  if (ref.instance == store.host_instance.id) return store.host_functions[ref.function].type;
  const ModuleImage& module = *store.instances[ref.instance]->module;
  return module.type_of(module.functions[ref.function]);
}

MemoryType current_type(const MemoryState& memory) {
  MemoryType type = memory.type;
  type.limits.min = memory.size_pages();
  return type;
}

TableType current_type(const TableState& table) {
  TableType type = table.type;
  type.limits.min = table.size;
  return type;
}

Result<ExternType> Extern::type(StoreRef ref) const {
  const StoreState& store = ref.state();
  ExternType type;
  type.kind = kind_;
  switch (kind_) {
  case ExternKind::func:
    type.func = EBB_TRY(Func(handle_).type(ref));
    break;
  case ExternKind::table:
    type.table = current_type(*EBB_TRY(find_table(store, handle_)));
    break;
  case ExternKind::memory:
    type.memory = current_type(*EBB_TRY(find_memory(store, handle_)));
    break;
  case ExternKind::global:
    type.global = EBB_TRY(find_global(store, handle_))->type;
    break;
  case ExternKind::tag:
    type.func = EBB_TRY(Tag(handle_).type(ref));
    break;
  }
  return type;
}

namespace detail {

Result<void> root_instance(StoreState& store, const Handle& handle) {
  InstanceState& instance = *EBB_TRY(find_instance(store, handle));
  ++instance.roots;
  ++store.roots;
  return {};
}

void unroot_instance(StoreState& store, const Handle& handle) {
  InstanceState& instance = *store.instances[handle.instance];
  EBB_ASSERT(instance.roots != 0 && store.roots != 0);
  --instance.roots;
  --store.roots;
}

} // namespace detail
} // namespace ebb
