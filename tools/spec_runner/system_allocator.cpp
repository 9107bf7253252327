// See system_allocator.h.
#include "tools/spec_runner/system_allocator.h"

#include <cstdlib>
#include <cstring>

namespace ebb::spec {
namespace {

Block allocate(void*, size_t bytes, size_t align, bool zeroed) {
  void* pointer = nullptr;
  if (align <= alignof(max_align_t)) {
    pointer = zeroed ? std::calloc(1, bytes) : std::malloc(bytes);
  } else if (posix_memalign(&pointer, align, bytes) != 0) {
    pointer = nullptr;
  } else if (zeroed) {
    std::memset(pointer, 0, bytes);
  }
  return pointer ? Block{pointer, bytes} : Block{};
}

Block resize(void* context, void* pointer, size_t old_bytes, size_t new_bytes, size_t align,
             bool may_move) {
  if (new_bytes < old_bytes) return {pointer, old_bytes};
  if (!may_move) return {};
  if (align <= alignof(max_align_t)) {
    void* moved = std::realloc(pointer, new_bytes);
    return moved ? Block{moved, new_bytes} : Block{};
  }
  const Block moved = allocate(context, new_bytes, align, false);
  if (!moved) return {};
  std::memcpy(moved.pointer, pointer, old_bytes);
  std::free(pointer);
  return moved;
}

void release(void*, void* pointer, size_t, size_t) { std::free(pointer); }

} // namespace

Allocator system_allocator() {
  Allocator allocator;
  allocator.allocate = &allocate;
  allocator.resize = &resize;
  allocator.release = &release;
  return allocator;
}

} // namespace ebb::spec
