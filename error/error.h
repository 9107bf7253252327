// Error: why a call failed, in one byte.
//
// There is one table of errors, errors.def, from which the enum, the classes, the messages and the
// documentation are generated. An `Error` never owns anything and never allocates; what a person
// needs beside it goes into a `Diagnostic`.
#pragma once

#include <cstdint>

namespace ebb {

/// What kind of failure an error is, and so who can do something about it.
enum class ErrorClass : uint8_t {
  none,        ///< No error.
  resource,    ///< The host ran out of memory or fuel; the same call may succeed later.
  malformed,   ///< The bytes are not in the binary format.
  invalid,     ///< The module breaks a rule of validation.
  unsupported, ///< The module needs something that this build does not have.
  link,        ///< Imports do not match what was defined.
  trap,        ///< The guest broke a rule of execution.
  host,        ///< A host function ended the call.
  usage,       ///< The embedder broke a rule of this interface.
};

enum class [[nodiscard]] Error : uint8_t {
  none = 0, ///< No error; only `Result` stores it.
#define EBB_ERROR(name, class_, message, documentation) name,
#include "error/errors.def"
#undef EBB_ERROR
};

static_assert(sizeof(Error) == 1);

/// The class of an error.
ErrorClass error_class(Error error);
/// The enumerator's own name, such as "out_of_memory".
const char* error_name(Error error);
/// The specification's message where there is one, such as "integer divide by zero".
const char* error_message(Error error);
/// One sentence of documentation.
const char* error_documentation(Error error);
/// The name of a class, such as "trap".
const char* error_class_name(ErrorClass error_class);

} // namespace ebb
