// The loop of oom_test. Each attempt makes the scenario afresh over an injector of its own, so that
// attempts cannot influence each other; the price is one setup for each request.
#include "tests/oom/oom.h"

#include "tests/oom/sites.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <time.h>

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

double now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// What an undisturbed run leads to.
struct Course {
  uint64_t requests = 0;
  uint64_t digest = 0;
  double seconds = 0;
  std::vector<FaultInjector::Event> events;
};

/// Refuses the request of a class that comes after `before` others of it. Room that a failure left
/// may have made other requests needless, so numbers do not name the same request again.
struct Repetition {
  FaultInjector& injector;
  uint64_t site;
  uint64_t before;
  Shape shape;

  static void observe(void* self, const FaultInjector::Event& event) {
    Repetition& repetition = *static_cast<Repetition*>(self);
    if (site_class(event) != repetition.site) return;
    if (repetition.before-- == 0) repetition.injector.begin_here(repetition.shape.from(1));
  }
};

// Room for the classes of call stacks of one scenario.
constexpr size_t site_bytes = size_t{1} << 16;
/// How often a failure is repeated at most, until it keeps no more than before.
constexpr int repetitions_max = 4;

class Run {
public:
  Run(const Scenario& scenario, const Options& options)
      : scenario_(scenario), options_(options), malloc_(malloc_allocator()),
        shapes_(options.shapes), schedule_(options.schedule),
        table_bytes_(table_bytes_for(options.live_blocks_max)), table_(malloc(table_bytes_)),
        site_memory_(malloc(site_bytes)),
        objects_(aligned_alloc(round_align(), (scenario.bytes + round_align() - 1) / round_align() *
                                                  round_align())) {
    report_.scenario = scenario.name;
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() {
    free(objects_);
    free(site_memory_);
    free(table_);
  }

  Report go();

private:
  size_t round_align() const {
    return scenario_.align < sizeof(void*) ? sizeof(void*) : scenario_.align;
  }
  bool learn(Course* course);
  void read_environment();
  bool is_repeated(uint64_t number, const Shape& shape) const;
  void attempt_all(const Course& course, Sites& sites);
  void attempt(const Course& course, uint64_t number, const Shape& shape);
  Result<void> act(FaultInjector& injector);
  void judge_return(const FaultInjector& injector, Result<void> result, const Finding& about);
  void retry(Test& test, const Course& course, size_t held_before, const Finding& about);
  void finish(Test& test, const Finding& about);
  void add(Finding finding, Violation violation);

  const Scenario& scenario_;
  const Options& options_;
  Allocator malloc_;
  Shapes shapes_;
  Schedule schedule_;
  bool repeats_ = false; // one point of one scenario, which may be another
  uint64_t repeat_request_ = 0;
  Shape repeat_shape_;
  size_t table_bytes_;
  void* table_;
  void* site_memory_;
  void* objects_;
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

/// Call stacks end here, so that they are the same wherever this is called from.
__attribute__((noinline)) Result<void> Run::act(FaultInjector& injector) {
  injector.set_stack_end(__builtin_frame_address(0));
  const Result<void> result = scenario_.act(objects_);
  injector.set_stack_end(nullptr);
  return result;
}

/// One undisturbed run; false if the scenario does not work at all.
bool Run::learn(Course* course) {
  Test test(options_.below ? *options_.below : malloc_, table_, table_bytes_);
  FaultInjector& injector = test.injector();
  scenario_.construct(objects_, test);
  const Result<void> setup = scenario_.setup(objects_);
  Finding finding;
  if (!setup.ok()) {
    finding.error = setup.error();
    add(finding, Violation::setup_failed);
    finish(test, finding);
    return false;
  }
  injector.set_observer(
      [](void* events, const FaultInjector::Event& event) {
        static_cast<std::vector<FaultInjector::Event>*>(events)->push_back(event);
      },
      &course->events);
  injector.begin();
  const double started = now();
  const Result<void> result = act(injector);
  course->seconds = now() - started;
  injector.set_observer(nullptr, nullptr);
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
  size_t held = injector.live_bytes();
  // With what the first failure kept, another request of the same site may be the one that is
  // refused, after more has been kept; that must come to an end.
  for (int left = options_.keeps_effects ? 0 : repetitions_max; left > 0; --left) {
    Repetition repetition{injector, site_class(about.event), 0, about.shape};
    for (uint64_t i = 0; i + 1 < about.request; ++i)
      repetition.before += site_class(course.events[static_cast<size_t>(i)]) == repetition.site;
    injector.set_observer(&Repetition::observe, &repetition);
    injector.begin();
    const Result<void> again = act(injector);
    injector.call_returned();
    injector.set_observer(nullptr, nullptr);
    injector.begin();
    // With room kept from the first failure the request may not have come; then this was the retry.
    if (again.ok()) {
      finding.expected = course.digest;
      finding.found = scenario_.digest(objects_);
      if (finding.found != course.digest) add(finding, Violation::broken_retry);
      return;
    }
    if (injector.live_bytes() <= held) break;
    if (left == 1) {
      finding.expected = held;
      finding.found = injector.live_bytes();
      add(finding, Violation::slack_grows);
    }
    held = injector.live_bytes();
  }
  injector.begin();
  ++report_.retried;
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

/// Refuses from one request on, in one shape.
void Run::attempt(const Course& course, uint64_t number, const Shape& shape) {
  Test test(options_.below ? *options_.below : malloc_, table_, table_bytes_);
  FaultInjector& injector = test.injector();
  Finding about;
  about.request = number;
  about.shape = shape;
  scenario_.construct(objects_, test);
  if (!scenario_.setup(objects_).ok()) {
    add(about, Violation::setup_failed);
    return finish(test, about);
  }
  const uint64_t digest_before = scenario_.digest(objects_);
  const uint64_t state_before = scenario_.state ? scenario_.state(objects_) : 0;
  const size_t held_before = injector.live_bytes();
  injector.begin(shape.from(number));
  const Result<void> result = act(injector);
  injector.call_returned();
  about.event = injector.counts().first_injected;
  if (injector.counts().injected == 0) {
    add(about, Violation::not_repeatable);
    return finish(test, about);
  }
  ++report_.injected;
  const FaultInjector::Counts& counts = injector.counts();
  const bool is_answered = counts.injected_benign > counts.injected_replaceable;
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
    finding.expected = state_before;
    finding.found = scenario_.state ? scenario_.state(objects_) : 0;
    if (finding.found != state_before) add(finding, Violation::early_mutation);
  }
  retry(test, course, held_before, about);
  finish(test, about);
}

/// What the environment asks for goes before what the test does.
void Run::read_environment() {
  const char* shapes = getenv("EBB_OOM_SHAPES");
  const char* points = getenv("EBB_OOM_POINTS");
  const char* repeat = getenv("EBB_OOM_REPEAT");
  if (shapes && !read_shapes(shapes, shapes_)) add(Finding(), Violation::bad_environment);
  if (points && !read_schedule(points, schedule_)) add(Finding(), Violation::bad_environment);
  if (!repeat) return;
  const char* point = strrchr(repeat, ':');
  if (!point || !read_point(point + 1, repeat_request_, repeat_shape_))
    return add(Finding(), Violation::bad_environment);
  repeats_ = true;
  const size_t length = static_cast<size_t>(point - repeat);
  if (strlen(scenario_.name) != length || strncmp(scenario_.name, repeat, length) != 0)
    repeat_request_ = 0;
  shapes_.items[0] = repeat_shape_;
  shapes_.count = 1;
}

void Run::attempt_all(const Course& course, Sites& sites) {
  for (const FaultInjector::Event& event : course.events)
    sites.choose(event, Schedule());
  Schedule schedule = schedule_;
  if (options_.seconds_max > 0) {
    // Each attempt is a setup, a failure, its repetition and a retry.
    const double each = 3 * course.seconds * static_cast<double>(shapes_.count);
    schedule = fit_to_time(schedule, sites, course.requests, each, options_.seconds_max);
  }
  sites.recount();
  for (uint64_t number = 1; number <= course.requests; ++number) {
    const FaultInjector::Event& event = course.events[static_cast<size_t>(number - 1)];
    const bool is_taken = sites.choose(event, schedule);
    if (repeats_ ? number != repeat_request_ : !is_taken) continue;
    ++report_.points;
    sites.note_refused(site_class(event));
    for (const Shape& shape : shapes_)
      attempt(course, number, shape);
  }
}

Report Run::go() {
  read_environment();
  Course course;
  Course again;
  if (!table_ || !objects_ || !site_memory_) {
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
  Sites sites(site_memory_, site_bytes);
  attempt_all(course, sites);
  report_.sites_known = sites.known();
  report_.sites_reached = sites.reached();
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
  case Violation::bad_environment:
    return "bad_environment";
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

bool every_call_asks() {
#if defined(EBB_EVERY_CALL_ASKS)
  return true;
#else
  return false;
#endif
}

namespace {

unsigned long long wide(uint64_t value) { return value; }

void print_finding(const Report& report, const Finding& finding) {
  char shape[shape_text_max];
  write_shape(finding.shape, shape);
  fprintf(stderr,
          "  %s: request %llu, %s (%s of %zu bytes), error %s, expected %llu, found %llu, at",
          violation_name(finding.violation), wide(finding.request), shape,
          request_name(finding.event.request), finding.event.bytes, error_name(finding.error),
          wide(finding.expected), wide(finding.found));
  for (size_t frame = 0; frame < finding.event.site.count; ++frame)
    fprintf(stderr, " 0x%zx",
            static_cast<size_t>(program_offset(finding.event.site.frames[frame])));
  if (finding.request != 0)
    fprintf(stderr, "; to repeat: EBB_OOM_REPEAT='%s:%llu/%s'", report.scenario,
            wide(finding.request), shape);
  fputc('\n', stderr);
}

} // namespace

void print(const Report& report) {
  fprintf(stderr,
          "oom %s: points %llu/%llu, retried %llu, sites %llu/%llu, %llu refusals, %llu returned, "
          "%llu declared, %zu findings%s\n",
          report.scenario, wide(report.points), wide(report.requests), wide(report.retried),
          wide(report.sites_reached), wide(report.sites_known), wide(report.injected),
          wide(report.returned), wide(report.benign), report.finding_count,
          every_call_asks() ? " (every fallible call asks)" : "");
  for (size_t i = 0; i < report.finding_count && i < Report::findings_max; ++i)
    print_finding(report, report.findings[i]);
}

} // namespace ebb::oom
