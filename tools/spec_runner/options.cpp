// The command line of spec_runner.
#include "tools/spec_runner/options.h"

#include <CLI/CLI.hpp>

#include <unistd.h>

namespace ebb::spec {

bool read_options(int argc, char** argv, Options& options, int& status) {
  CLI::App app("Runs WebAssembly test scripts (JSON and .wasm) with Ebb.", "spec_runner");
  const long processors = sysconf(_SC_NPROCESSORS_ONLN);
  options.jobs = processors > 0 ? static_cast<unsigned>(processors) : 1;
#if defined(EBB_SKIP_LIST)
  options.skip_list = EBB_SKIP_LIST;
#endif
  std::string encoding = "threaded";
  app.add_option("paths", options.paths, "Scripts, or folders that are searched for *.json")
      ->required()
      ->check(CLI::ExistingPath)
      ->type_name("PATH");
  app.add_option("--encoding", encoding, "How bytecode is kept and run (default: threaded)")
      ->check(CLI::IsMember({"compact", "threaded"}));
  app.add_flag("--validate", options.validate_only, "Only validate every module");
  app.add_option("--jobs", options.jobs, "Scripts run at a time (default: processors)")
      ->check(CLI::Range(1u, 256u));
  app.add_option("--timeout", options.seconds_max, "Seconds that a script may take (default: 600)");
  app.add_option("--suites", options.suites, "Folder of spectest.wasm (default: found upward of PATH)")
      ->check(CLI::ExistingDirectory);
  app.add_option("--list-skips", options.skip_list, "List to compare skips with, \"\" for none");
  app.add_option("--write-skips", options.write_skips, "Write the skips to a list instead");
  app.add_flag("--in-process", options.in_process, "Run scripts in this process, for debugging");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    status = app.exit(error) == 0 ? 0 : 2;
    return false;
  }
  options.compact = encoding == "compact";
  return true;
}

} // namespace ebb::spec
