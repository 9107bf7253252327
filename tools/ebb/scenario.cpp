// See scenario.h.
#include "tools/ebb/scenario.h"

#include "core/state/store_state.h"

namespace ebb::tool {
namespace {

uint64_t mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15;
  return hash ^ hash >> 29;
}

uint64_t hash_of(const Val& value) {
  const uint64_t kind = static_cast<uint64_t>(value.kind()) + 1;
  switch (value.kind()) {
  case Val::Kind::i32:
    return mix(kind, static_cast<uint32_t>(value.as_i32()));
  case Val::Kind::i64:
    return mix(kind, static_cast<uint64_t>(value.as_i64()));
  case Val::Kind::f32:
    return mix(kind, value.as_f32_bits());
  case Val::Kind::f64:
    return mix(kind, value.as_f64_bits());
  case Val::Kind::v128:
    return mix(mix(kind, value.as_v128().low), value.as_v128().high);
  default:
    return mix(kind, value.is_null());
  }
}

} // namespace

Scenario::Scenario(const Options& options, std::span<const uint8_t> bytes,
                   const Allocator& allocator, oom::ForkPoints& points, FaultInjector& injector,
                   Recording& recording)
    : points_(points), injector_(injector), recording_(recording),
      guest_(options, bytes, allocator, recording.hooks()) {
  points_.set_on_fork(
      [](void* self) {
        auto* scenario = static_cast<Scenario*>(self);
        scenario->grows_refused_before_ = scenario->grows_refused();
        if (scenario->on_refusal_) scenario->on_refusal_(scenario->points_.event());
      },
      this);
}

// Performs the steps from one on, up to the first that fails.
Ending Scenario::run_from(Step first) {
  Ending ending;
  for (auto step = static_cast<size_t>(first); step < step_count; ++step) {
    ending.step = static_cast<Step>(step);
    const Result<void> result = guest_.perform(ending.step);
    injector_.call_returned();
    if (result.ok()) continue;
    ending.error = result.error();
    if (ending.error == Error::exit) ending.exit_code = guest_.diagnostic().exit_code;
    return ending;
  }
  for (const Val& value : guest_.results())
    ending.results_hash = mix(ending.results_hash, hash_of(value));
  return ending;
}

const Ending& Scenario::run_undisturbed() {
  undisturbed_ = run_from(Step::engine);
  return undisturbed_;
}

uint64_t Scenario::grows_refused() {
  Store* store = guest_.store();
  return store ? store->state().grows_refused : 0;
}

// Performs the failed step again on the same objects or, where guest code may have run, makes a
// fresh instance of the same InstancePre in the same store; then goes on to the end.
bool Scenario::retry(const Ending& met) {
  const bool has_run = met.error == Error::none || runs_guest_code(met.step);
  if (has_run) {
    guest_.forget_instance();
    recording_.rewind();
  }
  const Ending again = run_from(has_run ? Step::instance : met.step);
  return again == undisturbed_ && recording_.is_output_same();
}

// A run that never had a store or instance to retry with, because the undisturbed one has none
// either, is retried from the step that it ended in.
oom::Run Scenario::judge(const Ending& met) {
  const bool told = grows_refused() > grows_refused_before_;
  const bool same = met == undisturbed_ && recording_.is_output_same();
  points_.disarm();
  oom::Run run;
  run.step = static_cast<uint8_t>(met.step);
  run.error = met.error;
  run.injected = points_.counts().injected;
  run.site = oom::site_class(points_.event());
  if (met.error == Error::out_of_memory)
    run.outcome = oom::Outcome::clean;
  else if (told)
    run.outcome = oom::Outcome::told;
  else
    run.outcome =
        same && points_.only_declared() ? oom::Outcome::same_result : oom::Outcome::wrong_result;
  if (run.outcome == oom::Outcome::clean && !told && points_.counts().while_unwinding != 0)
    run.blame(oom::Outcome::wrong_result, "memory was asked for on the way out of the failure");
  if (!oom::is_bad(run.outcome)) {
    run.retried = true;
    if (!retry(met)) run.blame(oom::Outcome::broken_on_retry, "");
  }
  guest_.tear_down();
  run.live_blocks = injector_.live_blocks();
  if (run.live_blocks != 0) run.blame(oom::Outcome::leak, "");
  if (injector_.misuses() != 0)
    run.blame(oom::Outcome::leak, misuse_name(injector_.first_misuse()));
  return run;
}

bool Scenario::run_with_forks(oom::Branches& branches) {
  recording_.rewind();
  const Ending ending = run_from(Step::engine);
  if (points_.is_disturbed()) branches.finish(judge(ending));
  points_.disarm();
  const bool same = ending == undisturbed_ && recording_.is_output_same();
  guest_.tear_down();
  return same;
}

} // namespace ebb::tool
