/* LZ77 for text: a flag byte announces eight items, each a literal byte or a pair of distance and
 * length in 16 bits (12 bits of distance - 1, 4 bits of length - 3). Candidates are found through
 * chains of equal three-byte hashes. */
#include "demo.h"

#include <stdlib.h>
#include <string.h>

enum { window = 4096, match_min = 3, match_max = 18, hash_bits = 12, chain_max = 64, none = -1 };

typedef struct {
  int32_t head[1 << hash_bits];
  int32_t* previous;
} Chains;

static uint32_t hash_at(const uint8_t* p) {
  uint32_t three = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
  return three * 2654435761u >> (32 - hash_bits);
}

static void insert(Chains* chains, const uint8_t* bytes, size_t length, size_t at) {
  if (at + match_min > length) return;
  uint32_t hash = hash_at(bytes + at);
  chains->previous[at] = chains->head[hash];
  chains->head[hash] = (int32_t)at;
}

/* The length of the longest match for the bytes at `at`, 0 if there is none; where it starts goes
 * to `*from`. */
static size_t longest(const Chains* chains, const uint8_t* bytes, size_t length, size_t at,
                      size_t* from) {
  size_t best = 0;
  if (at + match_min > length) return 0;
  size_t limit = length - at < match_max ? length - at : match_max;
  int32_t candidate = chains->head[hash_at(bytes + at)];
  for (int tries = 0; candidate != none && tries < chain_max; tries++) {
    size_t start = (size_t)candidate;
    if (at - start > window) break;
    size_t same = 0;
    while (same < limit && bytes[start + same] == bytes[at + same])
      same++;
    if (same > best) {
      best = same;
      *from = start;
    }
    candidate = chains->previous[start];
  }
  return best >= match_min ? best : 0;
}

void pack(const uint8_t* bytes, size_t length, Buffer* packed) {
  Chains* chains = take(sizeof *chains);
  for (int i = 0; i < 1 << hash_bits; i++)
    chains->head[i] = none;
  chains->previous = take((length + 1) * sizeof(int32_t));

  for (int i = 0; i < 4; i++)
    buffer_byte(packed, (uint8_t)(length >> (8 * i)));
  size_t flags_at = 0;
  int items = 8;
  for (size_t at = 0; at < length;) {
    if (items == 8) {
      items = 0;
      flags_at = packed->length;
      buffer_byte(packed, 0);
    }
    size_t from = 0;
    size_t match = longest(chains, bytes, length, at, &from);
    if (match) {
      uint32_t pair = (uint32_t)(at - from - 1) << 4 | (uint32_t)(match - match_min);
      packed->bytes[flags_at] |= (uint8_t)(1u << items);
      buffer_byte(packed, (uint8_t)(pair >> 8));
      buffer_byte(packed, (uint8_t)pair);
    } else {
      buffer_byte(packed, bytes[at]);
      match = 1;
    }
    while (match-- > 0)
      insert(chains, bytes, length, at++);
    items++;
  }
  free(chains->previous);
  free(chains);
}

int unpack(const uint8_t* bytes, size_t length, Buffer* unpacked) {
  if (length < 4) return 0;
  size_t total = 0, at = 4, start = unpacked->length;
  for (int i = 0; i < 4; i++)
    total |= (size_t)bytes[i] << (8 * i);
  unsigned flags = 0;
  int items = 0;
  while (unpacked->length - start < total) {
    if (items == 0) {
      if (at >= length) return 0;
      flags = bytes[at++];
      items = 8;
    }
    if (flags & 1) {
      if (at + 2 > length) return 0;
      uint32_t pair = (uint32_t)bytes[at] << 8 | bytes[at + 1];
      size_t distance = (pair >> 4) + 1, count = (pair & 15) + match_min;
      at += 2;
      if (distance > unpacked->length - start) return 0;
      while (count-- > 0)
        buffer_byte(unpacked, unpacked->bytes[unpacked->length - distance]);
    } else {
      if (at >= length) return 0;
      buffer_byte(unpacked, bytes[at++]);
    }
    flags >>= 1;
    items--;
  }
  return at == length && unpacked->length - start == total;
}
