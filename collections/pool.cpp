#include "collections/pool.h"

#include "collections/poison.h"
#include "error/assert.h"

#include <cstring>
#include <new>

namespace ebb {
namespace {

uint32_t log2_floor(uint32_t value) { return 31 - static_cast<uint32_t>(__builtin_clz(value)); }

/// Granules for a request, 0 if no pool could ever hold it.
uint32_t granules_for(size_t bytes) {
  if (bytes == 0) return 1;
  const size_t count = (bytes - 1) / Pool::granule_bytes + 1;
  return count < UINT32_MAX / 2 ? static_cast<uint32_t>(count) : 0;
}

uintptr_t align_up(uintptr_t value, uintptr_t align) { return (value + align - 1) & ~(align - 1); }

Block allocate_in(void* context, size_t bytes, size_t align, bool zeroed) {
  return static_cast<Pool*>(context)->allocate(bytes, align, zeroed);
}

Block resize_in(void* context, void* pointer, size_t old_bytes, size_t new_bytes, size_t align,
                bool may_move) {
  return static_cast<Pool*>(context)->resize(pointer, old_bytes, new_bytes, align, may_move);
}

void release_in(void* context, void* pointer, size_t bytes, size_t align) {
  static_cast<Pool*>(context)->release(pointer, bytes, align);
}

} // namespace

Pool* Pool::create(void* buffer, size_t bytes) {
  // An earlier pool may have been here.
  unpoison(buffer, bytes);
  const uintptr_t end = reinterpret_cast<uintptr_t>(buffer) + bytes;
  const uintptr_t start = align_up(reinterpret_cast<uintptr_t>(buffer), alignof(Pool));
  const size_t most = bytes / granule_bytes;
  if (most == 0 || start + sizeof(Pool) > end) return nullptr;
  const uint32_t count_max = most < UINT32_MAX / 4 ? static_cast<uint32_t>(most) : UINT32_MAX / 4;
  const uint32_t lists = list_of(count_max) + 1;
  const uintptr_t heads = start + sizeof(Pool);
  const uintptr_t edges = heads + lists * sizeof(uint32_t);
  if (edges + sizeof(uint32_t) + 2 * granule_bytes > end) return nullptr;

  // Each granule costs an eighth of a byte more; a word and a granule are set aside for rounding.
  const size_t room = end - edges - sizeof(uint32_t) - (granule_bytes - 1);
  size_t count = room / (granule_bytes * 8 + 1) * 8;
  count += room % (granule_bytes * 8 + 1) / (granule_bytes + 1);
  if (count > count_max) count = count_max;
  if (count == 0) return nullptr;

  Pool* pool = ::new (reinterpret_cast<void*>(start)) Pool();
  pool->granule_count_ = static_cast<uint32_t>(count);
  pool->list_count_ = lists;
  pool->heads_ = reinterpret_cast<uint32_t*>(heads);
  pool->edges_ = reinterpret_cast<uint32_t*>(edges);
  const size_t edge_words = (count + 31) / 32;
  pool->granules_ = reinterpret_cast<unsigned char*>(
      align_up(edges + edge_words * sizeof(uint32_t), granule_bytes));
  EBB_ASSERT(reinterpret_cast<uintptr_t>(pool->granules_) + count * granule_bytes <= end);
  for (uint32_t list = 0; list < lists; ++list)
    pool->heads_[list] = none;
  memset(pool->edges_, 0, edge_words * sizeof(uint32_t));
  pool->link(0, pool->granule_count_);
  return pool;
}

Allocator Pool::allocator() {
  Allocator allocator;
  allocator.context = this;
  allocator.allocate = allocate_in;
  allocator.resize = resize_in;
  allocator.release = release_in;
  return allocator;
}

bool Pool::owns(const void* pointer) const {
  const uintptr_t address = reinterpret_cast<uintptr_t>(pointer);
  const uintptr_t first = reinterpret_cast<uintptr_t>(granules_);
  return address >= first && address - first < capacity();
}

// --- Lists.

/// The list that a free block of this length hangs in.
uint32_t Pool::list_of(uint32_t length) {
  if (length < 8) return length - 1;
  const uint32_t power = log2_floor(length);
  return (power - 2) * 8 + ((length >> (power - 3)) & 7) - 1;
}

/// The first list all of whose blocks have at least this length.
uint32_t Pool::list_for(uint32_t length) {
  if (length < 8) return length - 1;
  return list_of(length + (uint32_t{1} << (log2_floor(length) - 3)) - 1);
}

Pool::FreeBlock& Pool::block_at(uint32_t index) const {
  EBB_ASSERT(index < granule_count_);
  return *reinterpret_cast<FreeBlock*>(granules_ + size_t{index} * granule_bytes);
}

uint32_t& Pool::last_length_of(uint32_t index, uint32_t length) const {
  return block_at(index + length - 1).last_length;
}

bool Pool::is_edge(uint32_t index) const { return (edges_[index / 32] >> (index % 32)) & 1; }
void Pool::mark_edge(uint32_t index) { edges_[index / 32] |= uint32_t{1} << (index % 32); }
void Pool::clear_edge(uint32_t index) { edges_[index / 32] &= ~(uint32_t{1} << (index % 32)); }

EBB_TOUCHES_POISONED void Pool::link(uint32_t index, uint32_t length) {
  const uint32_t list = list_of(length);
  FreeBlock& block = block_at(index);
  block.next = heads_[list];
  block.previous = none;
  block.length = length;
  last_length_of(index, length) = length;
  if (block.next != none) block_at(block.next).previous = index;
  heads_[list] = index;
  nonempty_[list / 32] |= uint32_t{1} << (list % 32);
  mark_edge(index);
  mark_edge(index + length - 1);
  free_count_ += length;
  poison(&block, size_t{length} * granule_bytes);
}

EBB_TOUCHES_POISONED void Pool::unlink(uint32_t index) {
  const FreeBlock& block = block_at(index);
  const uint32_t list = list_of(block.length);
  if (block.next != none) block_at(block.next).previous = block.previous;
  if (block.previous != none) {
    block_at(block.previous).next = block.next;
  } else {
    heads_[list] = block.next;
    if (block.next == none) nonempty_[list / 32] &= ~(uint32_t{1} << (list % 32));
  }
  clear_edge(index);
  clear_edge(index + block.length - 1);
  free_count_ -= block.length;
  unpoison(&block, size_t{block.length} * granule_bytes);
}

/// The first list from `list` on that has a block, or list_count_.
uint32_t Pool::first_list(uint32_t list) const {
  if (list >= list_count_) return list_count_;
  uint32_t word = list / 32;
  uint32_t bits = nonempty_[word] & (UINT32_MAX << (list % 32));
  while (bits == 0) {
    if (++word > (list_count_ - 1) / 32) return list_count_;
    bits = nonempty_[word];
  }
  return word * 32 + static_cast<uint32_t>(__builtin_ctz(bits));
}

// --- Runs.

/// The length of the free block that begins at `end`, 0 if none does.
EBB_TOUCHES_POISONED uint32_t Pool::free_after(uint32_t end) const {
  return end < granule_count_ && is_edge(end) ? block_at(end).length : 0;
}

/// The length of the free block that ends just before `index`, 0 if none does.
EBB_TOUCHES_POISONED uint32_t Pool::free_before(uint32_t index) const {
  return index > 0 && is_edge(index - 1) ? block_at(index - 1).last_length : 0;
}

void Pool::free_run(uint32_t index, uint32_t length) {
  if (length == 0) return;
  const uint32_t after = free_after(index + length);
  const uint32_t before = free_before(index);
  if (after != 0) unlink(index + length);
  if (before != 0) unlink(index - before);
  link(index - before, before + length + after);
}

/// The first granule from `index` on whose address has this alignment; none if that lies beyond the
/// end.
uint32_t Pool::aligned_index(uint32_t index, size_t align) const {
  if (align <= granule_bytes) return index;
  const uintptr_t base = reinterpret_cast<uintptr_t>(granules_);
  const uintptr_t address = base + uintptr_t{index} * granule_bytes;
  const uintptr_t aligned = align_up(address, align);
  if (aligned < address || aligned - base >= capacity()) return none;
  return static_cast<uint32_t>((aligned - base) / granule_bytes);
}

EBB_TOUCHES_POISONED bool Pool::fits(uint32_t index, uint32_t length, size_t align) const {
  const uint32_t start = aligned_index(index, align);
  const uint32_t end = index + block_at(index).length;
  return start != none && start < end && length <= end - start;
}

/// A free block in which the run fits, or none.
EBB_TOUCHES_POISONED uint32_t Pool::find(uint32_t length, size_t align) const {
  const size_t padding = align <= granule_bytes ? 0 : align / granule_bytes - 1;
  if (padding < granule_count_ && length <= granule_count_ - padding) {
    const uint32_t list = first_list(list_for(length + static_cast<uint32_t>(padding)));
    if (list < list_count_) return heads_[list];
  }
  for (uint32_t list = first_list(list_of(length)); list < list_count_;
       list = first_list(list + 1)) {
    for (uint32_t index = heads_[list]; index != none; index = block_at(index).next) {
      if (fits(index, length, align)) return index;
    }
  }
  return none;
}

EBB_TOUCHES_POISONED uint32_t Pool::take(uint32_t length, size_t align) {
  if (length == 0 || length > free_count_) return none;
  const uint32_t index = find(length, align);
  if (index == none) return none;
  const uint32_t whole = block_at(index).length;
  unlink(index);
  const uint32_t start = aligned_index(index, align);
  const uint32_t end = start + length;
  if (start > index) link(index, start - index);
  if (end < index + whole) link(end, index + whole - end);
  return start;
}

/// Moves a block down into the free block before it (and what is free behind it), when nothing else
/// has room.
uint32_t Pool::slide_down(uint32_t index, uint32_t length, uint32_t new_length, size_t align) {
  const uint32_t before = free_before(index);
  if (before == 0) return none;
  const uint32_t after = free_after(index + length);
  const uint32_t start = aligned_index(index - before, align);
  const uint32_t end = index + length + after;
  if (start >= index || new_length > end - start) return none;
  unlink(index - before);
  if (after != 0) unlink(index + length);
  memmove(granules_ + size_t{start} * granule_bytes, granules_ + size_t{index} * granule_bytes,
          size_t{length} * granule_bytes);
  if (start > index - before) link(index - before, start - (index - before));
  if (end > start + new_length) link(start + new_length, end - (start + new_length));
  return start;
}

Block Pool::block_of(uint32_t index, uint32_t length) const {
  if (index == none) return {};
  return {granules_ + size_t{index} * granule_bytes, size_t{length} * granule_bytes};
}

// --- The allocator's functions.

Block Pool::allocate(size_t bytes, size_t align, bool zeroed) {
  const uint32_t length = granules_for(bytes);
  const Block block = block_of(take(length, align), length);
  if (block && zeroed) memset(block.pointer, 0, block.bytes);
  return block;
}

Block Pool::resize(void* pointer, size_t old_bytes, size_t new_bytes, size_t align, bool may_move) {
  EBB_ASSERT(owns(pointer));
  const size_t offset = static_cast<size_t>(static_cast<unsigned char*>(pointer) - granules_);
  const uint32_t index = static_cast<uint32_t>(offset / granule_bytes);
  const uint32_t length = granules_for(old_bytes);
  const uint32_t new_length = granules_for(new_bytes);
  if (new_length == 0) return {};
  if (new_length <= length) {
    free_run(index + new_length, length - new_length);
    return block_of(index, new_length);
  }
  const uint32_t after = free_after(index + length);
  if (new_length - length <= after) {
    unlink(index + length);
    const uint32_t left = length + after - new_length;
    if (left != 0) link(index + new_length, left);
    return block_of(index, new_length);
  }
  if (!may_move) return {};
  const Block block = block_of(take(new_length, align), new_length);
  if (!block) return block_of(slide_down(index, length, new_length, align), new_length);
  memcpy(block.pointer, pointer, size_t{length} * granule_bytes);
  free_run(index, length);
  return block;
}

void Pool::release(void* pointer, size_t bytes, size_t) {
  if (!pointer) return;
  EBB_ASSERT(owns(pointer));
  const size_t offset = static_cast<size_t>(static_cast<unsigned char*>(pointer) - granules_);
  EBB_ASSERT(offset % granule_bytes == 0);
  free_run(static_cast<uint32_t>(offset / granule_bytes), granules_for(bytes));
}

// --- Checking.

EBB_TOUCHES_POISONED bool Pool::check() const {
  uint32_t listed = 0;
  uint32_t edges = 0;
  for (uint32_t list = 0; list < list_count_; ++list) {
    if (((nonempty_[list / 32] >> (list % 32)) & 1) != (heads_[list] != none)) return false;
    uint32_t previous = none;
    for (uint32_t index = heads_[list]; index != none; index = block_at(index).next) {
      if (index >= granule_count_) return false;
      const FreeBlock& block = block_at(index);
      if (block.length == 0 || block.length > granule_count_ - index) return false;
      if (list_of(block.length) != list || block.previous != previous) return false;
      const uint32_t last = index + block.length - 1;
      if (last_length_of(index, block.length) != block.length) return false;
      if (!is_edge(index) || !is_edge(last)) return false;
      // A free neighbour would have been coalesced.
      if (index > 0 && is_edge(index - 1)) return false;
      if (last + 1 < granule_count_ && is_edge(last + 1)) return false;
      edges += block.length == 1 ? 1 : 2;
      listed += block.length;
      if (listed > granule_count_) return false;
      previous = index;
    }
  }
  for (uint32_t index = 0; index < granule_count_; ++index)
    edges -= is_edge(index) ? 1 : 0;
  return edges == 0 && listed == free_count_;
}

} // namespace ebb
