/* Copies that are written as loops: bytes backwards, words that are changed on the way, a gather
 * and a transposition. None of them has the shape that a compiler replaces by memcpy. */
#include "kernel.h"

enum { bytes = 64 * 1024, side = 128, rounds = 950 };

static uint8_t source[bytes], target[bytes];
static uint32_t words[bytes / 4], order[bytes / 4];
static uint64_t grid[side][side], turned[side][side];

static NOINLINE void backwards(void) {
  for (int i = 0; i < bytes; i++)
    target[bytes - 1 - i] = source[i];
}
static NOINLINE void changed(uint32_t key) {
  const uint32_t* from = (const uint32_t*)(const void*)target;
  for (int i = 0; i < bytes / 4; i++)
    words[i] = from[i] ^ key;
}
static NOINLINE void gather(void) {
  uint32_t* to = (uint32_t*)(void*)source;
  for (int i = 0; i < bytes / 4; i++)
    to[i] = words[order[i]];
}
static NOINLINE void transpose(void) {
  for (int i = 0; i < side; i++)
    for (int j = 0; j < side; j++)
      turned[j][i] = grid[i][j] + 1;
}

int main(void) {
  uint32_t seed = 77;
  uint64_t sum = 11;
  for (int i = 0; i < bytes; i++)
    source[i] = (uint8_t)next_random(&seed);
  for (int i = 0; i < bytes / 4; i++)
    order[i] = next_random(&seed) % (bytes / 4);
  for (int round = 0; round < rounds; round++) {
    backwards();
    changed((uint32_t)round * 2654435761u);
    gather();
    transpose();
    grid[round % side][(round * 7) % side] =
        turned[(round * 3) % side][round % side] + words[round];
    sum = fold(sum, words[(round * 131) % (bytes / 4)]);
  }
  return report("copy_loops", fold(sum, turned[side - 1][side - 2]));
}
