#include "tests/oom/fork_points.h"
#include "tests/oom/outcome.h"
#include "tests/oom/sites.h"

#include "tests/collections/collections_test.h"

#include <csignal>
#include <cstring>
#include <map>
#include <string>

#include <doctest/doctest.h>

using namespace ebb;
using namespace ebb::oom;

namespace {

FaultInjector::Event event_of(size_t bytes, const void* caller) {
  FaultInjector::Event event;
  event.bytes = bytes;
  event.site.frames[0] = caller;
  event.site.count = 1;
  return event;
}

/// An event of its own class, whatever classes are made of.
FaultInjector::Event event_of_class(size_t number) {
  static char places[4096];
  return event_of(number + 1, places + number);
}

} // namespace

TEST_CASE("sites count what is seen and what was refused") {
  alignas(16) unsigned char memory[1024];
  Sites sites(memory, sizeof(memory));
  Schedule schedule;
  schedule.quota = 1;
  CHECK(sites.choose(event_of_class(1), schedule));
  CHECK(!sites.choose(event_of_class(1), schedule));
  CHECK(sites.choose(event_of_class(2), schedule));
  CHECK(sites.known() == 2);
  CHECK(sites.reached() == 0);
  sites.note_refused(site_class(event_of_class(2)));
  sites.note_refused(site_class(event_of_class(2)));
  CHECK(sites.reached() == 1);
  CHECK(sites.find(site_class(event_of_class(1)))->seen == 2);
  sites.recount();
  CHECK(sites.choose(event_of_class(1), schedule));
  CHECK(sites.known() == 2);
}

TEST_CASE("more sites than fit are all tried, and that is said") {
  alignas(16) unsigned char memory[256];
  Sites sites(memory, sizeof(memory));
  Schedule schedule;
  schedule.quota = 1;
  for (size_t i = 0; i < 100; ++i)
    CHECK(sites.choose(event_of_class(i), schedule));
  CHECK(sites.is_full());
  CHECK(sites.known() == 12);
}

TEST_CASE("a time that suffices takes all points, a shorter one a quota") {
  alignas(16) unsigned char memory[4096];
  Sites sites(memory, sizeof(memory));
  for (size_t i = 0; i < 1000; ++i)
    sites.choose(event_of_class(i % 10), Schedule());
  CHECK(fit_to_time(Schedule(), sites, 1000, 0.001, 2).takes_all());
  const Schedule fitted = fit_to_time(Schedule(), sites, 1000, 0.001, 0.3);
  CHECK(fitted.quota == 16);
  CHECK(fit_to_time(Schedule(), sites, 1000, 1, 0.1).quota == 1);
}

namespace {

struct Forked {
  alignas(16) unsigned char table[64 * 64];
  alignas(16) unsigned char site_memory[1024];
  testing::PoolHeap base;
  FaultInjector injector{base.allocator(), table, sizeof(table)};
  Allocator allocator = injector.allocator();
  Sites sites{site_memory, sizeof(site_memory)};
  Branches branches;
  std::map<uint64_t, Run> runs;

  Forked() {
    REQUIRE(branches.create(
        2, 20,
        [](void* self, uint64_t key, const Run& run) {
          static_cast<Forked*>(self)->runs[key] = run;
        },
        this));
  }
  /// Asks four times, and counts refusals as bits.
  unsigned ask() {
    unsigned refused = 0;
    for (unsigned i = 0; i < 4; ++i) {
      const Block block = allocator.allocate(allocator.context, 16, 8, false);
      if (!block) refused |= 1u << i;
      if (block) allocator.release(allocator.context, block.pointer, block.bytes, 8);
    }
    return refused;
  }
};

} // namespace

TEST_CASE("each point begins a process for each shape, which goes on from there") {
  Forked forked;
  ForkPoints points(forked.injector, forked.branches, forked.sites);
  points.arm(Shapes(), Schedule());
  const unsigned refused = forked.ask();
  if (points.is_disturbed()) {
    points.disarm();
    Run run;
    run.outcome = Outcome::clean;
    run.injected = points.counts().injected;
    run.live_blocks = refused;
    forked.branches.finish(run);
  }
  points.disarm();
  forked.branches.wait_all();
  CHECK(refused == 0);
  CHECK(points.request_count() == 4);
  CHECK(points.point_count() == 4);
  REQUIRE(forked.runs.size() == 8);
  for (unsigned i = 0; i < 4; ++i) {
    CHECK(forked.runs[2 * i].live_blocks == 1u << i);
    CHECK(forked.runs[2 * i + 1].live_blocks == (15u & ~((1u << i) - 1)));
    CHECK(forked.runs[2 * i + 1].injected == 4 - i);
  }
}

TEST_CASE("a process that dies is a crash, and a single point can be tried alone") {
  Forked forked;
  ForkPoints points(forked.injector, forked.branches, forked.sites);
  points.arm_only(3, {Shape::Kind::once, 0, 0});
  forked.ask();
  if (points.is_disturbed()) {
    signal(SIGTERM, SIG_DFL);
    raise(SIGTERM);
  }
  points.disarm();
  forked.branches.wait_all();
  REQUIRE(forked.runs.size() == 1);
  CHECK(forked.runs[0].outcome == Outcome::crash);
  CHECK(forked.runs[0].signal == SIGTERM);
  Tally tally;
  tally.add(forked.runs[0]);
  CHECK(!tally.is_good());
}

TEST_CASE("the first blame stays, and is cut to fit") {
  Run run;
  run.outcome = Outcome::clean;
  run.blame(Outcome::leak, std::string(300, 'x').c_str());
  run.blame(Outcome::crash, "later");
  CHECK(run.outcome == Outcome::leak);
  CHECK(strlen(run.what) == sizeof(run.what) - 1);
}
