// See print.h.
#include "tools/ebb/print.h"

#include <cstdarg>
#include <cstdio>

#include <unistd.h>

namespace ebb::tool {

void print(const char* format, ...) {
  va_list values;
  va_start(values, format);
  std::vprintf(format, values);
  va_end(values);
}

void print_text(const char* text) { std::fputs(text, stdout); }

void print_error(const char* format, ...) {
  std::fflush(stdout);
  va_list values;
  va_start(values, format);
  std::vfprintf(stderr, format, values);
  va_end(values);
}

void print_progress(const char* format, ...) {
  if (isatty(STDERR_FILENO) == 0) return;
  std::fputs("\r\033[K", stderr);
  va_list values;
  va_start(values, format);
  std::vfprintf(stderr, format, values);
  va_end(values);
  std::fflush(stderr);
}

bool flush_output() { return std::fflush(stdout) == 0; }

} // namespace ebb::tool
