// Lays out an instance's block: once to know its size, once in place.
#include "core/runtime/instance_block.h"

#include <cstring>
#include <new>

namespace ebb {
namespace {

constexpr size_t block_align = alignof(uint64_t) > alignof(InstanceState) ? alignof(uint64_t)
                                                                          : alignof(InstanceState);

/// Hands out parts of a block; without a block it only counts.
class Parts {
public:
  explicit Parts(void* block) : block_(static_cast<uint8_t*>(block)) {}
  template <class T> T* take(uint64_t count) {
    used_ = (used_ + alignof(T) - 1) / alignof(T) * alignof(T);
    T* part = block_ == nullptr ? nullptr : reinterpret_cast<T*>(block_ + used_);
    used_ += count * sizeof(T);
    return part;
  }
  uint64_t used() const { return used_; }

private:
  uint8_t* block_;
  uint64_t used_ = 0;
};

/// Where the parts of an instance are.
struct Layout {
  Layout(void* block, const InstanceCounts& counts) {
    Parts parts(block);
    instance = parts.take<InstanceState>(1);
    imported_functions = parts.take<FuncRef>(counts.imported_functions);
    own_globals = parts.take<GlobalState>(counts.globals - counts.imported_globals);
    own_memories = parts.take<MemoryState>(counts.memories - counts.imported_memories);
    own_tables = parts.take<TableState>(counts.tables - counts.imported_tables);
    own_tags = parts.take<TagState>(counts.tags - counts.imported_tags);
    memories = parts.take<MemoryState*>(counts.memories);
    tables = parts.take<TableState*>(counts.tables);
    globals = parts.take<GlobalState*>(counts.globals);
    tags = parts.take<TagState*>(counts.tags);
    dropped_elems = parts.take<uint8_t>(counts.elems);
    dropped_datas = parts.take<uint8_t>(counts.datas);
    bytes = parts.used();
  }
  InstanceState* instance;
  FuncRef* imported_functions;
  GlobalState* own_globals;
  MemoryState* own_memories;
  TableState* own_tables;
  TagState* own_tags;
  MemoryState** memories;
  TableState** tables;
  GlobalState** globals;
  TagState** tags;
  uint8_t* dropped_elems;
  uint8_t* dropped_datas;
  uint64_t bytes;
};

template <class T>
void make_own(T* own, T** all, uint32_t imported, uint32_t count, uint32_t owner) {
  for (uint32_t i = imported; i < count; ++i) {
    T* made = ::new (static_cast<void*>(own + (i - imported))) T();
    made->owner = owner;
    made->index = i - imported;
    all[i] = made;
  }
}

} // namespace

InstanceCounts instance_counts(const ModuleDecl& decl) {
  InstanceCounts counts;
  counts.imported_functions = decl.imported_functions;
  counts.memories = static_cast<uint32_t>(decl.memories.size());
  counts.imported_memories = decl.imported_memories;
  counts.tables = static_cast<uint32_t>(decl.tables.size());
  counts.imported_tables = decl.imported_tables;
  counts.globals = static_cast<uint32_t>(decl.globals.size());
  counts.imported_globals = decl.imported_globals;
  counts.tags = static_cast<uint32_t>(decl.tags.size());
  counts.imported_tags = decl.imported_tags;
  counts.elems = static_cast<uint32_t>(decl.elems.size());
  counts.datas = static_cast<uint32_t>(decl.datas.size());
  return counts;
}

uint64_t instance_bytes(const InstanceCounts& counts) { return Layout(nullptr, counts).bytes; }

Result<InstanceState*> make_instance(StoreState& store, const InstanceCounts& counts,
                                     Vec<InstanceState*>& outgrown) {
  const uint64_t bytes = instance_bytes(counts);
  if (bytes > static_cast<uint64_t>(PTRDIFF_MAX)) return Error::out_of_memory;
  const uint32_t id = EBB_TRY(instances_reserve(store, outgrown));
  const Result<Block> allocated =
      store.heap.allocate(static_cast<size_t>(bytes), block_align, true);
  if (!allocated.ok()) {
    if (outgrown.data() != nullptr) store.instances = std::move(outgrown);
    return allocated.error();
  }
  const Block block = allocated.value();
  const Layout layout(block.pointer, counts);
  InstanceState* instance = ::new (static_cast<void*>(layout.instance)) InstanceState();
  instance->store = &store;
  instance->id = id;
  instance->block = block;
  instance->imported_functions = layout.imported_functions;
  instance->memories = layout.memories;
  instance->tables = layout.tables;
  instance->globals = layout.globals;
  instance->tags = layout.tags;
  instance->dropped_elems = layout.dropped_elems;
  instance->dropped_datas = layout.dropped_datas;
  instance->memory_count = counts.memories;
  instance->table_count = counts.tables;
  instance->global_count = counts.globals;
  instance->tag_count = counts.tags;
  instance->imported_function_count = counts.imported_functions;
  instance->imported_memory_count = counts.imported_memories;
  instance->imported_table_count = counts.imported_tables;
  instance->imported_global_count = counts.imported_globals;
  instance->imported_tag_count = counts.imported_tags;
  make_own(layout.own_memories, layout.memories, counts.imported_memories, counts.memories, id);
  make_own(layout.own_tables, layout.tables, counts.imported_tables, counts.tables, id);
  make_own(layout.own_globals, layout.globals, counts.imported_globals, counts.globals, id);
  make_own(layout.own_tags, layout.tags, counts.imported_tags, counts.tags, id);
  instances_enter(store, *instance);
  return instance;
}

Result<InstanceState*> bare_instance(StoreState& store, ExternKind kind) {
  InstanceCounts counts;
  counts.memories = kind == ExternKind::memory ? 1 : 0;
  counts.tables = kind == ExternKind::table ? 1 : 0;
  counts.globals = kind == ExternKind::global ? 1 : 0;
  counts.tags = kind == ExternKind::tag ? 1 : 0;
  Vec<InstanceState*> outgrown(store.heap);
  return make_instance(store, counts, outgrown);
}

} // namespace ebb
