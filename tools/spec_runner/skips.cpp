// Skips: see skips.h.
#include "tools/spec_runner/skips.h"

#include "core/types/features.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace ebb::spec {
namespace {

struct LineRange {
  const char* script;
  uint32_t first;
  uint32_t last;
};

// Modules here have an instruction of garbage collection or exceptions. All else in these folders
// runs.
constexpr LineRange unsupported_lines[] = {
    {"spec/core/instance/instance.json", 15, 170},
    {"spec/core/bulk-memory/table_init/table_init.json", 2272, 2286},
    {"spec/core/memory64/table_init64/table_init64.json", 2457, 2471},
};

// What the conflicts' conditions call a feature and is on here. Thread commands are not executed,
// which is a condition.
bool is_condition_met(const std::string& condition) {
  if (condition == "threads-commands-not-executed") return true;
#define EBB_FEATURE(name, text, documentation)                                                     \
  if (condition == text) return true;
#include "core/types/features.def"
#undef EBB_FEATURE
  return false;
}

std::vector<std::string> split(const std::string& line, char separator) {
  std::vector<std::string> fields;
  std::istringstream stream(line);
  for (std::string field; std::getline(stream, field, separator);)
    fields.push_back(field);
  return fields;
}

bool must_skip(const std::string& verdict) {
  if (verdict == "yes" || verdict == "unclear") return true;
  const std::string only_if = "only-if:";
  const std::string unless = "yes-unless:";
  if (verdict.rfind(only_if, 0) == 0) return is_condition_met(verdict.substr(only_if.size()));
  if (verdict.rfind(unless, 0) == 0) return !is_condition_met(verdict.substr(unless.size()));
  return false;
}

} // namespace

bool Conflicts::read(const std::string& path, std::string& problem) {
  std::ifstream stream(path);
  if (!stream) {
    problem = std::strerror(errno);
    return false;
  }
  std::string line;
  std::getline(stream, line); // column names
  while (std::getline(stream, line)) {
    const auto fields = split(line, '\t');
    if (fields.size() < 4) continue;
    rows_.push_back({fields[0], fields[1], fields[2], fields[3]});
  }
  return true;
}

std::optional<std::string> Conflicts::reason(const std::string& script, uint32_t line,
                                             const std::string& command) const {
  for (const Row& row : rows_) {
    if (row.script != script) continue;
    if (row.line != "*" && row.line != std::to_string(line)) continue;
    if (row.command != "*" && row.command != command) continue;
    if (must_skip(row.verdict)) return "known conflict (" + row.verdict + ")";
  }
  return std::nullopt;
}

bool may_be_unsupported(const std::string& script, uint32_t line) {
  for (const LineRange& range : unsupported_lines)
    if (script == range.script && line >= range.first && line <= range.last) return true;
  return false;
}

std::string skip_entry(const std::string& script, uint32_t line, const std::string& reason) {
  return script + ":" + std::to_string(line) + " " + reason;
}

std::optional<std::set<std::string>> read_skip_list(const std::string& path, std::string& problem) {
  std::ifstream stream(path);
  if (!stream) {
    problem = std::strerror(errno);
    return std::nullopt;
  }
  std::set<std::string> entries;
  for (std::string line; std::getline(stream, line);)
    if (!line.empty() && line[0] != '#') entries.insert(line);
  return entries;
}

bool write_skip_list(const std::string& path, const std::set<std::string>& entries,
                     std::string& problem) {
  std::ofstream stream(path);
  stream << "# What spec_runner skips: script:line, and why. Made with --write-skips; a run that "
            "skips anything else,\n"
            "# or that does not skip one of these, fails.\n";
  for (const std::string& entry : entries)
    stream << entry << '\n';
  stream.flush();
  if (stream) return true;
  problem = std::strerror(errno);
  return false;
}

std::string script_of_entry(const std::string& entry) { return entry.substr(0, entry.find(':')); }

bool is_execution_skip(const std::string& entry) {
  return entry.find(not_executed) != std::string::npos;
}

} // namespace ebb::spec
