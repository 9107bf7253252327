// What the command line of spec_runner says.
#pragma once

#include "error/build.h"
#include "tests/oom/shape.h"

#include <ebb/ebb.h>

#include <string>
#include <vector>

namespace ebb::spec {

struct Options {
  Config::Preparation preparation = Config::Preparation::at_load;
  bool compact = is_small_build; ///< Run compact code in place instead of threaded code.
  bool precompiled = false;      ///< Compile each module to a precompiled one and load that.
  bool wide = false;             ///< The profile of those.
  unsigned fuel = 0;          ///< Suspend each call whenever it has used up so much; 0 for never.
  bool interrupt = false;     ///< Suspend each call wherever it looks for interruptions.
  bool validate_only = false; ///< Module::validate alone.
  bool alters = false;        ///< Validate altered modules too: see alter.h.
  unsigned bytes_altered = 0; ///< How many single bytes of each.
  bool in_process = false;    ///< No process per script, for debuggers.
  bool oom = false;           ///< Refuse every request for memory in turn: see sweep.h.
  oom::Shapes shapes;
  oom::Schedule schedule;
  uint64_t repeat = 0; ///< The one point to try; 0 for what is scheduled.
  uint32_t repeat_line = 0;
  std::string repeat_operation;
  oom::Shape repeat_shape;
  bool json = false;
  const void* stack_end = nullptr; ///< Up to where call stacks are walked.
  unsigned jobs = 1;
  unsigned seconds_max = 600;    ///< For one script.
  std::string write_precompiled; ///< A folder for the precompiled modules, named by their .wasm.
  std::string read_precompiled; ///< A folder to take them from; they must be what is compiled here.
  std::string suites;           ///< The suites' folder; found from the paths if empty.
  std::string skip_list;        ///< The list to compare with; empty compares with nothing.
  std::string write_skips;      ///< Where to write a list instead.
  std::vector<std::string> paths;
};

/// Reads the command line. False if the program is to end with `status` (help was asked for, or an
/// error was printed).
bool read_options(int argc, char** argv, Options& options, int& status);

} // namespace ebb::spec
