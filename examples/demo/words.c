/* Words and how often they occur: a hash table with open addressing, then a sort of what it holds.
 */
#include "demo.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  Word* slots;
  size_t capacity; /* a power of two */
  size_t used;
  uint32_t seed;
} Table;

static size_t home(const Table* table, const char* text, uint32_t length) {
  uint32_t hash = table->seed ^ 2166136261u;
  for (uint32_t i = 0; i < length; i++)
    hash = (hash ^ (uint8_t)text[i]) * 16777619u;
  return (hash ^ hash >> 15) & (table->capacity - 1);
}

static Word* find(const Table* table, const char* text, uint32_t length) {
  size_t at = home(table, text, length);
  for (;;) {
    Word* slot = &table->slots[at];
    if (slot->count == 0 || (slot->length == length && memcmp(slot->text, text, length) == 0))
      return slot;
    at = (at + 1) & (table->capacity - 1);
  }
}

static void grow(Table* table) {
  Table larger = {NULL, table->capacity ? table->capacity * 2 : 16, table->used, table->seed};
  larger.slots = take(larger.capacity * sizeof(Word));
  memset(larger.slots, 0, larger.capacity * sizeof(Word));
  for (size_t i = 0; i < table->capacity; i++)
    if (table->slots[i].count)
      *find(&larger, table->slots[i].text, table->slots[i].length) = table->slots[i];
  free(table->slots);
  *table = larger;
}

static void add(Table* table, const char* text, uint32_t length) {
  if (table->used * 4 >= table->capacity * 3) grow(table);
  Word* slot = find(table, text, length);
  if (slot->count == 0) {
    slot->text = text;
    slot->length = length;
    table->used++;
  }
  slot->count++;
}

static int before(const void* left, const void* right) {
  const Word *a = left, *b = right;
  if (a->count != b->count) return a->count > b->count ? -1 : 1;
  uint32_t shorter = a->length < b->length ? a->length : b->length;
  int order = memcmp(a->text, b->text, shorter);
  return order ? order : (a->length > b->length) - (a->length < b->length);
}

Word* count_words(const uint8_t* bytes, size_t length, uint32_t seed, size_t* count) {
  Table table = {NULL, 0, 0, seed};
  for (size_t at = 0; at < length;) {
    size_t start = at;
    while (at < length && isalpha(bytes[at]))
      at++;
    if (at > start)
      add(&table, (const char*)bytes + start, (uint32_t)(at - start));
    else
      at++;
  }
  size_t kept = 0;
  for (size_t i = 0; i < table.capacity; i++)
    if (table.slots[i].count) table.slots[kept++] = table.slots[i];
  qsort(table.slots, kept, sizeof(Word), before);
  *count = kept;
  return table.slots;
}
