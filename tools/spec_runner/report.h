// Report: what happened to the commands of a script, sent as lines from the process that runs it to
// the one that counts.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace ebb::spec {

/// The result of one script, or of all.
struct Tally {
  uint64_t passed = 0;
  uint64_t failed = 0;
  uint64_t skipped = 0;
  std::vector<std::string> failures; ///< "script:line: what"
  std::vector<std::string> skips;    ///< Entries of the list of skips.
  bool complete = false;             ///< The script was run to its end.

  /// Takes a line that a Report has written.
  void read(const std::string& line);
};

/// The sending side.
class Report {
public:
  /// `line` is shared with the counting process, which reads it to say where a crash happened.
  Report(FILE* stream, std::string script, uint32_t* line)
      : stream_(stream), script_(std::move(script)), line_(line) {}

  void begin(uint32_t line) { *line_ = line; }
  void passed() { ++passed_; }
  void failed(const std::string& what);
  void skipped(const std::string& reason);
  void finish();

private:
  FILE* stream_;
  std::string script_;
  uint32_t* line_;
  uint64_t passed_ = 0;
};

} // namespace ebb::spec
