// Branches: disturbed runs that begin in the middle of an undisturbed one, each in a process of its
// own.
//
// The undisturbed program forks; the child goes on from there with a request refused, and leaves
// what became of it in memory that both share. So a run costs only what follows the failure, and a
// crash is seen from outside. Nothing here allocates but from the system.
#pragma once

#include "tests/oom/outcome.h"

#include <sys/types.h>

namespace ebb::oom {

class Branches {
public:
  static constexpr unsigned jobs_max = 256;
  /// Is told of each run that has ended, by the number that it was started with.
  using Done = void (*)(void* context, uint64_t key, const Run& run);

  Branches() = default;
  Branches(const Branches&) = delete;
  Branches& operator=(const Branches&) = delete;
  ~Branches();

  /// Prepares for `jobs` processes at a time, each of which may take `seconds_max`. False if the
  /// system has no memory.
  bool create(unsigned jobs, unsigned seconds_max, Done done, void* context);

  /// Starts a run. True in the new process, which ends by `finish`; false in the caller, also if no
  /// process could be made, which counts as a crash.
  bool start(uint64_t key);
  /// Ends the process of a run.
  [[noreturn]] void finish(const Run& run);
  /// In a run: what to report of it if the process ends otherwise.
  Run& own() { return slots_[own_].run; }
  /// Waits for all that are under way.
  void wait_all();

private:
  struct Slot {
    Run run;
  };
  struct Child {
    pid_t process = 0;
    uint64_t key = 0;
  };
  void wait_one();

  Slot* slots_ = nullptr; // shared
  size_t own_ = 0;        // in a child, its own
  Child children_[jobs_max];
  unsigned jobs_ = 0;
  unsigned under_way_ = 0;
  unsigned seconds_max_ = 0;
  Done done_ = nullptr;
  void* context_ = nullptr;
};

} // namespace ebb::oom
