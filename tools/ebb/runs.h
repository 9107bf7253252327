// Runs: the disturbed runs of a torture, each in a process of its own.
//
// The undisturbed program forks at each request for memory; the child goes on from there with that
// request refused, and leaves what became of it in memory that both share. So a run costs only what
// follows the failure, and a crash is seen from outside.
#pragma once

#include "error/error.h"
#include "tools/ebb/options.h"

#include <sys/types.h>

namespace ebb::tool {

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

/// The name in reports, such as "wrong result".
const char* outcome_name(Outcome outcome);
bool is_bad(Outcome outcome);

struct Run {
  Outcome outcome = Outcome::not_run;
  Error error = Error::none; ///< What the call returned that met the failure.
  uint8_t step = 0;          ///< Which step of the scenario met it.
  bool timed_out = false;
  int signal = 0;           ///< Of a crash.
  uint64_t injected = 0;    ///< Failures returned to a caller.
  uint64_t live_blocks = 0; ///< After teardown.
};

class Runs {
public:
  static constexpr unsigned jobs_max = 256;

  Runs() = default;
  Runs(const Runs&) = delete;
  Runs& operator=(const Runs&) = delete;
  ~Runs();

  /// Room for two runs of each request. False if there is none.
  bool create(size_t requests, unsigned jobs, unsigned seconds_max);

  /// Starts the run of a request (from 0). True in the new process, which ends by `finish_run`;
  /// false in the caller, also if no process could be made, which counts as a crash.
  bool start_run(size_t request, Shape shape);
  /// Ends the process of a run.
  [[noreturn]] void finish_run(const Run& run);
  /// Waits for all that are under way.
  void wait_all();

  size_t request_count() const { return requests_; }
  const Run& run(size_t request, Shape shape) const { return runs_[index(request, shape)]; }

private:
  struct Child {
    pid_t process = 0;
    size_t run = 0;
  };
  static size_t index(size_t request, Shape shape) {
    return request * 2 + static_cast<size_t>(shape);
  }
  void wait_one();

  Run* runs_ = nullptr; // shared
  size_t requests_ = 0;
  size_t current_ = 0; // in a child, its own
  Child children_[jobs_max];
  unsigned jobs_ = 1;
  unsigned under_way_ = 0;
  unsigned seconds_max_ = 0;
};

} // namespace ebb::tool
