/* Calls through tables of functions: objects whose class is known only at run time, and a chain of
 * callbacks. */
#include "kernel.h"

enum { shapes = 1000, rounds = 9000 };

typedef struct Shape Shape;
typedef struct {
  int32_t (*area)(const Shape*);
  void (*scale)(Shape*, int32_t);
} Methods;

struct Shape {
  const Methods* methods;
  int32_t width, height;
};

static int32_t box_area(const Shape* s) { return s->width * s->height; }
static void box_scale(Shape* s, int32_t by) {
  s->width = (s->width + by) & 0xff;
  s->height = (s->height ^ by) & 0xff;
}
static int32_t triangle_area(const Shape* s) { return s->width * s->height / 2; }
static void triangle_scale(Shape* s, int32_t by) { s->width = (s->width * 3 + by) & 0xff; }
static int32_t line_area(const Shape* s) { return s->width; }
static void line_scale(Shape* s, int32_t by) { s->width = (s->width + by) & 0x1ff; }
static int32_t ring_area(const Shape* s) {
  return 3 * (s->width * s->width - s->height * s->height);
}
static void ring_scale(Shape* s, int32_t by) {
  int32_t t = s->width;
  s->width = (s->height + by) & 0xff;
  s->height = t;
}

static const Methods classes[4] = {{box_area, box_scale},
                                   {triangle_area, triangle_scale},
                                   {line_area, line_scale},
                                   {ring_area, ring_scale}};
static Shape shape[shapes];

static uint32_t add(uint32_t a, uint32_t b) { return a + b; }
static uint32_t mix(uint32_t a, uint32_t b) { return (a << 5 | a >> 27) ^ b; }
static uint32_t difference(uint32_t a, uint32_t b) { return a - b; }
static uint32_t (*const folders[4])(uint32_t, uint32_t) = {add, mix, difference, mix};

int main(void) {
  uint32_t seed = 31;
  uint32_t total = 0;
  for (int i = 0; i < shapes; i++) {
    shape[i].methods = &classes[next_random(&seed) & 3];
    shape[i].width = (int32_t)(next_random(&seed) & 0xff);
    shape[i].height = (int32_t)(next_random(&seed) & 0xff);
  }
  for (int round = 0; round < rounds; round++)
    for (int i = 0; i < shapes; i++) {
      Shape* s = &shape[i];
      total = folders[(i + round) & 3](total, (uint32_t)s->methods->area(s));
      if ((i & 7) == (round & 7)) s->methods->scale(s, round);
    }
  return report("indirect", fold(10, total));
}
