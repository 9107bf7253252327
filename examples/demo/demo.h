/* The demo: a program of ordinary size for `ebb run` and `ebb torture`.
 *
 * It runs a small scripting language (script.c) on a program (program.c), packs what the script
 * printed (pack.c), unpacks it again, hashes both (sha256.c), counts words in a hash table
 * (words.c) and prints a report (main.c). It uses arguments, standard output, a clock and random
 * bytes, and no files. All of its memory comes from malloc, which grows the linear memory; when
 * that is refused, it says so and exits with status 3. */
#ifndef EBB_DEMO_H
#define EBB_DEMO_H

#include <stddef.h>
#include <stdint.h>

enum { exit_failed = 1, exit_script = 2, exit_memory = 3 };

/* malloc and realloc that end the program with `exit_memory` instead of returning null. */
void* take(size_t bytes);
void* take_again(void* block, size_t bytes);

/* Bytes that grow. */
typedef struct {
  uint8_t* bytes;
  size_t length;
  size_t capacity;
} Buffer;

void buffer_put(Buffer* buffer, const void* bytes, size_t length);
void buffer_byte(Buffer* buffer, uint8_t byte);
void buffer_free(Buffer* buffer);

/* What a run of a script cost. */
typedef struct {
  uint64_t steps;
  uint32_t instructions;
  uint32_t functions;
  uint32_t objects;
  size_t object_bytes;
} ScriptStats;

/* Compiles `source` and runs it; everything it prints is appended to `output`. A mistake in the
 * script ends the program with `exit_script`. */
ScriptStats script_run(const char* source, Buffer* output);

/* The script of the demo. */
extern const char demo_program[];

/* LZ77 with a hash of three bytes. unpack gives 0 if the bytes are damaged. */
void pack(const uint8_t* bytes, size_t length, Buffer* packed);
int unpack(const uint8_t* bytes, size_t length, Buffer* unpacked);

/* The digest as 64 hexadecimal digits and a zero. */
void sha256_hex(const uint8_t* bytes, size_t length, char digest[65]);

typedef struct {
  const char* text; /* not terminated */
  uint32_t length;
  uint32_t count;
} Word;

/* The words of a text with their counts, most frequent first, equal counts by text. `seed` stirs
 * the hash table and must not show in the result. The caller frees the array; the texts point into
 * `bytes`. */
Word* count_words(const uint8_t* bytes, size_t length, uint32_t seed, size_t* count);

#endif
