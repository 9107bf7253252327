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
//       Vec<int> strings; // its destructor is the teardown
//     };
//     Report report = oom_test<PushString>("push");
//
// act() runs twice undisturbed to learn how many requests it makes and what it leads to. Then each
// request is refused in turn, once alone and once with all that follow, and after each refusal
// these must hold, or the report names what does not, with the number and the site of the request:
//   - act() returned out_of_memory, if and only if a refusal was not a declared exception
//   (Test::Benign);
//   - digest() is what it was before act();
//   - nothing is held beyond what was held before, but for the declared slack, which repeating the
//   failure lets not grow;
//   - nothing was requested after the refusal;
//   - the same act() on the same objects, undisturbed, succeeds and gives the undisturbed digest;
//   - after teardown nothing is held, and every release named the right size and alignment.
// Where guest code runs in act(), its effects stay: set Options::keeps_effects, and give the
// scenario a retry(), which is then called in place of the second act(): a fresh instance in the
// same store, for instance.
#pragma once

#include "collections/fault_injector.h"
#include "collections/heap.h"
#include "error/result.h"

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
};
const char* violation_name(Violation violation);

/// One thing found.
struct Finding {
  Violation violation = Violation::none;
  uint64_t request = 0; ///< The refused request, from 1; 0 in undisturbed runs.
  bool and_all_after = false;
  Error error = Error::none; ///< What act() returned, where that matters.
  uint64_t expected = 0;     ///< Bytes or digests, by violation.
  uint64_t found = 0;
  FaultInjector::Event event; ///< The request that the finding is about.
};

struct Report {
  static constexpr size_t findings_max = 32;
  const char* scenario = "";
  uint64_t requests = 0;      ///< Of one undisturbed act().
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
  /// Stop after so many requests; for scenarios too large to try them all.
  uint64_t requests_max = UINT64_MAX;
};

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
