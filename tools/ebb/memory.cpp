// See memory.h.
#include "tools/ebb/memory.h"

#include "collections/pool.h"
#include "tools/mimalloc_allocator.h"

namespace ebb::tool {

const char* Memory::create(const Options& options) {
  if (options.allocator == AllocatorKind::mimalloc) {
    allocator_ = mimalloc_allocator();
    return nullptr;
  }
  if (!pool_pages_.grow(options.pool_bytes)) return "the system has no memory for the pool";
  Pool* pool = Pool::create(pool_pages_.bytes(), options.pool_bytes);
  if (!pool) return "the pool is too small to hold anything";
  allocator_ = pool->allocator();
  return nullptr;
}

} // namespace ebb::tool
