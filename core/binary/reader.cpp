#include "core/binary/reader.h"

#include "core/types/implementation_limits.h"

#include <type_traits>

namespace ebb {
namespace {

// An LEB128 integer of `bits` bits. The last byte that may be there has bits to spare, which must
// extend the value. On success `cursor` is behind it.
template <class T, unsigned bits> Result<T> read_leb(const uint8_t*& cursor, const uint8_t* end) {
  using Unsigned = std::make_unsigned_t<T>;
  constexpr bool is_signed = std::is_signed_v<T>;
  constexpr unsigned size_max = (bits + 6) / 7;
  constexpr unsigned last_bits = bits - 7 * (size_max - 1);
  constexpr uint8_t spare =
      static_cast<uint8_t>(0x7f << (is_signed ? last_bits - 1 : last_bits) & 0x7f);

  const uint8_t* at = cursor;
  Unsigned value = 0;
  for (unsigned i = 0; i < size_max; ++i) {
    if (at == end) return Error::unexpected_end;
    const uint8_t byte = *at++;
    value |= static_cast<Unsigned>(static_cast<Unsigned>(byte & 0x7f) << (7 * i));
    const bool is_last = i + 1 == size_max;
    if (is_last) {
      if (byte >= 0x80) return Error::integer_too_long;
      const uint8_t extension = byte & spare;
      if (extension != 0 && !(is_signed && extension == spare)) return Error::integer_too_large;
    }
    if (byte >= 0x80) continue;
    cursor = at;
    if constexpr (is_signed) {
      constexpr unsigned width = sizeof(T) * 8;
      const unsigned read_bits = 7 * (i + 1);
      if (read_bits < width) {
        const unsigned shift = width - read_bits;
        return static_cast<T>(static_cast<T>(value << shift) >> shift);
      }
    }
    return static_cast<T>(value);
  }
  return Error::integer_too_long;
}

constexpr bool is_continuation(uint8_t byte) { return (byte & 0xc0) == 0x80; }

// The bytes of the character at the start, 0 if it is not a well-formed one. Only the second byte
// has a narrower range than a continuation, after some first bytes: it excludes longer forms than
// needed, surrogates, and what is above 10ffff.
size_t utf8_character(const uint8_t* at, size_t left) {
  const uint8_t first = at[0];
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (left < size) return 0;
  const uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (at[1] < low || at[1] > high) return 0;
  for (size_t i = 2; i < size; ++i) {
    if (!is_continuation(at[i])) return 0;
  }
  return size;
}

} // namespace

Result<uint32_t> Reader::u32_slow() { return read_leb<uint32_t, 32>(cursor_, end_); }
Result<int32_t> Reader::s32_slow() { return read_leb<int32_t, 32>(cursor_, end_); }
Result<uint64_t> Reader::u64() { return read_leb<uint64_t, 64>(cursor_, end_); }
Result<int64_t> Reader::s33() { return read_leb<int64_t, 33>(cursor_, end_); }
Result<int64_t> Reader::s64() { return read_leb<int64_t, 64>(cursor_, end_); }

Result<uint32_t> Reader::u32_fixed() {
  if (remaining() < 4) return Error::unexpected_end;
  uint32_t value = 0;
  for (unsigned i = 0; i < 4; ++i)
    value |= static_cast<uint32_t>(cursor_[i]) << (8 * i);
  cursor_ += 4;
  return value;
}

Result<uint64_t> Reader::u64_fixed() {
  if (remaining() < 8) return Error::unexpected_end;
  uint64_t value = 0;
  for (unsigned i = 0; i < 8; ++i)
    value |= static_cast<uint64_t>(cursor_[i]) << (8 * i);
  cursor_ += 8;
  return value;
}

Result<std::span<const uint8_t>> Reader::bytes(size_t size) {
  if (size > remaining()) return Error::unexpected_end;
  const std::span<const uint8_t> found(cursor_, size);
  cursor_ += size;
  return found;
}

Result<ByteRange> Reader::range(size_t size) {
  if (size > remaining()) return Error::unexpected_end;
  const ByteRange found{offset(), static_cast<uint32_t>(size)};
  cursor_ += size;
  return found;
}

Result<ByteRange> Reader::sized_range() {
  const uint8_t* const start = cursor_;
  const uint32_t size = EBB_TRY(u32());
  if (size > remaining()) {
    cursor_ = start;
    return Error::length_out_of_bounds;
  }
  return range(size);
}

Result<ByteRange> Reader::name() {
  const uint8_t* const start = cursor_;
  const ByteRange found = EBB_TRY(sized_range());
  Error error = Error::none;
  if (!is_utf8({cursor_ - found.size, found.size})) {
    error = Error::malformed_utf8;
  } else if (found.size > limits::name_bytes_max) {
    error = Error::name_too_long;
  }
  if (error == Error::none) return found;
  cursor_ = start;
  return error;
}

Result<WireCount> Reader::count(size_t item_bytes_min) {
  const uint8_t* const start = cursor_;
  const uint32_t claimed = EBB_TRY(u32());
  const WireCount found(claimed, remaining());
  if (found.is_plausible(item_bytes_min)) return found;
  cursor_ = start;
  return Error::length_out_of_bounds;
}

bool is_utf8(std::span<const uint8_t> bytes) {
  const uint8_t* at = bytes.data();
  size_t left = bytes.size();
  while (left != 0) {
    const size_t size = utf8_character(at, left);
    if (size == 0) return false;
    at += size;
    left -= size;
  }
  return true;
}

} // namespace ebb
