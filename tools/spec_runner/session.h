// Session: executes one script in a fresh store in which only `spectest` is registered.
#pragma once

#include "tools/spec_runner/options.h"
#include "tools/spec_runner/skips.h"
#include "tools/spec_runner/workers.h"

#include <cstdint>
#include <vector>

namespace ebb::spec {

/// Runs a script and reports each of its commands. `spectest` is the module that all scripts may
/// import.
void run_script(const ScriptFile& file, const Options& options, const Conflicts& conflicts,
                const std::vector<uint8_t>& spectest, Report& report);

} // namespace ebb::spec
