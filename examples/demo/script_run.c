/* The machine of the scripting language: a stack of values, a stack of frames and one switch. */
#include "script.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char* const builtin_names[builtins] = {"push", "len", "str", "print"};

_Noreturn void script_stop(uint32_t line, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "script, line %" PRIu32 ": ", line);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(exit_script);
}

/* ---- objects */

static Object* new_object(Script* script, size_t element_bytes, size_t capacity) {
  Object* object = take(sizeof *object);
  object->length = 0;
  object->capacity = capacity;
  object->data = capacity ? take(element_bytes * capacity) : NULL;
  object->next = script->objects;
  script->objects = object;
  script->object_count++;
  script->object_bytes += sizeof *object + element_bytes * capacity;
  return object;
}

Value new_string(Script* script, const char* text, size_t length) {
  Object* object = new_object(script, 1, length + 1);
  memcpy(object->data, text, length);
  ((char*)object->data)[length] = 0;
  object->length = length;
  return (Value){v_string, {.object = object}};
}

static void list_push(Script* script, Object* list, Value value) {
  if (list->length == list->capacity) {
    size_t capacity = list->capacity ? list->capacity * 2 : 8;
    list->data = take_again(list->data, capacity * sizeof(Value));
    script->object_bytes += (capacity - list->capacity) * sizeof(Value);
    list->capacity = capacity;
  }
  ((Value*)list->data)[list->length++] = value;
}

static size_t format_value(Value value, char* text, size_t size) {
  switch (value.kind) {
  case v_nil:
    return (size_t)snprintf(text, size, "nil");
  case v_bool:
    return (size_t)snprintf(text, size, "%s", value.as.integer ? "true" : "false");
  case v_int:
    return (size_t)snprintf(text, size, "%" PRId64, value.as.integer);
  case v_double:
    return (size_t)snprintf(text, size, "%.6f", value.as.real);
  case v_string:
    return (size_t)snprintf(text, size, "%s", (const char*)value.as.object->data);
  case v_list:
    return (size_t)snprintf(text, size, "[list of %zu]", value.as.object->length);
  }
  return 0;
}

/* ---- the machine */

typedef struct {
  uint32_t return_to;
  uint32_t base;
} Frame;

typedef struct {
  Script* script;
  Value* stack;
  Frame* frames;
  Value globals[names_max];
  uint32_t top;
  uint32_t depth;
  uint64_t steps;
} Machine;

static int truth(Value value) {
  return value.kind == v_bool ? value.as.integer != 0 : value.kind != v_nil;
}

static double as_real(Value value, uint32_t line) {
  if (value.kind == v_int) return (double)value.as.integer;
  if (value.kind != v_double) script_stop(line, "a number is needed");
  return value.as.real;
}

static Value arithmetic_real(Op op, double a, double b) {
  switch (op) {
  case op_add:
    return real(a + b);
  case op_subtract:
    return real(a - b);
  case op_multiply:
    return real(a * b);
  default:
    return real(a / b);
  }
}

static Value concatenate(Script* script, const Object* a, const Object* b) {
  Object* object = new_object(script, 1, a->length + b->length + 1);
  char* text = object->data;
  memcpy(text, a->data, a->length);
  memcpy(text + a->length, b->data, b->length + 1);
  object->length = a->length + b->length;
  return (Value){v_string, {.object = object}};
}

static Value arithmetic(Script* script, Op op, Value a, Value b, uint32_t line) {
  if (op == op_add && a.kind == v_string && b.kind == v_string)
    return concatenate(script, a.as.object, b.as.object);
  if (a.kind != v_int || b.kind != v_int) {
    if (op == op_modulo) script_stop(line, "%% needs two integers");
    return arithmetic_real(op, as_real(a, line), as_real(b, line));
  }
  uint64_t x = (uint64_t)a.as.integer, y = (uint64_t)b.as.integer;
  switch (op) {
  case op_add:
    return integer((int64_t)(x + y));
  case op_subtract:
    return integer((int64_t)(x - y));
  case op_multiply:
    return integer((int64_t)(x * y));
  default:
    break;
  }
  if (y == 0) script_stop(line, "division by zero");
  if (b.as.integer == -1) return integer(op == op_divide ? (int64_t)(0 - x) : 0);
  return integer(op == op_divide ? a.as.integer / b.as.integer : a.as.integer % b.as.integer);
}

static int compare_strings(const Object* a, const Object* b) {
  size_t shorter = a->length < b->length ? a->length : b->length;
  int order = memcmp(a->data, b->data, shorter);
  return order ? order : (a->length > b->length) - (a->length < b->length);
}

static Value comparison_of(Op op, Value a, Value b, uint32_t line) {
  if (a.kind == v_string && b.kind == v_string) {
    int order = compare_strings(a.as.object, b.as.object);
    return boolean(op == op_equal ? order == 0 : op == op_less ? order < 0 : order <= 0);
  }
  if (a.kind == v_int && b.kind == v_int) {
    int64_t x = a.as.integer, y = b.as.integer;
    return boolean(op == op_equal ? x == y : op == op_less ? x < y : x <= y);
  }
  if (op == op_equal && a.kind == b.kind && a.kind != v_double)
    return boolean(a.kind == v_nil ||
                   (a.kind == v_bool ? a.as.integer == b.as.integer : a.as.object == b.as.object));
  if (op == op_equal &&
      (a.kind < v_int || b.kind < v_int || a.kind > v_double || b.kind > v_double))
    return boolean(0);
  double x = as_real(a, line), y = as_real(b, line);
  return boolean(op == op_equal ? x == y : op == op_less ? x < y : x <= y);
}

static size_t checked_index(Value container, Value index, uint32_t line) {
  if (index.kind != v_int || index.as.integer < 0 ||
      (uint64_t)index.as.integer >= container.as.object->length)
    script_stop(line, "the index is out of range");
  return (size_t)index.as.integer;
}

static Value element(Script* script, Value container, Value index, uint32_t line) {
  if (container.kind == v_list)
    return ((const Value*)container.as.object->data)[checked_index(container, index, line)];
  if (container.kind != v_string) script_stop(line, "only lists and strings have elements");
  return new_string(
      script, (const char*)container.as.object->data + checked_index(container, index, line), 1);
}

static Value builtin(Machine* m, Builtin which, const Value* arguments, uint32_t count,
                     uint32_t line) {
  char text[64];
  if (which == b_print) {
    for (uint32_t i = 0; i < count; i++) {
      if (i > 0) buffer_byte(m->script->output, ' ');
      if (arguments[i].kind == v_string)
        buffer_put(m->script->output, arguments[i].as.object->data, arguments[i].as.object->length);
      else
        buffer_put(m->script->output, text, format_value(arguments[i], text, sizeof text));
    }
    buffer_byte(m->script->output, '\n');
    return (Value){v_nil, {0}};
  }
  if (count != (which == b_push ? 2u : 1u))
    script_stop(line, "%s has another number of arguments", builtin_names[which]);
  if (which == b_str) {
    if (arguments[0].kind == v_string) return arguments[0];
    return new_string(m->script, text, format_value(arguments[0], text, sizeof text));
  }
  if (arguments[0].kind != v_list && (which == b_push || arguments[0].kind != v_string))
    script_stop(line, "a list is needed");
  if (which == b_push) list_push(m->script, arguments[0].as.object, arguments[1]);
  return integer((int64_t)arguments[0].as.object->length);
}

static void make_list(Machine* m, uint32_t count) {
  Object* list = new_object(m->script, sizeof(Value), count);
  m->top -= count;
  for (uint32_t i = 0; i < count; i++)
    list_push(m->script, list, m->stack[m->top + i]);
  m->stack[m->top++] = (Value){v_list, {.object = list}};
}

/* Enters a function: its arguments become its first locals, the rest of its locals are nil. */
static uint32_t enter(Machine* m, const Function* callee, uint32_t return_to, uint32_t line) {
  if (m->depth == depth_max || m->top + locals_max + 16 > stack_max)
    script_stop(line, "calls are nested too deep");
  uint32_t base = m->top - callee->parameters;
  for (uint32_t i = callee->parameters; i < locals_max; i++)
    m->stack[base + i].kind = v_nil;
  m->top = base + locals_max;
  m->frames[m->depth++] = (Frame){return_to, base};
  return callee->start;
}

static void run(Machine* m) {
  Script* script = m->script;
  Value* stack = m->stack;
  uint32_t pc = 0, base = 0;
  while (pc < script->code_count) {
    const Code code = script->code[pc++];
    m->steps++;
    if (m->top + 4 > stack_max) script_stop(code.line, "the stack is full");
    switch ((Op)code.op) {
    case op_constant:
      stack[m->top++] = script->constants[code.operand];
      break;
    case op_local:
      stack[m->top++] = stack[base + code.operand];
      break;
    case op_set_local:
      stack[base + code.operand] = stack[--m->top];
      break;
    case op_global:
      stack[m->top++] = m->globals[code.operand];
      break;
    case op_set_global:
      m->globals[code.operand] = stack[--m->top];
      break;
    case op_pop:
      m->top--;
      break;
    case op_add:
    case op_subtract:
    case op_multiply:
    case op_divide:
    case op_modulo:
      m->top--;
      stack[m->top - 1] =
          arithmetic(script, (Op)code.op, stack[m->top - 1], stack[m->top], code.line);
      break;
    case op_equal:
    case op_less:
    case op_less_equal:
      m->top--;
      stack[m->top - 1] = comparison_of((Op)code.op, stack[m->top - 1], stack[m->top], code.line);
      break;
    case op_negate:
      stack[m->top - 1] = arithmetic(script, op_subtract, integer(0), stack[m->top - 1], code.line);
      break;
    case op_not:
      stack[m->top - 1] = boolean(!truth(stack[m->top - 1]));
      break;
    case op_index:
      m->top--;
      stack[m->top - 1] = element(script, stack[m->top - 1], stack[m->top], code.line);
      break;
    case op_set_index: {
      m->top -= 3;
      const Value* three = &stack[m->top];
      if (three[0].kind != v_list) script_stop(code.line, "only elements of lists can be set");
      ((Value*)three[0].as.object->data)[checked_index(three[0], three[1], code.line)] = three[2];
      break;
    }
    case op_list:
      make_list(m, code.count);
      break;
    case op_jump:
      pc = code.operand;
      break;
    case op_jump_if_false:
      if (!truth(stack[--m->top])) pc = code.operand;
      break;
    case op_and:
    case op_or:
      if (truth(stack[m->top - 1]) == (code.op == op_or))
        pc = code.operand;
      else
        m->top--;
      break;
    case op_call:
      pc = enter(m, &script->functions[code.operand], pc, code.line);
      base = m->frames[m->depth - 1].base;
      break;
    case op_builtin: {
      Value result =
          builtin(m, (Builtin)code.operand, &stack[m->top - code.count], code.count, code.line);
      m->top -= code.count;
      stack[m->top++] = result;
      break;
    }
    case op_return: {
      if (m->depth == 0) script_stop(code.line, "return outside of a function");
      Value result = stack[m->top - 1];
      const Frame frame = m->frames[--m->depth];
      m->top = frame.base;
      stack[m->top++] = result;
      pc = frame.return_to;
      base = m->depth ? m->frames[m->depth - 1].base : 0;
      break;
    }
    }
  }
}

uint64_t run_code(Script* script) {
  Machine* machine = take(sizeof *machine);
  memset(machine, 0, sizeof *machine);
  machine->script = script;
  machine->stack = take(stack_max * sizeof(Value));
  machine->frames = take(depth_max * sizeof(Frame));
  run(machine);
  const uint64_t steps = machine->steps;
  free(machine->frames);
  free(machine->stack);
  free(machine);
  return steps;
}
