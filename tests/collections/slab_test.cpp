#include "collections/slab.h"
#include "tests/collections/collections_test.h"

#include <doctest/doctest.h>
#include <map>

using namespace ebb;
using ebb::testing::PoolHeap;
using ebb::testing::Token;

TEST_CASE("a handle finds what it names until that is removed, and nothing afterwards") {
  PoolHeap base;
  {
    Slab<Token> slab(base.heap());
    std::map<int, SlabHandle> alive;
    std::vector<SlabHandle> gone;
    std::mt19937 random(4);
    for (int step = 0; step < 5000; ++step) {
      if (alive.empty() || random() % 5 < 3) {
        alive[step] = slab.insert(Token(base.heap(), step)).value();
      } else {
        auto one = alive.lower_bound(static_cast<int>(random() % static_cast<unsigned>(step)));
        if (one == alive.end()) one = alive.begin();
        CHECK(slab.remove(one->second));
        CHECK(!slab.remove(one->second));
        gone.push_back(one->second);
        alive.erase(one);
      }
      CHECK(slab.size() == alive.size());
    }
    for (const auto& [number, handle] : alive) {
      REQUIRE(slab.get(handle));
      CHECK(slab.get(handle)->number() == number);
    }
    for (SlabHandle handle : gone)
      CHECK(slab.get(handle) == nullptr);
    size_t visited = 0;
    slab.for_each([&](SlabHandle handle, Token& token) {
      ++visited;
      CHECK(alive.at(token.number()) == handle);
    });
    CHECK(visited == alive.size());
    CHECK(slab.get(SlabHandle()) == nullptr);
    CHECK(slab.get({UINT32_MAX, 1}) == nullptr);
  }
  CHECK(base.is_empty());
}

TEST_CASE("a removed slot is used again before the slab grows") {
  PoolHeap base;
  Slab<int> slab(base.heap());
  const SlabHandle first = slab.insert(1).value();
  const SlabHandle second = slab.insert(2).value();
  CHECK(slab.remove(first));
  const SlabHandle third = slab.insert(3).value();
  CHECK(third.index == first.index);
  CHECK(third.generation != first.generation);
  CHECK(slab.get(first) == nullptr);
  CHECK(*slab.get(second) == 2);
  CHECK(*slab.get(third) == 3);
}

TEST_CASE("arguments may be elements of the Slab") {
  PoolHeap base;
  Slab<uint64_t> slab(base.heap());
  SlabHandle handle = slab.insert(uint64_t{9}).value();
  for (int i = 0; i < 100; ++i)
    handle = slab.insert(*slab.get(handle)).value();
  CHECK(*slab.get(handle) == 9);
}

namespace {
struct Insert {
  explicit Insert(oom::Test& test) : slab(test.heap()) {}
  Result<void> setup() {
    EBB_TRY(slab.reserve(2));
    EBB_TRY(slab.insert(uint64_t{1}));
    EBB_TRY(slab.insert(uint64_t{2}));
    return {};
  }
  // Inserts into room that was reserved ask only where every call does, and then one by one.
  Result<void> act() {
    EBB_TRY(slab.reserve(slab.size() + 5));
    for (uint64_t i = 0; i < (oom::every_call_asks() ? 1 : 5); ++i)
      EBB_TRY(slab.insert(i));
    return {};
  }
  uint64_t digest() { return slab.size(); }
  Slab<uint64_t> slab;
};
} // namespace

TEST_CASE("every request of a Slab may be refused") {
  // A reservation that the insert after it does not use is slack.
  CHECK(oom_test<Insert>("insert", {.slack_bytes = 128}).ok());
}
