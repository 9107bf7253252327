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

/// Where four pieces go that cover n bytes, one piece to four of them: computed, since lengths are
/// hard to predict, and branches on them cost more.
template <class Piece> struct FourPieces {
  static constexpr uint32_t one = sizeof(Piece);
  uint32_t second, third, last; ///< The first is at 0.

  explicit FourPieces(uint32_t n)
      : second(n < 2 * one ? n - one : one), third(n < 2 * one ? 0 : n - 2 * one), last(n - one) {}
};

template <class Piece> void copy_by_four(uint8_t* to, const uint8_t* from, uint32_t n) {
  const FourPieces<Piece> at(n);
  Piece first, second, third, last;
  memcpy(&first, from, sizeof(Piece));
  memcpy(&second, from + at.second, sizeof(Piece));
  memcpy(&third, from + at.third, sizeof(Piece));
  memcpy(&last, from + at.last, sizeof(Piece));
  memcpy(to, &first, sizeof(Piece));
  memcpy(to + at.second, &second, sizeof(Piece));
  memcpy(to + at.third, &third, sizeof(Piece));
  memcpy(to + at.last, &last, sizeof(Piece));
}

template <class Piece> void fill_by_four(uint8_t* to, const Piece& piece, uint32_t n) {
  const FourPieces<Piece> at(n);
  memcpy(to, &piece, sizeof(Piece));
  memcpy(to + at.second, &piece, sizeof(Piece));
  memcpy(to + at.third, &piece, sizeof(Piece));
  memcpy(to + at.last, &piece, sizeof(Piece));
}

} // namespace detail

/// Copies n bytes, at most small_bulk_max, as memmove does.
inline void copy_small(uint8_t* to, const uint8_t* from, uint32_t n) {
  if (n >= 16) return detail::copy_by_four<detail::Bytes16>(to, from, n);
  if (n >= 4) return detail::copy_by_four<uint32_t>(to, from, n);
  if (n == 0) return;
  const uint8_t first = from[0], middle = from[n / 2], last = from[n - 1];
  to[0] = first;
  to[n / 2] = middle;
  to[n - 1] = last;
}

/// Fills n bytes, at most small_bulk_max, as memset does.
inline void fill_small(uint8_t* to, uint8_t value, uint32_t n) {
  const uint64_t eight = value * 0x0101010101010101u;
  const detail::Bytes16 sixteen = {eight, eight};
  if (n >= 16) return detail::fill_by_four(to, sixteen, n);
  if (n >= 4) return detail::fill_by_four(to, static_cast<uint32_t>(eight), n);
  if (n == 0) return;
  to[0] = to[n / 2] = to[n - 1] = value;
}

} // namespace ebb
