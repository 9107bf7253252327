// See branches.h.
#include "tests/oom/branches.h"

#include <cerrno>
#include <csignal>
#include <new>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ebb::oom {

Branches::~Branches() {
  if (slots_) munmap(slots_, jobs_ * sizeof(Slot));
}

bool Branches::create(unsigned jobs, unsigned seconds_max, Done done, void* context) {
  jobs = jobs < jobs_max ? jobs : jobs_max;
  void* memory =
      mmap(nullptr, jobs * sizeof(Slot), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  slots_ = static_cast<Slot*>(memory);
  jobs_ = jobs;
  seconds_max_ = seconds_max;
  done_ = done;
  context_ = context;
  return true;
}

void Branches::wait_one() {
  int status = 0;
  pid_t process;
  do
    process = waitpid(-1, &status, 0);
  while (process < 0 && errno == EINTR);
  for (size_t slot = 0; slot < jobs_; ++slot) {
    if (process < 0 || children_[slot].process != process) continue;
    children_[slot].process = 0;
    --under_way_;
    Run run = slots_[slot].run;
    if (WIFSIGNALED(status)) {
      run.outcome = Outcome::crash;
      run.signal = WTERMSIG(status);
      run.timed_out = run.signal == SIGALRM;
    } else if (WEXITSTATUS(status) != 0 || run.outcome == Outcome::not_run) {
      run.outcome = Outcome::crash;
    }
    if (run.outcome == Outcome::crash && run.injected == 0) run.injected = 1;
    return done_(context_, children_[slot].key, run);
  }
}

bool Branches::start(uint64_t key) {
  while (under_way_ >= jobs_)
    wait_one();
  size_t slot = 0;
  while (children_[slot].process != 0)
    ++slot;
  ::new (static_cast<void*>(&slots_[slot].run)) Run();
  pid_t process = fork();
  // The system may be short of processes while ours are under way; wait for those before giving up.
  while (process < 0 && under_way_ != 0) {
    wait_one();
    process = fork();
  }
  if (process < 0) {
    Run run;
    run.blame(Outcome::crash, "the system had no process for it");
    done_(context_, key, run);
    return false;
  }
  if (process == 0) {
    own_ = slot;
    under_way_ = 0;
    for (Child& child : children_)
      child.process = 0;
    alarm(seconds_max_);
    return true;
  }
  children_[slot] = {process, key};
  ++under_way_;
  return false;
}

void Branches::finish(const Run& run) {
  slots_[own_].run = run;
  _exit(0);
}

void Branches::wait_all() {
  while (under_way_ != 0)
    wait_one();
}

} // namespace ebb::oom
