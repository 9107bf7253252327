/* The Mandelbrot set: double arithmetic in locals with a data-dependent exit, no memory at all in
 * the inner loop. */
#include "kernel.h"

enum { width = 960, height = 720, iterations_max = 200 };

static NOINLINE uint32_t escape(double cx, double cy) {
  double x = 0, y = 0;
  uint32_t n = 0;
  while (n < iterations_max) {
    double xx = x * x, yy = y * y;
    if (xx + yy > 4.0) break;
    y = 2.0 * x * y + cy;
    x = xx - yy + cx;
    n++;
  }
  return n;
}

int main(void) {
  uint64_t sum = 8;
  for (int row = 0; row < height; row++) {
    uint32_t line = 0;
    for (int column = 0; column < width; column++)
      line = line * 31 + escape(-2.2 + 3.2 * column / width, -1.2 + 2.4 * row / height);
    sum = fold(sum, line);
  }
  return report("mandelbrot", sum);
}
