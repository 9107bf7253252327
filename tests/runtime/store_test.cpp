#include "tests/runtime/runtime_test.h"

#include <vector>

using namespace ebb;
using namespace ebb::testing;

namespace {

Bytes adder() {
  ModuleBuilder builder;
  const uint32_t type = builder.type({testing::i32, testing::i32}, {testing::i32});
  builder.memory({0, 1});
  builder.export_func("add", builder.func(type, local_get(0) + local_get(1) + Bytes{0x6a}));
  return builder.build();
}

} // namespace

TEST_CASE("configurations out of range are refused") {
  SystemMemory memory;
  Config config;
  CHECK(error_of(Engine::create(config)) == Error::invalid_config);
  config.allocator = &memory.allocator();
  config.stack_bytes_max = 10;
  Diagnostic diagnostic;
  CHECK(error_of(Engine::create(config, &diagnostic)) == Error::invalid_config);
  CHECK(diagnostic.error == Error::invalid_config);
  config.stack_bytes_max = 4096;
  for (const size_t bytes : {size_t{0}, size_t{1}, size_t{100}}) {
    config.engine_bytes_max = bytes;
    CHECK(error_of(Engine::create(config, &diagnostic)) == Error::out_of_memory);
    CHECK(diagnostic.cause == RefusalCause::budget);
  }
}

TEST_CASE("a store with a budget of nothing, of little, and of just enough") {
  World world;
  const Module module = world.load(adder());
  const InstancePre pre = must(world.linker.instantiate_pre(module));
  const auto run = [&](size_t budget, StoreLimits::Kind kind) -> Result<int32_t> {
    Store store = EBB_TRY(Store::create(world.engine, {budget, kind}));
    const Instance instance = EBB_TRY(pre.instantiate(store));
    const auto add = EBB_TRY(instance.get_typed_func<int32_t(int32_t, int32_t)>(store, "add"));
    const int32_t sum = EBB_TRY(add.call(store, 1, 2));
    CHECK(store.stats().peak <= budget);
    CHECK(store.stats().limit == budget);
    return sum;
  };
  for (const StoreLimits::Kind kind : {StoreLimits::Kind::limited, StoreLimits::Kind::reserved}) {
    bool has_worked = false;
    for (size_t budget : {size_t{0}, size_t{1}, size_t{100}, size_t{1000}, size_t{2000},
                          size_t{5000}, size_t{65536}, size_t{70000}, size_t{80000}}) {
      const Result<int32_t> result = run(budget, kind);
      CHECK((result.ok() ? result.value() == 3 : result.error() == Error::out_of_memory));
      CHECK((!has_worked || result.ok()));
      has_worked = result.ok();
    }
    CHECK(has_worked);
  }
}

TEST_CASE("reserved stores cannot take from each other") {
  World world;
  Store first = must(Store::create(world.engine, {190000, StoreLimits::Kind::reserved}));
  const HeapStats engine = world.engine.stats();
  MemoryType type;
  type.limits.min = 1;
  must(Memory::create(first, type));
  must(Memory::create(first, type));
  CHECK(error_of(Memory::create(first, type)) == Error::out_of_memory);
  CHECK(world.engine.stats().used == engine.used);
}

TEST_CASE("figures are exact and everything is given back") {
  World world;
  const HeapStats before = world.engine.stats();
  {
    const Module module = world.load(adder());
    Store store = must(Store::create(world.engine));
    const size_t empty = store.stats().used;
    CHECK(empty > 0);
    const Instance instance = must(world.linker.instantiate(store, module));
    CHECK(store.stats().used >= empty + 65536);
    CHECK(store.linear_memory_bytes() == 65536);
    CHECK(world.engine.stats().used >= store.stats().used + module.stats().used);
    must(instance.release(store));
    CHECK(store.linear_memory_bytes() == 0);
    must(store.close());
  }
  CHECK(world.engine.stats().used == before.used);
}

TEST_CASE("after prepare a call requests nothing") {
  World world;
  const Instance instance = world.instantiate(adder());
  const auto add = world.typed<int32_t(int32_t, int32_t)>(instance, "add");
  must(world.store.prepare());
  const uint64_t requests = world.store.stats().requests;
  CHECK(must(add.call(world.store, 1, 2)) == 3);
  CHECK(world.store.stats().requests == requests);
  must(world.store.prepare());
  CHECK(world.store.stats().requests == requests);
}

TEST_CASE("host data reaches host functions") {
  World world;
  int answer = 42;
  Store store = must(Store::create(world.engine, {}, &answer));
  Result<int32_t> (*const read)(Caller&) = [](Caller& caller) -> Result<int32_t> {
    return *static_cast<int*>(caller.host_data());
  };
  const Func func = must(Func::wrap(store, HostFunc::of(read)));
  CHECK(must(must(func.typed<int32_t()>(store)).call(store)) == 42);
}
