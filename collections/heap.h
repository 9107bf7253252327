// Heap: a budget over an allocator or over another heap.
//
// An engine, each module and each store have one, and heaps nest: what a child takes is charged to
// every heap above it. A `limited` heap only counts; a `reserved` heap takes its whole size from
// its parent when it is made and serves requests out of that, so that what happens in other heaps
// cannot change what this one gives, to the byte. The figures are exact: they count the bytes that
// the allocator gave. A heap does not move; containers hold a reference to theirs.
#pragma once

#include "collections/allocator.h"
#include "error/result.h"

/// Stands where a fallible call happens to need no memory this time. In a build for tests it asks
/// nevertheless, so that the call can be refused like any other.
#if defined(EBB_EVERY_CALL_ASKS)
#define EBB_ASK_ANYWAY(heap) EBB_TRY((heap).ask())
#else
#define EBB_ASK_ANYWAY(heap) static_cast<void>(0)
#endif

namespace ebb {

class Pool;

/// The figures of a heap, in bytes of the blocks given.
struct HeapStats {
  size_t limit = 0;      ///< The most that `used` may reach.
  size_t used = 0;       ///< Held now.
  size_t peak = 0;       ///< The most that was ever held.
  uint64_t requests = 0; ///< How many times memory was asked for (allocations, growths, page
                         ///< calls), refused ones included.
};

/// Who refused the last request that failed.
enum class Refusal : uint8_t { none, allocator, budget };

class Heap {
public:
  static constexpr size_t no_limit = SIZE_MAX;
  /// Whether several threads may use the heap at once; its counters are atomic then.
  enum class Threads : uint8_t { one, many };

  /// A limited heap straight over an allocator, which must outlive it.
  explicit Heap(const Allocator& allocator, size_t limit = no_limit,
                Threads threads = Threads::one);
  /// A limited heap over another, which must outlive it.
  explicit Heap(Heap& parent, size_t limit = no_limit, Threads threads = Threads::one);
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;
  ~Heap();

  /// Turns a fresh limited heap into a reserved one of its limit, whose bytes are taken from the
  /// parent now. Fails: out_of_memory. On failure: the heap is limited, as before.
  Result<void> reserve();

  /// A block of at least `bytes` (0 counts as 1). Fails: out_of_memory. On failure: nothing has
  /// changed.
  Result<Block> allocate(size_t bytes, size_t align, bool zeroed = false);
  /// See Allocator::resize; shrinking always succeeds. Fails: out_of_memory. On failure: the block
  /// is as it was.
  Result<Block> resize(Block block, size_t new_bytes, size_t align, bool may_move = true);
  void release(Block block, size_t align);
  /// Asks for a byte and gives it back: see EBB_ASK_ANYWAY. Fails: out_of_memory.
  Result<void> ask();

  /// Whether OS pages can be had through this heap.
  bool has_pages() const;
  size_t page_bytes() const;
  /// Address space; not charged. Fails: out_of_memory.
  Result<void*> reserve_pages(size_t bytes);
  /// Fails: out_of_memory. On failure: nothing has changed. Charged.
  Result<void> commit_pages(void* pointer, size_t bytes);
  void decommit_pages(void* pointer, size_t bytes);
  /// Grows a reservation that is committed to its end, moving it if it must. Fails: out_of_memory,
  /// also where the OS cannot do it. On failure: nothing has changed.
  Result<void*> grow_pages(void* pointer, size_t old_bytes, size_t new_bytes);
  /// `committed_bytes` of the reservation are committed and stop being charged.
  void release_pages(void* pointer, size_t bytes, size_t committed_bytes);

  HeapStats stats() const;
  /// Fails: out_of_range when more than that is in use. On failure: the limit is as it was.
  Result<void> set_limit(size_t limit);
  Refusal last_refusal() const;
  /// The allocator at the bottom.
  const Allocator& allocator() const { return allocator_; }

private:
  bool charge(size_t bytes);
  void discharge(size_t bytes);
  void note_peak();
  void count_request();
  Error refuse(Refusal cause);

  Heap& source();
  bool charge_path(size_t bytes, const Heap& last);
  void discharge_path(size_t bytes, const Heap& last);
  void note_peak_path(const Heap& last);
  void count_request_path(const Heap& last);
  bool has_room(size_t bytes, const Heap& last) const;

  void lock_pool();
  void unlock_pool();
  Block take(size_t bytes, size_t align, bool zeroed);
  Block retake(Block block, size_t new_bytes, size_t align, bool may_move);
  void give_back(Block block, size_t align);
  Result<Block> resize_careful(Block block, size_t new_bytes, size_t align, Heap& from);

  const Allocator& allocator_; // the root's
  Heap* parent_ = nullptr;
  size_t limit_;
  size_t used_ = 0;
  size_t peak_ = 0;
  size_t requests_ = 0;
  Pool* pool_ = nullptr; // of a reserved heap, at the start of its block
  Block reserved_;
  Threads threads_;
  uint8_t last_refusal_ = 0; // a Refusal
  bool pool_locked_ = false;
};

} // namespace ebb
