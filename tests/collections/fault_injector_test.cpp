#include "collections/fault_injector.h"
#include "collections/poison.h"
#include "tests/collections/collections_test.h"

#include <doctest/doctest.h>

using namespace ebb;
using ebb::testing::PoolHeap;
using Mode = FaultInjector::Mode;
using Misuse = FaultInjector::Misuse;

namespace {
struct Injected {
  alignas(16) unsigned char table[64 * 64];
  PoolHeap base;
  FaultInjector injector{base.allocator(), table, sizeof(table)};
  Allocator allocator = injector.allocator();

  Block allocate(size_t bytes) { return allocator.allocate(allocator.context, bytes, 8, false); }
  void release(Block block, size_t align = 8) {
    allocator.release(allocator.context, block.pointer, block.bytes, align);
  }
  /// Which of the next 20 requests are refused, as bits.
  unsigned pattern(FaultInjector::Plan plan) {
    injector.begin(plan);
    unsigned refused = 0;
    for (unsigned i = 0; i < 20; ++i) {
      const Block block = allocate(16);
      if (block) {
        release(block);
      } else {
        refused |= 1u << i;
      }
    }
    return refused;
  }
};
} // namespace

TEST_CASE("plans refuse the requests they name") {
  Injected test;
  CHECK(test.pattern({}) == 0);
  CHECK(test.pattern({Mode::nth, 3, 0}) == 1u << 2);
  CHECK(test.injector.counts().injected == 1);
  CHECK(test.injector.counts().first_injected.number == 3);
  CHECK(test.injector.counts().first_injected.site.count == 1);
  CHECK(test.pattern({Mode::from_nth, 19, 0}) == 3u << 18);
  CHECK(test.pattern({Mode::every_kth, 5, 0}) == (1u << 4 | 1u << 9 | 1u << 14 | 1u << 19));
  const unsigned first = test.pattern({Mode::random, 3, 11});
  CHECK(first != 0);
  CHECK(first == test.pattern({Mode::random, 3, 11}));
  CHECK(first != test.pattern({Mode::random, 3, 12}));
  CHECK(test.injector.counts().requests == 20);
  CHECK(test.injector.live_blocks() == 0);
}

TEST_CASE("plans that begin at a request") {
  Injected test;
  CHECK(test.pattern({Mode::window, 4, 0, 3}) == 7u << 3);
  CHECK(test.pattern({Mode::every_from, 11, 0, 4}) == (1u << 10 | 1u << 14 | 1u << 18));
  CHECK(test.pattern({Mode::pair, 2, 0, 5}) == (1u << 1 | 1u << 6));
  const unsigned random = test.pattern({Mode::random_from, 6, 9, 2});
  CHECK((random & 0x3f) == 1u << 5);
  CHECK(random != 1u << 5);
  CHECK(random == test.pattern({Mode::random_from, 6, 9, 2}));
  CHECK(random != test.pattern({Mode::random_from, 6, 10, 2}));
}

TEST_CASE("memory that is full from a request on still serves smaller ones") {
  Injected test;
  test.injector.begin({Mode::full_from, 2, 0});
  const Block a = test.allocate(64);
  CHECK(!test.allocate(64));
  const Block b = test.allocate(32);
  CHECK(b);
  CHECK(!test.allocate(32));
  test.release(a);
  const Block c = test.allocate(64);
  CHECK(c);
  test.release(b);
  test.release(c);
}

TEST_CASE("an observer can begin a plan at the request that it is told of") {
  Injected test;
  struct Seen {
    FaultInjector& injector;
    uint64_t requests = 0;
  } seen{test.injector};
  test.injector.set_observer(
      [](void* context, const FaultInjector::Event&) {
        Seen& here = *static_cast<Seen*>(context);
        if (++here.requests == 3) here.injector.begin_here({Mode::window, 1, 0, 2});
      },
      &seen);
  CHECK(test.pattern({}) == 3u << 2);
  CHECK(test.injector.counts().injected == 2);
  CHECK(seen.requests == 20);
}

TEST_CASE("growing where it is has another way, which is no request while unwinding") {
  Injected test;
  const Block block = test.allocate(32);
  test.injector.begin({Mode::nth, 1, 0});
  const Allocator& allocator = test.allocator;
  CHECK(!allocator.resize(allocator.context, block.pointer, 32, 64, 8, false));
  test.release(test.allocate(64));
  CHECK(test.injector.counts().injected_benign == 1);
  CHECK(test.injector.counts().while_unwinding == 0);
  test.release(block);
}

TEST_CASE("a byte budget") {
  Injected test;
  test.injector.begin({Mode::byte_budget, 100, 0});
  const Block a = test.allocate(64);
  CHECK(a);
  CHECK(!test.allocate(48));
  const Block b = test.allocate(32);
  CHECK(b);
  test.release(a);
  test.release(b);
  CHECK(test.injector.live_bytes_peak() == 96);
}

TEST_CASE("shrinking is no request, growing is one") {
  Injected test;
  Block block = test.allocate(160);
  test.injector.begin({Mode::from_nth, 1, 0});
  const Allocator& allocator = test.allocator;
  block = allocator.resize(allocator.context, block.pointer, 160, 32, 8, false);
  CHECK(block.bytes == 32);
  CHECK(test.injector.counts().requests == 0);
  CHECK(test.injector.live_bytes() == 32);
  CHECK(!allocator.resize(allocator.context, block.pointer, 32, 64, 8, true));
  CHECK(test.injector.counts().injected == 1);
  test.injector.begin();
  block = allocator.resize(allocator.context, block.pointer, 32, 640, 8, true);
  CHECK(test.injector.live_bytes() == 640);
  CHECK(test.injector.counts().requests == 1);
  test.release(block);
  CHECK(test.injector.live_blocks() == 0);
}

TEST_CASE("requests between a refusal and the return are counted, but for declared ones") {
  Injected test;
  test.injector.begin({Mode::nth, 1, 0});
  CHECK(!test.allocate(16));
  test.release(test.allocate(16));
  CHECK(test.injector.counts().while_unwinding == 1);
  CHECK(test.injector.counts().first_while_unwinding.number == 2);
  test.injector.call_returned();
  test.release(test.allocate(16));
  CHECK(test.injector.counts().while_unwinding == 1);
  test.injector.begin({Mode::nth, 1, 0});
  {
    FaultInjector::Benign scope(test.injector, "a guest was told");
    CHECK(!test.allocate(16));
  }
  test.release(test.allocate(16));
  CHECK(test.injector.counts().while_unwinding == 0);
  CHECK(test.injector.counts().injected_benign == 1);
}

TEST_CASE("wrong sizes, wrong alignments and foreign pointers are noticed and not obeyed") {
  Injected test;
  const Block block = test.allocate(32);
  test.release({block.pointer, 16});
  CHECK(test.injector.first_misuse() == Misuse::wrong_size);
  test.release(block, 16);
  CHECK(test.injector.misuses() == 2);
  CHECK(test.injector.live_blocks() == 1);
  test.release(block);
  test.release(block);
  CHECK(test.injector.misuses() == 3);
  CHECK(test.base.is_empty());
}

TEST_CASE("fresh and freed memory is poisoned") {
  Injected test;
  const Block block = test.allocate(32);
  CHECK(static_cast<unsigned char*>(block.pointer)[31] == 0xcd);
  const Block zeroed = test.allocator.allocate(test.allocator.context, 32, 8, true);
  CHECK(static_cast<unsigned char*>(zeroed.pointer)[31] == 0);
  test.release(block);
  // The pool keeps its links in the first granule of a free block and its length in the last word;
  // with AddressSanitizer, what is free in it may not be touched.
  unpoison(block.pointer, block.bytes);
  CHECK(static_cast<unsigned char*>(block.pointer)[20] == 0xdd);
  test.release(zeroed);
}

TEST_CASE("a full table is said, not hidden") {
  Injected test;
  std::vector<Block> blocks;
  for (int i = 0; i < 400; ++i)
    blocks.push_back(test.allocate(16));
  CHECK(test.injector.is_table_full());
  for (const Block& block : blocks)
    test.release(block);
  CHECK(test.base.is_empty());
  CHECK(test.injector.live_bytes() == 0);
}

TEST_CASE("the table of live blocks against a model") {
  alignas(16) static unsigned char table[32 * 1024];
  PoolHeap base;
  FaultInjector injector(base.allocator(), table, sizeof(table));
  const Allocator allocator = injector.allocator();
  std::vector<Block> live;
  std::mt19937 random(6);
  size_t bytes = 0;
  for (int step = 0; step < 20000; ++step) {
    if (live.empty() || (live.size() < 600 && random() % 2)) {
      live.push_back(allocator.allocate(allocator.context, random() % 100, 8, false));
      bytes += live.back().bytes;
    } else {
      const size_t which = random() % live.size();
      allocator.release(allocator.context, live[which].pointer, live[which].bytes, 8);
      bytes -= live[which].bytes;
      live[which] = live.back();
      live.pop_back();
    }
    REQUIRE(injector.live_blocks() == live.size());
    REQUIRE(injector.live_bytes() == bytes);
  }
  CHECK(injector.misuses() == 0);
  for (const Block& block : live) {
    allocator.release(allocator.context, block.pointer, block.bytes, 8);
  }
  CHECK(base.is_empty());
}
