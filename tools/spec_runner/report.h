// Report: what happened to the commands of a script, sent as lines from the process that runs it to
// the one that counts.
#pragma once

#include "tests/oom/outcome.h"

#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

namespace ebb::spec {

/// The result of one script, or of all.
struct Tally {
  uint64_t passed = 0;
  uint64_t failed = 0;
  uint64_t skipped = 0;
  uint64_t judged = 0;               ///< Altered modules.
  std::vector<std::string> failures; ///< "script:line: what"
  std::vector<std::string> skips;    ///< Entries of the list of skips.
  bool complete = false;             ///< The script was run to its end.
  std::vector<std::string> notes;    ///< About runs that were asked for by --repeat.
  oom::Tally sums;                   ///< Of a sweep.
  std::map<uint64_t, bool> sites;    ///< Classes of call stacks, and whether they were reached.

  /// Takes a line that a Report has written.
  void read(const std::string& line);
  /// Adds another's figures of a sweep.
  void add_sums(const Tally& other);
};

/// Where a script stands, shared with the counting process, which says so if the script's process
/// dies.
struct Place {
  uint32_t line;
  uint64_t request;   ///< Of a sweep; 0 where nothing is refused.
  char operation[16]; ///< Of a sweep.
};

/// The sending side.
class Report {
public:
  Report(FILE* stream, std::string script, Place* place)
      : stream_(stream), script_(std::move(script)), place_(place) {}

  void begin(uint32_t line) { place_->line = line; }
  /// A sweep is about to refuse a request in an operation.
  void at(const std::string& operation, uint64_t request);
  void passed() { ++passed_; }
  void failed(const std::string& what) { failed_at(place_->line, what); }
  void failed_at(uint32_t line, const std::string& what);
  void note(const std::string& what);
  void sums(const oom::Tally& tally);
  /// So many altered modules were judged.
  void judged(uint64_t count);
  void site(uint64_t key, bool is_reached);
  void skipped(const std::string& reason);
  void finish();

private:
  FILE* stream_;
  std::string script_;
  Place* place_;
  uint64_t passed_ = 0;
};

} // namespace ebb::spec
