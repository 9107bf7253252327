/* A bytecode interpreter inside the guest: one switch in a loop, the program of all indirect
 * branches. The program that it runs computes Collatz lengths and keeps the longest. */
#include "kernel.h"

enum { numbers = 24000 };

typedef enum {
  op_push,
  op_load,
  op_store,
  op_add,
  op_mul,
  op_half,
  op_and,
  op_less,
  op_jump,
  op_jump_zero,
  op_halt
} Op;

typedef struct {
  uint8_t op;
  int32_t operand;
} Instruction;

/* Variables: 0 number, 1 current, 2 length, 3 longest length, 4 where, 5 limit. */
static const Instruction program[] = {
    {op_push, 1},
    {op_store, 0},
    /* 2: outer */
    {op_load, 0},
    {op_load, 5},
    {op_less, 0},
    {op_jump_zero, 40},
    {op_load, 0},
    {op_store, 1},
    {op_push, 0},
    {op_store, 2},
    /* 10: inner */
    {op_push, 1},
    {op_load, 1},
    {op_less, 0},
    {op_jump_zero, 29},
    {op_load, 1},
    {op_push, 1},
    {op_and, 0},
    {op_jump_zero, 23},
    {op_load, 1},
    {op_push, 3},
    {op_mul, 0},
    {op_push, 1},
    {op_jump, 41},
    /* 23: even */
    {op_load, 1},
    {op_half, 0},
    /* 25: step */
    {op_store, 1},
    {op_load, 2},
    {op_push, 1},
    {op_jump, 43},
    /* 29: compare */
    {op_load, 3},
    {op_load, 2},
    {op_less, 0},
    {op_jump_zero, 37},
    {op_load, 2},
    {op_store, 3},
    {op_load, 0},
    {op_store, 4},
    /* 37: next */
    {op_load, 0},
    {op_push, 1},
    {op_jump, 46},
    /* 40 */
    {op_halt, 0},
    /* 41: odd, continued */
    {op_add, 0},
    {op_jump, 25},
    /* 43: length + 1 */
    {op_add, 0},
    {op_store, 2},
    {op_jump, 10},
    /* 46: number + 1 */
    {op_add, 0},
    {op_store, 0},
    {op_jump, 2},
};

static NOINLINE uint64_t run(const Instruction* code, int64_t* variables) {
  int64_t stack[16];
  int64_t* top = stack;
  uint64_t steps = 0;
  const Instruction* pc = code;
  for (;;) {
    const Instruction at = *pc++;
    steps++;
    switch ((Op)at.op) {
    case op_push:
      *top++ = at.operand;
      break;
    case op_load:
      *top++ = variables[at.operand];
      break;
    case op_store:
      variables[at.operand] = *--top;
      break;
    case op_add:
      top--;
      top[-1] += top[0];
      break;
    case op_mul:
      top--;
      top[-1] *= top[0];
      break;
    case op_half:
      top[-1] /= 2;
      break;
    case op_and:
      top--;
      top[-1] &= top[0];
      break;
    case op_less:
      top--;
      top[-1] = top[-1] < top[0];
      break;
    case op_jump:
      pc = code + at.operand;
      break;
    case op_jump_zero:
      if (*--top == 0) pc = code + at.operand;
      break;
    case op_halt:
      return steps;
    }
  }
}

int main(void) {
  int64_t variables[6] = {0, 0, 0, 0, 0, numbers};
  uint64_t sum = fold(13, run(program, variables));
  sum = fold(sum, (uint64_t)variables[3]);
  return report("bytecode", fold(sum, (uint64_t)variables[4]));
}
