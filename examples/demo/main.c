/* The report of the demo. `--time` adds how long it took, on standard error so that the report
 * stays the same;
 * `--script TEXT` runs another script; `--quiet` leaves the script's own output out. */
#include "demo.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { words_shown = 8, samples = 15000 };

void* take(size_t bytes) { return take_again(NULL, bytes); }

void* take_again(void* block, size_t bytes) {
  void* larger = realloc(block, bytes ? bytes : 1);
  if (larger) return larger;
  /* No stdio here: it could want a buffer. */
  static const char message[] = "demo: out of memory\n";
  if (write(2, message, sizeof message - 1) < 0) _exit(exit_failed);
  _exit(exit_memory);
}

void buffer_put(Buffer* buffer, const void* bytes, size_t length) {
  if (length > buffer->capacity - buffer->length) {
    size_t capacity = buffer->capacity ? buffer->capacity * 2 : 256;
    while (capacity < buffer->length + length)
      capacity *= 2;
    buffer->bytes = take_again(buffer->bytes, capacity);
    buffer->capacity = capacity;
  }
  if (length > 0) memcpy(buffer->bytes + buffer->length, bytes, length);
  buffer->length += length;
}

void buffer_byte(Buffer* buffer, uint8_t byte) { buffer_put(buffer, &byte, 1); }

void buffer_free(Buffer* buffer) {
  free(buffer->bytes);
  memset(buffer, 0, sizeof *buffer);
}

static void report_packing(const Buffer* output) {
  Buffer packed = {0}, unpacked = {0};
  char before[65], after[65];
  pack(output->bytes, output->length, &packed);
  if (!unpack(packed.bytes, packed.length, &unpacked)) exit(exit_failed);
  sha256_hex(output->bytes, output->length, before);
  sha256_hex(unpacked.bytes, unpacked.length, after);
  printf("packed    %zu bytes into %zu, %.1f%%\n", output->length, packed.length,
         output->length ? 100.0 * (double)packed.length / (double)output->length : 0.0);
  printf("unpacked  %s\n", strcmp(before, after) == 0 ? "the same bytes" : "DIFFERENT BYTES");
  printf("sha256    %s\n", after);
  if (strcmp(before, after) != 0) exit(exit_failed);
  buffer_free(&unpacked);
  buffer_free(&packed);
}

static void report_words(const Buffer* output) {
  uint32_t seed = 0;
  if (getentropy(&seed, sizeof seed) != 0) exit(exit_failed);
  size_t count = 0;
  Word* words = count_words(output->bytes, output->length, seed, &count);
  printf("\n%-12s %6s %8s\n", "word", "count", "share");
  size_t total = 0;
  for (size_t i = 0; i < count; i++)
    total += words[i].count;
  for (size_t i = 0; i < count && i < words_shown; i++)
    printf("%-12.*s %6" PRIu32 " %7.2f%%\n", (int)words[i].length, words[i].text, words[i].count,
           100.0 * words[i].count / (double)total);
  printf("%zu words, %zu of them different\n", total, count);
  free(words);
}

static int by_value(const void* left, const void* right) {
  double a = *(const double*)left, b = *(const double*)right;
  return (a > b) - (a < b);
}

/* A block of memory larger than any before it, sorted: percentiles of a made-up latency. */
static void report_samples(void) {
  double* sample = take(samples * sizeof *sample);
  uint32_t state = 2463534242u;
  for (int i = 0; i < samples; i++) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    double u = (double)(state % 10000) / 10000.0;
    sample[i] = 0.2 + 3.0 * u * u * u + (state % 97 == 0 ? 25.0 * u : 0.0);
  }
  qsort(sample, samples, sizeof *sample, by_value);
  printf("\n%10s %10s %10s %10s\n", "median", "90%", "99%", "largest");
  printf("%10.4f %10.4f %10.4f %10.4f\n", sample[samples / 2], sample[samples * 9 / 10],
         sample[samples * 99 / 100], sample[samples - 1]);
  free(sample);
}

int main(int argument_count, char** arguments) {
  const char* source = demo_program;
  int timed = 0, quiet = 0;
  for (int i = 1; i < argument_count; i++) {
    if (strcmp(arguments[i], "--time") == 0) {
      timed = 1;
    } else if (strcmp(arguments[i], "--quiet") == 0) {
      quiet = 1;
    } else if (strcmp(arguments[i], "--script") == 0 && i + 1 < argument_count) {
      source = arguments[++i];
    } else {
      fprintf(stderr, "usage: %s [--time] [--quiet] [--script TEXT]\n", arguments[0]);
      return exit_failed;
    }
  }
  struct timespec start, end;
  if (clock_gettime(CLOCK_MONOTONIC, &start) != 0) return exit_failed;

  Buffer output = {0};
  ScriptStats stats = script_run(source, &output);
  if (!quiet) fwrite(output.bytes, 1, output.length, stdout);
  printf("\nscript    %" PRIu32 " instructions in %" PRIu32 " functions, %" PRIu64
         " steps, %" PRIu32 " objects\n",
         stats.instructions, stats.functions, stats.steps, stats.objects);
  report_packing(&output);
  report_words(&output);
  report_samples();
  buffer_free(&output);

  if (clock_gettime(CLOCK_MONOTONIC, &end) != 0) return exit_failed;
  if (timed) {
    double milliseconds =
        (double)(end.tv_sec - start.tv_sec) * 1e3 + (double)(end.tv_nsec - start.tv_nsec) / 1e6;
    fprintf(stderr, "took %.1f ms\n", milliseconds);
  }
  return fflush(stdout) == 0 ? 0 : exit_failed;
}
