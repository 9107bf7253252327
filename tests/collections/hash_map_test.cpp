#include "collections/hash_map.h"
#include "collections/hash_set.h"
#include "tests/collections/collections_test.h"

#include <doctest/doctest.h>
#include <string>
#include <unordered_map>

using namespace ebb;
using ebb::testing::PoolHeap;
using ebb::testing::Token;

namespace {
/// Sends many keys to few places.
struct BadHash {
  uint64_t operator()(uint64_t key) const { return (key % 5) << 7; }
};

template <class Map> void compare_with_model(Map& map, unsigned seed, uint64_t keys, int steps) {
  std::unordered_map<uint64_t, uint32_t> model;
  std::mt19937 random(seed);
  for (int step = 0; step < steps; ++step) {
    const uint64_t key = random() % keys;
    const uint32_t value = static_cast<uint32_t>(random());
    switch (random() % 6) {
    case 0:
    case 1:
      REQUIRE(map.set(key, value).ok());
      model[key] = value;
      break;
    case 2: {
      const auto inserted = map.insert(key, value);
      REQUIRE(inserted.ok());
      CHECK(inserted.value().is_new == model.emplace(key, value).second);
      CHECK(*inserted.value().value == model[key]);
      break;
    }
    case 3:
    case 4:
      CHECK(map.remove(key) == (model.erase(key) == 1));
      break;
    case 5: {
      const uint32_t* found = map.find(key);
      CHECK((found != nullptr) == (model.count(key) == 1));
      if (found) CHECK(*found == model[key]);
      break;
    }
    }
    REQUIRE(map.size() == model.size());
    if (step % 500 == 0) REQUIRE(map.check());
    if (step % 5000 == 4999) {
      map.clear();
      model.clear();
    }
  }
  size_t seen = 0;
  for (const auto& entry : map) {
    ++seen;
    CHECK(model.at(entry.key) == entry.value);
  }
  CHECK(seen == model.size());
}
} // namespace

TEST_CASE("a HashMap against std::unordered_map") {
  PoolHeap base;
  for (uint64_t keys : {3u, 10u, 100u, 3000u}) {
    HashMap<uint64_t, uint32_t> map(base.heap(), {keys});
    compare_with_model(map, static_cast<unsigned>(keys), keys, 20000);
  }
  CHECK(base.is_empty());
}

TEST_CASE("a HashMap whose keys collide is slow and right") {
  PoolHeap base;
  {
    HashMap<uint64_t, uint32_t, BadHash> map(base.heap());
    compare_with_model(map, 1, 300, 6000);
  }
  CHECK(base.is_empty());
}

TEST_CASE("a map at a constant size makes no requests, however long it is used") {
  PoolHeap base;
  HashMap<uint64_t, uint32_t> map(base.heap());
  for (uint64_t i = 0; i < 100; ++i)
    REQUIRE(map.set(i, 1u).ok());
  for (uint64_t i = 0; i < 400; ++i) {
    CHECK(map.remove(i));
    REQUIRE(map.set(i + 100, 1u).ok());
  }
  const uint64_t requests = base.heap().stats().requests;
  for (uint64_t i = 400; i < 50000; ++i) {
    CHECK(map.remove(i));
    REQUIRE(map.set(i + 100, 1u).ok());
  }
  // Where every call asks, each set is one request that leaves nothing.
  CHECK(base.heap().stats().requests - requests == (oom::every_call_asks() ? 50000 - 400 : 0));
  CHECK(map.check());
}

TEST_CASE("text keys are found by views, and owners are kept") {
  PoolHeap base;
  {
    HashMap<String, Token> map(base.heap(), {{7}});
    for (int i = 0; i < 500; ++i) {
      const std::string name = "name" + std::to_string(i);
      String key = String::copy(base.heap(), {name.data(), name.size()}).value();
      REQUIRE(map.set(std::move(key), Token(base.heap(), i)).ok());
    }
    CHECK(map.find(StringView("name77"))->number() == 77);
    CHECK(!map.contains(StringView("name500")));
    for (int i = 0; i < 400; ++i) {
      const std::string name = "name" + std::to_string(i);
      CHECK(map.remove(StringView(name.data(), name.size())));
    }
    CHECK(map.check());
    HashMap<String, Token> moved(std::move(map));
    CHECK(map.is_empty());
    CHECK(map.find(StringView("name450")) == nullptr);
    CHECK(moved.find(StringView("name450"))->number() == 450);
  }
  CHECK(base.is_empty());
}

TEST_CASE("arguments may lie in the map") {
  PoolHeap base;
  HashMap<uint64_t, uint32_t> map(base.heap());
  REQUIRE(map.set(uint64_t{0}, 99u).ok());
  for (uint64_t i = 1; i < 2000; ++i)
    REQUIRE(map.set(i, *map.find(i - 1)).ok());
  for (const auto& entry : map)
    CHECK(entry.value == 99);
  HashMap<uint64_t, uint32_t> churned(base.heap());
  REQUIRE(churned.set(uint64_t{0}, 98u).ok());
  for (uint64_t i = 1; i < 2000; ++i) {
    REQUIRE(churned.set(i, *churned.find(i - 1)).ok());
    if (i > 10) CHECK(churned.remove(i - 10));
  }
  for (const auto& entry : churned)
    CHECK(entry.value == 98);
}

TEST_CASE("overwriting and removing cannot fail") {
  PoolHeap base;
  Heap heap(base.heap());
  HashMap<uint64_t, uint32_t> map(heap);
  uint64_t count = 0;
  for (; count < 7; ++count)
    REQUIRE(map.set(count, 0u).ok());
  REQUIRE(heap.set_limit(heap.stats().used).ok());
  while (map.set(count, 0u).ok())
    ++count;
  const uint64_t requests = heap.stats().requests;
  for (uint64_t i = 0; i < count; ++i)
    CHECK(map.set(i, 5u).ok());
  for (uint64_t i = 0; i < count; ++i)
    CHECK(*map.find(i) == 5);
  for (uint64_t i = 0; i < count; ++i)
    CHECK(map.remove(i));
  CHECK(heap.stats().requests == requests);
}

TEST_CASE("reserved room is enough for what it was reserved for") {
  PoolHeap base;
  for (size_t count : {1u, 3u, 4u, 7u, 8u, 14u, 15u, 100u, 1000u}) {
    HashMap<uint64_t, uint32_t> map(base.heap());
    REQUIRE(map.reserve(count).ok());
    const uint64_t requests = base.heap().stats().requests;
    for (uint64_t i = 0; i < count; ++i)
      REQUIRE(map.set(i * 977, 1u).ok());
    CHECK(base.heap().stats().requests - requests == (oom::every_call_asks() ? count : 0));
  }
  HashMap<uint64_t, uint32_t> map(base.heap());
  CHECK(map.reserve(SIZE_MAX).error() == Error::out_of_memory);
}

TEST_CASE("seeds change the order, equal seeds do not") {
  PoolHeap base;
  const auto order = [&](uint64_t seed) {
    HashMap<uint64_t, uint32_t> map(base.heap(), {seed});
    std::vector<uint64_t> keys;
    for (uint64_t i = 0; i < 100; ++i)
      REQUIRE(map.set(i, 0u).ok());
    for (const auto& entry : map)
      keys.push_back(entry.key);
    return keys;
  };
  CHECK(order(1) == order(1));
  CHECK(order(1) != order(2));
  CHECK(hash_bytes("abc", 3, 1) != hash_bytes("abc", 3, 2));
  CHECK(hash_bytes("abc", 3, 1) != hash_bytes("abcd", 4, 1));
  CHECK(hash_bytes(nullptr, 0, 1) == hash_bytes("x", 0, 1));
}

TEST_CASE("a HashSet") {
  PoolHeap base;
  HashSet<uint32_t> set(base.heap());
  CHECK(set.insert(5u).value());
  CHECK(!set.insert(5u).value());
  CHECK(set.contains(5u));
  CHECK(set.remove(5u));
  CHECK(!set.contains(5u));
  CHECK(set.check());
}

namespace {
struct SetOne {
  explicit SetOne(oom::Test& test) : map(test.heap(), {3}) {}
  Result<void> setup() {
    for (uint64_t i = 0; i < 14; ++i)
      EBB_TRY(map.set(i, 1u));
    return {};
  }
  Result<void> act() { return map.set(uint64_t{100}, *map.find(uint64_t{3})); }
  uint64_t digest() const {
    uint64_t digest = map.check() ? 1 : 0;
    for (const auto& entry : map)
      digest += oom::mix(entry.key, entry.value);
    return digest;
  }
  HashMap<uint64_t, uint32_t> map;
};
struct BuildNames {
  explicit BuildNames(oom::Test& from) : test(from), names(from.heap()) {}
  Result<void> setup() { return {}; }
  Result<void> act() {
    HashMap<String, Vec<int>> built(test.heap());
    char name[] = "a";
    for (int i = 0; i < 20; ++i, ++name[0]) {
      String key = EBB_TRY(String::copy(test.heap(), name));
      Vec<int> value(test.heap());
      EBB_TRY(value.push(i));
      EBB_TRY(built.set(std::move(key), std::move(value)));
    }
    names = std::move(built);
    return {};
  }
  uint64_t digest() const {
    uint64_t digest = names.check() ? 1 : 0;
    for (const auto& entry : names)
      digest += hash_bytes(entry.key.data(), entry.key.size(), 0);
    return digest;
  }
  oom::Test& test;
  HashMap<String, Vec<int>> names;
};
struct InsertOne {
  explicit InsertOne(oom::Test& test) : set(test.heap()) {}
  Result<void> setup() { return {}; }
  Result<void> act() {
    CHECK(EBB_TRY(set.insert(5u)));
    return {};
  }
  uint64_t digest() const { return (set.check() ? 1 : 0) + (set.contains(5u) ? 2 : 0); }
  HashSet<uint32_t> set;
};
} // namespace

TEST_CASE("every request of a HashMap may be refused") {
  CHECK(oom_test<InsertOne>("insert into a set").ok());
  CHECK(oom_test<SetOne>("set").requests == 1);
  CHECK(oom_test<SetOne>("set").ok());
  CHECK(oom_test<BuildNames>("names").ok());
}
