/* The mix of an embedded benchmark: a linked list that is searched, reversed and merge-sorted,
 * 16-bit matrices with 32-bit sums, a state machine over characters that recognises numbers, and a
 * CRC over every result. */
#include "kernel.h"

enum { nodes = 400, side = 24, text_bytes = 1024, rounds = 1200 };

typedef struct Node {
  struct Node* next;
  int16_t key;
  int16_t index;
} Node;

static Node pool[nodes];
static int16_t left[side][side], right[side][side];
static int32_t product[side][side];
static char text[text_bytes];

static NOINLINE uint16_t crc16(uint32_t data, uint16_t crc) {
  for (int i = 0; i < 32; i++) {
    uint32_t bit = (data ^ crc) & 1;
    data >>= 1;
    crc = (uint16_t)(crc >> 1);
    if (bit) crc ^= 0xa001;
  }
  return crc;
}

static int by_key(const Node* a, const Node* b) { return a->key - b->key; }
static int by_index(const Node* a, const Node* b) { return a->index - b->index; }

static Node* reverse(Node* list) {
  Node* done = NULL;
  while (list) {
    Node* next = list->next;
    list->next = done;
    done = list;
    list = next;
  }
  return done;
}

static const Node* find(const Node* list, int16_t key) {
  while (list && list->key != key)
    list = list->next;
  return list;
}

/* Bottom-up merge sort, stable. */
static Node* sort(Node* list, int (*compare)(const Node*, const Node*)) {
  for (int width = 1;; width *= 2) {
    Node *rest = list, *tail = NULL;
    int merges = 0;
    list = NULL;
    while (rest) {
      Node *a = rest, *b = rest;
      int a_count = 0, b_count = width;
      merges++;
      while (b && a_count < width) {
        b = b->next;
        a_count++;
      }
      while (a_count > 0 || (b_count > 0 && b)) {
        Node* take;
        int from_a = a_count > 0 && (b_count == 0 || !b || compare(a, b) <= 0);
        if (from_a) {
          take = a;
          a = a->next;
          a_count--;
        } else {
          take = b;
          b = b->next;
          b_count--;
        }
        if (tail)
          tail->next = take;
        else
          list = take;
        tail = take;
      }
      rest = b;
    }
    if (tail) tail->next = NULL;
    if (merges <= 1) return list;
  }
}

static uint16_t list_work(uint32_t* seed, uint16_t crc) {
  Node* list = NULL;
  for (int i = 0; i < nodes; i++) {
    pool[i].key = (int16_t)(next_random(seed) & 0x3ff);
    pool[i].index = (int16_t)i;
    pool[i].next = list;
    list = &pool[i];
  }
  for (int i = 0; i < 24; i++) {
    const Node* hit = find(list, (int16_t)(next_random(seed) & 0x3ff));
    crc = crc16(hit ? (uint32_t)hit->index : 0xffffu, crc);
    list = reverse(list);
  }
  list = sort(list, by_key);
  crc = crc16((uint32_t)list->index, crc);
  list = sort(list, by_index);
  return crc16((uint32_t)list->next->key, crc);
}

static uint16_t matrix_work(int16_t scale, uint16_t crc) {
  for (int i = 0; i < side; i++)
    for (int j = 0; j < side; j++)
      left[i][j] = (int16_t)(left[i][j] + scale);
  uint32_t total = 0;
  for (int i = 0; i < side; i++)
    for (int j = 0; j < side; j++) {
      int32_t sum = 0;
      for (int k = 0; k < side; k++)
        sum += left[i][k] * right[k][j];
      product[i][j] = sum;
      total += (uint32_t)(sum >> 2) & 0x0fff;
      if (sum > 0x4000) total += 10;
    }
  return crc16(total, crc);
}

typedef enum {
  start,
  sign,
  integer,
  point,
  fraction,
  exponent,
  exponent_sign,
  power,
  invalid,
  states
} State;

static NOINLINE State step(State state, char c) {
  int digit = c >= '0' && c <= '9';
  switch (state) {
  case start:
    return digit ? integer : c == '+' || c == '-' ? sign : c == '.' ? point : invalid;
  case sign:
    return digit ? integer : c == '.' ? point : invalid;
  case integer:
    return digit ? integer : c == '.' ? fraction : c == 'e' ? exponent : invalid;
  case point:
    return digit ? fraction : invalid;
  case fraction:
    return digit ? fraction : c == 'e' ? exponent : invalid;
  case exponent:
    return digit ? power : c == '+' || c == '-' ? exponent_sign : invalid;
  case exponent_sign:
    return digit ? power : invalid;
  case power:
    return digit ? power : invalid;
  default:
    return invalid;
  }
}

static uint16_t state_work(uint16_t crc) {
  uint32_t ends[states] = {0};
  State state = start;
  for (int i = 0; i < text_bytes; i++) {
    if (text[i] == ',') {
      ends[state]++;
      state = start;
    } else if (state != invalid) {
      state = step(state, text[i]);
    }
  }
  for (int i = 0; i < states; i++)
    crc = crc16(ends[i], crc);
  return crc;
}

int main(void) {
  uint32_t seed = 12345;
  uint16_t crc = 0xffff;
  uint64_t sum = 1;
  for (int i = 0; i < text_bytes; i++)
    text[i] = "0123456789.,,e+-x3.7"[next_random(&seed) % 20];
  for (int i = 0; i < side; i++)
    for (int j = 0; j < side; j++) {
      left[i][j] = (int16_t)(next_random(&seed) & 0xff);
      right[i][j] = (int16_t)(next_random(&seed) & 0xff);
    }
  for (int round = 0; round < rounds; round++) {
    crc = list_work(&seed, crc);
    crc = matrix_work((int16_t)(round & 3), crc);
    text[round % text_bytes] = (char)('0' + round % 10);
    crc = state_work(crc);
    sum = fold(sum, crc);
  }
  return report("mixed", sum);
}
