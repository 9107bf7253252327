// Which error a script's text names.
#pragma once

#include "error/error.h"

#include <string>

namespace ebb::spec {

/// Whether `error` is the trap that `text` names. Texts of the suites are prefixes of the reference
/// interpreter's messages, and may carry more than the message ("uninitialized element 2").
bool is_trap_of_text(Error error, const std::string& text);

} // namespace ebb::spec
