/* A small language, compiled in one pass to bytecode for a stack machine.
 *
 * Values are nil, booleans, 64-bit integers, doubles, strings and lists. Strings and lists live
 * until the run ends: the machine keeps them in one chain and frees them together. Statements are
 * let, assignment, if/else, while, fn, return and expressions; and, or, not, arithmetic,
 * comparisons, calls, indexing and [lists] are the expressions. */
#include "script.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- tokens */

static const struct {
  const char* text;
  TokenKind kind;
} keywords[] = {{"let", t_let},     {"fn", t_fn},         {"if", t_if},     {"else", t_else},
                {"while", t_while}, {"return", t_return}, {"true", t_true}, {"false", t_false},
                {"nil", t_nil},     {"and", t_and},       {"or", t_or},     {"not", t_not}};

static void skip_space(Script* script) {
  for (;;) {
    char c = *script->at;
    if (c == '\n') script->line++;
    if (c == '#') {
      while (*script->at && *script->at != '\n')
        script->at++;
    } else if (c == ' ' || c == '\t' || c == '\n') {
      script->at++;
    } else {
      return;
    }
  }
}

static void scan_number(Script* script, Token* token) {
  token->kind = t_int;
  while (isdigit((unsigned char)*script->at))
    script->at++;
  if (*script->at == '.' && isdigit((unsigned char)script->at[1])) {
    token->kind = t_double;
    script->at++;
    while (isdigit((unsigned char)*script->at))
      script->at++;
  }
}

static void scan_symbol(Script* script, Token* token) {
  char c = *script->at++;
  token->kind = t_symbol;
  token->symbol = c;
  if (*script->at != '=') return;
  TokenKind twice = c == '='   ? t_equal
                    : c == '!' ? t_not_equal
                    : c == '<' ? t_less_equal
                    : c == '>' ? t_greater_equal
                               : t_symbol;
  if (twice == t_symbol) return;
  token->kind = twice;
  script->at++;
}

static void next(Script* script) {
  skip_space(script);
  Token token = {t_end, 0, script->at, 0, script->line};
  char c = *script->at;
  if (isdigit((unsigned char)c)) {
    scan_number(script, &token);
  } else if (isalpha((unsigned char)c) || c == '_') {
    while (isalnum((unsigned char)*script->at) || *script->at == '_')
      script->at++;
    token.kind = t_name;
    size_t length = (size_t)(script->at - token.start);
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
      if (strlen(keywords[i].text) == length && memcmp(keywords[i].text, token.start, length) == 0)
        token.kind = keywords[i].kind;
  } else if (c == '"') {
    do {
      if (*script->at == '\\' && script->at[1]) script->at++;
      script->at++;
      if (*script->at == 0) script_stop(script->line, "the string has no end");
    } while (*script->at != '"');
    script->at++;
    token.kind = t_string;
  } else if (c) {
    scan_symbol(script, &token);
  }
  token.length = (size_t)(script->at - token.start);
  script->token = token;
}

static int is_symbol(const Script* script, char c) {
  return script->token.kind == t_symbol && script->token.symbol == c;
}

static int accept(Script* script, char c) {
  if (!is_symbol(script, c)) return 0;
  next(script);
  return 1;
}

static void expect(Script* script, char c) {
  if (!accept(script, c))
    script_stop(script->token.line, "'%c' expected, not '%.*s'", c, (int)script->token.length,
                script->token.start);
}

static Name expect_name(Script* script) {
  if (script->token.kind != t_name) script_stop(script->token.line, "a name is expected");
  Name name = {script->token.start, script->token.length};
  next(script);
  return name;
}

/* ---- code */

static uint32_t emit(Script* script, Op op, uint32_t operand, uint32_t count) {
  if (script->code_count == script->code_capacity) {
    script->code_capacity = script->code_capacity ? script->code_capacity * 2 : 64;
    script->code = take_again(script->code, script->code_capacity * sizeof(Code));
  }
  script->code[script->code_count] =
      (Code){(uint16_t)op, (uint16_t)count, operand, script->token.line};
  return script->code_count++;
}

static void emit_constant(Script* script, Value value) {
  if (script->constant_count == script->constant_capacity) {
    script->constant_capacity = script->constant_capacity ? script->constant_capacity * 2 : 32;
    script->constants = take_again(script->constants, script->constant_capacity * sizeof(Value));
  }
  script->constants[script->constant_count] = value;
  emit(script, op_constant, script->constant_count++, 0);
}

static void land_here(Script* script, uint32_t jump) {
  script->code[jump].operand = script->code_count;
}

static int find_name(const Name* names, uint32_t count, Name name) {
  for (uint32_t i = count; i-- > 0;)
    if (names[i].length == name.length && memcmp(names[i].text, name.text, name.length) == 0)
      return (int)i;
  return -1;
}

/* ---- expressions */

static void expression(Script* script);

static uint32_t items(Script* script, char close) {
  uint32_t count = 0;
  while (!accept(script, close)) {
    if (count++ > 0) expect(script, ',');
    expression(script);
  }
  return count;
}

static void string_constant(Script* script) {
  const Token token = script->token;
  char* text = take(token.length);
  size_t length = 0;
  for (size_t i = 1; i + 1 < token.length; i++) {
    char c = token.start[i];
    if (c == '\\') c = token.start[++i] == 'n' ? '\n' : token.start[i];
    text[length++] = c;
  }
  emit_constant(script, new_string(script, text, length));
  free(text);
}

static void call(Script* script, Name name) {
  for (uint32_t i = 0; i < builtins; i++)
    if (strlen(builtin_names[i]) == name.length &&
        memcmp(builtin_names[i], name.text, name.length) == 0) {
      uint32_t count = items(script, ')');
      emit(script, op_builtin, i, count);
      return;
    }
  for (uint32_t i = 0; i < script->function_count; i++)
    if (find_name(&script->functions[i].name, 1, name) == 0) {
      uint32_t count = items(script, ')');
      if (count != script->functions[i].parameters)
        script_stop(script->token.line, "%.*s takes %" PRIu32 " arguments", (int)name.length,
                    name.text, script->functions[i].parameters);
      emit(script, op_call, i, count);
      return;
    }
  script_stop(script->token.line, "there is no function '%.*s'", (int)name.length, name.text);
}

static void variable(Script* script, Name name, int set) {
  int local = find_name(script->locals, script->local_count, name);
  if (local >= 0) {
    emit(script, set ? op_set_local : op_local, (uint32_t)local, 0);
    return;
  }
  int global = find_name(script->globals, script->global_count, name);
  if (global < 0)
    script_stop(script->token.line, "there is no variable '%.*s'", (int)name.length, name.text);
  emit(script, set ? op_set_global : op_global, (uint32_t)global, 0);
}

static void primary(Script* script) {
  Token token = script->token;
  next(script);
  switch (token.kind) {
  case t_int:
    emit_constant(script, integer(strtoll(token.start, NULL, 10)));
    return;
  case t_double:
    emit_constant(script, real(strtod(token.start, NULL)));
    return;
  case t_true:
    emit_constant(script, boolean(1));
    return;
  case t_false:
    emit_constant(script, boolean(0));
    return;
  case t_nil:
    emit_constant(script, (Value){v_nil, {0}});
    return;
  case t_string: {
    Token after = script->token;
    script->token = token;
    string_constant(script);
    script->token = after;
    return;
  }
  case t_name: {
    Name name = {token.start, token.length};
    if (accept(script, '('))
      call(script, name);
    else
      variable(script, name, 0);
    return;
  }
  default:
    break;
  }
  if (token.kind == t_symbol && token.symbol == '(') {
    expression(script);
    expect(script, ')');
  } else if (token.kind == t_symbol && token.symbol == '[') {
    uint32_t count = items(script, ']');
    emit(script, op_list, 0, count);
  } else {
    script_stop(token.line, "unexpected '%.*s'", (int)token.length, token.start);
  }
}

static void postfix(Script* script) {
  primary(script);
  while (accept(script, '[')) {
    expression(script);
    expect(script, ']');
    emit(script, op_index, 0, 0);
  }
}

static void unary(Script* script) {
  if (accept(script, '-')) {
    unary(script);
    emit(script, op_negate, 0, 0);
  } else if (script->token.kind == t_not) {
    next(script);
    unary(script);
    emit(script, op_not, 0, 0);
  } else {
    postfix(script);
  }
}

static void factor(Script* script) {
  unary(script);
  for (;;) {
    Op op = is_symbol(script, '*')   ? op_multiply
            : is_symbol(script, '/') ? op_divide
            : is_symbol(script, '%') ? op_modulo
                                     : op_pop;
    if (op == op_pop) return;
    next(script);
    unary(script);
    emit(script, op, 0, 0);
  }
}

static void sum(Script* script) {
  factor(script);
  for (;;) {
    Op op = is_symbol(script, '+') ? op_add : is_symbol(script, '-') ? op_subtract : op_pop;
    if (op == op_pop) return;
    next(script);
    factor(script);
    emit(script, op, 0, 0);
  }
}

static void comparison(Script* script) {
  sum(script);
  Token token = script->token;
  Op op;
  int negate = 0;
  if (token.kind == t_equal || token.kind == t_not_equal) {
    op = op_equal;
    negate = token.kind == t_not_equal;
  } else if (token.kind == t_less_equal || is_symbol(script, '>')) {
    op = op_less_equal;
    negate = token.kind == t_symbol;
  } else if (token.kind == t_greater_equal || is_symbol(script, '<')) {
    op = op_less;
    negate = token.kind == t_greater_equal;
  } else {
    return;
  }
  next(script);
  sum(script);
  emit(script, op, 0, 0);
  if (negate) emit(script, op_not, 0, 0);
}

static void conjunction(Script* script) {
  comparison(script);
  while (script->token.kind == t_and) {
    next(script);
    uint32_t jump = emit(script, op_and, 0, 0);
    comparison(script);
    land_here(script, jump);
  }
}

static void expression(Script* script) {
  if (++script->nesting > nesting_max)
    script_stop(script->token.line, "expressions are nested too deep");
  conjunction(script);
  while (script->token.kind == t_or) {
    next(script);
    uint32_t jump = emit(script, op_or, 0, 0);
    conjunction(script);
    land_here(script, jump);
  }
  script->nesting--;
}

/* ---- statements */

static void statement(Script* script);

static void block(Script* script) {
  uint32_t locals = script->local_count;
  if (++script->nesting > nesting_max)
    script_stop(script->token.line, "blocks are nested too deep");
  expect(script, '{');
  while (!accept(script, '}'))
    statement(script);
  if (script->in_function) script->local_count = locals;
  script->nesting--;
}

static void if_statement(Script* script) {
  expression(script);
  uint32_t skip = emit(script, op_jump_if_false, 0, 0);
  block(script);
  if (script->token.kind != t_else) {
    land_here(script, skip);
    return;
  }
  next(script);
  uint32_t end = emit(script, op_jump, 0, 0);
  land_here(script, skip);
  block(script);
  land_here(script, end);
}

static void while_statement(Script* script) {
  uint32_t start = script->code_count;
  expression(script);
  uint32_t exit = emit(script, op_jump_if_false, 0, 0);
  block(script);
  emit(script, op_jump, start, 0);
  land_here(script, exit);
}

static void function(Script* script) {
  if (script->in_function || script->function_count == functions_max)
    script_stop(script->token.line, "no function can stand here");
  Function* self = &script->functions[script->function_count];
  uint32_t over = emit(script, op_jump, 0, 0);
  self->name = expect_name(script);
  self->start = script->code_count;
  self->parameters = 0;
  script->local_count = 0;
  expect(script, '(');
  while (!accept(script, ')')) {
    if (script->local_count > 0) expect(script, ',');
    if (script->local_count == locals_max) script_stop(script->token.line, "too many parameters");
    script->locals[script->local_count++] = expect_name(script);
  }
  self->parameters = script->local_count;
  script->function_count++;
  script->in_function = 1;
  block(script);
  emit_constant(script, (Value){v_nil, {0}});
  emit(script, op_return, 0, 0);
  script->in_function = 0;
  script->local_count = 0;
  land_here(script, over);
}

static void let_statement(Script* script) {
  Name name = expect_name(script);
  expect(script, '=');
  expression(script);
  expect(script, ';');
  if (script->in_function) {
    if (script->local_count == locals_max) script_stop(script->token.line, "too many locals");
    script->locals[script->local_count++] = name;
  } else if (find_name(script->globals, script->global_count, name) < 0) {
    if (script->global_count == names_max) script_stop(script->token.line, "too many variables");
    script->globals[script->global_count++] = name;
  }
  variable(script, name, 1);
}

/* An assignment to a variable or an element, or an expression whose value is dropped. */
static void simple_statement(Script* script) {
  if (script->token.kind == t_name) {
    Name name = {script->token.start, script->token.length};
    const Script before = {.at = script->at, .line = script->line, .token = script->token};
    next(script);
    if (accept(script, '=')) {
      expression(script);
      expect(script, ';');
      variable(script, name, 1);
      return;
    }
    script->at = before.at;
    script->line = before.line;
    script->token = before.token;
  }
  expression(script);
  if (accept(script, '=')) {
    if (script->code[script->code_count - 1].op != op_index)
      script_stop(script->token.line, "nothing can be assigned to this");
    script->code_count--;
    expression(script);
    emit(script, op_set_index, 0, 0);
  } else {
    emit(script, op_pop, 0, 0);
  }
  expect(script, ';');
}

static void statement(Script* script) {
  switch (script->token.kind) {
  case t_let:
    next(script);
    let_statement(script);
    return;
  case t_fn:
    next(script);
    function(script);
    return;
  case t_if:
    next(script);
    if_statement(script);
    return;
  case t_while:
    next(script);
    while_statement(script);
    return;
  case t_return:
    next(script);
    expression(script);
    expect(script, ';');
    emit(script, op_return, 0, 0);
    return;
  default:
    simple_statement(script);
    return;
  }
}

ScriptStats script_run(const char* source, Buffer* output) {
  Script* script = take(sizeof *script);
  memset(script, 0, sizeof *script);
  script->at = source;
  script->line = 1;
  script->output = output;
  next(script);
  while (script->token.kind != t_end)
    statement(script);
  const uint64_t steps = run_code(script);

  ScriptStats stats = {steps, script->code_count, script->function_count, script->object_count,
                       script->object_bytes};
  for (Object* object = script->objects; object;) {
    Object* after = object->next;
    free(object->data);
    free(object);
    object = after;
  }
  free(script->constants);
  free(script->code);
  free(script);
  return stats;
}
