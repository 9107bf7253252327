/* A 64-bit hash over buffers of many lengths: 64-bit multiplications, rotations and unaligned
 * loads. */
#include "kernel.h"

enum { bytes = 128 * 1024, rounds = 1500 };

static uint8_t data[bytes];

static inline uint64_t load64(const uint8_t* p) {
  uint64_t v;
  memcpy(&v, p, 8);
  return v;
}
static inline uint64_t rotate(uint64_t x, int n) { return (x << n) | (x >> (64 - n)); }

static NOINLINE uint64_t hash(const uint8_t* p, size_t length, uint64_t seed) {
  const uint64_t k1 = 0xa0761d6478bd642fu, k2 = 0xe7037ed1a0b428dbu, k3 = 0x8ebc6af09c88c6e3u;
  uint64_t a = seed ^ k1, b = seed + k2, c = seed - k3, d = length * k2;
  while (length >= 32) {
    a = rotate(a + load64(p) * k2, 31) * k1;
    b = rotate(b + load64(p + 8) * k2, 29) * k1;
    c = rotate(c + load64(p + 16) * k2, 27) * k1;
    d = rotate(d + load64(p + 24) * k2, 33) * k1;
    p += 32;
    length -= 32;
  }
  uint64_t h = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
  while (length >= 8) {
    h = rotate(h ^ load64(p) * k3, 27) * k1 + k2;
    p += 8;
    length -= 8;
  }
  while (length--)
    h = rotate(h ^ *p++ * k3, 11) * k2;
  h ^= h >> 33;
  h *= k3;
  return h ^ h >> 29;
}

int main(void) {
  uint32_t seed = 3;
  uint64_t sum = 14;
  for (int i = 0; i < bytes; i++)
    data[i] = (uint8_t)next_random(&seed);
  for (int round = 0; round < rounds; round++) {
    sum = fold(sum, hash(data, bytes, sum));
    for (uint32_t at = 0; at < bytes - 128; at += 61 + (uint32_t)round % 7)
      sum ^= hash(data + at, (at + (uint32_t)round) & 63, at);
  }
  return report("hash64", sum);
}
