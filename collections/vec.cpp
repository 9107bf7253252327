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

namespace {

/// Changes the block to `wanted` bytes or more.
Result<void> set_bytes(VecBlock::Fields& vec, uint64_t wanted, size_t align) {
  EBB_ASSERT(vec.bytes != 0 || vec.data == nullptr);
  return VecBlock::resize(*vec.heap, &vec.data, &vec.bytes, wanted, align);
}

} // namespace

Result<void> VecBlock::grow_for(Fields& vec, size_t count, size_t item_bytes, size_t align) {
  const uint64_t needed = (uint64_t{vec.size} + count) * item_bytes;
  if (count > UINT32_MAX) return Error::out_of_memory;
  if (needed <= vec.bytes) {
    EBB_ASK_ANYWAY(*vec.heap);
    return {};
  }
  return set_bytes(vec, EBB_TRY(grown_bytes(vec.bytes, needed, item_bytes)), align);
}

Result<void> VecBlock::reserve_exact(Fields& vec, size_t count, size_t item_bytes, size_t align) {
  if (count > UINT32_MAX) return Error::out_of_memory;
  const uint64_t needed = uint64_t{count} * item_bytes;
  if (needed > vec.bytes) return set_bytes(vec, needed, align);
  if (count != 0) EBB_ASK_ANYWAY(*vec.heap);
  return {};
}

__attribute__((noinline)) void VecBlock::shrink_to_fit(Fields& vec, size_t item_bytes,
                                                       size_t align) {
  const size_t needed = vec.size * item_bytes;
  if (needed == vec.bytes) return;
  // NOLINTNEXTLINE(ebb-unread-result): to shrink a block always succeeds
  const Block shrunk = vec.heap->resize({vec.data, vec.bytes}, needed, align).value();
  vec.bytes = static_cast<uint32_t>(shrunk.bytes);
}

Result<void> VecBlock::append(Fields& vec, const void* items, size_t count, size_t item_bytes,
                              size_t align) {
  if (count == 0) return {};
  // The items may lie in the block that is about to move.
  const auto* from = static_cast<const unsigned char*>(items);
  const auto* first = static_cast<const unsigned char*>(vec.data);
  const size_t used = vec.size * item_bytes;
  const bool is_own = from >= first && from < first + used;
  const size_t own_offset = is_own ? static_cast<size_t>(from - first) : 0;
  EBB_TRY(grow_for(vec, count, item_bytes, align));
  auto* data = static_cast<unsigned char*>(vec.data);
  memcpy(data + used, is_own ? data + own_offset : from, count * item_bytes);
  vec.size += static_cast<uint32_t>(count);
  return {};
}

} // namespace ebb
