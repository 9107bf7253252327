// Pool: an allocator over one buffer, for firmware and for reserved heaps.
//
// Memory is cut into granules of 16 bytes and blocks are runs of granules, without headers:
// releases are sized, so a block in use needs none, and the bytes given are exactly what a block
// costs. A free block keeps its links and length in its first granule and its length again in its
// last four bytes; one bit per granule marks the first and the last granule of free blocks, which
// is all that a neighbour needs in order to coalesce. Bookkeeping outside blocks is therefore a
// fixed head and 1/128 of the buffer.
//
// Free blocks hang in lists by size (exact up to 7 granules, then eight per power of two), so a
// request is served in constant time; only before it refuses does a pool look through whole lists,
// because memory that is there is given. A pool is deterministic: its state depends on the calls
// made and on nothing else. It is used by one thread at a time.
#pragma once

#include "collections/allocator.h"

namespace ebb {

class Pool {
public:
  static constexpr size_t granule_bytes = 16;

  /// A pool inside `buffer`, whose head it occupies; null if the buffer is too small to hold one
  /// granule. The buffer must outlive it; there is nothing to destroy. With AddressSanitizer, free
  /// memory in the buffer may not be touched until another pool is made there.
  static Pool* create(void* buffer, size_t bytes);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// What to hand to a Heap or an engine. It has no pages.
  Allocator allocator();

  /// See Allocator for these three.
  Block allocate(size_t bytes, size_t align, bool zeroed);
  Block resize(void* pointer, size_t old_bytes, size_t new_bytes, size_t align, bool may_move);
  void release(void* pointer, size_t bytes, size_t align);

  /// The bytes that blocks can have in all, and how many of those are free now.
  size_t capacity() const { return size_t{granule_count_} * granule_bytes; }
  size_t free_bytes() const { return size_t{free_count_} * granule_bytes; }
  bool owns(const void* pointer) const;
  /// Walks everything and says whether the invariants above hold. For tests.
  bool check() const;

private:
  static constexpr uint32_t none = UINT32_MAX;
  static constexpr uint32_t lists_max = 240;
  struct FreeBlock {
    uint32_t next;
    uint32_t previous;
    uint32_t length;
    uint32_t last_length; // of a block of one granule; longer ones have it at their end
  };

  Pool() = default;
  static uint32_t list_of(uint32_t length);
  static uint32_t list_for(uint32_t length);
  FreeBlock& block_at(uint32_t index) const;
  uint32_t& last_length_of(uint32_t index, uint32_t length) const;
  bool is_edge(uint32_t index) const;
  void mark_edge(uint32_t index);
  void clear_edge(uint32_t index);
  void link(uint32_t index, uint32_t length);
  void unlink(uint32_t index);
  void free_run(uint32_t index, uint32_t length);
  uint32_t first_list(uint32_t list) const;
  uint32_t aligned_index(uint32_t index, size_t align) const;
  bool fits(uint32_t index, uint32_t length, size_t align) const;
  uint32_t find(uint32_t length, size_t align) const;
  uint32_t take(uint32_t length, size_t align);
  uint32_t free_after(uint32_t end) const;
  uint32_t free_before(uint32_t index) const;
  uint32_t slide_down(uint32_t index, uint32_t length, uint32_t new_length, size_t align);
  Block block_of(uint32_t index, uint32_t length) const;

  uint32_t granule_count_ = 0;
  uint32_t free_count_ = 0;
  uint32_t list_count_ = 0;
  uint32_t nonempty_[lists_max / 32 + 1] = {}; // one bit per list
  uint32_t* heads_ = nullptr;                  // after this object
  uint32_t* edges_ = nullptr;                  // after the heads, one bit per granule
  unsigned char* granules_ = nullptr;          // after the bits, aligned to a granule
};

} // namespace ebb
