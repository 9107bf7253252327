/* memcpy, memmove and memset of many sizes, as the instructions of the bulk memory feature.
 * wasm-flags: -mbulk-memory */
#include "kernel.h"

enum { bytes = 1 << 20, rounds = 13000, pieces = 700 };

static uint8_t memory[bytes + 4096];

int main(void) {
  uint32_t seed = 1;
  uint64_t sum = 12;
  for (int i = 0; i < bytes; i++)
    memory[i] = (uint8_t)next_random(&seed);
  for (int round = 0; round < rounds; round++) {
    for (int i = 0; i < pieces; i++) {
      uint32_t from = next_random(&seed) % (bytes / 2);
      uint32_t to = bytes / 2 + next_random(&seed) % (bytes / 2);
      uint32_t length = next_random(&seed) & (i % 16 == 0 ? 0xfff : 0x3f);
      switch (i & 3) {
      case 0:
        memcpy(memory + to, memory + from, length);
        break;
      case 1:
        memmove(memory + from, memory + from + 3, length);
        break;
      case 2:
        memmove(memory + to + 5, memory + to, length);
        break;
      default:
        memset(memory + to, (int)(from & 0xff), length);
        break;
      }
    }
    sum = fold(sum, memory[(uint32_t)round * 7919u % bytes]);
  }
  for (int i = 0; i < bytes; i += 61)
    sum = fold(sum, memory[i]);
  return report("bulk", sum);
}
