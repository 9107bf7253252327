/* A backtracking matcher of regular expressions (. [] * + ? | () anchors) over log lines: short
 * recursive calls over strings. */
#include "kernel.h"

enum { lines = 600, line_max = 96, rounds = 6 };

static char text[lines][line_max];

/* The end of the atom at p, quantifier not included. */
static const char* atom_end(const char* p) {
  if (*p == '\\') return p + 2;
  if (*p == '[') {
    p++;
    while (*p != ']')
      p += *p == '\\' ? 2 : 1;
    return p + 1;
  }
  if (*p == '(') {
    int depth = 0;
    do {
      if (*p == '\\')
        p++;
      else if (*p == '(')
        depth++;
      else if (*p == ')')
        depth--;
      p++;
    } while (depth > 0);
    return p;
  }
  return p + 1;
}

static int in_set(const char* p, char c) {
  int negate = *p == '^', found = 0;
  if (negate) p++;
  while (*p != ']') {
    char low = *p == '\\' ? *++p : *p;
    char high = low;
    p++;
    if (p[0] == '-' && p[1] != ']') {
      high = p[1];
      p += 2;
    }
    if (c >= low && c <= high) found = 1;
  }
  return found != negate;
}

static int single(const char* atom, char c) {
  if (c == 0) return 0;
  if (*atom == '.') return 1;
  if (*atom == '[') return in_set(atom + 1, c);
  if (*atom == '\\')
    return atom[1] == 'd'   ? c >= '0' && c <= '9'
           : atom[1] == 's' ? c == ' ' || c == '\t'
                            : c == atom[1];
  return c == *atom;
}

/* Where a match of [p, end) at s ends, followed by a match of [rest, rest_end); null if there is
 * none. */
static const char* match(const char* p, const char* end, const char* rest, const char* rest_end,
                         const char* s);

static const char* alternatives(const char* p, const char* end, const char* rest,
                                const char* rest_end, const char* s) {
  while (p <= end) {
    const char* bar = p;
    while (bar < end && *bar != '|')
      bar = atom_end(bar);
    const char* hit = match(p, bar, rest, rest_end, s);
    if (hit) return hit;
    p = bar + 1;
  }
  return NULL;
}

static const char* repeat(const char* atom, const char* after, const char* end, int least, int most,
                          const char* rest, const char* rest_end, const char* s) {
  int count = 0;
  while (count < most && single(atom, s[count]))
    count++;
  for (; count >= least; count--) {
    const char* hit = match(after, end, rest, rest_end, s + count);
    if (hit) return hit;
  }
  return NULL;
}

static NOINLINE const char* match(const char* p, const char* end, const char* rest,
                                  const char* rest_end, const char* s) {
  while (p < end) {
    const char* atom = p;
    const char* after = atom_end(p);
    char quantifier = after < end ? *after : 0;
    if (*atom == '$' && after == end) return *s == 0 ? match(rest, rest_end, NULL, NULL, s) : NULL;
    if (*atom == '(') return alternatives(atom + 1, after - 1, after, end, s);
    if (quantifier == '*') return repeat(atom, after + 1, end, 0, 1 << 20, rest, rest_end, s);
    if (quantifier == '+') return repeat(atom, after + 1, end, 1, 1 << 20, rest, rest_end, s);
    if (quantifier == '?') return repeat(atom, after + 1, end, 0, 1, rest, rest_end, s);
    if (!single(atom, *s)) return NULL;
    s++;
    p = after;
  }
  return rest < rest_end ? match(rest, rest_end, NULL, NULL, s) : s;
}

static int search(const char* pattern, const char* s) {
  const char* end = pattern + strlen(pattern);
  int anchored = *pattern == '^';
  pattern += anchored;
  for (int start = 0;; start++) {
    const char* hit = alternatives(pattern, end, NULL, NULL, s + start);
    if (hit) return start * 128 + (int)(hit - (s + start));
    if (anchored || s[start] == 0) return -1;
  }
}

int main(void) {
  static const char* const patterns[] = {
      "^\\d+\\.\\d+",          "error|warning",
      "[a-f]+[0-9]+$",         "(GET|POST) /[a-z/]*\\?id=\\d+",
      "[^ ]*ee[^ ]* .*z$",     "a.*b.*c.*d",
      "\\d\\d?:\\d\\d? [ap]m", "x*y*z+q",
  };
  static const char* const parts[] = {
      "GET /a/b?id=17 ", "POST /login?id= ", "error ",   "warning: ", "12:30 pm ",
      "beef42",          "seen freezing ",   "3.14159 ", "abcdabc ",  "zzq xyz "};
  uint32_t seed = 64;
  uint64_t sum = 16;
  for (int i = 0; i < lines; i++) {
    size_t used = 0;
    for (;;) {
      const char* part = parts[next_random(&seed) % 10];
      size_t length = strlen(part);
      if (used + length >= line_max - 24) break;
      memcpy(text[i] + used, part, length);
      used += length;
    }
    text[i][used] = 0;
  }
  for (int round = 0; round < rounds; round++)
    for (int i = 0; i < lines; i++) {
      text[i][(round * 5 + i) % 40] = (char)('a' + i % 26);
      for (size_t k = 0; k < sizeof patterns / sizeof patterns[0]; k++)
        sum = fold(sum, (uint64_t)search(patterns[k], text[i]));
    }
  return report("regex", sum);
}
