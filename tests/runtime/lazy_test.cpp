// Functions that wait for their first call.
#include "collections/fault_injector.h"
#include "tests/runtime/runtime_test.h"

#include <thread>
#include <vector>

using namespace ebb;
using namespace ebb::testing;

namespace {

Config lazy(Config config) {
  config.preparation = Config::Preparation::at_first_call;
  return config;
}

/// f(n) = n + f(n - 1), through one more function, and a few that nobody calls.
Bytes sums() {
  ModuleBuilder builder;
  const uint32_t type = builder.type({testing::i32}, {testing::i32});
  const uint8_t add = 0x6a, sub = 0x6b;
  const Bytes recursion = local_get(0) + Bytes{0x04, testing::i32} + local_get(0) + local_get(0) +
                          i32_const(1) + Bytes{sub} + call(1) + Bytes{add, 0x05} + i32_const(0) +
                          Bytes{0x0b};
  builder.export_func("f", builder.func(type, recursion, {1, 9, testing::i64}));
  builder.func(type, local_get(0) + call(0));
  for (int i = 0; i < 20; ++i)
    builder.func(type, local_get(0) + Bytes{0x1a} + i32_const(i));
  return builder.build();
}

} // namespace

TEST_CASE("functions are made ready when they are called") {
  in_both_encodings([](const Config& config) {
    World world(lazy(config));
    const Module module = world.load(sums());
    const size_t before = module.stats().used;
    const Instance instance = must(world.linker.instantiate(world.store, module));
    CHECK(module.stats().used == before);
    const auto f = world.typed<int32_t(int32_t)>(instance, "f");
    CHECK(must(f.call(world.store, 1000)) == 500500);
    const size_t after = module.stats().used;
    CHECK(after > before);
    CHECK(must(f.call(world.store, 10)) == 55);
    CHECK(module.stats().used == after);
    must(module.prepare());
    CHECK(module.stats().used > after);
    CHECK(must(f.call(world.store, 10)) == 55);
  });
}

TEST_CASE("a first call that finds no memory traps, and the same call may be tried again") {
  in_both_encodings([](const Config& config) {
    SystemMemory memory;
    std::vector<uint8_t> table(size_t{1} << 16);
    FaultInjector injector(memory.allocator(), table.data(), table.size());
    const Allocator allocator = injector.allocator();
    Config injected = lazy(config);
    injected.allocator = &allocator;
    injected.fixed_seed = true;
    uint64_t refused = 0;
    {
      const Engine engine = must(Engine::create(injected));
      for (uint64_t n = 1;; ++n) {
        // A module of its own each time, so that its functions have not been called.
        const Module module = must(Module::load(engine, sums()));
        Linker linker = must(Linker::create(engine));
        Store store = must(Store::create(engine));
        const Instance instance = must(linker.instantiate(store, module));
        const auto f = must(instance.get_typed_func<int32_t(int32_t)>(store, "f"));
        const size_t held = module.stats().used;
        injector.begin({FaultInjector::Mode::nth, n, 0});
        const Result<int32_t> result = f.call(store, 10);
        const bool was_refused = injector.counts().injected != 0;
        injector.begin();
        CHECK(result.ok() != was_refused);
        if (was_refused) {
          ++refused;
          CHECK(result.error() == Error::out_of_memory);
          if (n == 1) CHECK(module.stats().used == held);
        }
        CHECK(must(f.call(store, 10)) == 55);
        if (!was_refused) break;
      }
    }
    CHECK(refused > 10);
    CHECK(injector.live_blocks() == 0);
  });
}

TEST_CASE("a module's own limit bounds what is prepared") {
  in_both_encodings([](Config config) {
    config = lazy(config);
    World probe(config);
    config.module_bytes_max = probe.load(sums()).stats().used + 16;
    World tight(config);
    const auto f = tight.typed<int32_t(int32_t)>(tight.instantiate(sums()), "f");
    CHECK(error_of(f.call(tight.store, 3)) == Error::out_of_memory);
    CHECK(error_of(f.call(tight.store, 3)) == Error::out_of_memory);
  });
}

TEST_CASE("a body that is not valid ends the call that needs it, and no other") {
  in_both_encodings([](const Config& config) {
    ModuleBuilder builder;
    const uint32_t type = builder.type({}, {testing::i32});
    builder.export_func("good", builder.func(type, i32_const(1)));
    builder.export_func("bad", builder.func(type, i64_const(1)));
    World world(lazy(config));
    const Module module = world.load(builder.build());
    const Instance instance = must(world.linker.instantiate(world.store, module));
    CHECK(must(world.typed<int32_t()>(instance, "good").call(world.store)) == 1);
    CHECK(error_of(world.typed<int32_t()>(instance, "bad").call(world.store)) ==
          Error::type_mismatch);
    CHECK(must(world.typed<int32_t()>(instance, "good").call(world.store)) == 1);
    Diagnostic diagnostic;
    CHECK(error_of(module.validate_all(&diagnostic)) == Error::type_mismatch);
    CHECK(diagnostic.function == 1);
  });
}

TEST_CASE("threads race for first calls") {
  in_both_encodings([](const Config& config) {
    SystemMemory memory;
    const Engine engine = must(Engine::create(World::with_allocator(lazy(config), memory)));
    const Bytes bytes = sums();
    for (int round = 0; round < 20; ++round) {
      const Module module = must(Module::load(engine, bytes));
      std::atomic<int> failures{0};
      std::atomic<int> waiting{4};
      const auto work = [&] {
        const auto run = [&]() -> Result<bool> {
          Store store = EBB_TRY(Store::create(engine));
          Linker linker = EBB_TRY(Linker::create(engine));
          const Instance instance = EBB_TRY(linker.instantiate(store, module));
          const auto f = EBB_TRY(instance.get_typed_func<int32_t(int32_t)>(store, "f"));
          for (waiting--; waiting.load() > 0;) {
          }
          return EBB_TRY(f.call(store, 100)) == 5050;
        };
        const Result<bool> result = run();
        if (!result.ok() || !result.value()) ++failures;
      };
      std::vector<std::thread> threads;
      for (int i = 0; i < 4; ++i)
        threads.emplace_back(work);
      for (std::thread& thread : threads)
        thread.join();
      CHECK(failures == 0);
    }
  });
}

TEST_CASE("after prepare, calls ask for no memory") {
  in_both_encodings([](const Config& config) {
    ModuleBuilder builder;
    const uint32_t type = builder.type({testing::i32}, {testing::i32});
    builder.table({funcref, 1, 1, 50});
    // table.grow by the argument, of null.
    builder.export_func("grow",
                        builder.func(type, Bytes{0xd0, 0x70} + local_get(0) + Bytes{0xfc, 15, 0}));
    World world(lazy(config));
    const Instance instance = world.instantiate(builder.build());
    const auto grow = world.typed<int32_t(int32_t)>(instance, "grow");
    must(world.store.prepare());
    const uint64_t requests = world.store.stats().requests;
    const uint64_t engine_requests = world.engine.stats().requests;
    CHECK(must(grow.call(world.store, 49)) == 1);
    CHECK(must(grow.call(world.store, 1)) == -1);
    CHECK(world.store.stats().requests == requests);
    CHECK(world.engine.stats().requests == engine_requests);
  });
}
