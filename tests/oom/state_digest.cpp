// See state_digest.h.
#include "tests/oom/state_digest.h"

#include "core/runtime/linker_state.h"
#include "core/state/store_state.h"

#include <cstring>

namespace ebb::oom {
namespace {

/// A sequence of values on its way to a number.
class Digest {
public:
  void add(uint64_t value) {
    hash_ = (hash_ ^ value) * 0x9e3779b97f4a7c15u;
    hash_ ^= hash_ >> 32;
  }
  void add(const void* address) {
    add(static_cast<uint64_t>(reinterpret_cast<uintptr_t>(address)));
  }
  /// Four lanes at a time, since memories are large.
  void add_bytes(const void* data, size_t bytes) {
    const auto* at = static_cast<const unsigned char*>(data);
    uint64_t lanes[4] = {1, 2, 3, 4};
    add(bytes);
    for (; bytes >= 32; at += 32, bytes -= 32) {
      uint64_t words[4];
      memcpy(words, at, sizeof(words));
      for (size_t i = 0; i < 4; ++i)
        lanes[i] = (lanes[i] ^ words[i]) * 0xd6e8feb86659fd93u + (lanes[i] >> 47);
    }
    for (const uint64_t lane : lanes)
      add(lane);
    for (; bytes != 0; ++at, --bytes)
      add(uint64_t{*at});
  }
  uint64_t value() const { return hash_; }

private:
  uint64_t hash_ = 0x51ed270b0a1f39c1u;
};

template <class Visit> void each_instance(const StoreState& store, Visit&& visit) {
  for (const InstanceState* instance : store.instances)
    if (instance != nullptr) visit(*instance);
}

void add_limits(Digest& digest, const Limits& limits) {
  digest.add(limits.min);
  digest.add(limits.has_max ? limits.max : UINT64_MAX);
}

void add_structure(Digest& digest, const InstanceState& instance) {
  digest.add(&instance);
  digest.add(instance.module);
  digest.add(instance.id);
  digest.add(instance.generation);
  digest.add(instance.roots);
  digest.add(uint64_t{instance.released});
  for (uint32_t i = 0; i < instance.imported_function_count; ++i)
    digest.add(instance.imported_functions[i].bits());
  for (uint32_t i = 0; i < instance.memory_count; ++i) {
    const MemoryState& memory = *instance.memories[i];
    digest.add(&memory);
    digest.add(memory.size_bytes);
    add_limits(digest, memory.type.limits);
  }
  for (uint32_t i = 0; i < instance.table_count; ++i) {
    const TableState& table = *instance.tables[i];
    digest.add(&table);
    digest.add(table.size);
    add_limits(digest, table.type.limits);
  }
  for (uint32_t i = 0; i < instance.global_count; ++i)
    digest.add(instance.globals[i]);
  for (uint32_t i = 0; i < instance.tag_count; ++i)
    digest.add(uint64_t{instance.tags[i]->type.type.value});
}

/// What the embedder's calls that are in progress have on the stack.
void add_stack(Digest& digest, const StoreState& store) {
  digest.add(store.position.numbers);
  digest.add(store.position.refs);
  digest.add(store.position.records);
  digest.add(store.position.instance);
  if (store.calls == 0) return;
  digest.add_bytes(store.stack.numbers, store.position.numbers * sizeof(uint64_t));
  digest.add_bytes(store.stack.end - store.position.refs, store.position.refs * sizeof(uint64_t));
}

} // namespace

uint64_t digest(const Engine& engine) {
  const EngineState& state = engine.state();
  Digest digest;
  digest.add(uint64_t{state.types.group_count()});
  digest.add(uint64_t{state.references.load()});
  digest.add(state.hash_seed);
  digest.add(state.machine);
  digest.add(uint64_t{state.heap.stats().limit});
  return digest.value();
}

uint64_t digest(const Linker& linker) {
  const LinkerState& state = linker.state();
  uint64_t sum = state.shadowing ? 1 : 0;
  for (const auto& entry : state.definitions) {
    const Definition& definition = entry.value;
    const detail::Names names = entry.key.names();
    Digest digest;
    digest.add_bytes(names.module.data, names.module.size);
    digest.add_bytes(names.name.data, names.name.size);
    digest.add(static_cast<uint64_t>(definition.kind));
    if (definition.is_host) {
      digest.add(reinterpret_cast<const void*>(definition.record.target));
      digest.add(definition.record.context);
      digest.add(uint64_t{definition.record.type.value});
    } else {
      digest.add(definition.handle.store);
      digest.add(uint64_t{definition.handle.instance} << 32 | definition.handle.generation);
      digest.add(uint64_t{definition.handle.index});
    }
    sum += digest.value(); // their order in the map means nothing
  }
  return sum;
}

uint64_t digest(const Store& store) {
  const StoreState& state = store.state();
  Digest digest;
  digest.add(state.id);
  each_instance(state, [&](const InstanceState& instance) { add_structure(digest, instance); });
  for (const HostFunction& function : state.host_functions) {
    digest.add(function.context);
    digest.add(uint64_t{function.type.value});
  }
  digest.add(uint64_t{state.roots});
  digest.add(state.memory_bytes);
  digest.add(state.fuel);
  digest.add(uint64_t{state.heap.stats().limit});
  digest.add(uint64_t{state.heap.stats().used - slack_bytes(store)});
  return digest.value();
}

uint64_t activity_digest(const Store& store) {
  const StoreState& state = store.state();
  Digest digest;
  add_stack(digest, state);
  digest.add(uint64_t{state.host_depth});
  digest.add(uint64_t{state.suspended});
  digest.add(uint64_t{state.calls});
  digest.add(static_cast<const void*>(state.innermost_call));
  return digest.value();
}

uint64_t contents_bytes(const Store& store) {
  uint64_t bytes = 0;
  each_instance(store.state(), [&](const InstanceState& instance) {
    for (uint32_t i = instance.imported_memory_count; i < instance.memory_count; ++i)
      bytes += instance.memories[i]->size_bytes;
    for (uint32_t i = instance.imported_table_count; i < instance.table_count; ++i)
      bytes += instance.tables[i]->size * sizeof(RefBits);
  });
  return bytes;
}

uint64_t contents_digest(const Store& store) {
  Digest digest;
  each_instance(store.state(), [&](const InstanceState& instance) {
    digest.add(uint64_t{instance.id});
    for (uint32_t i = instance.imported_memory_count; i < instance.memory_count; ++i)
      digest.add_bytes(instance.memories[i]->base,
                       static_cast<size_t>(instance.memories[i]->size_bytes));
    for (uint32_t i = instance.imported_table_count; i < instance.table_count; ++i)
      digest.add_bytes(instance.tables[i]->elements,
                       static_cast<size_t>(instance.tables[i]->size) * sizeof(RefBits));
    for (uint32_t i = instance.imported_global_count; i < instance.global_count; ++i) {
      digest.add(instance.globals[i]->bits[0]);
      digest.add(instance.globals[i]->bits[1]);
    }
    if (instance.module == nullptr) return;
    digest.add_bytes(instance.dropped_elems, instance.module->decl.elems.size());
    digest.add_bytes(instance.dropped_datas, instance.module->decl.datas.size());
  });
  return digest.value();
}

uint64_t digest(const Module& module) {
  const ModuleImage& image = module.image();
  Digest digest;
  digest.add(uint64_t{module.import_count()});
  digest.add(uint64_t{module.export_count()});
  digest.add(uint64_t{module.function_count()});
  digest.add_bytes(image.code.data(), image.code.size());
  digest.add(uint64_t{image.threaded.bytes});
  digest.add(uint64_t{image.heap.stats().used});
  for (const Function& function : image.functions) {
    digest.add(uint64_t{function.code_offset});
    digest.add(uint64_t{function.extent});
  }
  return digest.value();
}

size_t slack_bytes(const Engine& engine) { return engine.state().types.table_bytes(); }

size_t slack_bytes(const Store& store) {
  const StoreState& state = store.state();
  return state.stack.block.bytes + state.instances.capacity() * sizeof(InstanceState*) +
         state.host_functions.capacity() * sizeof(HostFunction) +
         state.externs.capacity() * sizeof(uint64_t) +
         state.externs_used.capacity() * sizeof(uint32_t);
}

} // namespace ebb::oom
