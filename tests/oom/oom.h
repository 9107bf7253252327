// oom_test: proves for one scenario that every one of its requests for memory may be refused.
//
// A scenario is a struct, made afresh for each attempt:
//
//     struct PushString {
//       explicit PushString(ebb::oom::Test& test) : strings(test.heap()) {}
//       Result<void> setup() { return {}; }              // undisturbed: what must be there before
//       Result<void> act() { return strings.push(7); }   // the call under test
//       // All that others can see, before and after act().
//       uint64_t digest() const { return strings.size(); }
//       // Optional: what may only be compared within one attempt, such as addresses.
//       uint64_t state() const { return reinterpret_cast<uintptr_t>(strings.data()); }
//       Vec<int> strings; // its destructor is the teardown
//     };
//     Report report = oom_test<PushString>("push");
//
// act() runs twice undisturbed to learn how many requests it makes and what it leads to. Then each
// request is refused in turn, in each shape (by default once alone and once with all that follow),
// and after each refusal these must hold, or the report names what does not, with the number and
// the call stack of the request and what repeats it:
//   - act() returned out_of_memory, if and only if a refusal was not a declared exception
//   (Test::Benign);
//   - digest() and state() are what they were before act();
//   - nothing is held beyond what was held before, but for the declared slack, which repeating the
//   failure lets not grow;
//   - nothing was requested after the refusal;
//   - the same act() on the same objects, undisturbed, succeeds and gives the undisturbed digest;
//   - after teardown nothing is held, and every release named the right size and alignment.
// Where guest code runs in act(), its effects stay: set Options::keeps_effects, and give the
// scenario a retry(), which is then called in place of the second act(): a fresh instance in the
// same store, for instance.
//
// What is tried can be chosen without building again, by the environment: EBB_OOM_SHAPES and
// EBB_OOM_POINTS as shape.h writes them, and EBB_OOM_REPEAT="scenario:17/once" for one point alone.
// Break on ebb::refused_here to see a refusal.
#pragma once

#include "collections/fault_injector.h"
#include "collections/heap.h"
#include "error/result.h"
#include "tests/oom/shape.h"

#include <new>

namespace ebb::oom {

enum class Violation : uint8_t {
  none,
  setup_failed,          ///< setup() fails undisturbed, so nothing was tested.
  undisturbed_failure,   ///< act() fails undisturbed.
  not_repeatable,        ///< Two undisturbed runs differ in requests or digest.
  swallowed_error,       ///< A request was refused and act() succeeded.
  wrong_error,           ///< act() failed with something else than out_of_memory.
  early_mutation,        ///< act() failed and others can see that it began.
  leak,                  ///< More is held than before, or at the end anything.
  slack_grows,           ///< Repeating the failure makes more be held.
  alloc_while_unwinding, ///< A request was made between the refusal and the return.
  broken_retry,          ///< The same call, undisturbed, fails or ends in another digest.
  wrong_result,          ///< An act() that succeeded in spite of a refusal ends in another digest.
  bad_release,           ///< A block was released or resized wrongly.
  unwatched_blocks,      ///< More blocks lived at once than Options::live_blocks_max.
  bad_environment,       ///< EBB_OOM_… cannot be read.
};
const char* violation_name(Violation violation);

/// One thing found.
struct Finding {
  Violation violation = Violation::none;
  uint64_t request = 0; ///< The refused request, from 1; 0 in undisturbed runs.
  Shape shape;
  Error error = Error::none; ///< What act() returned, where that matters.
  uint64_t expected = 0;     ///< Bytes or digests, by violation.
  uint64_t found = 0;
  FaultInjector::Event event; ///< The request that the finding is about.
};

struct Report {
  static constexpr size_t findings_max = 32;
  const char* scenario = "";
  uint64_t requests = 0;    ///< Of one undisturbed act(): the points there are.
  uint64_t points = 0;      ///< How many of them were tried, each in every shape.
  uint64_t retried = 0;     ///< How often the same was asked again.
  uint64_t sites_known = 0; ///< Call stacks that make requests, and how many of them were tried.
  uint64_t sites_reached = 0;
  uint64_t injected = 0;      ///< Attempts in which a request was refused.
  uint64_t returned = 0;      ///< Of these, how many returned out_of_memory.
  uint64_t benign = 0;        ///< Of these, how many were declared exceptions.
  size_t slack_bytes_max = 0; ///< The most that a failed act() left reserved.
  size_t finding_count = 0;   ///< All, of which the first are kept.
  Finding findings[findings_max];

  bool ok() const { return finding_count == 0; }
  bool has(Violation violation) const;
};

struct Options {
  /// Where the memory comes from; null means malloc.
  const Allocator* below = nullptr;
  /// What a failed call may keep reserved.
  size_t slack_bytes = 0;
  /// Effects of guest code that ran before the refusal stay, so early_mutation and digests after
  /// failures are not checked; the retry's are.
  bool keeps_effects = false;
  /// How many blocks may live at once; the table of them is cleared for every attempt.
  size_t live_blocks_max = 20000;
  Shapes shapes = {};
  Schedule schedule = {};
  /// For scenarios too large to try all points: where those would take longer, as many of each
  /// class of call stacks as fit. 0 for no limit.
  double seconds_max = 0;
};

/// Whether every fallible call asks for memory in this build, also those that have room already.
bool every_call_asks();

/// What a scenario is made in: a heap over an injector of its own.
class Test {
public:
  Test(const Allocator& below, void* table, size_t table_bytes)
      : injector_(below, table, table_bytes), allocator_(injector_.allocator()), heap_(allocator_) {
  }

  Heap& heap() { return heap_; }
  const Allocator& allocator() const { return allocator_; }
  FaultInjector& injector() { return injector_; }
  /// Declares that what is refused while it lives need not be returned: `Test::Benign
  /// scope(test.injector(), "why");`
  using Benign = FaultInjector::Benign;

private:
  FaultInjector injector_;
  Allocator allocator_;
  Heap heap_;
};

/// A scenario with its type taken away.
struct Scenario {
  const char* name;
  size_t bytes;
  size_t align;
  void (*construct)(void* at, Test& test);
  Result<void> (*setup)(void* scenario);
  Result<void> (*act)(void* scenario);
  Result<void> (*retry)(void* scenario);
  uint64_t (*digest)(void* scenario);
  uint64_t (*state)(void* scenario); ///< Null if there is none.
  void (*destroy)(void* scenario);
};

/// Runs a scenario as the head of this file says.
Report run(const Scenario& scenario, const Options& options);
/// Writes a report for people to standard error: one line, and one more for each finding.
void print(const Report& report);

template <class S> Scenario scenario_of(const char* name) {
  Scenario scenario = {};
  scenario.name = name;
  scenario.bytes = sizeof(S);
  scenario.align = alignof(S);
  scenario.construct = [](void* at, Test& test) { ::new (at) S(test); };
  scenario.setup = [](void* at) { return static_cast<S*>(at)->setup(); };
  scenario.act = [](void* at) -> Result<void> { return static_cast<S*>(at)->act(); };
  if constexpr (requires(S& s) { s.retry(); }) {
    scenario.retry = [](void* at) -> Result<void> { return static_cast<S*>(at)->retry(); };
  } else {
    scenario.retry = scenario.act;
  }
  scenario.digest = [](void* at) -> uint64_t { return static_cast<S*>(at)->digest(); };
  if constexpr (requires(S& s) { s.state(); }) {
    scenario.state = [](void* at) -> uint64_t { return static_cast<S*>(at)->state(); };
  }
  scenario.destroy = [](void* at) { static_cast<S*>(at)->~S(); };
  return scenario;
}

/// Tests scenario S, prints the report if something was found, and returns it.
template <class S> Report oom_test(const char* name, const Options& options = {}) {
  Report report = run(scenario_of<S>(name), options);
  if (!report.ok()) print(report);
  return report;
}

/// Helps to write digests.
constexpr uint64_t mix(uint64_t digest, uint64_t value) {
  digest ^= value + 0x9e3779b97f4a7c15u + (digest << 6) + (digest >> 2);
  return digest * 0xd6e8feb86659fd93u;
}

} // namespace ebb::oom

namespace ebb {
using oom::oom_test;
}
