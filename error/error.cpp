#include "error/error.h"

#include <cstddef>

namespace ebb {
namespace {

struct Row {
  const char* name;
  const char* message;
  const char* documentation;
  ErrorClass error_class;
};

constexpr Row rows[] = {
    {"none", "no error", "Nothing failed.", ErrorClass::none},
#define EBB_ERROR(name, class_, message, documentation)                                            \
  {#name, message, documentation, ErrorClass::class_},
#include "error/errors.def"
#undef EBB_ERROR
};

constexpr size_t row_count = sizeof(rows) / sizeof(rows[0]);
static_assert(row_count <= 256, "Error is one byte");

const Row& row(Error error) {
  const size_t index = static_cast<size_t>(error);
  return rows[index < row_count ? index : 0];
}

} // namespace

ErrorClass error_class(Error error) { return row(error).error_class; }
const char* error_name(Error error) { return row(error).name; }
const char* error_message(Error error) { return row(error).message; }
const char* error_documentation(Error error) { return row(error).documentation; }

const char* error_class_name(ErrorClass error_class) {
  constexpr const char* names[] = {"none", "resource", "malformed", "invalid", "unsupported",
                                   "link", "trap",     "host",      "usage"};
  const size_t index = static_cast<size_t>(error_class);
  return index < sizeof(names) / sizeof(names[0]) ? names[index] : "none";
}

} // namespace ebb
