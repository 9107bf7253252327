// The harness finds what it is there to find: a toy container with every fault planted, one by one.
#include "tests/oom/oom.h"

#include <cstdlib>

#include <doctest/doctest.h>

using namespace ebb;
using oom::Violation;

namespace {

enum class Fault {
  none,
  leak,
  swallow,
  early,
  dead_retry,
  failing_retry,
  unwind,
  wrong_error,
  wrong_size,
  kept,
  growing,
  leak_always,
};

/// Two numbers on the heap, set together or not at all.
template <Fault fault> struct Toy {
  explicit Toy(oom::Test& test) : heap(test.heap()) {}
  ~Toy() {
    drop(first);
    drop(second);
    drop(kept);
    for (Block& block : growing)
      drop(block);
  }

  void drop(Block& block) {
    if (block) {
      if (fault == Fault::wrong_size && &block == &second) block.bytes -= 1;
      heap.release(block, 8);
    }
    block = {};
  }

  Result<void> setup() { return {}; }

  Result<void> fail(Error error, Block one) {
    has_failed = true;
    if (fault == Fault::kept) {
      kept = one;
      return error;
    }
    if (fault == Fault::growing) {
      growing[growing_count++] = one;
      return error;
    }
    if (fault == Fault::unwind) {
      auto log = heap.allocate(8, 8);
      if (log.ok()) heap.release(log.value(), 8);
    }
    if (fault != Fault::leak) drop(one);
    if (fault == Fault::swallow) return {};
    if (fault == Fault::wrong_error) return Error::busy;
    return error;
  }

  Result<void> act() {
    if (fault == Fault::dead_retry && has_failed) return {};
    if (fault == Fault::failing_retry && has_failed) return Error::out_of_memory;
    if (fault == Fault::early) value = 7;
    if (fault == Fault::leak_always) EBB_TRY(heap.allocate(8, 8));
    Block one = EBB_TRY(heap.allocate(16, 8));
    auto two = heap.allocate(32, 8);
    if (!two.ok()) return fail(two.error(), one);
    drop(kept);
    first = one;
    second = two.value();
    value = 7;
    return {};
  }

  uint64_t digest() const {
    return oom::mix(value,
                    static_cast<uint64_t>(bool(first)) + static_cast<uint64_t>(bool(second)));
  }

  Heap& heap;
  Block first, second, kept;
  Block growing[8];
  size_t growing_count = 0;
  uint64_t value = 0;
  bool has_failed = false;
};

template <Fault fault> oom::Report test_toy(const oom::Options& options = {}) {
  return oom::run(oom::scenario_of<Toy<fault>>("toy"), options);
}

} // namespace

TEST_CASE("a container without faults passes, and every request was refused") {
  const oom::Report report = test_toy<Fault::none>();
  CHECK(report.ok());
  CHECK(report.requests == 2);
  CHECK(report.injected == 4);
  CHECK(report.returned == 4);
}

TEST_CASE("a leak is named, with the request that was refused") {
  const oom::Report report = test_toy<Fault::leak>();
  CHECK(report.has(Violation::leak));
  CHECK(report.findings[0].request == 2);
  CHECK(report.findings[0].event.site.count > 0);
}
TEST_CASE("a leak without any refusal is named") {
  CHECK(test_toy<Fault::leak_always>().has(Violation::leak));
}
TEST_CASE("a swallowed error is named") {
  CHECK(test_toy<Fault::swallow>().has(Violation::swallowed_error));
}
TEST_CASE("another error than out_of_memory is named") {
  CHECK(test_toy<Fault::wrong_error>().has(Violation::wrong_error));
}
TEST_CASE("an early mutation is named") {
  CHECK(test_toy<Fault::early>().has(Violation::early_mutation));
}
TEST_CASE("a retry that does nothing is named") {
  CHECK(test_toy<Fault::dead_retry>().has(Violation::broken_retry));
}
TEST_CASE("a retry that fails is named") {
  CHECK(test_toy<Fault::failing_retry>().has(Violation::broken_retry));
}
TEST_CASE("a request while unwinding is named") {
  CHECK(test_toy<Fault::unwind>().has(Violation::alloc_while_unwinding));
}
TEST_CASE("a release with the wrong size is named") {
  CHECK(test_toy<Fault::wrong_size>().has(Violation::bad_release));
}
TEST_CASE("room that stays after a failure must be declared") {
  CHECK(test_toy<Fault::kept>().has(Violation::leak));
}
TEST_CASE("room that grows with every failure is named") {
  oom::Options options;
  options.slack_bytes = 16;
  const oom::Report report = test_toy<Fault::growing>(options);
  CHECK(report.has(Violation::slack_grows));
  CHECK(report.slack_bytes_max == 16);
}

TEST_CASE("more blocks than can be watched are named") {
  struct Many {
    explicit Many(oom::Test& test) : heap(test.heap()) {}
    ~Many() {
      for (Block& block : blocks)
        heap.release(block, 8);
    }
    Result<void> setup() {
      for (Block& block : blocks)
        block = EBB_TRY(heap.allocate(8, 8));
      return {};
    }
    Result<void> act() { return {}; }
    uint64_t digest() const { return 0; }
    Heap& heap;
    Block blocks[200];
  };
  oom::Options options;
  options.live_blocks_max = 50;
  CHECK(oom::run(oom::scenario_of<Many>("many"), options).has(Violation::unwatched_blocks));
  CHECK(oom_test<Many>("many").ok());
}

namespace {
/// A guest that is told that it got nothing, and goes on.
struct Answered {
  explicit Answered(oom::Test& from) : test(from) {}
  ~Answered() {
    if (block) test.heap().release(block, 8);
  }
  Result<void> setup() { return {}; }
  Result<void> act() {
    oom::Test::Benign scope(test.injector(), "the guest sees -1");
    block = test.heap().allocate(64, 8).value_or(Block());
    return {};
  }
  uint64_t digest() const { return block ? 1 : 0; }
  oom::Test& test;
  Block block;
};
} // namespace

TEST_CASE("a declared exception is not an error") {
  const oom::Report report = oom_test<Answered>("answered");
  CHECK(report.ok());
  CHECK(report.benign == 2);
  CHECK(report.returned == 0);
}

namespace {
/// As many requests as an embedder's larger scenarios make.
struct Large {
  static constexpr size_t block_count = 3000;
  explicit Large(oom::Test& test) : heap(test.heap()) {}
  ~Large() { drop(); }
  void drop() {
    while (count != 0)
      heap.release(blocks[--count], 8);
  }
  Result<void> setup() { return {}; }
  Result<void> act() {
    for (size_t i = 0; i < block_count; ++i) {
      auto block = heap.allocate(i % 3 == 0 ? 16 : 32, 8);
      if (!block.ok()) {
        drop();
        return block.error();
      }
      blocks[count++] = block.value();
    }
    return {};
  }
  uint64_t digest() const { return count; }
  Heap& heap;
  Block blocks[block_count];
  size_t count = 0;
};

struct Environment {
  Environment(const char* variable, const char* value) : name(variable) { setenv(name, value, 1); }
  ~Environment() { unsetenv(name); }
  const char* name;
};
} // namespace

TEST_CASE("every shape is tried at every point") {
  oom::Options options;
  REQUIRE(oom::read_shapes("once,onward,window:2,every:2,full,pair:1,random:2@5", options.shapes));
  const oom::Report report = test_toy<Fault::none>(options);
  CHECK(report.ok());
  CHECK(report.injected == 14);
  CHECK(report.points == 2);
  CHECK(report.retried == 14);
  CHECK(report.sites_known == 2);
  CHECK(report.sites_reached == 2);
}

TEST_CASE("a scenario that is too large for its time is tried by classes") {
  oom::Options options;
  options.schedule.quota = 2;
  const oom::Report report = oom_test<Large>("large", options);
  CHECK(report.ok());
  CHECK(report.requests == Large::block_count);
  CHECK(report.points >= 4);
  CHECK(report.points < 60);
  CHECK(report.sites_reached == report.sites_known);
  oom::Options timed;
  timed.seconds_max = 1e-9;
  CHECK(oom_test<Large>("large", timed).points < 60);
}

TEST_CASE("one point can be repeated by what a report prints") {
  const Environment repeat("EBB_OOM_REPEAT", "toy:2/once");
  const oom::Report report = test_toy<Fault::leak>();
  CHECK(report.injected == 1);
  CHECK(report.findings[0].request == 2);
  CHECK(oom_test<Answered>("another").injected == 0);
}

TEST_CASE("an environment that cannot be read is named") {
  const Environment shapes("EBB_OOM_SHAPES", "twice");
  CHECK(test_toy<Fault::none>().has(Violation::bad_environment));
}
