/* The sieve of Eratosthenes over bytes: the tightest store loop that a guest can have. */
#include "kernel.h"

enum { limit = 400000, rounds = 60 };

static uint8_t composite[limit + 1];

static NOINLINE uint32_t sieve(uint32_t first) {
  uint32_t primes = 0;
  memset(composite, 0, sizeof composite);
  for (uint32_t i = first; i <= limit; i++) {
    if (composite[i]) continue;
    primes++;
    for (uint32_t j = i + i; j <= limit; j += i)
      composite[j] = 1;
  }
  return primes;
}

int main(void) {
  uint64_t sum = 7;
  for (uint32_t round = 0; round < rounds; round++)
    sum = fold(sum, sieve(2 + round % 3));
  return report("sieve", sum);
}
