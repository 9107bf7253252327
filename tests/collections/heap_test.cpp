#include "collections/heap.h"
#include "tests/collections/collections_test.h"

#include <cstring>
#include <doctest/doctest.h>
#include <thread>

using namespace ebb;
using ebb::testing::PoolHeap;

TEST_CASE("a heap charges the bytes given and remembers its peak") {
  PoolHeap base;
  Heap& heap = base.heap();
  const Block a = heap.allocate(1, 1).value();
  CHECK(heap.stats().used == a.bytes);
  CHECK(a.bytes == 16);
  const Block b = heap.allocate(0, 8).value();
  CHECK(heap.stats().used == a.bytes + b.bytes);
  heap.release(b, 8);
  heap.release(a, 1);
  CHECK(heap.stats().used == 0);
  CHECK(heap.stats().peak == a.bytes + b.bytes);
  CHECK(heap.stats().requests == 2);
}

TEST_CASE("heaps nest: every one above is charged, and the tightest refuses") {
  PoolHeap base;
  Heap engine(base.heap(), 4096, Heap::Threads::many);
  Heap store(engine, 1024);
  const Block block = store.allocate(1000, 8).value();
  CHECK(store.stats().used == block.bytes);
  CHECK(engine.stats().used == block.bytes);
  CHECK(base.heap().stats().used == block.bytes);
  CHECK(store.allocate(100, 8).error() == Error::out_of_memory);
  CHECK(store.last_refusal() == Refusal::budget);
  CHECK(store.stats().used == block.bytes);
  CHECK(engine.stats().used == block.bytes);
  CHECK(engine.allocate(100, 8).ok());
  store.release(block, 8);
  CHECK(store.stats().used == 0);
  CHECK(engine.stats().used == 112);
}

TEST_CASE("the rounding of an allocator counts against the budget") {
  PoolHeap base(1 << 16, 100);
  CHECK(base.heap().allocate(97, 1).error() == Error::out_of_memory);
  CHECK(base.heap().allocate(96, 1).ok());
  CHECK(base.heap().stats().peak == 96);
}

TEST_CASE("resizing at the edge of a budget never passes it and keeps the contents") {
  for (size_t limit = 16; limit < 400; ++limit) {
    PoolHeap base(1 << 16, limit);
    Heap& heap = base.heap();
    auto first = heap.allocate(16, 8);
    REQUIRE(first.ok());
    Block block = first.value();
    memset(block.pointer, 0x5a, block.bytes);
    for (size_t wanted = 17; wanted < 420; wanted += 13) {
      const auto grown = heap.resize(block, wanted, 8, wanted % 2 == 0);
      if (grown.ok()) block = grown.value();
      CHECK(heap.stats().used == block.bytes);
      CHECK(heap.stats().used <= limit);
      for (size_t i = 0; i < 16; ++i)
        CHECK(static_cast<unsigned char*>(block.pointer)[i] == 0x5a);
    }
    CHECK(heap.stats().peak <= limit);
    heap.release(block, 8);
    CHECK(base.is_empty());
  }
}

TEST_CASE("a reserved heap takes all its bytes at once and gives independently of others") {
  PoolHeap base(1 << 18);
  const auto fill = [](Heap& heap) {
    size_t count = 0;
    while (heap.allocate(48, 8).ok())
      ++count;
    return count;
  };
  size_t counts[2];
  for (size_t& count : counts) {
    Heap other(base.heap());
    Heap heap(base.heap(), 10000);
    REQUIRE(heap.reserve().ok());
    CHECK(base.heap().stats().used >= 10000);
    const Block theirs = other.allocate(&count == counts ? 5000 : 77, 8).value();
    Heap child(heap);
    count = fill(child);
    CHECK(child.last_refusal() != Refusal::none);
    CHECK(child.stats().used == count * 48);
    CHECK(heap.stats().used == count * 48);
    CHECK(!child.has_pages());
    other.release(theirs, 8);
  }
  CHECK(counts[0] == counts[1]);
  CHECK(counts[0] * 48 > 9000);
  CHECK(base.is_empty());
}

TEST_CASE("a reserved heap that is nearly full still grows a block in place") {
  PoolHeap base(1 << 16);
  Heap heap(base.heap(), 8192);
  REQUIRE(heap.reserve().ok());
  Block block = heap.allocate(16, 8).value();
  while (true) {
    const auto grown = heap.resize(block, block.bytes + 1, 8);
    if (!grown.ok()) break;
    block = grown.value();
    CHECK(heap.stats().used == block.bytes);
  }
  CHECK(block.bytes > 7500);
  CHECK(heap.resize(block, SIZE_MAX, 8).error() == Error::out_of_memory);
  heap.release(block, 8);
}

TEST_CASE("a reservation that is refused leaves a limited heap") {
  PoolHeap base(1 << 16);
  Heap heap(base.heap(), size_t{1} << 20);
  CHECK(heap.reserve().error() == Error::out_of_memory);
  CHECK(heap.allocate(100, 8).ok());
  Heap tiny(base.heap(), 10);
  CHECK(tiny.reserve().error() == Error::out_of_memory);
}

TEST_CASE("a limit cannot go below what is used") {
  PoolHeap base;
  const Block block = base.heap().allocate(160, 8).value();
  CHECK(base.heap().set_limit(159).error() == Error::out_of_range);
  CHECK(base.heap().set_limit(160).ok());
  CHECK(base.heap().allocate(1, 1).error() == Error::out_of_memory);
  base.heap().release(block, 8);
}

TEST_CASE("absurd sizes are refused") {
  PoolHeap base;
  for (size_t bytes : {SIZE_MAX, SIZE_MAX - 15, SIZE_MAX / 2, size_t{1} << 30}) {
    CHECK(base.heap().allocate(bytes, 16).error() == Error::out_of_memory);
  }
  // So much that none of the pool's own addresses happens to be aligned to it.
  const uintptr_t begin = reinterpret_cast<uintptr_t>(&base.pool());
  const uintptr_t end = begin + (uintptr_t{8} << 20);
  size_t align = size_t{1} << 30;
  while (end / align * align >= begin)
    align *= 2;
  CHECK(base.heap().allocate(1, align).error() == Error::out_of_memory);
  CHECK(base.is_empty());
}

TEST_CASE("a reserved heap for many threads") {
  PoolHeap base(1 << 20);
  Heap heap(base.heap(), 1 << 18, Heap::Threads::many);
  REQUIRE(heap.reserve().ok());
  const auto work = [&heap](size_t seed) {
    std::mt19937 random(static_cast<unsigned>(seed));
    std::vector<Block> blocks;
    for (int i = 0; i < 5000; ++i) {
      if (blocks.size() < 20 || random() % 2) {
        auto block = heap.allocate(random() % 500, 8);
        if (block.ok()) blocks.push_back(block.value());
      } else {
        heap.release(blocks.back(), 8);
        blocks.pop_back();
      }
    }
    for (const Block& block : blocks)
      heap.release(block, 8);
  };
  std::thread a(work, 1), b(work, 2);
  a.join();
  b.join();
  CHECK(heap.stats().used == 0);
  CHECK(heap.stats().peak > 0);
}
