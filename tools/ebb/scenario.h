// Scenario: a module from load to teardown, undisturbed or disturbed, and the verdict on a
// disturbed run.
#pragma once

#include "tests/oom/fork_points.h"
#include "tools/ebb/guest.h"
#include "tools/ebb/recording.h"

namespace ebb::tool {

/// What a run gave: how far it came, what ended it, and what the guest wrote (in the recording).
struct Ending {
  Step step = Step::call; ///< The last that was performed.
  Error error = Error::none;
  int32_t exit_code = 0;
  uint64_t results_hash = 0; ///< Of the call's values.
  bool operator==(const Ending&) const = default;
};

class Scenario {
public:
  Scenario(const Options& options, std::span<const uint8_t> bytes, const Allocator& allocator,
           oom::ForkPoints& points, FaultInjector& injector, Recording& recording);

  bool prepare() { return guest_.prepare(); }
  /// The first run, which records. Its result is what others are compared with.
  const Ending& run_undisturbed();
  /// The same again, during which other processes begin disturbed runs; those do not return but end
  /// with a verdict. False if it went differently from the first.
  bool run_with_forks(oom::Branches& branches);

  /// Is told of the request that a disturbed run begins with, in its process.
  void set_on_refusal(void (*on_refusal)(const FaultInjector::Event& event)) {
    on_refusal_ = on_refusal;
  }

  const Diagnostic& diagnostic() const { return guest_.diagnostic(); }
  const Ending& undisturbed() const { return undisturbed_; }
  /// Ends the first run. Gives how many blocks it left, which should be none.
  size_t tear_down() {
    guest_.tear_down();
    return injector_.live_blocks();
  }

private:
  Ending run_from(Step step);
  oom::Run judge(const Ending& met);
  bool retry(const Ending& met);
  uint64_t grows_refused();

  oom::ForkPoints& points_;
  FaultInjector& injector_;
  Recording& recording_;
  Guest guest_;
  Ending undisturbed_;
  uint64_t grows_refused_before_ = 0;
  void (*on_refusal_)(const FaultInjector::Event& event) = nullptr;
};

} // namespace ebb::tool
