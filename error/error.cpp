#include "error/error.h"

#include <cstddef>

namespace ebb {
namespace {

// Apart from each other, so that what a program does not ask for is not linked.
constexpr const char* names[] = {
    "none",
#define EBB_ERROR(name, class_, message, documentation) #name,
#include "error/errors.def"
#undef EBB_ERROR
};

constexpr const char* messages[] = {
    "no error",
#define EBB_ERROR(name, class_, message, documentation) message,
#include "error/errors.def"
#undef EBB_ERROR
};

constexpr const char* documentations[] = {
    "Nothing failed.",
#define EBB_ERROR(name, class_, message, documentation) documentation,
#include "error/errors.def"
#undef EBB_ERROR
};

constexpr ErrorClass classes[] = {
    ErrorClass::none,
#define EBB_ERROR(name, class_, message, documentation) ErrorClass::class_,
#include "error/errors.def"
#undef EBB_ERROR
};

constexpr size_t row_count = sizeof(names) / sizeof(names[0]);
static_assert(row_count <= 256, "Error is one byte");

size_t row(Error error) {
  const size_t index = static_cast<size_t>(error);
  return index < row_count ? index : 0;
}

} // namespace

ErrorClass error_class(Error error) { return classes[row(error)]; }
const char* error_name(Error error) { return names[row(error)]; }
const char* error_message(Error error) { return messages[row(error)]; }
const char* error_documentation(Error error) { return documentations[row(error)]; }

const char* error_class_name(ErrorClass error_class) {
  static constexpr const char* class_names[] = {
      "none", "resource", "malformed", "invalid", "unsupported", "link", "trap", "host", "usage"};
  const size_t index = static_cast<size_t>(error_class);
  return index < sizeof(class_names) / sizeof(class_names[0]) ? class_names[index] : "none";
}

} // namespace ebb
