// See runs.h.
#include "tools/ebb/runs.h"

#include <cerrno>
#include <csignal>
#include <new>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ebb::tool {

const char* outcome_name(Outcome outcome) {
  constexpr const char* names[outcome_count] = {"not run",     "clean",          "told",
                                                "same result", "wrong result",   "leak",
                                                "crash",       "broken on retry"};
  return names[static_cast<size_t>(outcome)];
}

bool is_bad(Outcome outcome) { return outcome >= Outcome::wrong_result; }

Runs::~Runs() {
  if (runs_) munmap(runs_, requests_ * 2 * sizeof(Run));
}

bool Runs::create(size_t requests, unsigned jobs, unsigned seconds_max) {
  if (requests == 0) return true;
  void* memory = mmap(nullptr, requests * 2 * sizeof(Run), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  runs_ = static_cast<Run*>(memory);
  requests_ = requests;
  for (size_t i = 0; i < requests * 2; ++i)
    ::new (static_cast<void*>(runs_ + i)) Run();
  jobs_ = jobs < jobs_max ? jobs : jobs_max;
  seconds_max_ = seconds_max;
  return true;
}

void Runs::wait_one() {
  int status = 0;
  const pid_t process = waitpid(-1, &status, 0);
  if (process < 0) return;
  for (Child& child : children_) {
    if (child.process != process) continue;
    child.process = 0;
    --under_way_;
    Run& run = runs_[child.run];
    if (WIFSIGNALED(status)) {
      run.outcome = Outcome::crash;
      run.signal = WTERMSIG(status);
      run.timed_out = run.signal == SIGALRM;
    } else if (WEXITSTATUS(status) != 0 || run.outcome == Outcome::not_run) {
      run.outcome = Outcome::crash;
    }
    if (run.outcome == Outcome::crash) run.injected = 1;
    return;
  }
}

bool Runs::start_run(size_t request, Shape shape) {
  while (under_way_ >= jobs_)
    wait_one();
  const size_t run = index(request, shape);
  pid_t process = fork();
  // The system may be short of processes while ours are under way; wait for those before giving up.
  while (process < 0 && under_way_ != 0) {
    wait_one();
    process = fork();
  }
  if (process < 0) {
    runs_[run].outcome = Outcome::crash;
    return false;
  }
  if (process == 0) {
    current_ = run;
    alarm(seconds_max_);
    return true;
  }
  for (Child& child : children_) {
    if (child.process != 0) continue;
    child = {process, run};
    break;
  }
  ++under_way_;
  return false;
}

void Runs::finish_run(const Run& run) {
  runs_[current_] = run;
  _exit(0);
}

void Runs::wait_all() {
  while (under_way_ != 0)
    wait_one();
}

} // namespace ebb::tool
