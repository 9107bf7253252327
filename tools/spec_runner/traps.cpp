// The texts are the specification's messages, which errors.def carries too; the longest message
// that a text begins with is the one it names. Only where a suite uses another wording is there a
// row here.
#include "tools/spec_runner/traps.h"

#include <string_view>

namespace ebb::spec {
namespace {

struct Wording {
  std::string_view text;
  Error error;
};

constexpr Wording other_wordings[] = {
    {"undefined", Error::undefined_element},
    {"uninitialized", Error::uninitialized_element},
    {"indirect call", Error::indirect_call_type_mismatch},
};

struct TrapMessage {
  std::string_view message;
  Error error;
};

constexpr TrapMessage trap_messages[] = {
#define EBB_ERROR(name, class_, message, documentation) {message, Error::name},
#include "error/errors.def"
#undef EBB_ERROR
};

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

} // namespace

bool is_trap_of_text(Error error, const std::string& text) {
  if (error_class(error) != ErrorClass::trap) return false;
  std::string_view longest;
  Error named = Error::none;
  for (const TrapMessage& row : trap_messages) {
    if (error_class(row.error) != ErrorClass::trap) continue;
    if (row.message.size() > longest.size() && starts_with(text, row.message)) {
      longest = row.message;
      named = row.error;
    }
  }
  if (named != Error::none) return error == named;
  for (const Wording& wording : other_wordings)
    if (text == wording.text) return error == wording.error;
  return false;
}

} // namespace ebb::spec
