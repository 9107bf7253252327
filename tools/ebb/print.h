// Everything that ebb writes for people. It alone uses the C library's formatted output, which may
// allocate; the runtime's own objects never do, and the link check tells the two apart by file.
#pragma once

namespace ebb::tool {

/// To standard output, formatted as printf.
void print(const char* format, ...) __attribute__((format(printf, 1, 2)));
/// To standard output as it is.
void print_text(const char* text);
/// To standard error, after what standard output holds.
void print_error(const char* format, ...) __attribute__((format(printf, 1, 2)));
/// A line on a terminal that the next one overwrites; nothing where standard error is no terminal.
/// An empty format wipes it.
void print_progress(const char* format, ...) __attribute__((format(printf, 1, 2)));
/// Hands everything to the system. False if standard output cannot take it.
bool flush_output();

} // namespace ebb::tool
