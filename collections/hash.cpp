#include "collections/hash.h"
#include "collections/hash_group.h"

#include <cstring>

namespace ebb {
namespace {

uint64_t rotate_left(uint64_t value, unsigned bits) { return value << bits | value >> (64 - bits); }

struct SipState {
  uint64_t v0, v1, v2, v3;
  void round() {
    v0 += v1;
    v1 = rotate_left(v1, 13) ^ v0;
    v0 = rotate_left(v0, 32);
    v2 += v3;
    v3 = rotate_left(v3, 16) ^ v2;
    v0 += v3;
    v3 = rotate_left(v3, 21) ^ v0;
    v2 += v1;
    v1 = rotate_left(v1, 17) ^ v2;
    v2 = rotate_left(v2, 32);
  }
  void take(uint64_t word) {
    v3 ^= word;
    round();
    v0 ^= word;
  }
};

} // namespace

alignas(16) const uint8_t empty_hash_controls[] = {
    control::empty, control::empty, control::empty, control::empty, control::empty, control::empty,
    control::empty, control::empty, control::empty, control::empty, control::empty, control::empty,
    control::empty, control::empty, control::empty, control::empty};
static_assert(sizeof(empty_hash_controls) >= HashGroup::width);

uint64_t hash_bytes(const void* bytes, size_t size, uint64_t seed) {
  const uint64_t k0 = seed;
  const uint64_t k1 = hash_number(seed, 0x2545f4914f6cdd1du);
  SipState state = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du, k0 ^ 0x6c7967656e657261u,
                    k1 ^ 0x7465646279746573u};
  const unsigned char* next = static_cast<const unsigned char*>(bytes);
  size_t left = size;
  for (; left >= 8; left -= 8, next += 8) {
    uint64_t word;
    memcpy(&word, next, 8);
    state.take(word);
  }
  uint64_t last = uint64_t{size & 0xff} << 56;
  if (left != 0) {
    uint64_t tail = 0;
    memcpy(&tail, next, left);
    last |= tail;
  }
  state.take(last);
  state.v2 ^= 0xff;
  for (int i = 0; i < 3; ++i)
    state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

} // namespace ebb
