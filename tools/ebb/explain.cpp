// See explain.h.
#include "tools/ebb/explain.h"

#include "tools/ebb/commands.h"
#include "tools/ebb/print.h"

namespace ebb::tool {

int explain_file(const Options& options, const char* problem) {
  print_error("ebb: %s: %s\n", options.file, problem);
  return exit_failed;
}

int explain_own_shortage(const Options& options) {
  return explain_file(options, "the system has no memory for the command itself");
}

int explain(const Options& options, Step step, Error error, const Diagnostic& diagnostic) {
  Diagnostic details = diagnostic;
  if (details.error != error) details.set(error);
  char text[512];
  render(details, text, sizeof text);
  const bool is_trap = error_class(error) == ErrorClass::trap;
  if (is_trap)
    print_error("ebb: %s: trap in %s: %s\n", options.file, step_name(step), text);
  else if (step == Step::module)
    print_error("ebb: %s: %s\n", options.file, text);
  else
    print_error("ebb: %s: %s: %s\n", options.file, step_name(step), text);
  return is_trap ? exit_trap : exit_failed;
}

void print_backtrace(const Store& store) {
  char text[4096];
  if (store.trace_count() == 0 || store.render_backtrace(text, sizeof text) == 0) return;
  print_error("%s", text);
}

} // namespace ebb::tool
