// Values of --invoke: from words of the command line, and to lines of output.
#pragma once

#include "core/runtime/ebb.h"

namespace ebb::tool {

/// Reads a word as a value of a type: integers decimal or 0x, signed or unsigned; floats as in C,
/// nan and inf too; null for references; a number for an externref. False if it is none.
bool read_value(const char* word, ValType type, Val& value);
/// One line.
void print_value(const Val& value);
/// The name of a type, such as "i32" or "(ref null func)".
void print_type(ValType type);

} // namespace ebb::tool
