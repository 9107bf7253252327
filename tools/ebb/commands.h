// The commands and the exit statuses of ebb.
#pragma once

#include "tools/ebb/options.h"

namespace ebb::tool {

/// The module could not be read, loaded, linked or finished, or a torture went badly.
inline constexpr int exit_failed = 1;
/// The command line is wrong.
inline constexpr int exit_usage = 2;
/// The guest trapped: as a shell reports a process that aborted.
inline constexpr int exit_trap = 134;

/// Runs a module; the result is the exit status.
int run(const Options& options);
/// Writes a precompiled module.
int compile(const Options& options);
int inspect(const Options& options);
int torture(const Options& options);

} // namespace ebb::tool
