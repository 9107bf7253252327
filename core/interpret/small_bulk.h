// Copies and fills of few bytes, which programs make most: a handful of loads, then as many stores,
// so that source and destination may overlap, and no call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ebb {

/// How many bytes are few.
inline constexpr uint32_t small_bulk_max = 64;

namespace detail {

using Bytes16 = uint64_t __attribute__((vector_size(16)));

/// Copies by two pieces, which may overlap: n is at least one, and at most two pieces.
template <class Piece> void copy_by(uint8_t* to, const uint8_t* from, uint32_t n) {
  Piece first, last;
  memcpy(&first, from, sizeof(Piece));
  memcpy(&last, from + n - sizeof(Piece), sizeof(Piece));
  memcpy(to, &first, sizeof(Piece));
  memcpy(to + n - sizeof(Piece), &last, sizeof(Piece));
}

template <class Piece> void fill_by(uint8_t* to, const Piece& piece, uint32_t n) {
  memcpy(to, &piece, sizeof(Piece));
  memcpy(to + n - sizeof(Piece), &piece, sizeof(Piece));
}

/// Copies by four pieces: n is at least two of them, and at most four.
template <class Piece> void copy_by_four(uint8_t* to, const uint8_t* from, uint32_t n) {
  constexpr uint32_t half = 2 * sizeof(Piece);
  Piece first, second, third, last;
  memcpy(&first, from, sizeof(Piece));
  memcpy(&second, from + sizeof(Piece), sizeof(Piece));
  memcpy(&third, from + n - half, sizeof(Piece));
  memcpy(&last, from + n - sizeof(Piece), sizeof(Piece));
  memcpy(to, &first, sizeof(Piece));
  memcpy(to + sizeof(Piece), &second, sizeof(Piece));
  memcpy(to + n - half, &third, sizeof(Piece));
  memcpy(to + n - sizeof(Piece), &last, sizeof(Piece));
}

} // namespace detail

/// Copies n bytes, at most small_bulk_max, as memmove does.
inline void copy_small(uint8_t* to, const uint8_t* from, uint32_t n) {
  if (n > 32) return detail::copy_by_four<detail::Bytes16>(to, from, n);
  if (n >= 16) return detail::copy_by<detail::Bytes16>(to, from, n);
  if (n >= 8) return detail::copy_by<uint64_t>(to, from, n);
  if (n >= 4) return detail::copy_by<uint32_t>(to, from, n);
  if (n >= 2) return detail::copy_by<uint16_t>(to, from, n);
  if (n != 0) *to = *from;
}

/// Fills n bytes, at most small_bulk_max, as memset does.
inline void fill_small(uint8_t* to, uint8_t value, uint32_t n) {
  const uint64_t eight = value * 0x0101010101010101u;
  const detail::Bytes16 sixteen = {eight, eight};
  if (n > 32) {
    detail::fill_by(to, sixteen, 32);
    return detail::fill_by(to + n - 32, sixteen, 32);
  }
  if (n >= 16) return detail::fill_by(to, sixteen, n);
  if (n >= 8) return detail::fill_by(to, eight, n);
  if (n >= 4) return detail::fill_by(to, static_cast<uint32_t>(eight), n);
  if (n >= 2) return detail::fill_by(to, static_cast<uint16_t>(eight), n);
  if (n != 0) *to = value;
}

} // namespace ebb
