// The loop of oom_test. Each attempt makes the scenario afresh over an injector of its own, so that
// attempts cannot influence each other; the price is one setup for each request.
#include "tests/oom/oom.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace ebb::oom {
namespace {

Block malloc_allocate(void*, size_t bytes, size_t align, bool zeroed) {
  if (align < sizeof(void*)) align = sizeof(void*);
  const size_t rounded = (bytes + align - 1) & ~(align - 1);
  if (rounded < bytes) return {};
  void* pointer = aligned_alloc(align, rounded);
  if (!pointer) return {};
  if (zeroed) memset(pointer, 0, bytes);
  return {pointer, bytes};
}

/// Blocks cannot be cut; they keep their bytes, and what is charged stays exact.
Block malloc_resize(void*, void* pointer, size_t old_bytes, size_t new_bytes, size_t align,
                    bool may_move) {
  if (new_bytes <= old_bytes) return {pointer, old_bytes};
  if (!may_move) return {};
  const Block block = malloc_allocate(nullptr, new_bytes, align, false);
  if (!block) return {};
  memcpy(block.pointer, pointer, old_bytes);
  free(pointer);
  return block;
}

void malloc_release(void*, void* pointer, size_t, size_t) { free(pointer); }

Allocator malloc_allocator() {
  Allocator allocator;
  allocator.allocate = malloc_allocate;
  allocator.resize = malloc_resize;
  allocator.release = malloc_release;
  return allocator;
}

/// The injector uses a power of two of entries of up to 32 bytes, seven eighths of them.
size_t table_bytes_for(size_t live_blocks_max) {
  size_t entries = 64;
  while (entries - entries / 8 < live_blocks_max)
    entries *= 2;
  return entries * 32 + 64;
}

/// What an undisturbed run leads to.
struct Course {
  uint64_t requests = 0;
  uint64_t digest = 0;
};

class Run {
public:
  Run(const Scenario& scenario, const Options& options)
      : scenario_(scenario), options_(options), malloc_(malloc_allocator()),
        table_bytes_(table_bytes_for(options.live_blocks_max)), table_(malloc(table_bytes_)),
        objects_(aligned_alloc(round_align(), (scenario.bytes + round_align() - 1) / round_align() *
                                                  round_align())) {
    report_.scenario = scenario.name;
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() {
    free(objects_);
    free(table_);
  }

  Report go();

private:
  size_t round_align() const {
    return scenario_.align < sizeof(void*) ? sizeof(void*) : scenario_.align;
  }
  bool learn(Course* course);
  void attempt(const Course& course, uint64_t number, bool and_all_after);
  void judge_return(const FaultInjector& injector, Result<void> result, const Finding& about);
  void retry(Test& test, const Course& course, size_t held_before, const Finding& about);
  void finish(Test& test, const Finding& about);
  void add(Finding finding, Violation violation);

  const Scenario& scenario_;
  const Options& options_;
  Allocator malloc_;
  size_t table_bytes_;
  void* table_;
  void* objects_;
  const void* stack_end_ = nullptr;
  Report report_;
};

void Run::add(Finding finding, Violation violation) {
  finding.violation = violation;
  if (report_.finding_count < Report::findings_max) {
    report_.findings[report_.finding_count] = finding;
  }
  ++report_.finding_count;
}

/// Tears down and checks that nothing is left.
void Run::finish(Test& test, const Finding& about) {
  scenario_.destroy(objects_);
  FaultInjector& injector = test.injector();
  Finding finding = about;
  finding.found = injector.live_bytes();
  finding.expected = 0;
  if (injector.live_blocks() != 0) add(finding, Violation::leak);
  finding.found = injector.misuses();
  finding.event.site = injector.first_misuse_site();
  if (injector.misuses() != 0) add(finding, Violation::bad_release);
  if (injector.is_table_full()) add(about, Violation::unwatched_blocks);
  injector.reclaim_live();
}

/// One undisturbed run; false if the scenario does not work at all.
bool Run::learn(Course* course) {
  Test test(options_.below ? *options_.below : malloc_, table_, table_bytes_);
  FaultInjector& injector = test.injector();
  injector.set_stack_end(stack_end_);
  scenario_.construct(objects_, test);
  const Result<void> setup = scenario_.setup(objects_);
  Finding finding;
  if (!setup.ok()) {
    finding.error = setup.error();
    add(finding, Violation::setup_failed);
    finish(test, finding);
    return false;
  }
  injector.begin();
  const Result<void> result = scenario_.act(objects_);
  course->requests = injector.counts().requests;
  course->digest = scenario_.digest(objects_);
  if (!result.ok()) {
    finding.error = result.error();
    add(finding, Violation::undisturbed_failure);
  }
  finish(test, finding);
  return result.ok();
}

void Run::judge_return(const FaultInjector& injector, Result<void> result, const Finding& about) {
  const FaultInjector::Counts& counts = injector.counts();
  const bool is_benign = counts.injected == counts.injected_benign;
  if (is_benign) ++report_.benign;
  if (!result.ok() && result.error() == Error::out_of_memory) ++report_.returned;
  if (result.ok() && !is_benign) add(about, Violation::swallowed_error);
  if (!result.ok() && result.error() != Error::out_of_memory) {
    Finding finding = about;
    finding.error = result.error();
    add(finding, Violation::wrong_error);
  }
  if (counts.while_unwinding != 0) {
    Finding finding = about;
    finding.event = counts.first_while_unwinding;
    finding.found = counts.while_unwinding;
    add(finding, Violation::alloc_while_unwinding);
  }
}

/// Repeats the failure, which must hold no more than the first, and then the call undisturbed.
void Run::retry(Test& test, const Course& course, size_t held_before, const Finding& about) {
  FaultInjector& injector = test.injector();
  Finding finding = about;
  const size_t slack =
      injector.live_bytes() > held_before ? injector.live_bytes() - held_before : 0;
  if (slack > report_.slack_bytes_max) report_.slack_bytes_max = slack;
  if (slack > options_.slack_bytes) {
    finding.expected = held_before + options_.slack_bytes;
    finding.found = injector.live_bytes();
    add(finding, Violation::leak);
  }
  const size_t held = injector.live_bytes();
  if (!options_.keeps_effects) {
    injector.begin({about.and_all_after ? FaultInjector::Mode::from_nth : FaultInjector::Mode::nth,
                    about.request, 0});
    const Result<void> again = scenario_.act(objects_);
    injector.call_returned();
    injector.begin();
    if (!again.ok() && injector.live_bytes() > held) {
      finding.expected = held;
      finding.found = injector.live_bytes();
      add(finding, Violation::slack_grows);
    }
    // With room kept from the first failure the request may not have come; then this was the retry.
    if (again.ok()) {
      finding.expected = course.digest;
      finding.found = scenario_.digest(objects_);
      if (finding.found != course.digest) add(finding, Violation::broken_retry);
      return;
    }
  }
  injector.begin();
  const Result<void> result = scenario_.retry(objects_);
  if (!result.ok()) {
    finding.error = result.error();
    add(finding, Violation::broken_retry);
    return;
  }
  finding.expected = course.digest;
  finding.found = scenario_.digest(objects_);
  if (finding.found != course.digest) add(finding, Violation::broken_retry);
}

/// Refuses one request, or that and all after it.
void Run::attempt(const Course& course, uint64_t number, bool and_all_after) {
  Test test(options_.below ? *options_.below : malloc_, table_, table_bytes_);
  FaultInjector& injector = test.injector();
  injector.set_stack_end(stack_end_);
  Finding about;
  about.request = number;
  about.and_all_after = and_all_after;
  scenario_.construct(objects_, test);
  if (!scenario_.setup(objects_).ok()) {
    add(about, Violation::setup_failed);
    return finish(test, about);
  }
  const uint64_t digest_before = scenario_.digest(objects_);
  const size_t held_before = injector.live_bytes();
  injector.begin(
      {and_all_after ? FaultInjector::Mode::from_nth : FaultInjector::Mode::nth, number, 0});
  const Result<void> result = scenario_.act(objects_);
  injector.call_returned();
  about.event = injector.counts().first_injected;
  if (injector.counts().injected == 0) {
    add(about, Violation::not_repeatable);
    return finish(test, about);
  }
  ++report_.injected;
  const bool is_answered = injector.counts().injected_benign != 0;
  judge_return(injector, result, about);
  injector.begin();
  if (result.ok()) {
    Finding finding = about;
    finding.expected = course.digest;
    finding.found = scenario_.digest(objects_);
    if (!is_answered && finding.found != course.digest) add(finding, Violation::wrong_result);
    return finish(test, about);
  }
  if (!options_.keeps_effects) {
    Finding finding = about;
    finding.expected = digest_before;
    finding.found = scenario_.digest(objects_);
    if (finding.found != digest_before) add(finding, Violation::early_mutation);
  }
  retry(test, course, held_before, about);
  finish(test, about);
}

Report Run::go() {
  stack_end_ = __builtin_frame_address(0);
  Course course;
  Course again;
  if (!table_ || !objects_) {
    add(Finding(), Violation::setup_failed);
    return report_;
  }
  if (!learn(&course) || !learn(&again)) return report_;
  report_.requests = course.requests;
  if (course.requests != again.requests || course.digest != again.digest) {
    Finding finding;
    finding.expected = course.requests;
    finding.found = again.requests;
    add(finding, Violation::not_repeatable);
    return report_;
  }
  const uint64_t last =
      course.requests < options_.requests_max ? course.requests : options_.requests_max;
  for (uint64_t number = 1; number <= last; ++number) {
    attempt(course, number, false);
    attempt(course, number, true);
  }
  return report_;
}

} // namespace

const char* violation_name(Violation violation) {
  switch (violation) {
  case Violation::none:
    return "none";
  case Violation::setup_failed:
    return "setup_failed";
  case Violation::undisturbed_failure:
    return "undisturbed_failure";
  case Violation::not_repeatable:
    return "not_repeatable";
  case Violation::swallowed_error:
    return "swallowed_error";
  case Violation::wrong_error:
    return "wrong_error";
  case Violation::early_mutation:
    return "early_mutation";
  case Violation::leak:
    return "leak";
  case Violation::slack_grows:
    return "slack_grows";
  case Violation::alloc_while_unwinding:
    return "alloc_while_unwinding";
  case Violation::broken_retry:
    return "broken_retry";
  case Violation::wrong_result:
    return "wrong_result";
  case Violation::bad_release:
    return "bad_release";
  case Violation::unwatched_blocks:
    return "unwatched_blocks";
  }
  return "unknown";
}

bool Report::has(Violation violation) const {
  const size_t kept = finding_count < findings_max ? finding_count : findings_max;
  for (size_t i = 0; i < kept; ++i) {
    if (findings[i].violation == violation) return true;
  }
  return false;
}

Report run(const Scenario& scenario, const Options& options) { return Run(scenario, options).go(); }

void print(const Report& report) {
  fprintf(stderr,
          "oom %s: %llu requests, %llu refusals, %llu returned, %llu declared, %zu findings\n",
          report.scenario, static_cast<unsigned long long>(report.requests),
          static_cast<unsigned long long>(report.injected),
          static_cast<unsigned long long>(report.returned),
          static_cast<unsigned long long>(report.benign), report.finding_count);
  for (size_t i = 0; i < report.finding_count && i < Report::findings_max; ++i) {
    const Finding& finding = report.findings[i];
    fprintf(stderr,
            "  %s: request %llu%s (%s of %zu bytes), error %s, expected %llu, found %llu, at",
            violation_name(finding.violation), static_cast<unsigned long long>(finding.request),
            finding.and_all_after ? " and all after it" : "", request_name(finding.event.request),
            finding.event.bytes, error_name(finding.error),
            static_cast<unsigned long long>(finding.expected),
            static_cast<unsigned long long>(finding.found));
    for (size_t frame = 0; frame < finding.event.site.count; ++frame) {
      fprintf(stderr, " %p", finding.event.site.frames[frame]);
    }
    fputc('\n', stderr);
  }
}

} // namespace ebb::oom
