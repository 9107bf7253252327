// Memory: a linear memory of a store.
#pragma once

#include "core/runtime/handle.h"
#include "core/types/limits.h"
#include "error/result.h"

#include <cstddef>
#include <span>

namespace ebb {

class Memory : public Named {
public:
  using Named::Named;

  /// A memory of its minimum size, zeroed, with the backing that the engine is configured for.
  /// Fails: out_of_memory, invalid_config for limits that no memory can have,
  /// unsupported_shared_memory. On failure: the store is as it was.
  static Result<Memory> create(StoreRef store, const MemoryType& type);
  /// A memory inside bytes of the embedder, which must outlive the store: it starts zeroed at its
  /// minimum size, grows up to `bytes` and never moves. Fails: as `create`, out_of_range when
  /// `bytes` are fewer than the minimum.
  static Result<Memory> create_over(StoreRef store, const MemoryType& type,
                                    std::span<uint8_t> bytes);

  // All of these fail: wrong_store, stale_handle.
  /// With the current size as minimum.
  Result<MemoryType> type(StoreRef store) const;
  Result<uint64_t> size_pages(StoreRef store) const;
  Result<uint64_t> size_bytes(StoreRef store) const;
  /// Grows by `delta` pages and gives the old size in pages. Fails: out_of_memory; who refused is
  /// in the store's diagnostic. On failure: the memory is as it was.
  Result<uint64_t> grow(StoreRef store, uint64_t delta) const;
  /// Fails: out_of_range. On failure: nothing was copied.
  Result<void> read(StoreRef store, uint64_t offset, std::span<uint8_t> to) const;
  Result<void> write(StoreRef store, uint64_t offset, std::span<const uint8_t> from) const;
  /// All bytes; good until guest code runs or anything of the store grows.
  Result<std::span<uint8_t>> view(StoreRef store) const;
  /// Some bytes of it. Fails: out_of_range.
  Result<std::span<uint8_t>> view(StoreRef store, uint64_t offset, uint64_t bytes) const;
};

} // namespace ebb
