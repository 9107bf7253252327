// ebb: reads the command line and hands over to the command.
#include "tools/ebb/commands.h"
#include "tools/ebb/options.h"
#include "tools/ebb/print.h"

int main(int argc, char** argv) {
  using namespace ebb::tool;
  static Options options;
  int status = 0;
  if (read_options(argc, argv, options, status)) {
    switch (options.command) {
    case Command::run:
      status = run(options);
      break;
    case Command::compile:
      status = compile(options);
      break;
    case Command::inspect:
      status = inspect(options);
      break;
    case Command::torture:
      status = torture(options);
      break;
    }
  }
  if (flush_output() || status != 0) return status;
  print_error("ebb: standard output cannot be written\n");
  return exit_failed;
}
