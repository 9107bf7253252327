#include "collections/vec.h"

namespace ebb {
namespace {

constexpr size_t first_items = 4;
constexpr size_t first_bytes_min = 16;
constexpr size_t first_bytes_max = 512;
/// Below this a Vec doubles; above it half as much again is enough, and wastes less of a small
/// heap.
constexpr size_t doubling_bytes_max = 4096;

} // namespace

Result<size_t> VecBlock::grown_bytes(size_t bytes, uint64_t needed, size_t item_bytes) {
  if (needed > bytes_max) return Error::out_of_memory;
  size_t wanted = bytes <= doubling_bytes_max ? bytes * 2 : bytes + bytes / 2;
  if (bytes == 0) {
    wanted = item_bytes * first_items;
    if (wanted > first_bytes_max) wanted = item_bytes;
    if (wanted < first_bytes_min) wanted = first_bytes_min;
  }
  wanted -= wanted % item_bytes;
  if (wanted < needed) wanted = static_cast<size_t>(needed);
  return wanted <= bytes_max ? wanted : bytes_max;
}

Result<void> VecBlock::resize(Heap& heap, void** data, uint32_t* bytes, uint64_t wanted,
                              size_t align) {
  if (wanted > bytes_max) return Error::out_of_memory;
  const size_t new_bytes = static_cast<size_t>(wanted);
  const Block block = *data ? EBB_TRY(heap.resize({*data, *bytes}, new_bytes, align))
                            : EBB_TRY(heap.allocate(new_bytes, align));
  EBB_ASSERT(block.bytes <= UINT32_MAX);
  *data = block.pointer;
  *bytes = static_cast<uint32_t>(block.bytes);
  return {};
}

} // namespace ebb
