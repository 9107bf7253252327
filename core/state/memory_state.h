// MemoryState: a linear memory, and everything that guest code and embedders can ask of it.
//
// One layout over three backings. Growing may move the bytes, so nobody keeps `base` across a call
// that can grow: the machine reloads it after every call that leaves its instance.
#pragma once

#include "collections/heap.h"
#include "core/types/limits.h"
#include "error/diagnostic.h"

namespace ebb {

struct StoreState;

/// Pages beyond which no memory of the type can grow: its declared maximum or the address space.
uint64_t maximum_pages(const MemoryType& type);
/// The most bytes that a memory can have on this host.
inline constexpr uint64_t memory_bytes_max = static_cast<uint64_t>(PTRDIFF_MAX);
/// What memory_allocate asks for: nothing if that is 0. UINT64_MAX for more than any host has.
uint64_t memory_initial_bytes(const MemoryType& type);

enum class MemoryBacking : uint8_t {
  heap_block, ///< One block of the store's heap, resized in place or by moving.
  pages,      ///< OS pages, grown without copying where the OS can.
  handed_in,  ///< Bytes of the embedder; grows up to what was handed in, never moves, is not
              ///< released.
};

struct MemoryState {
  uint8_t* base = nullptr;
  uint64_t size_bytes = 0;
  uint64_t capacity_bytes =
      0; ///< Committed behind base; the rest of a handed-in memory or a rounded-up block.
  MemoryType type;
  MemoryBacking backing = MemoryBacking::heap_block;
  uint32_t owner =
      0; ///< The instance in whose block this lies, and which of its own memories it is.
  uint32_t index = 0;

  uint64_t page_bytes() const { return uint64_t{1} << type.page_shift; }
  uint64_t size_pages() const { return size_bytes >> type.page_shift; }
  /// Pages beyond which no growth can succeed: the declared maximum or the address space.
  uint64_t maximum_pages() const { return ebb::maximum_pages(type); }
};

/// Gives a fresh memory (type, backing, owner set) its minimum size, zeroed. The limits callback is
/// asked. Fails: out_of_memory (its cause in the store's diagnostic). On failure: it has no bytes.
Result<void> memory_allocate(StoreState& store, MemoryState& memory);
/// Gives its bytes back.
void memory_free(StoreState& store, MemoryState& memory);

/// Grows by `delta_pages`; the result is the old size in pages. The store's limits callback is
/// asked first. Fails: out_of_memory (its cause in the store's diagnostic). On failure: the memory
/// is as it was.
Result<uint64_t> memory_grow(StoreState& store, MemoryState& memory, uint64_t delta_pages);

/// The part of a bulk operation that is to be done now; whether it fits is asked of the whole.
struct Part {
  uint64_t first = 0;
  uint64_t count = UINT64_MAX;
  /// Of `all`, from `first` on.
  size_t of(uint64_t all) const {
    return static_cast<size_t>(count < all - first ? count : all - first);
  }
};

/// Whether [offset, offset + bytes) lies inside a size, without overflow.
inline bool range_fits(uint64_t offset, uint64_t bytes, uint64_t size) {
  return bytes <= size && offset <= size - bytes;
}

} // namespace ebb
