#include "collections/deque.h"
#include "tests/collections/collections_test.h"

#include <deque>
#include <doctest/doctest.h>

using namespace ebb;
using ebb::testing::PoolHeap;
using ebb::testing::Token;

TEST_CASE("a Deque against std::deque") {
  PoolHeap base;
  {
    Deque<Token> deque(base.heap());
    std::deque<int> model;
    std::mt19937 random(8);
    for (int step = 0; step < 20000; ++step) {
      switch (random() % (step % 4000 < 2000 ? 7 : 11)) {
      case 0:
      case 1:
      case 2:
        REQUIRE(deque.push_back(Token(base.heap(), step)).ok());
        model.push_back(step);
        break;
      case 3:
      case 4:
        REQUIRE(deque.push_front(Token(base.heap(), step)).ok());
        model.push_front(step);
        break;
      case 5:
      case 7:
      case 8:
        if (model.empty()) break;
        CHECK(deque.pop_back().number() == model.back());
        model.pop_back();
        break;
      default:
        if (model.empty()) break;
        CHECK(deque.pop_front().number() == model.front());
        model.pop_front();
        break;
      }
      REQUIRE(deque.size() == model.size());
      if (step % 64 == 0) {
        for (size_t i = 0; i < model.size(); ++i)
          REQUIRE(deque[i].number() == model[i]);
      }
    }
    REQUIRE(deque.reserve(10000).ok());
    CHECK(deque.capacity() >= 10000);
    for (size_t i = 0; i < model.size(); ++i)
      REQUIRE(deque[i].number() == model[i]);
    Deque<Token> moved(std::move(deque));
    CHECK(deque.is_empty());
    CHECK(moved.size() == model.size());
  }
  CHECK(base.is_empty());
}

TEST_CASE("arguments may be elements of the Deque") {
  PoolHeap base;
  Deque<uint64_t> deque(base.heap());
  REQUIRE(deque.push_back(7).ok());
  for (int i = 0; i < 100; ++i) {
    REQUIRE(deque.push_back(deque.front()).ok());
    REQUIRE(deque.push_front(deque.back()).ok());
  }
  for (size_t i = 0; i < deque.size(); ++i)
    CHECK(deque[i] == 7);
}

namespace {
template <bool front> struct Push {
  explicit Push(oom::Test& test) : deque(test.heap()) {}
  Result<void> setup() {
    for (uint64_t i = 0; i < 4; ++i)
      EBB_TRY(deque.push_back(i));
    deque.pop_front();
    return deque.push_back(4);
  }
  Result<void> act() {
    return front ? deque.push_front(deque.back()) : deque.push_back(deque.front());
  }
  uint64_t digest() const {
    uint64_t digest = 0;
    for (size_t i = 0; i < deque.size(); ++i)
      digest = oom::mix(digest, deque[i]);
    return digest;
  }
  Deque<uint64_t> deque;
};
struct Reserve {
  explicit Reserve(oom::Test& test) : deque(test.heap()) {}
  Result<void> setup() { return deque.push_back(7); }
  Result<void> act() { return deque.reserve(1000); }
  uint64_t digest() const { return oom::mix(deque.size(), deque[0]); }
  Deque<uint64_t> deque;
};
} // namespace

TEST_CASE("every request of a Deque may be refused") {
  CHECK(oom_test<Reserve>("reserve").ok());
  CHECK(oom_test<Push<true>>("push_front").requests == 1);
  CHECK(oom_test<Push<true>>("push_front").ok());
  CHECK(oom_test<Push<false>>("push_back").ok());
}
