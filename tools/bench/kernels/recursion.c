/* Direct calls and little else: Fibonacci, Takeuchi's function and Ackermann's. */
#include "kernel.h"

static NOINLINE uint32_t fibonacci(uint32_t n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static NOINLINE int tak(int x, int y, int z) {
  return y >= x ? z : tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y));
}

static NOINLINE uint32_t ackermann(uint32_t m, uint32_t n) {
  if (m == 0) return n + 1;
  return ackermann(m - 1, n == 0 ? 1 : ackermann(m, n - 1));
}

int main(void) {
  uint64_t sum = 2;
  sum = fold(sum, fibonacci(36));
  sum = fold(sum, (uint64_t)tak(18, 12, 6));
  sum = fold(sum, (uint64_t)tak(22, 14, 8));
  sum = fold(sum, ackermann(2, 700));
  return report("recursion", sum);
}
