// Reader: bytes, integers and names off a range of a module, with an error for everything that the
// format forbids.
//
// A reader never looks past its end and does not move when a read fails, so that its offset then is
// that of the item that is wrong. It owns nothing and never allocates.
#pragma once

#include "collections/wire_count.h"
#include "error/result.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace ebb {

/// A part of a module's bytes.
struct ByteRange {
  uint32_t offset = 0;
  uint32_t size = 0;
};

class Reader {
public:
  Reader() = default;
  /// `base` is the offset of the first byte in the module.
  explicit Reader(std::span<const uint8_t> bytes, uint32_t base = 0)
      : begin_(bytes.data()), cursor_(bytes.data()), end_(bytes.data() + bytes.size()),
        base_(base) {}

  uint32_t offset() const { return offset_of(cursor_); }
  /// Of a byte of the range.
  uint32_t offset_of(const uint8_t* at) const { return base_ + static_cast<uint32_t>(at - begin_); }
  size_t remaining() const { return static_cast<size_t>(end_ - cursor_); }
  bool at_end() const { return cursor_ == end_; }
  const uint8_t* cursor() const { return cursor_; }

  /// Fails: unexpected_end.
  Result<uint8_t> u8() {
    if (cursor_ == end_) [[unlikely]]
      return Error::unexpected_end;
    return *cursor_++;
  }
  /// The next byte, which stays where it is. Fails: unexpected_end.
  Result<uint8_t> peek() const {
    if (cursor_ == end_) [[unlikely]]
      return Error::unexpected_end;
    return *cursor_;
  }

  /// The next byte, which is known to be there: `peek` gave it, or this is not the end.
  uint8_t take() {
    EBB_ASSERT(cursor_ != end_);
    return *cursor_++;
  }
  /// Passes bytes that are known to be there.
  void skip(size_t count) {
    EBB_ASSERT(count <= remaining());
    cursor_ += count;
  }
  /// All that is left.
  ByteRange rest() {
    const ByteRange range{offset(), static_cast<uint32_t>(remaining())};
    cursor_ = end_;
    return range;
  }

  /// LEB128 integers. Fail: unexpected_end, integer_too_long, integer_too_large.
  Result<uint32_t> u32() {
    if (cursor_ != end_ && *cursor_ < 0x80) [[likely]]
      return *cursor_++;
    return u32_slow();
  }
  Result<uint64_t> u64();
  Result<int32_t> s32() {
    if (cursor_ != end_ && *cursor_ < 0x80) [[likely]]
      return static_cast<int32_t>(static_cast<uint32_t>(*cursor_++) << 25) >> 25;
    return s32_slow();
  }
  Result<int64_t> s33();
  /// Fails: unexpected_end, integer_too_long, integer_too_large.
  Result<int64_t> s64();

  /// Little-endian bits. Fails: unexpected_end.
  Result<uint32_t> u32_fixed();
  /// Fails: unexpected_end.
  Result<uint64_t> u64_fixed();

  /// Fails: unexpected_end.
  Result<std::span<const uint8_t>> bytes(size_t size);
  /// Fails: unexpected_end.
  Result<ByteRange> range(size_t size);
  /// A length and that many bytes.
  /// Fails: unexpected_end, integer_too_long, integer_too_large, length_out_of_bounds.
  Result<ByteRange> sized_range();
  /// A name: a length and that many bytes of UTF-8.
  /// Fails: unexpected_end, integer_too_long, integer_too_large, length_out_of_bounds,
  /// malformed_utf8, name_too_long.
  Result<ByteRange> name();
  /// The number of items of a list that are at least `item_bytes_min` each.
  /// Fails: unexpected_end, integer_too_long, integer_too_large, length_out_of_bounds. The last is
  /// for when the rest cannot hold as many.
  Result<WireCount> count(size_t item_bytes_min = 1);

private:
  /// Fails: unexpected_end, integer_too_long, integer_too_large.
  Result<uint32_t> u32_slow();
  /// Fails: unexpected_end, integer_too_long, integer_too_large.
  Result<int32_t> s32_slow();

  const uint8_t* begin_ = nullptr;
  const uint8_t* cursor_ = nullptr;
  const uint8_t* end_ = nullptr;
  uint32_t base_ = 0;
};

/// Whether bytes are UTF-8 as the specification defines it: shortest forms, no surrogates.
bool is_utf8(std::span<const uint8_t> bytes);

} // namespace ebb
