// HashGroup: some control bytes of a hash table, looked at all at once.
//
// A control byte says what its slot holds: 0 to 127 are the low bits of the hash of an item, the
// others are below. With SSE2 a group is 16 bytes, elsewhere 8 in a machine word.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace ebb {

namespace control {
inline constexpr uint8_t empty = 0x80;
inline constexpr uint8_t deleted = 0xfe;
/// Of bytes that have no slot, in tables smaller than a group.
inline constexpr uint8_t absent = 0xff;
constexpr bool is_full(uint8_t byte) { return byte < 0x80; }
} // namespace control

/// A set of positions in a group, walked from the first.
template <class Word, unsigned bits_per_byte> struct GroupMask {
  Word bits;
  explicit operator bool() const { return bits != 0; }
  size_t first() const { return static_cast<size_t>(std::countr_zero(bits)) / bits_per_byte; }
  void drop_first() { bits = static_cast<Word>(bits & (bits - 1)); }
};

#if defined(__SSE2__)

struct HashGroup {
  static constexpr size_t width = 16;
  using Mask = GroupMask<uint32_t, 1>;

  /// `bytes` are aligned to the width.
  explicit HashGroup(const uint8_t* bytes)
      : word_(_mm_load_si128(reinterpret_cast<const __m128i*>(bytes))) {}
  Mask match(uint8_t byte) const {
    return mask(_mm_cmpeq_epi8(_mm_set1_epi8(as_char(byte)), word_));
  }
  Mask match_empty() const { return match(control::empty); }
  Mask match_free() const {
    return mask(_mm_cmpgt_epi8(_mm_set1_epi8(as_char(control::absent)), word_));
  }
  Mask match_full() const { return {static_cast<uint32_t>(~_mm_movemask_epi8(word_)) & 0xffffu}; }

private:
  static char as_char(uint8_t byte) { return static_cast<char>(byte); }
  static Mask mask(__m128i equal) { return {static_cast<uint32_t>(_mm_movemask_epi8(equal))}; }
  __m128i word_;
};

#else

struct HashGroup {
  static constexpr size_t width = 8;
  using Mask = GroupMask<uint64_t, 8>;

  explicit HashGroup(const uint8_t* bytes) {
    memcpy(&word_, bytes, sizeof(word_));
    if constexpr (std::endian::native == std::endian::big) word_ = __builtin_bswap64(word_);
  }
  /// May also name a byte above a matching one, which the comparison of keys then rejects.
  Mask match(uint8_t byte) const {
    const uint64_t difference = word_ ^ (low_bits * byte);
    return {(difference - low_bits) & ~difference & high_bits};
  }
  Mask match_empty() const { return {word_ & ~(word_ << 6) & high_bits}; }
  Mask match_free() const { return {word_ & ~(word_ << 7) & high_bits}; }
  Mask match_full() const { return {~word_ & high_bits}; }

private:
  static constexpr uint64_t low_bits = 0x0101010101010101u;
  static constexpr uint64_t high_bits = 0x8080808080808080u;
  uint64_t word_;
};

#endif

/// The layout in memory of a table: this head in 16 bytes, then the control bytes, then the slots.
struct HashTableHead {
  size_t block_bytes; // as given
  uint32_t room;      // items that may still go into empty slots
};

inline constexpr size_t hash_head_bytes = 16;
static_assert(sizeof(HashTableHead) <= hash_head_bytes);

/// The control bytes of every map that has no table yet: a group of empty ones, so that lookups
/// need no case for it. Its bound is left open because compilers that know it warn of slots that
/// are never touched.
extern const uint8_t empty_hash_controls[];

} // namespace ebb
