/* What every benchmark kernel shares: a random sequence that is the same on every host, and the one
 * line of output.
 *
 * A kernel is a WASI command that does a fixed amount of work and prints a checksum of all of it.
 * The checksum must equal what the same file prints when compiled natively, so nothing here may
 * depend on pointer sizes, on libm or on the order of floating-point operations. Output goes
 * through write() so that no kernel drags printf along. */
#ifndef EBB_KERNEL_H
#define EBB_KERNEL_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Keeps a function a function: a kernel that measures calls must make them. */
#define NOINLINE __attribute__((noinline))

static inline uint32_t next_random(uint32_t* state) {
  uint32_t x = *state;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return *state = x;
}

/* Folds one more word into a checksum. */
static inline uint64_t fold(uint64_t sum, uint64_t word) {
  sum ^= word + 0x9e3779b97f4a7c15u + (sum << 6) + (sum >> 2);
  return sum * 0xff51afd7ed558ccdu;
}

static inline uint64_t bits_of(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

/* Memory that must be there; a kernel without it has no result. */
static inline void* must_allocate(size_t bytes) {
  void* block = malloc(bytes);
  if (block == NULL) _exit(3);
  return block;
}

/* Prints "name checksum" and gives the exit code of main. */
static inline int report(const char* name, uint64_t sum) {
  char line[96];
  size_t length = strlen(name);
  if (length > 64) return 2;
  memcpy(line, name, length);
  line[length++] = ' ';
  for (int shift = 60; shift >= 0; shift -= 4)
    line[length++] = "0123456789abcdef"[(sum >> shift) & 15];
  line[length++] = '\n';
  return write(1, line, length) == (ssize_t)length ? 0 : 2;
}

#endif
