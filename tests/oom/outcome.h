// Outcomes: what becomes of a run in which a request was refused, and the sums that reports show.
#pragma once

#include "error/error.h"

#include <cstddef>
#include <cstdint>

namespace ebb::oom {

/// How a disturbed run ended.
enum class Outcome : uint8_t {
  not_run,
  clean,           ///< The failure came back as out_of_memory, and everything went on from there.
  told,            ///< The guest was told of it: -1 from memory.grow or table.grow.
  same_result,     ///< A declared exception took over, and the result was the undisturbed one.
  wrong_result,    ///< Another error, another output, or a failure that nobody reported.
  leak,            ///< Blocks were held after teardown.
  crash,           ///< The process died or took too long.
  broken_on_retry, ///< The same call on the same objects failed or gave another result.
};
inline constexpr size_t outcome_count = 8;

/// The name in reports, such as "wrong result", and what it means, on one line.
const char* outcome_name(Outcome outcome);
const char* outcome_meaning(Outcome outcome);
constexpr bool is_bad(Outcome outcome) { return outcome >= Outcome::wrong_result; }

/// One disturbed run.
struct Run {
  Outcome outcome = Outcome::not_run;
  Error error = Error::none; ///< What the call returned that met the failure.
  uint8_t step = 0;          ///< Which step of the scenario met it.
  bool timed_out = false;
  bool retried = false;
  bool followed = false;    ///< What comes afterwards went well too.
  int signal = 0;           ///< Of a crash.
  uint64_t injected = 0;    ///< Failures returned to a caller.
  uint64_t live_blocks = 0; ///< After teardown.
  uint64_t site = 0;        ///< The class of the request that was the point.
  char what[120] = {};      ///< More about a bad end, for people.

  /// Turns it into a bad end, unless it is one already. `what` is cut to fit.
  void blame(Outcome bad, const char* why);
};

/// The sums of many runs.
struct Tally {
  uint64_t requests = 0; ///< Of the runs without failures: the points there are.
  uint64_t points = 0;   ///< How many of these were tried.
  uint64_t injected = 0; ///< Failures returned to a caller.
  uint64_t retried = 0;
  uint64_t followed = 0;
  uint64_t sites_known = 0;
  uint64_t sites_reached = 0;
  uint64_t counts[outcome_count] = {};

  void add(const Run& run);
  uint64_t of(Outcome outcome) const { return counts[static_cast<size_t>(outcome)]; }
  bool is_good() const;
};

/// A figure of a tally as reports show it. The first rows are the sums, then the outcomes follow.
struct Row {
  const char* name;
  const char* meaning;
  uint64_t value;
};
inline constexpr size_t row_count = 7 + outcome_count - 1;
void rows_of(const Tally& tally, Row (&rows)[row_count]);

} // namespace ebb::oom
