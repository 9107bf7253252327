// The figures of a heap and the way of a request through nested heaps.
//
// A request walks from the heap that was asked up to its *source*: the nearest heap with a pool of
// its own, or the root. Every heap on that path is charged, none above it: a reserved heap was
// charged to its parents as a whole. Each step charges before it takes and undoes what it charged
// when a later one refuses, so that a refusal leaves no trace but the count of requests and the
// cause.
#include "collections/heap.h"

#include "collections/poison.h"
#include "collections/pool.h"
#include "error/assert.h"

#include <cstring>

namespace ebb {
namespace {

/// Growth that ends this near to a budget goes the careful way of resize_careful(): allocators may
/// give a quarter and a little more than what was asked, and only the careful way can still say no
/// once it knows how much was given.
size_t rounding_room(size_t bytes) { return bytes / 4 + 64; }

size_t load(const size_t& counter, Heap::Threads threads) {
  return threads == Heap::Threads::one ? counter : __atomic_load_n(&counter, __ATOMIC_RELAXED);
}

} // namespace

Heap::Heap(const Allocator& allocator, size_t limit, Threads threads)
    : allocator_(allocator), limit_(limit), threads_(threads) {
  EBB_ASSERT(allocator.allocate && allocator.resize && allocator.release);
}

Heap::Heap(Heap& parent, size_t limit, Threads threads)
    : allocator_(parent.allocator_), parent_(&parent), limit_(limit), threads_(threads) {}

Heap::~Heap() {
  if (!pool_) return;
  unpoison(reserved_.pointer, reserved_.bytes);
  if (parent_) {
    parent_->release(reserved_, Pool::granule_bytes);
  } else {
    allocator_.release(allocator_.context, reserved_.pointer, reserved_.bytes, Pool::granule_bytes);
  }
}

Result<void> Heap::reserve() {
  EBB_ASSERT(!pool_ && load(used_, threads_) == 0);
  Block block;
  if (parent_) {
    auto taken = parent_->allocate(limit_, Pool::granule_bytes);
    if (!taken.ok()) return refuse(parent_->last_refusal());
    block = taken.value();
  } else {
    block =
        allocator_.allocate(allocator_.context, limit_ ? limit_ : 1, Pool::granule_bytes, false);
    if (!block) return refuse(Refusal::allocator);
  }
  Pool* pool = Pool::create(block.pointer, block.bytes);
  if (!pool) {
    if (parent_) {
      parent_->release(block, Pool::granule_bytes);
    } else {
      allocator_.release(allocator_.context, block.pointer, block.bytes, Pool::granule_bytes);
    }
    return refuse(Refusal::budget);
  }
  reserved_ = block;
  pool_ = pool;
  return {};
}

// --- Counting.

bool Heap::charge(size_t bytes) {
  if (threads_ == Threads::one) {
    if (used_ > limit_ || bytes > limit_ - used_) return false;
    used_ += bytes;
    return true;
  }
  const size_t limit = load(limit_, threads_);
  size_t used = load(used_, threads_);
  do {
    if (used > limit || bytes > limit - used) return false;
  } while (!__atomic_compare_exchange_n(&used_, &used, used + bytes, true, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED));
  return true;
}

void Heap::discharge(size_t bytes) {
  EBB_ASSERT(load(used_, threads_) >= bytes);
  if (threads_ == Threads::one) {
    used_ -= bytes;
  } else {
    __atomic_fetch_sub(&used_, bytes, __ATOMIC_RELAXED);
  }
}

void Heap::note_peak() {
  const size_t used = load(used_, threads_);
  if (threads_ == Threads::one) {
    if (used > peak_) peak_ = used;
    return;
  }
  size_t peak = load(peak_, threads_);
  while (peak < used && !__atomic_compare_exchange_n(&peak_, &peak, used, true, __ATOMIC_RELAXED,
                                                     __ATOMIC_RELAXED)) {
  }
}

void Heap::count_request() {
  if (threads_ == Threads::one) {
    ++requests_;
  } else {
    __atomic_fetch_add(&requests_, size_t{1}, __ATOMIC_RELAXED);
  }
}

Error Heap::refuse(Refusal cause) {
  if (threads_ == Threads::one) {
    last_refusal_ = static_cast<uint8_t>(cause);
  } else {
    __atomic_store_n(&last_refusal_, static_cast<uint8_t>(cause), __ATOMIC_RELAXED);
  }
  return Error::out_of_memory;
}

Heap& Heap::source() {
  Heap* heap = this;
  while (!heap->pool_ && heap->parent_)
    heap = heap->parent_;
  return *heap;
}

bool Heap::charge_path(size_t bytes, const Heap& last) {
  for (Heap* heap = this;; heap = heap->parent_) {
    if (!heap->charge(bytes)) {
      for (Heap* undo = this; undo != heap; undo = undo->parent_)
        undo->discharge(bytes);
      return false;
    }
    if (heap == &last) return true;
  }
}

void Heap::discharge_path(size_t bytes, const Heap& last) {
  for (Heap* heap = this;; heap = heap->parent_) {
    heap->discharge(bytes);
    if (heap == &last) return;
  }
}

void Heap::note_peak_path(const Heap& last) {
  for (Heap* heap = this;; heap = heap->parent_) {
    heap->note_peak();
    if (heap == &last) return;
  }
}

void Heap::count_request_path(const Heap& last) {
  for (Heap* heap = this;; heap = heap->parent_) {
    heap->count_request();
    if (heap == &last) return;
  }
}

bool Heap::has_room(size_t bytes, const Heap& last) const {
  for (const Heap* heap = this;; heap = heap->parent_) {
    const size_t limit = load(heap->limit_, heap->threads_);
    const size_t used = load(heap->used_, heap->threads_);
    if (used > limit || bytes > limit - used) return false;
    if (heap == &last) return true;
  }
}

// --- The source's own memory.

void Heap::lock_pool() {
  if (threads_ == Threads::one) return;
  while (__atomic_test_and_set(&pool_locked_, __ATOMIC_ACQUIRE)) {
  }
}

void Heap::unlock_pool() {
  if (threads_ == Threads::many) __atomic_clear(&pool_locked_, __ATOMIC_RELEASE);
}

Block Heap::take(size_t bytes, size_t align, bool zeroed) {
  if (!pool_) return allocator_.allocate(allocator_.context, bytes, align, zeroed);
  lock_pool();
  const Block block = pool_->allocate(bytes, align, zeroed);
  unlock_pool();
  return block;
}

Block Heap::retake(Block block, size_t new_bytes, size_t align, bool may_move) {
  if (!pool_) {
    return allocator_.resize(allocator_.context, block.pointer, block.bytes, new_bytes, align,
                             may_move);
  }
  lock_pool();
  const Block resized = pool_->resize(block.pointer, block.bytes, new_bytes, align, may_move);
  unlock_pool();
  return resized;
}

void Heap::give_back(Block block, size_t align) {
  if (!pool_) return allocator_.release(allocator_.context, block.pointer, block.bytes, align);
  lock_pool();
  pool_->release(block.pointer, block.bytes, align);
  unlock_pool();
}

// --- Blocks.

Result<Block> Heap::allocate(size_t bytes, size_t align, bool zeroed) {
  EBB_ASSERT(align != 0 && (align & (align - 1)) == 0);
  if (bytes == 0) bytes = 1;
  Heap& from = source();
  count_request_path(from);
  if (!charge_path(bytes, from)) return refuse(Refusal::budget);
  const Block block = from.take(bytes, align, zeroed);
  if (!block) {
    discharge_path(bytes, from);
    return refuse(Refusal::allocator);
  }
  EBB_ASSERT(block.bytes >= bytes);
  if (!charge_path(block.bytes - bytes, from)) {
    from.give_back(block, align);
    discharge_path(bytes, from);
    return refuse(Refusal::budget);
  }
  note_peak_path(from);
  return block;
}

Result<Block> Heap::resize(Block block, size_t new_bytes, size_t align, bool may_move) {
  EBB_ASSERT(block && new_bytes != 0);
  Heap& from = source();
  if (new_bytes <= block.bytes) {
    if (new_bytes == block.bytes) return block;
    const Block shrunk = from.retake(block, new_bytes, align, false);
    EBB_ASSERT(shrunk.pointer == block.pointer && shrunk.bytes <= block.bytes);
    discharge_path(block.bytes - shrunk.bytes, from);
    return shrunk;
  }
  count_request_path(from);
  if (from.pool_) {
    // A pool gives whole granules and no more, so its rounding can be charged beforehand and
    // nothing taken back.
    if (new_bytes > SIZE_MAX - Pool::granule_bytes) return refuse(Refusal::budget);
    new_bytes = (new_bytes + Pool::granule_bytes - 1) & ~(Pool::granule_bytes - 1);
  }
  const size_t more = new_bytes - block.bytes;
  if (may_move && !from.pool_ && !has_room(more + rounding_room(new_bytes), from)) {
    return resize_careful(block, new_bytes, align, from);
  }
  if (!charge_path(more, from)) return refuse(Refusal::budget);
  const Block grown = from.retake(block, new_bytes, align, may_move);
  if (!grown) {
    discharge_path(more, from);
    return refuse(Refusal::allocator);
  }
  EBB_ASSERT(grown.bytes >= new_bytes);
  if (!charge_path(grown.bytes - new_bytes, from)) {
    EBB_ASSERT(grown.pointer == block.pointer);
    const Block back = from.retake(grown, block.bytes, align, false);
    EBB_ASSERT(back.bytes == block.bytes);
    static_cast<void>(back);
    discharge_path(more, from);
    return refuse(Refusal::budget);
  }
  note_peak_path(from);
  return grown;
}

Result<Block> Heap::resize_careful(Block block, size_t new_bytes, size_t align, Heap& from) {
  const size_t more = new_bytes - block.bytes;
  if (!charge_path(more, from)) return refuse(Refusal::budget);
  const Block fresh = from.take(new_bytes, align, false);
  if (!fresh || !charge_path(fresh.bytes - new_bytes, from)) {
    if (fresh) from.give_back(fresh, align);
    discharge_path(more, from);
    return refuse(fresh ? Refusal::budget : Refusal::allocator);
  }
  memcpy(fresh.pointer, block.pointer, block.bytes);
  from.give_back(block, align);
  note_peak_path(from);
  return fresh;
}

void Heap::release(Block block, size_t align) {
  if (!block) return;
  Heap& from = source();
  from.give_back(block, align);
  discharge_path(block.bytes, from);
}

Result<void> Heap::ask() {
  release(EBB_TRY(allocate(1, 1)), 1);
  return {};
}

// --- Pages. They come from the root's allocator only: a reserved heap has its bytes already, and
// pages from elsewhere would make what it can get depend on others.

bool Heap::has_pages() const {
  for (const Heap* heap = this; heap; heap = heap->parent_) {
    if (heap->pool_) return false;
  }
  return allocator_.pages != nullptr;
}

size_t Heap::page_bytes() const { return has_pages() ? allocator_.pages->page_bytes : 0; }

Result<void*> Heap::reserve_pages(size_t bytes) {
  EBB_ASSERT(has_pages());
  count_request_path(source());
  void* pointer = allocator_.pages->reserve(allocator_.context, bytes);
  if (!pointer) return refuse(Refusal::allocator);
  return pointer;
}

Result<void> Heap::commit_pages(void* pointer, size_t bytes) {
  EBB_ASSERT(has_pages());
  Heap& root = source();
  count_request_path(root);
  if (!charge_path(bytes, root)) return refuse(Refusal::budget);
  if (!allocator_.pages->commit(allocator_.context, pointer, bytes)) {
    discharge_path(bytes, root);
    return refuse(Refusal::allocator);
  }
  note_peak_path(root);
  return {};
}

void Heap::decommit_pages(void* pointer, size_t bytes) {
  allocator_.pages->decommit(allocator_.context, pointer, bytes);
  discharge_path(bytes, source());
}

Result<void*> Heap::grow_pages(void* pointer, size_t old_bytes, size_t new_bytes) {
  EBB_ASSERT(has_pages() && new_bytes >= old_bytes);
  Heap& root = source();
  count_request_path(root);
  if (!charge_path(new_bytes - old_bytes, root)) return refuse(Refusal::budget);
  void* grown = allocator_.pages->grow(allocator_.context, pointer, old_bytes, new_bytes);
  if (!grown) {
    discharge_path(new_bytes - old_bytes, root);
    return refuse(Refusal::allocator);
  }
  note_peak_path(root);
  return grown;
}

void Heap::release_pages(void* pointer, size_t bytes, size_t committed_bytes) {
  allocator_.pages->release(allocator_.context, pointer, bytes);
  discharge_path(committed_bytes, source());
}

// --- Figures.

HeapStats Heap::stats() const {
  HeapStats stats;
  stats.limit = load(limit_, threads_);
  stats.used = load(used_, threads_);
  stats.peak = load(peak_, threads_);
  stats.requests = load(requests_, threads_);
  return stats;
}

Result<void> Heap::set_limit(size_t limit) {
  if (limit < load(used_, threads_)) return Error::out_of_range;
  if (pool_ && limit > reserved_.bytes) return Error::out_of_range;
  if (threads_ == Threads::one) {
    limit_ = limit;
  } else {
    __atomic_store_n(&limit_, limit, __ATOMIC_RELAXED);
  }
  return {};
}

Refusal Heap::last_refusal() const {
  return static_cast<Refusal>(
      threads_ == Threads::one ? last_refusal_ : __atomic_load_n(&last_refusal_, __ATOMIC_RELAXED));
}

} // namespace ebb
