// What went wrong, for people: one line that names the file, the thing and the place, and a
// backtrace where there is one.
#pragma once

#include "tools/ebb/guest.h"

namespace ebb::tool {

/// An error of a step. Gives the exit status for it.
int explain(const Options& options, Step step, Error error, const Diagnostic& diagnostic);
/// The frames of the last trap.
void print_backtrace(const Store& store);
/// A problem with FILE or what is needed to begin. Gives the exit status.
int explain_file(const Options& options, const char* problem);
/// The command itself found no memory. Gives the exit status.
int explain_own_shortage(const Options& options);

} // namespace ebb::tool
