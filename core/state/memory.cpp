// Linear memories: giving them bytes over the three backings, and growing them.
//
// Bytes beyond `size_bytes` have no defined contents in heap blocks and handed-in memories, so
// growth clears what it adds; fresh pages are zero already and no guest can have written behind its
// size.
#include "core/state/memory_state.h"

#include "core/state/store_state.h"

#include <cstring>

namespace ebb {
namespace {

constexpr size_t memory_align = 16;

size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

Result<void> grow_block(StoreState& store, MemoryState& memory, size_t bytes) {
  Block block{memory.base, static_cast<size_t>(memory.capacity_bytes)};
  if (!block) {
    block = EBB_TRY(store.heap.allocate(bytes, memory_align, true));
  } else {
    block = EBB_TRY(store.heap.resize(block, bytes, memory_align));
    const size_t old_bytes = static_cast<size_t>(memory.size_bytes);
    memset(static_cast<uint8_t*>(block.pointer) + old_bytes, 0, bytes - old_bytes);
  }
  memory.base = static_cast<uint8_t*>(block.pointer);
  memory.capacity_bytes = block.bytes;
  return {};
}

/// Fresh pages, all of them committed.
Result<void*> new_pages(Heap& heap, size_t bytes) {
  void* pages = EBB_TRY(heap.reserve_pages(bytes));
  const Result<void> committed = heap.commit_pages(pages, bytes);
  if (!committed.ok()) {
    heap.release_pages(pages, bytes, 0);
    return committed.error();
  }
  return pages;
}

Result<void> grow_pages(StoreState& store, MemoryState& memory, size_t bytes) {
  Heap& heap = store.heap;
  const size_t old_bytes = static_cast<size_t>(memory.capacity_bytes);
  const size_t new_bytes = round_up(bytes, heap.page_bytes());
  void* pages = nullptr;
  if (old_bytes == 0) {
    pages = EBB_TRY(new_pages(heap, new_bytes));
  } else if (const Result<void*> grown = heap.grow_pages(memory.base, old_bytes, new_bytes);
             // NOLINTNEXTLINE(ebb-swallowed-oom): a move takes over from growth in place
             grown.ok()) {
    pages = grown.value();
  } else {
    // NOLINTNEXTLINE(ebb-alloc-in-unwind): this is the move that takes over
    pages = EBB_TRY(new_pages(heap, new_bytes));
    memcpy(pages, memory.base, old_bytes);
    heap.release_pages(memory.base, old_bytes, old_bytes);
  }
  memory.base = static_cast<uint8_t*>(pages);
  memory.capacity_bytes = new_bytes;
  return {};
}

/// Makes `bytes` of it usable and zero from the old size on.
Result<void> set_size(StoreState& store, MemoryState& memory, uint64_t new_size) {
  const uint64_t old_capacity = memory.capacity_bytes;
  if (new_size > memory_bytes_max) {
    return refuse(store, Resource::memory, new_size, RefusalCause::implementation_limit,
                  memory_bytes_max);
  }
  const size_t bytes = static_cast<size_t>(new_size);
  if (new_size <= memory.capacity_bytes) {
    const size_t old_bytes = static_cast<size_t>(memory.size_bytes);
    if (memory.backing != MemoryBacking::pages && bytes != old_bytes) {
      memset(memory.base + old_bytes, 0, bytes - old_bytes);
    }
  } else if (memory.backing == MemoryBacking::handed_in) {
    return refuse(store, Resource::memory, new_size, RefusalCause::implementation_limit,
                  memory.capacity_bytes);
  } else {
    const Result<void> grown = memory.backing == MemoryBacking::pages
                                   ? grow_pages(store, memory, bytes)
                                   : grow_block(store, memory, bytes);
    if (!grown.ok()) return refuse_by_heap(store, Resource::memory, new_size);
    store.memory_bytes += memory.capacity_bytes - old_capacity;
  }
  memory.size_bytes = new_size;
  return {};
}

} // namespace

uint64_t maximum_pages(const MemoryType& type) {
  const uint64_t addressable =
      type.limits.is_64
          ? UINT64_MAX >> type.page_shift
          : (type.page_shift == 0 ? uint64_t{UINT32_MAX} : (uint64_t{1} << 32) >> type.page_shift);
  return type.limits.has_max && type.limits.max < addressable ? type.limits.max : addressable;
}

uint64_t memory_initial_bytes(const MemoryType& type) {
  const uint64_t pages = type.limits.min;
  return pages > maximum_pages(type) ? UINT64_MAX : pages << type.page_shift;
}

Result<void> memory_allocate(StoreState& store, MemoryState& memory) {
  EBB_ASSERT(memory.size_bytes == 0);
  const uint64_t bytes = memory_initial_bytes(memory.type);
  const uint64_t bytes_limit = memory.maximum_pages() << memory.type.page_shift;
  if (bytes == UINT64_MAX) {
    return refuse(store, Resource::memory, UINT64_MAX, RefusalCause::implementation_limit,
                  bytes_limit);
  }
  EBB_TRY(ask_limits(store, Growing::memory, 0, bytes, bytes_limit, 1));
  return set_size(store, memory, bytes);
}

void memory_free(StoreState& store, MemoryState& memory) {
  const size_t bytes = static_cast<size_t>(memory.capacity_bytes);
  if (memory.backing != MemoryBacking::handed_in) {
    if (memory.backing == MemoryBacking::pages) {
      if (bytes != 0) store.heap.release_pages(memory.base, bytes, bytes);
    } else if (memory.base != nullptr) {
      store.heap.release({memory.base, bytes}, memory_align);
    }
    store.memory_bytes -= bytes;
  }
  memory.base = nullptr;
  memory.size_bytes = 0;
  memory.capacity_bytes = 0;
}

Result<uint64_t> memory_grow(StoreState& store, MemoryState& memory, uint64_t delta_pages) {
  const uint64_t old_pages = memory.size_pages();
  const uint64_t maximum = memory.maximum_pages();
  const unsigned shift = memory.type.page_shift;
  EBB_ASSERT(old_pages <= maximum);
  if (delta_pages > maximum - old_pages) {
    const uint64_t asked = delta_pages > (UINT64_MAX >> shift) - old_pages
                               ? UINT64_MAX
                               : (old_pages + delta_pages) << shift;
    return refuse(store, Resource::memory, asked,
                  memory.type.limits.has_max ? RefusalCause::declared_maximum
                                             : RefusalCause::implementation_limit,
                  maximum << shift);
  }
  if (delta_pages == 0) return old_pages;
  const uint64_t new_size = (old_pages + delta_pages) << shift;
  EBB_TRY(ask_limits(store, Growing::memory, memory.size_bytes, new_size, maximum << shift, 1));
  EBB_TRY(set_size(store, memory, new_size));
  return old_pages;
}

Result<void> memory_copy(MemoryState& to, const MemoryState& from, uint64_t to_offset,
                         uint64_t from_offset, uint64_t bytes, Part part) {
  if (!range_fits(to_offset, bytes, to.size_bytes) ||
      !range_fits(from_offset, bytes, from.size_bytes)) {
    return Error::out_of_bounds_memory_access;
  }
  if (bytes != 0)
    memmove(to.base + to_offset + part.first, from.base + from_offset + part.first, part.of(bytes));
  return {};
}

Result<void> memory_fill(MemoryState& memory, uint64_t offset, uint8_t value, uint64_t bytes,
                         Part part) {
  if (!range_fits(offset, bytes, memory.size_bytes)) return Error::out_of_bounds_memory_access;
  if (bytes != 0) memset(memory.base + offset + part.first, value, part.of(bytes));
  return {};
}

} // namespace ebb
