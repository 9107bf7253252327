// One process per script, so that a crash or an endless loop is a failure of one script and leaves
// the others alone.
#include "tools/spec_runner/workers.h"

#include <cerrno>
#include <csignal>
#include <cstring>

#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ebb::spec {
namespace {

struct Worker {
  pid_t process = 0;
  int pipe = -1;
  size_t script = 0;
  Place* place = nullptr; // shared with the process
  std::string pending;    // the part of a line that has arrived
};

Place* shared_place() {
  void* memory =
      mmap(nullptr, sizeof(Place), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<Place*>(memory);
}

bool start(Worker& worker, const ScriptFile& script, const Options& options, const RunScript& run) {
  int ends[2];
  worker.place = shared_place();
  if (!worker.place || pipe(ends) != 0) return false;
  std::fflush(stdout);
  worker.process = fork();
  if (worker.process < 0) return false;
  if (worker.process == 0) {
    close(ends[0]);
    alarm(options.seconds_max);
    FILE* stream = fdopen(ends[1], "w");
    Report report(stream, script.name, worker.place);
    run(script, report);
    report.finish();
    std::fclose(stream);
    // Leave through exit, not _exit: a leak checker that is compiled in runs there.
    std::exit(0);
  }
  close(ends[1]);
  worker.pipe = ends[0];
  return true;
}

void take_lines(Worker& worker, Tally& tally) {
  for (size_t end; (end = worker.pending.find('\n')) != std::string::npos;) {
    tally.read(worker.pending.substr(0, end));
    worker.pending.erase(0, end + 1);
  }
}

// Reads what has arrived; false at the end.
bool receive(Worker& worker, Tally& tally) {
  char buffer[4096];
  const ssize_t count = read(worker.pipe, buffer, sizeof buffer);
  if (count < 0 && errno == EINTR) return true;
  if (count <= 0) return false;
  worker.pending.append(buffer, static_cast<size_t>(count));
  take_lines(worker, tally);
  return true;
}

void finish(Worker& worker, const ScriptFile& script, const Options& options, Tally& tally) {
  int status = 0;
  while (waitpid(worker.process, &status, 0) < 0 && errno == EINTR) {
  }
  std::string how;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
    how = "took more than " + std::to_string(options.seconds_max) + " s";
  else if (WIFSIGNALED(status))
    how = std::string("crashed: ") + strsignal(WTERMSIG(status));
  else if (!tally.complete || WEXITSTATUS(status) != 0)
    how = "ended with exit status " + std::to_string(WEXITSTATUS(status));
  if (!how.empty()) {
    const Place& place = *worker.place;
    if (place.request != 0) {
      how += std::string(", in ") + place.operation + " with its refusal " +
             std::to_string(place.request);
      ++tally.sums.counts[static_cast<size_t>(oom::Outcome::crash)];
    }
    tally.read("f" + script.name + ":" + std::to_string(place.line) + ": " + how);
  }
  close(worker.pipe);
  munmap(worker.place, sizeof(Place));
  worker = Worker();
}

void show_progress(size_t done, size_t all) {
  if (isatty(STDERR_FILENO) == 0) return;
  std::fprintf(stderr, "\r%zu of %zu scripts%s", done, all, done == all ? "\r\033[K" : "");
  std::fflush(stderr);
}

Tally run_here(const ScriptFile& script, const RunScript& run) {
  Tally tally;
  char* text = nullptr;
  size_t size = 0;
  FILE* stream = open_memstream(&text, &size);
  Place place{};
  Report report(stream, script.name, &place);
  run(script, report);
  report.finish();
  std::fclose(stream);
  std::string rest(text, size);
  std::free(text);
  Worker worker;
  worker.pending = std::move(rest);
  take_lines(worker, tally);
  return tally;
}

} // namespace

std::vector<Tally> run_all(const std::vector<ScriptFile>& scripts, const Options& options,
                           const RunScript& run) {
  std::vector<Tally> tallies(scripts.size());
  if (options.in_process) {
    for (size_t i = 0; i < scripts.size(); ++i)
      tallies[i] = run_here(scripts[i], run);
    return tallies;
  }
  std::vector<Worker> workers(options.jobs);
  size_t next = 0;
  size_t done = 0;
  while (done < scripts.size()) {
    std::vector<pollfd> waiting;
    std::vector<size_t> which;
    for (size_t i = 0; i < workers.size(); ++i) {
      Worker& worker = workers[i];
      if (worker.process == 0 && next < scripts.size()) {
        worker.script = next++;
        if (!start(worker, scripts[worker.script], options, run)) {
          tallies[worker.script].read("f" + scripts[worker.script].name +
                                      ":0: no process: " + std::strerror(errno));
          worker = Worker();
          ++done;
        }
      }
      if (worker.process == 0) continue;
      waiting.push_back({worker.pipe, POLLIN, 0});
      which.push_back(i);
    }
    if (waiting.empty()) continue;
    if (poll(waiting.data(), waiting.size(), -1) < 0) continue;
    for (size_t i = 0; i < waiting.size(); ++i) {
      if (waiting[i].revents == 0) continue;
      Worker& worker = workers[which[i]];
      Tally& tally = tallies[worker.script];
      if (receive(worker, tally)) continue;
      finish(worker, scripts[worker.script], options, tally);
      show_progress(++done, scripts.size());
    }
  }
  return tallies;
}

} // namespace ebb::spec
