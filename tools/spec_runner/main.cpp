// spec_runner: finds the scripts, runs each, compares the skips with the checked-in list and prints
// the counts.
//
// Exit status: 0 if nothing failed and the skips are those of the list, 1 if not, 2 for a wrong
// command line.
#include "tests/oom/sites.h"
#include "tools/spec_runner/options.h"
#include "tools/spec_runner/script.h"
#include "tools/spec_runner/session.h"
#include "tools/spec_runner/skips.h"
#include "tools/spec_runner/workers.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <filesystem>

namespace {

using namespace ebb::spec;
namespace fs = std::filesystem;

// The nearest folder above a path that has spectest.wasm in it.
std::string find_suites(const std::string& path) {
  std::error_code ignored;
  fs::path folder = fs::canonical(path, ignored);
  while (!folder.empty()) {
    if (fs::exists(folder / "spectest.wasm", ignored)) return folder.string();
    if (folder == folder.parent_path()) break;
    folder = folder.parent_path();
  }
  return {};
}

std::string name_of(const fs::path& path, const std::string& suites) {
  std::error_code ignored;
  const fs::path relative = fs::relative(path, suites, ignored);
  return relative.empty() ? path.string() : relative.generic_string();
}

std::vector<ScriptFile> find_scripts(const Options& options) {
  std::vector<fs::path> found;
  for (const std::string& path : options.paths) {
    if (!fs::is_directory(path)) {
      found.push_back(path);
      continue;
    }
    std::error_code ignored;
    for (const auto& entry : fs::recursive_directory_iterator(path, ignored))
      if (entry.is_regular_file(ignored) && entry.path().extension() == ".json")
        found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  std::vector<ScriptFile> scripts;
  for (const fs::path& path : found)
    scripts.push_back({path.string(), name_of(path, options.suites)});
  return scripts;
}

// How the skips differ from the list, as failures. Only entries of scripts that were run are
// compared; with --validate only those that do not depend on execution.
std::vector<std::string> compare_skips(const std::set<std::string>& listed,
                                       const std::set<std::string>& skipped,
                                       const std::vector<ScriptFile>& scripts,
                                       const Options& options) {
  std::vector<std::string> differences;
  for (const std::string& entry : skipped)
    if (!listed.count(entry))
      differences.push_back(entry + ": skipped, but not in the list of skips");
  std::set<std::string> names;
  for (const ScriptFile& script : scripts)
    names.insert(script.name);
  for (const std::string& entry : listed) {
    if (skipped.count(entry) || !names.count(script_of_entry(entry))) continue;
    if (options.validate_only && is_execution_skip(entry)) continue;
    differences.push_back(entry + ": in the list of skips, but not skipped");
  }
  return differences;
}

// The figures of a sweep.
void print_sums(const Tally& all, const Options& options) {
  ebb::oom::Tally sums = all.sums;
  sums.sites_known = all.sites.size();
  for (const auto& [key, is_reached] : all.sites)
    sums.sites_reached += is_reached;
  ebb::oom::Row rows[ebb::oom::row_count];
  ebb::oom::rows_of(sums, rows);
  if (options.json) {
    const char* separator = "{";
    for (const ebb::oom::Row& row : rows) {
      std::printf("%s\"%s\": %" PRIu64, separator, row.name, row.value);
      separator = ", ";
    }
    std::printf("}\n");
    return;
  }
  for (const ebb::oom::Row& row : rows)
    std::printf("%-16s %10" PRIu64 "  %s\n", row.name, row.value, row.meaning);
  if (!ebb::oom::has_call_stacks())
    std::printf("built without frame_pointers: kinds and sizes of requests stand in for call "
                "stacks\n");
}

int report(const std::vector<Tally>& tallies, const std::vector<ScriptFile>& scripts,
           const Options& options) {
  Tally all;
  std::set<std::string> skipped;
  for (const Tally& tally : tallies) {
    all.add_sums(tally);
    for (const std::string& note : tally.notes)
      std::printf("%s\n", note.c_str());
    all.passed += tally.passed;
    all.failed += tally.failed;
    all.skipped += tally.skipped;
    all.judged += tally.judged;
    skipped.insert(tally.skips.begin(), tally.skips.end());
    for (const std::string& failure : tally.failures)
      std::printf("FAIL %s\n", failure.c_str());
  }
  std::string problem;
  bool listed_well = true;
  if (!options.write_skips.empty()) {
    listed_well = write_skip_list(options.write_skips, skipped, problem);
    if (!listed_well) std::printf("FAIL %s: %s\n", options.write_skips.c_str(), problem.c_str());
  } else if (!options.skip_list.empty()) {
    const auto listed = read_skip_list(options.skip_list, problem);
    if (!listed) {
      std::printf("FAIL %s: %s\n", options.skip_list.c_str(), problem.c_str());
      listed_well = false;
    } else {
      const auto differences = compare_skips(*listed, skipped, scripts, options);
      for (const std::string& difference : differences)
        std::printf("FAIL %s\n", difference.c_str());
      all.failed += differences.size();
    }
  }
  if (options.oom) print_sums(all, options);
  if (options.alters) std::printf("%" PRIu64 " altered modules judged\n", all.judged);
  std::printf("%" PRIu64 " passed, %" PRIu64 " failed, %" PRIu64 " skipped\n", all.passed,
              all.failed, all.skipped);
  return all.failed == 0 && listed_well ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
  Options options;
  int status = 0;
  options.stack_end = __builtin_frame_address(0);
  if (!read_options(argc, argv, options, status)) return status;
  if (options.suites.empty()) options.suites = find_suites(options.paths.front());
  if (options.suites.empty()) {
    std::fprintf(stderr,
                 "spec_runner: no spectest.wasm in a folder above %s; say where with --suites\n",
                 options.paths.front().c_str());
    return 2;
  }
  const auto scripts = find_scripts(options);
  if (scripts.empty()) {
    std::fprintf(stderr, "spec_runner: no *.json found\n");
    return 2;
  }
  std::string problem;
  Conflicts conflicts;
  const std::string table = options.suites + "/known-conflicts.tsv";
  if (!conflicts.read(table, problem)) {
    std::fprintf(stderr, "spec_runner: %s: %s\n", table.c_str(), problem.c_str());
    return 2;
  }
  const std::string spectest_path = options.suites + "/spectest.wasm";
  const auto spectest = read_file(spectest_path, problem);
  if (!spectest) {
    std::fprintf(stderr, "spec_runner: %s: %s\n", spectest_path.c_str(), problem.c_str());
    return 2;
  }
  const auto tallies = run_all(scripts, options, [&](const ScriptFile& file, Report& out) {
    run_script(file, options, conflicts, *spectest, out);
  });
  return report(tallies, scripts, options);
}
