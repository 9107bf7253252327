#include "collections/vec.h"
#include "tests/collections/collections_test.h"

#include <doctest/doctest.h>

using namespace ebb;
using ebb::testing::PoolHeap;
using ebb::testing::Token;

TEST_CASE("a Vec against std::vector") {
  PoolHeap base;
  {
    Vec<uint32_t> vec(base.heap());
    std::vector<uint32_t> model;
    std::mt19937 random(3);
    for (int step = 0; step < 20000; ++step) {
      const uint32_t value = static_cast<uint32_t>(random());
      switch (random() % 12) {
      case 0:
      case 1:
      case 2:
      case 3:
        REQUIRE(vec.push(value).ok());
        model.push_back(value);
        break;
      case 4:
        if (model.empty()) break;
        CHECK(vec.pop() == model.back());
        model.pop_back();
        break;
      case 5: {
        const size_t at = random() % (model.size() + 1);
        REQUIRE(vec.insert(at, value).ok());
        model.insert(model.begin() + static_cast<ptrdiff_t>(at), value);
        break;
      }
      case 6:
        if (model.empty()) break;
        CHECK(vec.remove_swap(value % model.size()) == model[value % model.size()]);
        model[value % model.size()] = model.back();
        model.pop_back();
        break;
      case 7:
        if (model.empty()) break;
        CHECK(vec.remove(value % model.size()) == model[value % model.size()]);
        model.erase(model.begin() + static_cast<ptrdiff_t>(value % model.size()));
        break;
      case 8: {
        const size_t size = random() % 40 == 0 ? random() % 2000 : model.size() + random() % 3;
        REQUIRE(vec.resize(size).ok());
        model.resize(size);
        break;
      }
      case 9:
        vec.shrink_to_fit();
        break;
      case 10: {
        const size_t count = model.size() > 500 ? 0 : model.size() / 2;
        REQUIRE(vec.append(vec.data(), count).ok());
        const std::vector<uint32_t> part(model.begin(),
                                         model.begin() + static_cast<ptrdiff_t>(count));
        model.insert(model.end(), part.begin(), part.end());
        break;
      }
      case 11:
        REQUIRE(vec.reserve(random() % 1000).ok());
        break;
      }
      REQUIRE(vec.size() == model.size());
      if (step % 64 == 0) REQUIRE(std::equal(vec.begin(), vec.end(), model.begin()));
    }
  }
  CHECK(base.is_empty());
}

TEST_CASE("arguments may be elements of the Vec") {
  PoolHeap base;
  Vec<uint64_t> numbers(base.heap());
  REQUIRE(numbers.push(42).ok());
  for (int i = 0; i < 1000; ++i)
    REQUIRE(numbers.push(numbers[0]).ok());
  for (uint64_t number : numbers)
    CHECK(number == 42);
  REQUIRE(numbers.insert(0, numbers[5]).ok());
  CHECK(numbers.size() == 1002);

  Vec<Token> tokens(base.heap());
  REQUIRE(tokens.push(Token(base.heap(), 1)).ok());
  while (tokens.size() < tokens.capacity())
    REQUIRE(tokens.push(Token(base.heap(), 2)).ok());
  REQUIRE(tokens.push(std::move(tokens[0])).ok());
  CHECK(tokens.back().number() == 1);
  CHECK(tokens[0].number() == -1);
}

TEST_CASE("a Vec of owners moves, shrinks and destroys them") {
  PoolHeap base;
  {
    Vec<Token> tokens(base.heap());
    for (int i = 0; i < 100; ++i)
      REQUIRE(tokens.push(Token(base.heap(), i)).ok());
    REQUIRE(tokens.insert(50, Token(base.heap(), 1000)).ok());
    CHECK(tokens[50].number() == 1000);
    CHECK(tokens[51].number() == 50);
    CHECK(tokens.remove(50).number() == 1000);
    CHECK(tokens.remove_swap(0).number() == 0);
    CHECK(tokens[0].number() == 99);
    tokens.truncate(10);
    tokens.shrink_to_fit();
    CHECK(tokens.capacity() == 10);
    Vec<Token> moved(std::move(tokens));
    CHECK(tokens.is_empty());
    CHECK(moved.size() == 10);
    tokens = std::move(moved);
    CHECK(tokens[9].number() == 9);
  }
  CHECK(base.is_empty());
}

TEST_CASE("a failed push leaves Vec and argument alone, and asks once") {
  PoolHeap base;
  Heap limited(base.heap(), 8 * sizeof(Token));
  Vec<Token> tokens(limited);
  int pushed = 0;
  for (;; ++pushed) {
    Token token(base.heap(), pushed);
    const uint64_t requests = limited.stats().requests;
    if (!tokens.push(std::move(token)).ok()) {
      CHECK(token.number() == pushed);
      CHECK(limited.stats().requests == requests + 1);
      break;
    }
  }
  CHECK(static_cast<size_t>(pushed) == tokens.size());
  CHECK(tokens.size() >= 4);
}

TEST_CASE("a count from a binary reserves no more than its bytes could hold") {
  PoolHeap base;
  Vec<uint64_t> vec(base.heap());
  const WireCount hostile(UINT32_MAX, 50);
  CHECK(hostile.limit(5) == 10);
  CHECK(!hostile.is_plausible(1));
  REQUIRE(vec.reserve_wire(hostile, 5).ok());
  CHECK(vec.capacity() == 10);
  CHECK(WireCount(3, 50).limit(1) == 3);
  CHECK(WireCount(3, 3).is_plausible(1));
  CHECK(WireCount(3, 0).limit(1) == 0);
}

TEST_CASE("absurd counts are refused") {
  PoolHeap base;
  Vec<uint64_t> vec(base.heap());
  CHECK(vec.reserve(SIZE_MAX).error() == Error::out_of_memory);
  CHECK(vec.reserve_exact(SIZE_MAX / 8 + 1).error() == Error::out_of_memory);
  CHECK(vec.resize(size_t{1} << 31).error() == Error::out_of_memory);
  CHECK(vec.append(vec.data(), 0).ok());
  CHECK(vec.is_empty());
  vec.shrink_to_fit();
  CHECK(base.is_empty());
}

TEST_CASE("the first block is small and rounding becomes capacity") {
  PoolHeap base;
  Vec<char> text(base.heap());
  REQUIRE(text.push('a').ok());
  CHECK(base.heap().stats().used == 16);
  CHECK(text.capacity() == 16);
  Vec<uint64_t> words(base.heap());
  REQUIRE(words.push(1).ok());
  CHECK(words.capacity() == 4);
}

namespace {
template <class Item> struct VecScenario {
  explicit VecScenario(oom::Test& from) : test(from), items(from.heap()) {}
  Result<void> setup() {
    for (int i = 0; i < 3; ++i)
      EBB_TRY(items.push(make(i)));
    return {};
  }
  uint64_t digest() const {
    uint64_t digest = oom::mix(0, items.size());
    for (const Item& item : items)
      digest = oom::mix(digest, number_of(item));
    return digest;
  }
  static uint64_t number_of(uint64_t item) { return item; }
  Item make(int i) { return Item(static_cast<Item>(i)); }
  oom::Test& test;
  Vec<Item> items;
};
struct VecPush : VecScenario<uint64_t> {
  using VecScenario::VecScenario;
  Result<void> act() {
    EBB_TRY(items.reserve(items.size() + 40));
    for (uint64_t i = 0; i < 40; ++i)
      items.push_reserved(i);
    return {};
  }
};
struct VecOfVec {
  explicit VecOfVec(oom::Test& from) : test(from), items(from.heap()) {}
  Result<void> setup() { return {}; }
  Result<void> act() {
    // Build aside, then exchange.
    Vec<Vec<int>> built(test.heap());
    for (int i = 0; i < 20; ++i) {
      Vec<int> inner(test.heap());
      EBB_TRY(inner.push(i));
      EBB_TRY(inner.insert(0, i + 1));
      EBB_TRY(inner.append(inner.span()));
      EBB_TRY(built.push(std::move(inner)));
    }
    items = std::move(built);
    return {};
  }
  uint64_t digest() const {
    uint64_t digest = oom::mix(0, items.size());
    for (const Vec<int>& inner : items) {
      for (int i : inner)
        digest = oom::mix(digest, static_cast<uint64_t>(i));
    }
    return digest;
  }
  oom::Test& test;
  Vec<Vec<int>> items;
};
template <int which> struct VecOne : VecScenario<uint64_t> {
  using VecScenario::VecScenario;
  Result<void> setup() {
    for (uint64_t i = 0; i < 4; ++i)
      EBB_TRY(items.push(i));
    return {};
  }
  Result<void> act() {
    switch (which) {
    case 0:
      return items.push(items[0]);
    case 1:
      return items.insert(1, items[2]);
    case 2:
      return items.append(items.span());
    case 3:
      return items.resize(100);
    default: {
      Vec<uint64_t> copied = EBB_TRY(Vec<uint64_t>::copy(test.heap(), items.span()));
      EBB_TRY(copied.reserve_wire(WireCount(9, 100), 1));
      items = std::move(copied);
      return {};
    }
    }
  }
};
} // namespace

TEST_CASE("every request of a Vec may be refused") {
  CHECK(oom_test<VecPush>("reserve and push_reserved").ok());
  CHECK(oom_test<VecOfVec>("Vec of Vec").ok());
  CHECK(oom_test<VecOne<0>>("push").ok());
  CHECK(oom_test<VecOne<1>>("insert").ok());
  CHECK(oom_test<VecOne<2>>("append").ok());
  CHECK(oom_test<VecOne<3>>("resize").ok());
  CHECK(oom_test<VecOne<4>>("copy").requests == (oom::every_call_asks() ? 3 : 2));
}
