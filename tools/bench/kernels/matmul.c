/* Product of two dense matrices of doubles, row by column: loads at two strides and a running sum.
 */
#include "kernel.h"

enum { side = 160, rounds = 17 };

static double a[side][side], b[side][side], c[side][side];

static NOINLINE void multiply(void) {
  for (int i = 0; i < side; i++)
    for (int j = 0; j < side; j++) {
      double sum = 0;
      for (int k = 0; k < side; k++)
        sum += a[i][k] * b[k][j];
      c[i][j] = sum;
    }
}

int main(void) {
  uint32_t seed = 5;
  for (int i = 0; i < side; i++)
    for (int j = 0; j < side; j++) {
      a[i][j] = (double)(next_random(&seed) % 1000) / 1000.0;
      b[i][j] = (double)(next_random(&seed) % 1000) / 1000.0;
    }
  uint64_t sum = 5;
  for (int round = 0; round < rounds; round++) {
    multiply();
    for (int i = 0; i < side; i++)
      a[i][(i + round) % side] = c[i][i] / side;
    sum = fold(sum, bits_of(c[round][side - 1 - round]));
  }
  return report("matmul", sum);
}
