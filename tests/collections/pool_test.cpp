#include "collections/poison.h"
#include "collections/pool.h"
#include "tests/collections/collections_test.h"

#include <cstring>
#include <doctest/doctest.h>

using namespace ebb;

namespace {
struct Live {
  unsigned char* pointer;
  size_t bytes;
  size_t align;
  unsigned char mark;
};
bool is_intact(const Live& live, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) {
    if (live.pointer[i] != live.mark) return false;
  }
  return true;
}
} // namespace

TEST_CASE("a pool says no to buffers that are too small and uses the others nearly whole") {
  alignas(16) static unsigned char buffer[70000];
  for (size_t bytes = 0; bytes < 3000; ++bytes) {
    Pool* pool = Pool::create(buffer + bytes % 7, bytes);
    if (!pool) continue;
    CHECK(pool->check());
    CHECK(pool->capacity() >= 16);
    CHECK(pool->capacity() < bytes);
    const Block all = pool->allocate(pool->capacity(), 16, false);
    REQUIRE(all);
    CHECK(static_cast<unsigned char*>(all.pointer) + all.bytes <= buffer + bytes % 7 + bytes);
    memset(all.pointer, 1, all.bytes);
    CHECK(pool->free_bytes() == 0);
    CHECK(!pool->allocate(1, 1, false));
    pool->release(all.pointer, all.bytes, 16);
    CHECK(pool->check());
  }
  CHECK(Pool::create(buffer, 10) == nullptr);
  CHECK(Pool::create(buffer, 65536)->capacity() > 64000);
}

TEST_CASE("a pool against a model: random calls, contents, coalescing") {
  for (unsigned seed = 1; seed <= 30; ++seed) {
    std::mt19937 random(seed);
    std::vector<unsigned char> buffer(2000 + random() % 60000);
    Pool* pool = Pool::create(buffer.data(), buffer.size());
    REQUIRE(pool);
    std::vector<Live> live;
    size_t used = 0;
    for (int step = 0; step < 3000; ++step) {
      const auto what = random() % 10;
      if (live.empty() || what < 5) {
        const size_t bytes = random() % (random() % 8 == 0 ? 5000 : 200);
        const size_t align = size_t{1} << (random() % 9);
        const bool zeroed = random() % 2;
        const Block block = pool->allocate(bytes, align, zeroed);
        if (!block) continue;
        unsigned char* pointer = static_cast<unsigned char*>(block.pointer);
        CHECK(block.bytes >= bytes);
        CHECK(reinterpret_cast<uintptr_t>(pointer) % align == 0);
        if (zeroed) CHECK(is_intact({pointer, block.bytes, align, 0}, block.bytes));
        const unsigned char mark = static_cast<unsigned char>(random());
        memset(pointer, mark, block.bytes);
        live.push_back({pointer, block.bytes, align, mark});
        used += block.bytes;
      } else if (what < 8) {
        const size_t which = random() % live.size();
        CHECK(is_intact(live[which], live[which].bytes));
        pool->release(live[which].pointer, live[which].bytes, live[which].align);
        used -= live[which].bytes;
        live[which] = live.back();
        live.pop_back();
      } else {
        Live& one = live[random() % live.size()];
        const size_t wanted = 1 + random() % 600;
        const bool may_move = random() % 2;
        const Block block = pool->resize(one.pointer, one.bytes, wanted, one.align, may_move);
        if (wanted <= one.bytes) {
          REQUIRE(block.pointer == one.pointer);
          CHECK(block.bytes == (wanted + 15) / 16 * 16);
        }
        if (!block) {
          CHECK(is_intact(one, one.bytes));
          continue;
        }
        if (!may_move) CHECK(block.pointer == one.pointer);
        used += block.bytes - one.bytes;
        const size_t kept = block.bytes < one.bytes ? block.bytes : one.bytes;
        one.pointer = static_cast<unsigned char*>(block.pointer);
        one.bytes = block.bytes;
        CHECK(reinterpret_cast<uintptr_t>(one.pointer) % one.align == 0);
        CHECK(is_intact(one, kept));
        memset(one.pointer, one.mark, one.bytes);
      }
      CHECK(pool->capacity() - pool->free_bytes() == used);
      if (step % 50 == 0) REQUIRE(pool->check());
    }
    for (const Live& one : live)
      pool->release(one.pointer, one.bytes, one.align);
    CHECK(pool->check());
    CHECK(pool->allocate(pool->capacity(), 16, false));
  }
}

TEST_CASE("memory that is there is given: a block of exactly the size asked for, in any list") {
  alignas(16) static unsigned char buffer[40000];
  for (size_t granules = 1; granules < 300; ++granules) {
    Pool* pool = Pool::create(buffer, sizeof(buffer));
    const size_t bytes = granules * 16;
    const Block gap = pool->allocate(bytes, 16, false);
    const Block wall = pool->allocate(16, 16, false);
    const Block rest = pool->allocate(pool->free_bytes(), 16, false);
    REQUIRE(rest);
    pool->release(gap.pointer, gap.bytes, 16);
    CHECK(!pool->allocate(bytes + 1, 16, false));
    const Block again = pool->allocate(bytes, 16, false);
    CHECK(again.pointer == gap.pointer);
    static_cast<void>(wall);
  }
}

TEST_CASE("a block grows into the free space before it when nothing else is left") {
  alignas(16) static unsigned char buffer[8192];
  Pool* pool = Pool::create(buffer, sizeof(buffer));
  const Block before = pool->allocate(1024, 16, false);
  const Block block = pool->allocate(512, 16, false);
  const Block rest = pool->allocate(pool->free_bytes(), 16, false);
  REQUIRE(rest);
  memset(block.pointer, 0x42, block.bytes);
  pool->release(before.pointer, before.bytes, 16);
  CHECK(!pool->resize(block.pointer, block.bytes, 1536, 16, false));
  const Block grown = pool->resize(block.pointer, block.bytes, 1536, 16, true);
  REQUIRE(grown.pointer == before.pointer);
  for (size_t i = 0; i < 512; ++i)
    CHECK(static_cast<unsigned char*>(grown.pointer)[i] == 0x42);
  CHECK(pool->check());
  CHECK(pool->free_bytes() == 0);
}

TEST_CASE("the same calls lead to the same addresses") {
  std::vector<unsigned char> buffers[2] = {std::vector<unsigned char>(30016),
                                           std::vector<unsigned char>(30016)};
  std::vector<ptrdiff_t> places[2];
  for (int i = 0; i < 2; ++i) {
    unsigned char* start = buffers[i].data();
    start += (16 - reinterpret_cast<uintptr_t>(start) % 16) % 16;
    Pool* pool = Pool::create(start, 30000);
    std::mt19937 random(5);
    std::vector<Block> live;
    for (int step = 0; step < 2000; ++step) {
      if (live.empty() || random() % 3 != 0) {
        const Block block = pool->allocate(random() % 300, 16, false);
        if (!block) continue;
        live.push_back(block);
        places[i].push_back(static_cast<unsigned char*>(block.pointer) - start);
      } else {
        const size_t which = random() % live.size();
        pool->release(live[which].pointer, live[which].bytes, 16);
        live.erase(live.begin() + static_cast<ptrdiff_t>(which));
      }
    }
  }
  CHECK(places[0] == places[1]);
}

#if defined(EBB_POISONS)
extern "C" void* __asan_region_is_poisoned(void* pointer, size_t bytes);

TEST_CASE("what is free in a pool may not be touched") {
  alignas(16) static unsigned char buffer[4096];
  Pool* pool = Pool::create(buffer, sizeof(buffer));
  const Block first = pool->allocate(100, 16, false);
  const Block second = pool->allocate(100, 16, false);
  unsigned char* const bytes = static_cast<unsigned char*>(first.pointer);
  CHECK(__asan_region_is_poisoned(first.pointer, first.bytes) == nullptr);
  CHECK(__asan_region_is_poisoned(second.pointer, second.bytes) == nullptr);
  pool->resize(first.pointer, 100, 20, 16, false);
  CHECK(__asan_region_is_poisoned(bytes, 32) == nullptr);
  CHECK(__asan_region_is_poisoned(bytes, first.bytes) == bytes + 32);
  pool->release(first.pointer, 20, 16);
  CHECK(__asan_region_is_poisoned(bytes, 16) == bytes);
  CHECK(__asan_region_is_poisoned(second.pointer, second.bytes) == nullptr);
  // The next pool there has all of it.
  CHECK(Pool::create(buffer, sizeof(buffer)) == pool);
  CHECK(pool->allocate(3000, 16, true));
}
#endif
