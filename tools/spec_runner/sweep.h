// Sweep: every request for memory that a script's operations make is refused, in every shape asked
// for, before the script goes on in the same store.
//
// There are two ways. An operation that leaves everything as it was when it fails (loading,
// instantiating without a start function) is tried in place: each attempt refuses the next point
// that was not tried yet, until one meets none; that one counts. An operation that may run guest
// code, or that keeps room for later (calls, registration), forks at each point: the new process
// meets the refusal, judges, tries the same again where nothing that guests see has changed, and
// the first of each class of call stacks goes on to the end of the script. The old process is the
// snapshot that the script goes on from.
#pragma once

#include "tests/oom/fork_points.h"
#include "tools/spec_runner/machine.h"
#include "tools/spec_runner/report.h"

#include <functional>
#include <memory>

namespace ebb::spec {

class Sweep {
public:
  /// What an attempt gave: its error, and something to compare successful ones by.
  struct Attempt {
    Error error = Error::none;
    uint64_t digest = 0;
  };
  /// What a failed operation may have done.
  enum class Effects : uint8_t { none, guest };

  /// `machine` may be empty at first; it is what is looked at.
  Sweep(const Options& options, Report& report, const std::optional<Machine>& machine);
  Sweep(const Sweep&) = delete;
  Sweep& operator=(const Sweep&) = delete;
  ~Sweep();

  bool is_on() const { return is_on_; }
  const Allocator& allocator() const { return allocator_; }
  void begin_command(uint32_t line);

  /// Tries an operation in place. `undo` takes a successful attempt back, where that is possible.
  /// The error is that of an undisturbed attempt, which has not been undone.
  Error in_place(const char* name, const std::function<Attempt()>& attempt,
                 const std::function<void()>& undo = {});
  /// Tries an operation by forking. Returns in several processes.
  Error branching(const char* name, Effects effects, const std::function<Error()>& attempt);

  /// Whether this process is a disturbed run; it ends by `finish`.
  bool is_branch() const { return points_->is_disturbed(); }
  /// In a disturbed run, when the command has ended: the verdict so far. `as_expected` says whether
  /// the command did what the script says. False if the command is to be tried again, whose end
  /// `note_retry` takes.
  bool judge(bool as_expected);
  void note_retry(bool as_expected, const std::string& why);
  /// Whether the rest of the script is to be run in this process, which must go well.
  bool follows() const { return follows_; }
  void note_followed(const std::string& why);
  [[noreturn]] void finish();

  /// Around the end of everything: no request may be made, and nothing may be left.
  void begin_teardown();
  void end_teardown();
  /// Waits for what is under way and reports the sums.
  void report_sums();

private:
  struct State {
    uint64_t structure = 0;
    uint64_t contents = 0;
    uint64_t activity = 0;
    bool has_contents = false;
    size_t held = 0;
  };
  struct Pages {
    explicit Pages(size_t size);
    ~Pages();
    void* memory;
    size_t bytes;
  };

  enum class Mode : uint8_t { idle, searching, at_point };
  void observe(const FaultInjector::Event& event);
  void refuse_here(const FaultInjector::Event& event);
  State state(bool with_contents) const;
  bool is_selected(const char* name) const;
  Attempt run_in_place(const std::function<Attempt()>& attempt, const oom::Shape& shape, Mode mode);
  void judge_in_place(const oom::Shape& shape, const Attempt& got, const State& before);
  oom::Run verdict_in_place(const Attempt& got, const State& before) const;
  void take(uint64_t key, const oom::Run& run);
  void add(const oom::Run& run, uint64_t request, const oom::Shape& shape,
           const FaultInjector::Event* event);
  std::string point_name(uint64_t request, const oom::Shape& shape) const;

  const Options& options_;
  Report& report_;
  const std::optional<Machine>& machine_;
  bool is_on_;
  Allocator below_;
  Pages table_;
  Pages site_table_;
  FaultInjector injector_;
  Allocator allocator_;
  oom::Sites sites_;
  oom::Branches branches_;
  std::unique_ptr<oom::ForkPoints> points_;
  oom::Tally tally_;
  uint32_t line_ = 0;
  std::string operation_;

  // In place: classes of the requests that were seen, in order; where the attempt stands among
  // them; and the point that it met.
  Mode mode_ = Mode::idle;
  std::vector<uint64_t> examined_;
  size_t aligned_ = 0;
  uint64_t found_ = 0;
  FaultInjector::Event found_event_;
  oom::Shape search_shape_;
  std::vector<Attempt> same_; // successful in spite of a declared refusal

  // Of a disturbed run.
  Effects effects_ = Effects::none;
  State before_;
  uint64_t grows_before_ = 0;
  Error error_ = Error::none;
  oom::Run run_;
  bool follows_ = false;
};

} // namespace ebb::spec
