/* What the compiler (script.c) and the machine (script_run.c) of the scripting language share. */
#ifndef EBB_DEMO_SCRIPT_H
#define EBB_DEMO_SCRIPT_H

#include "demo.h"

enum {
  names_max = 128,
  locals_max = 32,
  functions_max = 32,
  stack_max = 4096,
  depth_max = 256,
  nesting_max = 64
};

typedef enum { v_nil, v_bool, v_int, v_double, v_string, v_list } Kind;

typedef struct Object {
  struct Object* next;
  size_t length;
  size_t capacity;
  void* data; /* characters or values */
} Object;

typedef struct {
  Kind kind;
  union {
    int64_t integer;
    double real;
    Object* object;
  } as;
} Value;

typedef enum {
  op_constant,
  op_local,
  op_set_local,
  op_global,
  op_set_global,
  op_pop,
  op_add,
  op_subtract,
  op_multiply,
  op_divide,
  op_modulo,
  op_negate,
  op_not,
  op_equal,
  op_less,
  op_less_equal,
  op_index,
  op_set_index,
  op_list,
  op_jump,
  op_jump_if_false,
  op_and,
  op_or,
  op_call,
  op_builtin,
  op_return
} Op;

typedef struct {
  uint16_t op;
  uint16_t count;
  uint32_t operand;
  uint32_t line;
} Code;

typedef enum {
  t_end,
  t_name,
  t_int,
  t_double,
  t_string,
  t_let,
  t_fn,
  t_if,
  t_else,
  t_while,
  t_return,
  t_true,
  t_false,
  t_nil,
  t_and,
  t_or,
  t_not,
  t_equal,
  t_not_equal,
  t_less_equal,
  t_greater_equal,
  t_symbol
} TokenKind;

typedef struct {
  TokenKind kind;
  char symbol;
  const char* start;
  size_t length;
  uint32_t line;
} Token;

typedef struct {
  const char* text;
  size_t length;
} Name;

typedef struct {
  Name name;
  uint32_t start;
  uint32_t parameters;
} Function;

typedef struct {
  const char* at;
  uint32_t line;
  Token token;
  Code* code;
  uint32_t code_count, code_capacity;
  Value* constants;
  uint32_t constant_count, constant_capacity;
  Name globals[names_max];
  uint32_t global_count;
  Name locals[locals_max];
  uint32_t local_count;
  Function functions[functions_max];
  uint32_t function_count;
  int in_function;
  int nesting;
  Object* objects;
  uint32_t object_count;
  size_t object_bytes;
  Buffer* output;
} Script;

typedef enum { b_push, b_len, b_str, b_print, builtins } Builtin;
extern const char* const builtin_names[builtins];

_Noreturn void script_stop(uint32_t line, const char* format, ...);

Value new_string(Script* script, const char* text, size_t length);

/* Runs the code of a compiled script and gives the number of steps. */
uint64_t run_code(Script* script);

static inline Value integer(int64_t i) { return (Value){v_int, {.integer = i}}; }
static inline Value boolean(int b) { return (Value){v_bool, {.integer = b != 0}}; }
static inline Value real(double d) { return (Value){v_double, {.real = d}}; }

#endif
