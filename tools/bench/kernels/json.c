/* Parsing JSON into a tree and walking it: character classes, small allocations, recursion over
 * input. */
#include "kernel.h"

enum { records = 900, rounds = 180, arena_bytes = 1 << 20, text_max = 1 << 18 };

typedef enum { is_null, is_bool, is_number, is_string, is_array, is_object } Kind;
typedef struct Value {
  Kind kind;
  uint32_t length;
  double number;
  const char* text;
  struct Value *first, *next, *name;
} Value;

static char text[text_max];
static size_t text_bytes;
static uint64_t arena[arena_bytes / 8];
static size_t arena_used;
static const char* at;

static void put(const char* s) {
  while (*s)
    text[text_bytes++] = *s++;
}
static void put_number(uint32_t n) {
  char digits[12];
  int count = 0;
  do
    digits[count++] = (char)('0' + n % 10);
  while (n /= 10);
  while (count)
    text[text_bytes++] = digits[--count];
}

static void write_text(void) {
  uint32_t seed = 8;
  put("[");
  for (int i = 0; i < records; i++) {
    put(i ? ",\n  {\"id\": " : "\n  {\"id\": ");
    put_number((uint32_t)i);
    put(", \"name\": \"user\\t");
    put_number(next_random(&seed));
    put("\", \"score\": ");
    if (next_random(&seed) & 1) put("-");
    put_number(next_random(&seed) % 100000);
    put(".");
    put_number(next_random(&seed) % 1000);
    put("e1, \"tags\": [true, false, null, \"\\u0041b\"], \"in\": {\"x\": ");
    put_number(next_random(&seed) & 0xff);
    put(", \"y\": []}}");
  }
  put("\n]");
  text[text_bytes] = 0;
}

static Value* new_value(Kind kind) {
  size_t words = (sizeof(Value) + 7) / 8;
  if ((arena_used + words) * 8 > arena_bytes) _exit(3);
  Value* v = (Value*)(void*)&arena[arena_used];
  arena_used += words;
  memset(v, 0, sizeof *v);
  v->kind = kind;
  return v;
}

static void space(void) {
  while (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r')
    at++;
}

static Value* parse_string(void) {
  Value* v = new_value(is_string);
  v->text = ++at;
  while (*at != '"') {
    if (*at == 0) _exit(4);
    if (*at == '\\') at++;
    at++;
    v->length++;
  }
  at++;
  return v;
}

static Value* parse_number(void) {
  Value* v = new_value(is_number);
  int negative = *at == '-';
  if (negative) at++;
  double n = 0, place = 1;
  while (*at >= '0' && *at <= '9')
    n = n * 10 + (*at++ - '0');
  if (*at == '.')
    for (at++; *at >= '0' && *at <= '9'; at++)
      n += (*at - '0') * (place /= 10);
  if (*at == 'e') {
    int exponent = 0;
    for (at++; *at >= '0' && *at <= '9'; at++)
      exponent = exponent * 10 + (*at - '0');
    while (exponent--)
      n *= 10;
  }
  v->number = negative ? -n : n;
  return v;
}

static Value* parse_word(const char* word, Kind kind, double number) {
  while (*word)
    if (*at++ != *word++) _exit(4);
  Value* v = new_value(kind);
  v->number = number;
  return v;
}

static Value* parse(void);

static Value* parse_members(Kind kind, char close) {
  Value* v = new_value(kind);
  Value** tail = &v->first;
  at++;
  space();
  while (*at != close) {
    Value* name = NULL;
    if (kind == is_object) {
      name = parse_string();
      space();
      if (*at++ != ':') _exit(4);
    }
    *tail = parse();
    (*tail)->name = name;
    tail = &(*tail)->next;
    v->length++;
    space();
    if (*at == ',') at++;
    space();
  }
  at++;
  return v;
}

static Value* parse(void) {
  space();
  switch (*at) {
  case '{':
    return parse_members(is_object, '}');
  case '[':
    return parse_members(is_array, ']');
  case '"':
    return parse_string();
  case 't':
    return parse_word("true", is_bool, 1);
  case 'f':
    return parse_word("false", is_bool, 0);
  case 'n':
    return parse_word("null", is_null, 0);
  default:
    return parse_number();
  }
}

static uint64_t walk(const Value* v, uint64_t sum) {
  sum = fold(sum, (uint64_t)v->kind << 32 | v->length);
  if (v->name) sum = fold(sum, (uint64_t)v->name->text[0]);
  if (v->kind == is_number || v->kind == is_bool) return fold(sum, bits_of(v->number));
  for (const Value* child = v->first; child; child = child->next)
    sum = walk(child, sum);
  return sum;
}

int main(void) {
  uint64_t sum = 15;
  write_text();
  for (int round = 0; round < rounds; round++) {
    arena_used = 0;
    at = text;
    sum = walk(parse(), sum);
    if (*at != 0) return 1;
  }
  return report("json", sum);
}
