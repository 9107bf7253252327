// Memories, tables, globals and tags as embedders use them.
#include "core/runtime/instantiate.h"
#include "core/runtime/runtime_state.h"

#include <cstring>

namespace ebb {
namespace {

bool is_valid(const MemoryType& type) {
  if (type.page_shift != 0 && type.page_shift != 16) return false;
  if (type.limits.has_max && type.limits.max < type.limits.min) return false;
  if (type.limits.is_64) {
    const uint64_t most = type.page_shift == 0 ? UINT64_MAX : uint64_t{1} << 48;
    return type.limits.min <= most && (!type.limits.has_max || type.limits.max <= most);
  }
  const uint64_t most = type.page_shift == 0 ? uint64_t{UINT32_MAX} : uint64_t{1} << 16;
  return type.limits.min <= most && (!type.limits.has_max || type.limits.max <= most);
}

bool is_valid(const TableType& type) {
  if (!type.element.is_ref()) return false;
  if (type.limits.has_max && type.limits.max < type.limits.min) return false;
  return type.limits.is_64 ||
         (type.limits.min <= UINT32_MAX && (!type.limits.has_max || type.limits.max <= UINT32_MAX));
}

/// Frees the owner of something whose making failed. The list of instances keeps its room.
void abandon(StoreState& store, InstanceState& owner) {
  Vec<InstanceState*> none(store.heap);
  instance_abandon(store, owner, none);
}

Result<Memory> make_memory(StoreState& store, const MemoryType& type, MemoryBacking backing,
                           std::span<uint8_t> bytes) {
  begin_operation(store);
  if (!is_valid(type)) return Error::invalid_config;
  if (type.is_shared) return Error::unsupported_shared_memory;
  InstanceState& owner = *EBB_TRY(bare_instance(store, ExternKind::memory));
  MemoryState& memory = *owner.memories[0];
  memory.type = type;
  memory.backing = backing;
  memory.base = bytes.data();
  memory.capacity_bytes = bytes.size();
  const Result<void> allocated = memory_allocate(store, memory);
  if (!allocated.ok()) {
    abandon(store, owner);
    return allocated.error();
  }
  return Memory(handle_of(store, owner));
}

Result<Table> make_table(StoreState& store, const TableType& type, const Val& initial) {
  begin_operation(store);
  if (!is_valid(type)) return Error::invalid_config;
  EBB_TRY(check_val(store, initial, type.element));
  InstanceState& owner = *EBB_TRY(bare_instance(store, ExternKind::table));
  TableState& table = *owner.tables[0];
  table.type = type;
  Result<void> allocated = table_allocate(store, table, null_ref);
  if (allocated.ok()) allocated = externs_reserve(store, externs_of(initial));
  if (!allocated.ok()) {
    abandon(store, owner);
    return allocated.error();
  }
  const RefBits bits = ref_bits(store, initial);
  // NOLINTNEXTLINE(ebb-unread-result): the whole table cannot be out of its bounds
  const Result<void> filled = table_fill(table, 0, bits, table.size);
  EBB_ASSERT(filled.ok());
  static_cast<void>(filled);
  return Table(handle_of(store, owner));
}

/// Puts a checked value into a global, its externs reserved.
void put(StoreState& store, GlobalState& global, const Val& value) {
  const ValType type = global.type.type;
  if (type.is_ref()) {
    global.bits[0] = ref_bits(store, value);
  } else {
    write_slots(store, {&type, 1}, {&value, 1}, global.bits, nullptr);
  }
}

Result<Global> make_global(StoreState& store, const GlobalType& type, const Val& initial) {
  begin_operation(store);
  EBB_TRY(check_val(store, initial, type.type));
  InstanceState& owner = *EBB_TRY(bare_instance(store, ExternKind::global));
  const Result<void> reserved = externs_reserve(store, externs_of(initial));
  if (!reserved.ok()) {
    abandon(store, owner);
    return reserved.error();
  }
  GlobalState& global = *owner.globals[0];
  global.type = type;
  put(store, global, initial);
  return Global(handle_of(store, owner));
}

} // namespace

Result<Memory> Memory::create(StoreRef ref, const MemoryType& type) {
  StoreState& store = ref.state();
  return noted(store, make_memory(store, type, default_backing(store), {}));
}

Result<Memory> Memory::create_over(StoreRef ref, const MemoryType& type, std::span<uint8_t> bytes) {
  StoreState& store = ref.state();
  if (is_valid(type) && type.limits.min > bytes.size() >> type.page_shift) {
    return note(store, Error::out_of_range);
  }
  return noted(store, make_memory(store, type, MemoryBacking::handed_in, bytes));
}

Result<MemoryType> Memory::type(StoreRef ref) const {
  const MemoryState& memory = *EBB_TRY(noted(ref.state(), find_memory(ref.state(), handle_)));
  return current_type(memory);
}

Result<uint64_t> Memory::size_pages(StoreRef ref) const {
  return EBB_TRY(noted(ref.state(), find_memory(ref.state(), handle_)))->size_pages();
}

Result<uint64_t> Memory::size_bytes(StoreRef ref) const {
  return EBB_TRY(noted(ref.state(), find_memory(ref.state(), handle_)))->size_bytes;
}

Result<uint64_t> Memory::grow(StoreRef ref, uint64_t delta) const {
  StoreState& store = ref.state();
  begin_operation(store);
  MemoryState& memory = *EBB_TRY(noted(store, find_memory(store, handle_)));
  return noted(store, memory_grow(store, memory, delta));
}

Result<void> Memory::read(StoreRef ref, uint64_t offset, std::span<uint8_t> to) const {
  const std::span<uint8_t> bytes = EBB_TRY(view(ref, offset, to.size()));
  if (!bytes.empty()) memcpy(to.data(), bytes.data(), bytes.size());
  return {};
}

Result<void> Memory::write(StoreRef ref, uint64_t offset, std::span<const uint8_t> from) const {
  const std::span<uint8_t> bytes = EBB_TRY(view(ref, offset, from.size()));
  if (!bytes.empty()) memcpy(bytes.data(), from.data(), bytes.size());
  return {};
}

Result<std::span<uint8_t>> Memory::view(StoreRef ref) const {
  const MemoryState& memory = *EBB_TRY(noted(ref.state(), find_memory(ref.state(), handle_)));
  return std::span<uint8_t>(memory.base, static_cast<size_t>(memory.size_bytes));
}

Result<std::span<uint8_t>> Memory::view(StoreRef ref, uint64_t offset, uint64_t bytes) const {
  const std::span<uint8_t> all = EBB_TRY(view(ref));
  if (!range_fits(offset, bytes, all.size())) return note(ref.state(), Error::out_of_range);
  return all.subspan(static_cast<size_t>(offset), static_cast<size_t>(bytes));
}

Result<Table> Table::create(StoreRef ref, const TableType& type, const Val& initial) {
  return noted(ref.state(), make_table(ref.state(), type, initial));
}

Result<TableType> Table::type(StoreRef ref) const {
  const TableState& table = *EBB_TRY(noted(ref.state(), find_table(ref.state(), handle_)));
  return current_type(table);
}

Result<uint64_t> Table::size(StoreRef ref) const {
  return EBB_TRY(noted(ref.state(), find_table(ref.state(), handle_)))->size;
}

Result<Val> Table::get(StoreRef ref, uint64_t index) const {
  StoreState& store = ref.state();
  const TableState& table = *EBB_TRY(noted(store, find_table(store, handle_)));
  if (index >= table.size) return note(store, Error::out_of_range);
  return val_of_ref(store, table.elements[index], table.type.element);
}

Result<void> Table::set(StoreRef ref, uint64_t index, const Val& value) const {
  StoreState& store = ref.state();
  begin_operation(store);
  const TableState& table = *EBB_TRY(noted(store, find_table(store, handle_)));
  if (index >= table.size) return note(store, Error::out_of_range);
  EBB_TRY(noted(store, check_val(store, value, table.type.element)));
  EBB_TRY(noted(store, externs_reserve(store, externs_of(value))));
  table.elements[index] = ref_bits(store, value);
  return {};
}

Result<uint64_t> Table::grow(StoreRef ref, uint64_t delta, const Val& initial) const {
  StoreState& store = ref.state();
  begin_operation(store);
  TableState& table = *EBB_TRY(noted(store, find_table(store, handle_)));
  EBB_TRY(noted(store, check_val(store, initial, table.type.element)));
  EBB_TRY(noted(store, externs_reserve(store, externs_of(initial))));
  const uint64_t old_size = EBB_TRY(noted(store, table_grow(store, table, delta, null_ref)));
  if (delta == 0) return old_size;
  // NOLINTNEXTLINE(ebb-unread-result): what was just grown cannot be out of bounds
  const Result<void> filled = table_fill(table, old_size, ref_bits(store, initial), delta);
  EBB_ASSERT(filled.ok());
  static_cast<void>(filled);
  return old_size;
}

Result<Global> Global::create(StoreRef ref, const GlobalType& type, const Val& initial) {
  return noted(ref.state(), make_global(ref.state(), type, initial));
}

Result<GlobalType> Global::type(StoreRef ref) const {
  return EBB_TRY(noted(ref.state(), find_global(ref.state(), handle_)))->type;
}

Result<Val> Global::get(StoreRef ref) const {
  StoreState& store = ref.state();
  const GlobalState& global = *EBB_TRY(noted(store, find_global(store, handle_)));
  const ValType type = global.type.type;
  if (type.is_ref()) return val_of_ref(store, global.bits[0], type);
  Val value;
  read_slots(store, {&type, 1}, {&value, 1}, global.bits, nullptr);
  return value;
}

Result<void> Global::set(StoreRef ref, const Val& value) const {
  StoreState& store = ref.state();
  begin_operation(store);
  GlobalState& global = *EBB_TRY(noted(store, find_global(store, handle_)));
  if (!global.type.is_mutable) return note(store, Error::global_not_mutable);
  EBB_TRY(noted(store, check_val(store, value, global.type.type)));
  EBB_TRY(noted(store, externs_reserve(store, externs_of(value))));
  put(store, global, value);
  return {};
}

Result<Tag> Tag::create(StoreRef ref, std::span<const ValType> params) {
  StoreState& store = ref.state();
  begin_operation(store);
  const TypeId type = EBB_TRY(noted(store, intern_type(store.engine, params, {})));
  const Result<InstanceState*> owner = noted(store, bare_instance(store, ExternKind::tag));
  if (!owner.ok()) {
    store.engine.types.release(type);
    return owner.error();
  }
  // The owner now holds the type; see instance_free.
  owner.value()->tags[0]->type.type = type;
  return Tag(handle_of(store, *owner.value()));
}

Result<FuncType> Tag::type(StoreRef ref) const {
  const StoreState& store = ref.state();
  const TagState& tag = *EBB_TRY(noted(ref.state(), find_tag(store, handle_)));
  const SubType& type = store.engine.types.get(tag.type.type);
  return FuncType{type.params(), type.results()};
}

} // namespace ebb
