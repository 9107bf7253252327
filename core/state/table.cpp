// Tables of references: giving them elements, growing, copying and filling them.
#include "core/state/table_state.h"

#include "core/state/store_state.h"
#include "core/types/implementation_limits.h"

#include <cstring>

namespace ebb {
namespace {

uint64_t maximum_elements(const TableType& type) {
  const uint64_t addressable = type.limits.is_64 ? UINT64_MAX : uint64_t{UINT32_MAX};
  return type.limits.has_max && type.limits.max < addressable ? type.limits.max : addressable;
}

void fill(RefBits* elements, uint64_t count, RefBits value) {
  for (uint64_t i = 0; i < count; ++i)
    elements[i] = value;
}

constexpr uint64_t table_bytes(uint64_t elements) { return elements * sizeof(RefBits); }

/// Room for so many elements; the size stays.
Result<void> set_capacity(StoreState& store, TableState& table, uint64_t elements) {
  if (elements > limits::table_elements_max) {
    return refuse(store, Resource::table, elements * sizeof(RefBits),
                  RefusalCause::implementation_limit,
                  uint64_t{limits::table_elements_max} * sizeof(RefBits));
  }
  if (elements > table.capacity) {
    const size_t bytes = static_cast<size_t>(table_bytes(elements));
    const Block old{table.elements, static_cast<size_t>(table.block_bytes)};
    const Result<Block> grown = old ? store.heap.resize(old, bytes, alignof(RefBits))
                                    : store.heap.allocate(bytes, alignof(RefBits));
    if (!grown.ok()) return refuse_by_heap(store, Resource::table, bytes);
    table.elements = static_cast<RefBits*>(grown.value().pointer);
    table.block_bytes = grown.value().bytes;
    table.capacity = grown.value().bytes / sizeof(RefBits);
  }
  return {};
}

Result<void> set_size(StoreState& store, TableState& table, uint64_t new_size, RefBits initial) {
  EBB_ASSERT(new_size >= table.size);
  EBB_TRY(set_capacity(store, table, new_size));
  fill(table.elements + table.size, new_size - table.size, initial);
  table.size = new_size;
  return {};
}

} // namespace

uint64_t table_initial_bytes(const TableType& type) {
  return type.limits.min > limits::table_elements_max ? UINT64_MAX : table_bytes(type.limits.min);
}

Result<void> table_allocate(StoreState& store, TableState& table, RefBits initial) {
  EBB_ASSERT(table.size == 0);
  const uint64_t count = table.type.limits.min;
  EBB_TRY(
      ask_limits(store, Growing::table, 0, count, maximum_elements(table.type), sizeof(RefBits)));
  return set_size(store, table, count, initial);
}

Result<void> table_prepare(StoreState& store, TableState& table) {
  const Limits& declared = table.type.limits;
  if (!declared.has_max || declared.max > limits::table_elements_max) return {};
  return set_capacity(store, table, declared.max);
}

void table_free(StoreState& store, TableState& table) {
  if (table.elements != nullptr) {
    store.heap.release({table.elements, static_cast<size_t>(table.block_bytes)}, alignof(RefBits));
  }
  table.elements = nullptr;
  table.block_bytes = 0;
  table.capacity = 0;
  table.size = 0;
}

Result<uint64_t> table_grow(StoreState& store, TableState& table, uint64_t delta, RefBits initial) {
  const uint64_t old_size = table.size;
  const uint64_t maximum = maximum_elements(table.type);
  if (delta > maximum - old_size) {
    const uint64_t asked = delta > UINT64_MAX / sizeof(RefBits) - old_size
                               ? UINT64_MAX
                               : (old_size + delta) * sizeof(RefBits);
    const uint64_t limit =
        maximum > UINT64_MAX / sizeof(RefBits) ? UINT64_MAX : maximum * sizeof(RefBits);
    return refuse(store, Resource::table, asked,
                  table.type.limits.has_max ? RefusalCause::declared_maximum
                                            : RefusalCause::implementation_limit,
                  limit);
  }
  if (delta == 0) return old_size;
  EBB_TRY(ask_limits(store, Growing::table, old_size, old_size + delta, maximum, sizeof(RefBits)));
  EBB_TRY(set_size(store, table, old_size + delta, initial));
  return old_size;
}

Result<void> table_copy(TableState& to, const TableState& from, uint64_t to_offset,
                        uint64_t from_offset, uint64_t count, Part part) {
  if (!range_fits(to_offset, count, to.size) || !range_fits(from_offset, count, from.size)) {
    return Error::out_of_bounds_table_access;
  }
  if (count != 0) {
    memmove(to.elements + to_offset + part.first, from.elements + from_offset + part.first,
            part.of(count) * sizeof(RefBits));
  }
  return {};
}

Result<void> table_fill(TableState& table, uint64_t offset, RefBits value, uint64_t count,
                        Part part) {
  if (!range_fits(offset, count, table.size)) return Error::out_of_bounds_table_access;
  if (count != 0) fill(table.elements + offset + part.first, part.of(count), value);
  return {};
}

} // namespace ebb
