// What code is charged, and that it is charged once however often it is suspended.
#include "tests/runtime/runtime_test.h"

#include <vector>

using namespace ebb;
using namespace ebb::testing;

namespace {

constexpr uint8_t op_drop = 0x1a;
constexpr uint8_t op_end = 0x0b;

Bytes repeated(uint32_t times, const Bytes& code) {
  Bytes all;
  for (uint32_t i = 0; i < times; ++i)
    all += code;
  return all;
}

/// `times` times two instructions that do nothing.
Bytes idle(uint32_t times) { return repeated(times, i32_const(0) + Bytes{op_drop}); }

Bytes priced() {
  ModuleBuilder builder;
  const uint32_t none = builder.type({}, {});
  const uint32_t one = builder.type({testing::i32}, {});
  const uint32_t sum = builder.type({testing::i32}, {testing::i32});
  const uint32_t add = builder.func(none, i32_const(1) + i32_const(2) + Bytes{0x6a, op_drop});
  builder.export_func("add", add);
  builder.export_func("empty", builder.func(none, {}));
  builder.export_func("twice", builder.func(none, call(add) + call(add)));
  builder.export_func("free", builder.func(none, Bytes{0x01, 0x02, 0x40, 0x01, op_end, 0x01}));
  // (loop (sum += n) (n -= 1) (br_if 0 n)) sum
  builder.export_func("sum", builder.func(sum,
                                          Bytes{0x03, 0x40} + local_get(1) + local_get(0) +
                                              Bytes{0x6a, 0x21, 1} + local_get(0) + i32_const(1) +
                                              Bytes{0x6b, 0x22, 0, 0x0d, 0, op_end} + local_get(1),
                                          {1, 1, testing::i32}));
  builder.export_func(
      "arm", builder.func(one, local_get(0) + Bytes{0x04, 0x40} + idle(40) + Bytes{op_end}));
  builder.export_func("arms", builder.func(one, local_get(0) + Bytes{0x04, 0x40} + idle(40) +
                                                    Bytes{0x05} + idle(100) + Bytes{op_end}));
  builder.export_func("skips", builder.func(one, Bytes{0x02, 0x40} + local_get(0) + Bytes{0x0d, 0} +
                                                     idle(40) + Bytes{op_end} + idle(1)));
  // A switch of three cases of 30, 60 and 90 instructions, each with a branch to the end.
  builder.export_func(
      "cases",
      builder.func(one, Bytes{0x02, 0x40, 0x02, 0x40, 0x02, 0x40, 0x02, 0x40} + local_get(0) +
                            Bytes{0x0e, 2, 0, 1, 2, op_end} + idle(15) + Bytes{0x0c, 2, op_end} +
                            idle(30) + Bytes{0x0c, 1, op_end} + idle(45) + Bytes{0x0c, 0, op_end}));
  builder.export_func("long", builder.func(none, idle(40000)));
  return builder.build();
}

struct Guest : World {
  explicit Guest(Config config, const Bytes& bytes) : World(counting(config)) {
    instance = instantiate(bytes);
  }
  static Config counting(Config config) {
    config.fuel = true;
    return config;
  }
  Func func(StringView name) { return must(instance.get_func(store, name)); }
  /// What a call costs.
  uint64_t price(StringView name, std::span<const Val> args = {}) {
    constexpr uint64_t plenty = 10'000'000;
    Val results[1];
    store.set_fuel(plenty);
    const Func called = func(name);
    must(called.call(store, args, {results, must(called.type(store)).results.size()}));
    return plenty - store.fuel();
  }
  uint64_t price(StringView name, int32_t argument) {
    const Val args[] = {Val::i32(argument)};
    return price(name, args);
  }
  /// The same when it is suspended each time it has used up a slice. `pauses` says how often.
  uint64_t price_in_slices(StringView name, std::span<const Val> args, uint64_t slice,
                           uint64_t& pauses) {
    Execution execution = must(func(name).start(store, args));
    store.set_fuel(slice);
    pauses = 0;
    while (must(execution.run()) == Execution::State::suspended) {
      CHECK(execution.reason() == Error::out_of_fuel);
      CHECK(store.fuel() == 0);
      store.set_fuel(slice);
      REQUIRE(++pauses < 1'000'000);
    }
    CHECK(execution.reason() == Error::none);
    return (pauses + 1) * slice - store.fuel();
  }

  Instance instance;
};

} // namespace

TEST_CASE("fuel is charged for instructions, calls and rounds of loops") {
  in_both_encodings([](const Config& config) {
    Guest guest(config, priced());
    CHECK(guest.price("empty") == 1);
    CHECK(guest.price("free") == 1);
    CHECK(guest.price("add") == 1 + 4);
    CHECK(guest.price("twice") == 1 + 2 + 2 * 5);
    CHECK(guest.price("sum", 1) == 1 + 10 + 1);
    CHECK(guest.price("sum", 1000) == 1 + 1000 * 10 + 1);
    CHECK(guest.price("long") == 1 + 80000);
  });
}

TEST_CASE("what a branch skips is charged for up to some 40 instructions") {
  in_both_encodings([](const Config& config) {
    Guest guest(config, priced());
    CHECK(guest.price("arm", 1) == 1 + 2 + 80);
    CHECK(guest.price("arm", 0) == 1 + 2 + 40);
    // The else begins where the allowance of the branch is used up.
    CHECK(guest.price("arms", 1) == 1 + 2 + 80);
    CHECK(guest.price("arms", 0) == 1 + 2 + 40 + 200);
    CHECK(guest.price("skips", 0) == 1 + 2 + 80 + 2);
    CHECK(guest.price("skips", 1) == 1 + 2 + 40 + 2);
    for (int32_t i = 0; i < 3; ++i) {
      const uint64_t exact = 1 + 2 + 30 * (static_cast<uint64_t>(i) + 1) + 1;
      CHECK(guest.price("cases", i) >= exact);
      // No charge comes between an instruction and what takes its value.
      CHECK(guest.price("cases", i) <= exact + 40 + 1);
    }
  });
}

TEST_CASE("an execution costs the same in slices of any size") {
  in_both_encodings([](const Config& config) {
    Guest guest(config, priced());
    const Val args[] = {Val::i32(100)};
    for (const uint64_t slice : std::initializer_list<uint64_t>{1, 2, 3, 7, 10, 50, 2000}) {
      uint64_t pauses = 0;
      CHECK(guest.price_in_slices("sum", args, slice, pauses) == 1 + 100 * 10 + 1);
      CHECK((pauses == 0) == (slice == 2000));
      // One charge that is many slices.
      CHECK(guest.price_in_slices("long", {}, slice, pauses) == 1 + 80000);
    }
  });
}

TEST_CASE("a call that ran out of fuel leaves nothing to be paid") {
  in_both_encodings([](const Config& config) {
    Guest guest(config, priced());
    guest.store.set_fuel(4);
    CHECK(error_of(guest.func("add").call(guest.store, {}, {})) == Error::out_of_fuel);
    CHECK(guest.store.fuel() == 0);
    CHECK(guest.price("add") == 5);
    guest.store.set_fuel(5);
    must(guest.func("add").call(guest.store, {}, {}));
    CHECK(guest.store.fuel() == 0);
  });
}

// --- Bulk work.

namespace {

constexpr uint32_t page = 65536;
constexpr uint32_t pages = 5;
constexpr uint32_t data_bytes = 150'000;
constexpr uint32_t elements = 20'000;

Bytes bulky() {
  ModuleBuilder builder;
  const uint32_t three = builder.type({testing::i32, testing::i32, testing::i32}, {});
  const uint32_t grow = builder.type({testing::i32}, {testing::i32});
  const Bytes args = local_get(0) + local_get(1) + local_get(2);
  builder.memory({0, pages}).export_("memory", 2, 0);
  builder.table(Bytes{funcref, 0} + leb(elements)).export_("table", 1, 0);
  builder.export_func("fill", builder.func(three, args + Bytes{0xfc, 11, 0}));
  builder.export_func("copy", builder.func(three, args + Bytes{0xfc, 10, 0, 0}));
  builder.export_func("init", builder.func(three, args + Bytes{0xfc, 8, 0, 0}));
  builder.export_func("grow", builder.func(grow, local_get(0) + Bytes{0x40, 0}));
  builder.export_func("table_fill", builder.func(three, local_get(0) + Bytes{0xd2, 0} +
                                                            local_get(2) + Bytes{0xfc, 17, 0}));
  builder.export_func("table_copy", builder.func(three, args + Bytes{0xfc, 14, 0, 0}));
  builder.export_func("table_init", builder.func(three, args + Bytes{0xfc, 12, 0, 0}));
  builder.export_func("table_grow",
                      builder.func(grow, Bytes{0xd0, funcref} + local_get(0) + Bytes{0xfc, 15, 0}));
  Bytes items;
  for (uint32_t i = 0; i < elements; ++i)
    items += leb(i % 8);
  builder.elem(Bytes{1, 0} + leb(elements) + items);
  Bytes data(data_bytes, 0);
  for (uint32_t i = 0; i < data_bytes; ++i)
    data[i] = static_cast<uint8_t>(i * 7 + i / 251);
  builder.data(Bytes{1} + sized(data));
  return builder.build();
}

std::vector<uint8_t> bytes_of(Guest& guest) {
  const Memory memory = must(guest.instance.get_memory(guest.store, "memory"));
  const std::span<uint8_t> view = must(memory.view(guest.store));
  return {view.begin(), view.end()};
}

void check_bulk(Guest& guest, StringView name, std::initializer_list<int32_t> numbers,
                uint64_t price) {
  std::vector<Val> args;
  for (const int32_t number : numbers)
    args.push_back(Val::i32(number));
  CHECK(guest.price(name, args) == price);
  // What is done in slices must not depend on what was done before.
  for (const uint64_t slice : std::initializer_list<uint64_t>{300, 5000}) {
    uint64_t pauses = 0;
    CHECK(guest.price_in_slices(name, args, slice, pauses) == price);
    CHECK(pauses == price / slice - (price % slice == 0 ? 1 : 0));
  }
}

} // namespace

TEST_CASE("bulk work on memories costs 1 for every 64 bytes") {
  in_both_encodings([](const Config& config) {
    Guest guest(config, bulky());
    check_bulk(guest, "fill", {10, 0xab, 3 * page}, 1 + 4 + 3 * page / 64);
    std::vector<uint8_t> bytes = bytes_of(guest);
    for (uint32_t i = 0; i < pages * page; ++i)
      REQUIRE(bytes[i] == (i >= 10 && i < 3 * page + 10 ? 0xab : 0));
    check_bulk(guest, "init", {77, 0, data_bytes}, 1 + 4 + (data_bytes + 63) / 64);
    bytes = bytes_of(guest);
    for (uint32_t i = 0; i < data_bytes; ++i)
      REQUIRE(bytes[77 + i] == static_cast<uint8_t>(i * 7 + i / 251));
    CHECK(guest.price("fill", std::vector{Val::i32(0), Val::i32(0), Val::i32(0)}) == 5);
    CHECK(guest.price("fill", std::vector{Val::i32(0), Val::i32(0), Val::i32(1)}) == 6);
  });
}

TEST_CASE("copies that overlap are right when they are suspended between parts") {
  in_both_encodings([](const Config& config) {
    Guest guest(config, bulky());
    constexpr uint32_t count = 3 * page + 1000;
    for (const auto& [to, from] : {std::pair<uint32_t, uint32_t>{5, 1000}, {1000, 5}, {9, 9}}) {
      const Val init[] = {Val::i32(0), Val::i32(0), Val::i32(data_bytes)};
      guest.price("init", init);
      std::vector<uint8_t> wanted = bytes_of(guest);
      memmove(wanted.data() + to, wanted.data() + from, count);
      const Val args[] = {Val::i32(static_cast<int32_t>(to)), Val::i32(static_cast<int32_t>(from)),
                          Val::i32(count)};
      uint64_t pauses = 0;
      // The last part is the one with fewer bytes.
      const uint64_t price = 1 + 4 + 3 * page / 64 + (1000 + 63) / 64;
      CHECK(guest.price_in_slices("copy", args, 700, pauses) == price);
      CHECK(pauses == price / 700);
      CHECK(bytes_of(guest) == wanted);
    }
  });
}

TEST_CASE("copies of few bytes that overlap are made once, wherever their charge suspends them") {
  in_both_encodings([](const Config& config) {
    Guest guest(config, bulky());
    for (const uint32_t count : {0u, 1u, 7u, 40u, 64u, 65u}) {
      const Val init[] = {Val::i32(0), Val::i32(0), Val::i32(data_bytes)};
      guest.price("init", init);
      std::vector<uint8_t> wanted = bytes_of(guest);
      memmove(wanted.data() + 11, wanted.data() + 10, count);
      const Val args[] = {Val::i32(11), Val::i32(10), Val::i32(static_cast<int32_t>(count))};
      const uint64_t price = 1 + 4 + (count + 63) / 64;
      uint64_t pauses = 0;
      // With 5 the function's own charge can be paid, and that of the copy cannot.
      CHECK(guest.price_in_slices("copy", args, 5, pauses) == price);
      CHECK(pauses == (price - 1) / 5);
      CHECK(bytes_of(guest) == wanted);
    }
  });
}

TEST_CASE("a suspended fill has done some of its work, and is not begun if it does not fit") {
  in_both_encodings([](const Config& config) {
    Guest guest(config, bulky());
    const Val args[] = {Val::i32(0), Val::i32(1), Val::i32(pages * page)};
    Execution execution = must(guest.func("fill").start(guest.store, args));
    guest.store.set_fuel(100);
    CHECK(must(execution.run()) == Execution::State::suspended);
    std::vector<uint8_t> bytes = bytes_of(guest);
    CHECK(bytes[page - 1] == 1);
    CHECK(bytes[page] == 0);
    {
      const Execution dropped = std::move(execution);
    }
    const Val beyond[] = {Val::i32(1), Val::i32(2), Val::i32(pages * page)};
    guest.store.set_fuel(100'000);
    CHECK(error_of(guest.func("fill").call(guest.store, beyond, {})) ==
          Error::out_of_bounds_memory_access);
    CHECK(bytes_of(guest) == bytes);
  });
}

TEST_CASE("bulk work on tables costs 1 for every element") {
  in_both_encodings([](const Config& config) {
    Guest guest(config, bulky());
    const Table table = must(guest.instance.get_table(guest.store, "table"));
    const auto names = [&](uint64_t index) {
      const Func func = must(table.get(guest.store, index)).as_func();
      return func.handle().index;
    };
    check_bulk(guest, "table_init", {0, 0, elements}, 1 + 4 + elements);
    const auto first = names(0);
    for (uint32_t i = 0; i < elements; i += 7)
      REQUIRE(names(i) == first + i % 8);
    uint64_t pauses = 0;
    const Val up[] = {Val::i32(1), Val::i32(0), Val::i32(elements - 1)};
    CHECK(guest.price_in_slices("table_copy", up, 900, pauses) == 1 + 4 + elements - 1);
    for (uint32_t i = 1; i < elements; ++i)
      REQUIRE(names(i) == first + (i - 1) % 8);
    const Val down[] = {Val::i32(0), Val::i32(1), Val::i32(elements - 1)};
    CHECK(guest.price_in_slices("table_copy", down, 900, pauses) == 1 + 4 + elements - 1);
    for (uint32_t i = 0; i < elements - 1; ++i)
      REQUIRE(names(i) == first + i % 8);
    check_bulk(guest, "table_fill", {3, 0, elements - 3}, 1 + 4 + elements - 3);
    CHECK(names(elements - 1) == first);
  });
}

TEST_CASE("growing costs what the new part takes, if there is one") {
  in_both_encodings([](const Config& config) {
    Guest guest(config, bulky());
    CHECK(guest.price("grow", 2) == 1 + 2 + 2 * page / 64);
    CHECK(guest.price("grow", 65536) == 1 + 2);
    const Val args[] = {Val::i32(1)};
    uint64_t pauses = 0;
    CHECK(guest.price_in_slices("grow", args, 100, pauses) == 1 + 2 + page / 64);
    CHECK(pauses > 5);
    const Memory memory = must(guest.instance.get_memory(guest.store, "memory"));
    CHECK(must(memory.size_pages(guest.store)) == pages + 3);
    Execution execution = must(guest.func("table_grow").start(guest.store, args));
    guest.store.set_fuel(1);
    while (must(execution.run()) == Execution::State::suspended)
      guest.store.set_fuel(1);
    Val result[1];
    must(execution.results(result));
    CHECK(result[0].as_i32() == elements);
  });
}
