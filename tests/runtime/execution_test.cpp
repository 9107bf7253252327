#include "tests/runtime/runtime_test.h"

using namespace ebb;
using namespace ebb::testing;

namespace {

/// Counts down from its argument, and gives the sum of what it passed.
Bytes countdown() {
  ModuleBuilder builder;
  const uint32_t type = builder.type({testing::i32}, {testing::i32});
  // (loop (sum += n) (n -= 1) (br_if 0 n)) sum
  builder.export_func("sum", builder.func(type,
                                          Bytes{0x03, 0x40} + local_get(1) + local_get(0) +
                                              Bytes{0x6a, 0x21, 1} + local_get(0) + i32_const(1) +
                                              Bytes{0x6b, 0x22, 0, 0x0d, 0, 0x0b} + local_get(1),
                                          {1, 1, testing::i32}));
  builder.export_func("forever", builder.func(type, Bytes{0x03, 0x40, 0x0c, 0, 0x0b, 0x00}));
  return builder.build();
}

} // namespace

TEST_CASE("an execution that runs out of fuel can go on") {
  in_both_encodings([](Config config) {
    config.fuel = true;
    World world(config);
    const Instance instance = world.instantiate(countdown());
    const Func sum = must(instance.get_func(world.store, "sum"));
    const Val args[] = {Val::i32(1000)};
    world.store.set_fuel(1000);
    Execution execution = must(sum.start(world.store, args));
    CHECK(execution.state() == Execution::State::ready);
    int runs = 1;
    while (must(execution.run()) == Execution::State::suspended) {
      CHECK(error_of(world.store.close()) == Error::busy);
      world.store.set_fuel(1000);
      CHECK(execution.reason() == Error::out_of_fuel);
      REQUIRE(++runs < 100);
    }
    CHECK(runs > 5);
    Val result[1];
    must(execution.results(result));
    CHECK(result[0].as_i32() == 500500);
    CHECK(error_of(execution.run()) == Error::not_resumable);
  });
}

TEST_CASE("a call that runs out of fuel ends") {
  in_both_encodings([](Config config) {
    config.fuel = true;
    World world(config);
    const Instance instance = world.instantiate(countdown());
    world.store.set_fuel(1000);
    const auto forever = world.typed<int32_t(int32_t)>(instance, "forever");
    CHECK(error_of(forever.call(world.store, 0)) == Error::out_of_fuel);
    world.store.set_fuel(100000);
    CHECK(must(world.typed<int32_t(int32_t)>(instance, "sum").call(world.store, 10)) == 55);
  });
}

TEST_CASE("executions are resumed from the innermost and dropped in any order") {
  in_both_encodings([](Config config) {
    config.fuel = true;
    World world(config);
    const Instance instance = world.instantiate(countdown());
    const Func sum = must(instance.get_func(world.store, "sum"));
    const Val args[] = {Val::i32(100)};
    world.store.set_fuel(20);
    {
      Execution first = must(sum.start(world.store, args));
      CHECK(must(first.run()) == Execution::State::suspended);
      world.store.set_fuel(20);
      Execution second = must(sum.start(world.store, args));
      CHECK(must(second.run()) == Execution::State::suspended);
      CHECK(error_of(first.resume()) == Error::not_resumable);
      {
        const Execution dropped = std::move(first);
      }
      world.store.set_fuel(100000);
      CHECK(must(second.resume()) == Execution::State::done);
      Val result[1];
      must(second.results(result));
      CHECK(result[0].as_i32() == 5050);
    }
    CHECK(must(world.typed<int32_t(int32_t)>(instance, "sum").call(world.store, 10)) == 55);
    must(world.store.close());
  });
}
