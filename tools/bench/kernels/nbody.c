/* Five bodies under gravity: double arithmetic with a square root and a division per pair. */
#include "kernel.h"

#include <math.h>

enum { bodies = 5, steps = 550000 };

typedef struct {
  double x, y, z, vx, vy, vz, mass;
} Body;

static Body body[bodies];

static void advance(double dt) {
  for (int i = 0; i < bodies; i++) {
    Body* a = &body[i];
    for (int j = i + 1; j < bodies; j++) {
      Body* b = &body[j];
      double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
      double square = dx * dx + dy * dy + dz * dz + 0.01;
      double magnitude = dt / (square * sqrt(square));
      a->vx -= dx * b->mass * magnitude;
      a->vy -= dy * b->mass * magnitude;
      a->vz -= dz * b->mass * magnitude;
      b->vx += dx * a->mass * magnitude;
      b->vy += dy * a->mass * magnitude;
      b->vz += dz * a->mass * magnitude;
    }
  }
  for (int i = 0; i < bodies; i++) {
    body[i].x += dt * body[i].vx;
    body[i].y += dt * body[i].vy;
    body[i].z += dt * body[i].vz;
  }
}

static double energy(void) {
  double e = 0;
  for (int i = 0; i < bodies; i++) {
    const Body* a = &body[i];
    e += 0.5 * a->mass * (a->vx * a->vx + a->vy * a->vy + a->vz * a->vz);
    for (int j = i + 1; j < bodies; j++) {
      double dx = a->x - body[j].x, dy = a->y - body[j].y, dz = a->z - body[j].z;
      e -= a->mass * body[j].mass / sqrt(dx * dx + dy * dy + dz * dz + 0.01);
    }
  }
  return e;
}

int main(void) {
  uint32_t seed = 7;
  for (int i = 0; i < bodies; i++) {
    double* field = &body[i].x;
    for (int k = 0; k < 6; k++)
      field[k] = (double)(int)(next_random(&seed) % 2001 - 1000) / (k < 3 ? 100.0 : 1000.0);
    body[i].mass = i == 0 ? 40.0 : 0.1 * i;
  }
  uint64_t sum = fold(4, bits_of(energy()));
  for (int i = 0; i < steps; i++)
    advance(0.001);
  return report("nbody", fold(sum, bits_of(energy())));
}
