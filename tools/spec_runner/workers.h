// Workers: runs scripts in processes of their own, a few at a time, and collects what they report.
#pragma once

#include "tools/spec_runner/options.h"
#include "tools/spec_runner/report.h"

#include <functional>
#include <string>
#include <vector>

namespace ebb::spec {

/// A script as it is found: where it is, and its name in reports (relative to the suites' folder).
struct ScriptFile {
  std::string path;
  std::string name;
};

/// Runs one script and reports.
using RunScript = std::function<void(const ScriptFile&, Report&)>;

/// The tallies of all scripts, in their order. Shows progress on a terminal.
std::vector<Tally> run_all(const std::vector<ScriptFile>& scripts, const Options& options,
                           const RunScript& run);

} // namespace ebb::spec
