// See mimalloc_allocator.h. The only state is the list of fallback chunks, which is empty until
// mimalloc refuses.
#include "tools/mimalloc_allocator.h"

#include "collections/pool.h"

#include <atomic>
#include <cstring>
#include <mimalloc.h>
#include <sys/mman.h>

namespace ebb {
namespace {

constexpr size_t page_bytes = 4096;
constexpr size_t chunk_bytes = 64 * page_bytes;

/// What an Allocator may give beyond what was asked; see Heap on why that is bounded.
size_t given_max(size_t asked) { return asked + asked / 4 + 64; }

Block block_of(void* pointer, size_t asked) {
  if (!pointer) return {};
  const size_t usable = mi_usable_size(pointer);
  return {pointer, usable < given_max(asked) ? usable : given_max(asked)};
}

void* map(size_t bytes, int protection) {
  void* pointer = mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return pointer == MAP_FAILED ? nullptr : pointer;
}

/// Gives pages back; false if the kernel wants to keep the mapping, which is empty then.
bool unmap(void* pointer, size_t bytes) {
  if (munmap(pointer, bytes) == 0) return true;
  madvise(pointer, bytes, MADV_DONTNEED);
  return false;
}

/// Pages with a Pool in them, taken when mimalloc refuses and given back when nothing lives in
/// them.
struct Chunk {
  Chunk* next;
  size_t bytes;
  Pool* pool;
};

class Fallback {
public:
  bool is_in_use() const { return first_.load(std::memory_order_acquire) != nullptr; }
  bool owns(const void* pointer) {
    if (!is_in_use()) return false;
    const Guard guard(*this);
    return chunk_of(pointer) != nullptr;
  }
  Block allocate(size_t bytes, size_t align, bool zeroed) {
    const Guard guard(*this);
    for (Chunk* chunk = first_.load(std::memory_order_relaxed); chunk; chunk = chunk->next) {
      if (const Block block = chunk->pool->allocate(bytes, align, zeroed)) return block;
    }
    Chunk* chunk = add(bytes, align);
    return chunk ? chunk->pool->allocate(bytes, align, zeroed) : Block();
  }
  Block resize(void* pointer, size_t old_bytes, size_t new_bytes, size_t align, bool may_move) {
    const Guard guard(*this);
    return chunk_of(pointer)->pool->resize(pointer, old_bytes, new_bytes, align, may_move);
  }
  void release(void* pointer, size_t bytes, size_t align) {
    const Guard guard(*this);
    Chunk* chunk = chunk_of(pointer);
    chunk->pool->release(pointer, bytes, align);
    if (chunk->pool->free_bytes() == chunk->pool->capacity()) drop(chunk);
  }

private:
  class Guard {
  public:
    explicit Guard(Fallback& fallback) : fallback_(fallback) {
      while (fallback_.lock_.test_and_set(std::memory_order_acquire)) {
      }
    }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    ~Guard() { fallback_.lock_.clear(std::memory_order_release); }

  private:
    Fallback& fallback_;
  };

  Chunk* chunk_of(const void* pointer) const {
    Chunk* chunk = first_.load(std::memory_order_relaxed);
    while (chunk && !chunk->pool->owns(pointer))
      chunk = chunk->next;
    return chunk;
  }
  /// A chunk that holds at least one block of this size. A pool's own bookkeeping is below a page
  /// and a sixty-fourth.
  Chunk* add(size_t bytes, size_t align) {
    if (bytes > SIZE_MAX / 4 || align > SIZE_MAX / 4) return nullptr;
    const size_t needed = bytes + bytes / 64 + (align > page_bytes ? align : 0) + 2 * page_bytes;
    const size_t rounded = (needed + page_bytes - 1) & ~(page_bytes - 1);
    // When the address space is nearly used up, a small chunk may still fit where a usual one does
    // not.
    size_t size = rounded > chunk_bytes ? rounded : chunk_bytes;
    void* pages = map(size, PROT_READ | PROT_WRITE);
    if (!pages && size > rounded) {
      size = rounded;
      pages = map(size, PROT_READ | PROT_WRITE);
    }
    if (!pages) return nullptr;
    Chunk* chunk = static_cast<Chunk*>(pages);
    chunk->next = first_.load(std::memory_order_relaxed);
    chunk->bytes = size;
    chunk->pool = Pool::create(chunk + 1, size - sizeof(Chunk));
    first_.store(chunk, std::memory_order_release);
    return chunk;
  }
  void drop(Chunk* chunk) {
    Chunk* before = first_.load(std::memory_order_relaxed);
    Chunk* after = chunk->next;
    if (before == chunk) {
      first_.store(after, std::memory_order_release);
    } else {
      while (before->next != chunk)
        before = before->next;
      before->next = after;
    }
    static_cast<void>(unmap(chunk, chunk->bytes));
  }

  std::atomic<Chunk*> first_ = nullptr;
  std::atomic_flag lock_;
};

Fallback fallback;

/// What mimalloc aligns without being told. Its functions that are told take a larger block where
/// no free one is at hand, so that how large blocks are, and with that the number of requests,
/// would depend on what happened before.
bool is_plain(size_t bytes, size_t align) { return align <= 8 || (align <= 16 && bytes >= 16); }

void* take(size_t bytes, size_t align, bool zeroed) {
  if (is_plain(bytes, align)) return zeroed ? mi_zalloc(bytes) : mi_malloc(bytes);
  return zeroed ? mi_zalloc_aligned(bytes, align) : mi_malloc_aligned(bytes, align);
}

void* retake(void* pointer, size_t bytes, size_t align) {
  return is_plain(bytes, align) ? mi_realloc(pointer, bytes)
                                : mi_realloc_aligned(pointer, bytes, align);
}

Block allocate(void*, size_t bytes, size_t align, bool zeroed) {
  if (bytes == 0) bytes = 1;
  // Once mimalloc has refused, it would try to map a whole segment for each request before refusing
  // again.
  if (!fallback.is_in_use()) {
    if (const Block block = block_of(take(bytes, align, zeroed), bytes)) return block;
    return fallback.allocate(bytes, align, zeroed);
  }
  if (const Block block = fallback.allocate(bytes, align, zeroed)) return block;
  return block_of(take(bytes, align, zeroed), bytes);
}

void release(void*, void* pointer, size_t bytes, size_t align) {
  if (fallback.owns(pointer)) return fallback.release(pointer, bytes, align);
  mi_free(pointer);
}

/// mimalloc's blocks have fixed sizes: they cannot shrink, and the bytes given are all there are to
/// grow into.
Block resize(void*, void* pointer, size_t old_bytes, size_t new_bytes, size_t align,
             bool may_move) {
  const bool is_fallback = fallback.owns(pointer);
  if (is_fallback) {
    const Block block = fallback.resize(pointer, old_bytes, new_bytes, align, may_move);
    if (block) return block;
  }
  if (new_bytes <= old_bytes) return {pointer, old_bytes};
  if (!may_move) return {};
  if (!is_fallback) {
    if (const Block block = block_of(retake(pointer, new_bytes, align), new_bytes)) return block;
  }
  const Block block = allocate(nullptr, new_bytes, align, false);
  if (!block) return {};
  memcpy(block.pointer, pointer, old_bytes);
  release(nullptr, pointer, old_bytes, align);
  return block;
}

void* reserve_pages(void*, size_t bytes) { return map(bytes, PROT_NONE); }

bool commit_pages(void*, void* pointer, size_t bytes) {
  return mprotect(pointer, bytes, PROT_READ | PROT_WRITE) == 0;
}

void decommit_pages(void*, void* pointer, size_t bytes) {
  madvise(pointer, bytes, MADV_DONTNEED);
  // If the kernel has no room to split the mapping, the pages stay accessible; they are empty all
  // the same.
  static_cast<void>(mprotect(pointer, bytes, PROT_NONE));
}

void* grow_pages(void*, void* pointer, size_t old_bytes, size_t new_bytes) {
  void* grown = mremap(pointer, old_bytes, new_bytes, MREMAP_MAYMOVE);
  return grown == MAP_FAILED ? nullptr : grown;
}

void release_pages(void*, void* pointer, size_t bytes) { static_cast<void>(unmap(pointer, bytes)); }

constexpr PageAllocator pages = {page_bytes,     reserve_pages, commit_pages,
                                 decommit_pages, grow_pages,    release_pages};

} // namespace

Allocator mimalloc_allocator() {
  mi_option_disable(mi_option_show_errors);
  Allocator allocator;
  allocator.allocate = allocate;
  allocator.resize = resize;
  allocator.release = release;
  allocator.pages = &pages;
  return allocator;
}

} // namespace ebb
