// Follows an instantiation step by step, in the order of instantiate.cpp, and adds up what each
// step would ask for.
#include "core/runtime/resources.h"

#include "collections/pool.h"
#include "core/runtime/instance_block.h"
#include "core/runtime/instantiate.h"

namespace ebb {
namespace {

/// What a pool gives for a request.
uint64_t given(uint64_t bytes) {
  constexpr uint64_t granule = Pool::granule_bytes;
  return bytes == 0 ? granule : (bytes + granule - 1) / granule * granule;
}

void add(ResourcesRequired::Part& part, uint64_t bytes) {
  part.bytes += given(bytes);
  ++part.requests;
}

/// The state of a store as far as it matters.
struct StoreNow {
  size_t instances = instances_first;
  size_t instances_capacity =
      static_cast<size_t>(given(instances_first * sizeof(InstanceState*)) / sizeof(InstanceState*));
  bool has_instance_gap = false;
  size_t functions = 0;
  size_t functions_capacity = 0;
  size_t records_free = 0; ///< In the newest chunk.
  Stack stack;
  MachinePosition position;
};

StoreNow now(const StoreState& store) {
  StoreNow result;
  result.instances = store.instances.size();
  result.instances_capacity = store.instances.capacity();
  result.has_instance_gap = store.instance_gaps != 0;
  result.functions = store.host_functions.size();
  result.functions_capacity = store.host_functions.capacity();
  if (store.host_records != nullptr)
    result.records_free = HostRecordChunk::records_max - store.host_records->count;
  result.stack = store.stack;
  result.position = store.position;
  return result;
}

/// Host functions that the store does not have yet.
struct NewFunctions {
  size_t imports = 0;  ///< Imports that ask for one.
  size_t distinct = 0; ///< Functions, one for equal imports.
};

void add_instance(ResourcesRequired& out, const StoreNow& store, const ModuleDecl& decl) {
  if (!store.has_instance_gap && store.instances == store.instances_capacity) {
    add(out.instance, instances_grown(store.instances) * sizeof(InstanceState*));
    out.outgrown_bytes += given(store.instances_capacity * sizeof(InstanceState*));
  }
  add(out.instance, instance_bytes(instance_counts(decl)));
}

void add_host_functions(ResourcesRequired& out, const StoreNow& store, NewFunctions added) {
  if (added.imports > store.functions_capacity - store.functions) {
    add(out.host_functions,
        host_functions_grown(store.functions, added.imports) * sizeof(HostFunction));
    if (store.functions_capacity != 0)
      out.outgrown_bytes += given(store.functions_capacity * sizeof(HostFunction));
  }
  if (added.distinct <= store.records_free) return;
  constexpr size_t records = HostRecordChunk::records_max;
  for (size_t left = added.distinct - store.records_free; left != 0;
       left -= left < records ? left : records)
    add(out.host_functions, sizeof(HostRecordChunk));
}

Result<void> add_objects(ResourcesRequired& out, const ModuleDecl& decl) {
  for (size_t i = decl.imported_memories; i < decl.memories.size(); ++i) {
    const uint64_t bytes = memory_initial_bytes(decl.memories[i]);
    if (bytes > memory_bytes_max) return Error::out_of_memory;
    if (bytes != 0) add(out.memories, bytes);
  }
  for (size_t i = decl.imported_tables; i < decl.tables.size(); ++i) {
    const uint64_t bytes = table_initial_bytes(decl.tables[i].type);
    if (bytes == UINT64_MAX) return Error::out_of_memory;
    if (bytes != 0) add(out.tables, bytes);
  }
  return {};
}

Result<void> add_stack(ResourcesRequired& out, const StoreNow& store, FirstFrames frames,
                       const EngineSettings& settings) {
  if (!frames.needed) return {};
  const uint64_t records = uint64_t{store.position.records} + Stack::records_reserved;
  const uint64_t slots =
      uint64_t{store.position.numbers} + store.position.refs + frames.numbers + frames.refs;
  const size_t bytes =
      EBB_TRY(stack_bytes_for(store.stack, stack_bytes_max(settings), records, slots));
  const size_t before = store.stack.bytes();
  if (bytes == before) return {};
  out.stack.bytes += given(bytes) - before;
  ++out.stack.requests;
  return {};
}

Result<ResourcesRequired> add_up(const StoreNow& store, const ModuleImage& image,
                                 NewFunctions functions, FirstFrames frames,
                                 const EngineSettings& settings, ResourcesRequired::Part of_store) {
  ResourcesRequired out;
  out.store = of_store;
  add_instance(out, store, image.decl);
  add_host_functions(out, store, functions);
  EBB_TRY(add_objects(out, image.decl));
  EBB_TRY(add_stack(out, store, frames, settings));
  // A sum that wraps would promise to fit.
  uint64_t sum = 0;
  for (const ResourcesRequired::Part& part :
       {out.store, out.instance, out.host_functions, out.memories, out.tables, out.stack}) {
    if (part.bytes > memory_bytes_max - sum) return Error::out_of_memory;
    sum += part.bytes;
  }
  return out;
}

/// Tells host functions apart as the store will, in a tree of their own.
Result<NewFunctions> new_functions(const StoreState& store, std::span<const Definition> imports) {
  NewFunctions added;
  const auto is_new = [&](const Definition& definition) {
    return definition.is_host &&
           !has_host_function(store, definition.record, definition.record.type);
  };
  for (const Definition& definition : imports)
    if (is_new(definition)) ++added.imports;
  if (added.imports == 0) return added;
  Vec<HostRecord> records(store.engine.heap);
  EBB_TRY(records.reserve_exact(added.imports));
  HostRecord* tree = nullptr;
  for (const Definition& definition : imports) {
    if (!is_new(definition)) continue;
    records.push_reserved(definition.record);
    if (note_host_function(tree, records.back())) ++added.distinct;
  }
  return added;
}

/// The start function, if it is imported and a guest's. Fails: stale_handle, wrong_store.
Result<const Function*> imported_start(const StoreState& store, const ModuleImage& image,
                                       std::span<const Definition> imports) {
  const ModuleDecl& decl = image.decl;
  if (decl.start == no_function) return nullptr;
  for (size_t i = 0; i < imports.size(); ++i) {
    const ImportDecl& import = decl.imports[i];
    if (import.kind != ExternKind::func || import.index != decl.start.value) continue;
    if (imports[i].is_host) return nullptr;
    return guest_function(store, EBB_TRY(find_func(store, imports[i].handle)));
  }
  return nullptr;
}

} // namespace

ResourcesRequired::Part ResourcesRequired::total() const {
  Part sum;
  for (const Part& part : {store, instance, host_functions, memories, tables, stack}) {
    sum.bytes += part.bytes;
    sum.requests += part.requests;
  }
  return sum;
}

Result<ResourcesRequired> resources_required(const Module& module) {
  const ModuleImage& image = module.image();
  ResourcesRequired::Part of_store;
  add(of_store, sizeof(StoreState));
  add(of_store, instances_first * sizeof(InstanceState*));
  const size_t functions = image.decl.imported_functions;
  return add_up(StoreNow(), image, {functions, functions}, first_frames(image, nullptr),
                module.engine().state().settings, of_store);
}

Result<ResourcesRequired> resources_required(const InstancePre& pre, StoreRef ref) {
  const StoreState& store = ref.state();
  if (&pre.module().engine().state() != &store.engine) return Error::wrong_engine;
  const NewFunctions functions = EBB_TRY(new_functions(store, pre.definitions()));
  const ModuleImage& image = pre.module().image();
  const Function* start = EBB_TRY(imported_start(store, image, pre.definitions()));
  return add_up(now(store), image, functions, first_frames(image, start), store.engine.settings,
                {});
}

} // namespace ebb
