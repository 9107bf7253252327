/* A hash table of strings with open addressing: byte loops that hash and compare, growth, and
 * lookups that hit and miss. */
#include "kernel.h"

enum { words = 20000, rounds = 60 };

typedef struct {
  char* key;
  uint32_t hash;
  uint32_t value;
} Slot;

typedef struct {
  Slot* slots;
  uint32_t capacity;
  uint32_t used;
} Table;

static NOINLINE uint32_t hash_of(const char* s) {
  uint32_t h = 2166136261u;
  while (*s)
    h = (h ^ (uint8_t)*s++) * 16777619u;
  return h;
}

static NOINLINE int equal(const char* a, const char* b) {
  while (*a && *a == *b) {
    a++;
    b++;
  }
  return *a == *b;
}

static Slot* slot_of(Slot* slots, uint32_t capacity, const char* key, uint32_t hash) {
  uint32_t at = hash & (capacity - 1);
  while (slots[at].key && !(slots[at].hash == hash && equal(slots[at].key, key)))
    at = (at + 1) & (capacity - 1);
  return &slots[at];
}

static Slot* new_slots(uint32_t capacity) {
  Slot* slots = must_allocate(capacity * sizeof(Slot));
  memset(slots, 0, capacity * sizeof(Slot));
  return slots;
}

static void grow(Table* table) {
  uint32_t capacity = table->capacity * 2;
  Slot* slots = new_slots(capacity);
  for (uint32_t i = 0; i < table->capacity; i++)
    if (table->slots[i].key)
      *slot_of(slots, capacity, table->slots[i].key, table->slots[i].hash) = table->slots[i];
  free(table->slots);
  table->slots = slots;
  table->capacity = capacity;
}

static uint32_t* at(Table* table, char* key) {
  if (table->used * 4 >= table->capacity * 3) grow(table);
  uint32_t hash = hash_of(key);
  Slot* slot = slot_of(table->slots, table->capacity, key, hash);
  if (!slot->key) {
    slot->key = key;
    slot->hash = hash;
    table->used++;
  }
  return &slot->value;
}

int main(void) {
  uint32_t seed = 2024;
  uint64_t sum = 9;
  char(*text)[16] = must_allocate(words * sizeof *text);
  for (int i = 0; i < words; i++) {
    uint32_t letters = 4 + next_random(&seed) % 10;
    for (uint32_t k = 0; k < letters; k++)
      text[i][k] = (char)('a' + next_random(&seed) % 13);
    text[i][letters] = 0;
  }
  for (int round = 0; round < rounds; round++) {
    Table table = {new_slots(64), 64, 0};
    for (int i = 0; i < words; i++)
      *at(&table, text[i]) += (uint32_t)(i + round);
    uint32_t hits = 0;
    for (int i = 0; i < words; i++) {
      char probe[16];
      memcpy(probe, text[i], sizeof probe);
      probe[i % 4] = (char)('a' + (i + round) % 13);
      const Slot* slot = slot_of(table.slots, table.capacity, probe, hash_of(probe));
      if (slot->key) hits += slot->value;
    }
    sum = fold(sum, hits);
    sum = fold(sum, table.used);
    free(table.slots);
  }
  free(text);
  return report("string_table", sum);
}
