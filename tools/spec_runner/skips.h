// What may be skipped, and the list of what was.
//
// There are three reasons to skip a command and no others: only the text form of its module exists;
// the suites' known-conflicts.tsv says so; or its module has an instruction that this version does
// not execute, on lines that are fixed here. A list of skips is checked in, so that none appears or
// goes unnoticed.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace ebb::spec {

/// The rows of known-conflicts.tsv that concern what is run here.
class Conflicts {
public:
  /// Reads the table; false, with the reason in `problem`, if it cannot be read.
  bool read(const std::string& path, std::string& problem);
  /// Whether to skip a command: `script` relative to the suites' folder. The reason if so.
  std::optional<std::string> reason(const std::string& script, uint32_t line,
                                    const std::string& command) const;

private:
  struct Row {
    std::string script;
    std::string line;    // a number or *
    std::string command; // a kind or *
    std::string verdict;
  };
  std::vector<Row> rows_;
};

/// Whether a module on this line may be refused because of an instruction that is not executed yet.
bool may_be_unsupported(const std::string& script, uint32_t line);

/// One skip, as a line of the list.
std::string skip_entry(const std::string& script, uint32_t line, const std::string& reason);

/// The lines of a list, without comments. Nothing if it cannot be read.
std::optional<std::set<std::string>> read_skip_list(const std::string& path, std::string& problem);
/// Writes a list; false, with the reason in `problem`, if that fails.
bool write_skip_list(const std::string& path, const std::set<std::string>& entries,
                     std::string& problem);
/// The script that an entry is about.
std::string script_of_entry(const std::string& entry);
/// The reason of skips that follow from an instruction that is not executed, so that validation
/// alone has none.
inline constexpr const char* not_executed = "not executed yet";
bool is_execution_skip(const std::string& entry);

} // namespace ebb::spec
