// WireCount: a number of items that a binary claims to contain.
//
// It is not a size. Whoever wrote the bytes chose it, and four billion items cost him five bytes;
// so nothing may be reserved by it except what the bytes that follow could hold.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ebb {

class WireCount {
public:
  /// `remaining_bytes` are those behind the count, in which all the items must lie.
  constexpr WireCount(uint32_t claimed, size_t remaining_bytes)
      : claimed_(claimed), remaining_bytes_(remaining_bytes) {}

  /// What the binary says: for loops that read item after item and end at the first that is
  /// missing.
  constexpr uint32_t claimed() const { return claimed_; }
  constexpr size_t remaining_bytes() const { return remaining_bytes_; }

  /// The most items that can follow when each takes at least `item_bytes_min` bytes (not 0).
  constexpr size_t limit(size_t item_bytes_min) const {
    const size_t most = remaining_bytes_ / item_bytes_min;
    return claimed_ < most ? claimed_ : most;
  }
  /// Whether the items can all be there.
  constexpr bool is_plausible(size_t item_bytes_min) const {
    return claimed_ <= remaining_bytes_ / item_bytes_min;
  }

private:
  uint32_t claimed_;
  size_t remaining_bytes_;
};

} // namespace ebb
