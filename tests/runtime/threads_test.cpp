// Engines, modules and InstancePres shared by threads, each with stores of its own.
#include "tests/runtime/runtime_test.h"

#include <thread>
#include <vector>

using namespace ebb;
using namespace ebb::testing;

TEST_CASE("threads share an engine, a module and an InstancePre") {
  in_both_encodings([](const Config& base) {
    SystemMemory memory;
    const Engine engine = must(Engine::create(World::with_allocator(base, memory)));
    Linker linker = must(Linker::create(engine));
    Result<int32_t> (*const twice)(Caller&, int32_t) = [](Caller&, int32_t x) -> Result<int32_t> {
      return 2 * x;
    };
    must(linker.define_func("env", "twice", twice));
    ModuleBuilder builder;
    const uint32_t type = builder.type({testing::i32}, {testing::i32});
    builder.import_func("env", "twice", type);
    builder.memory({0, 1});
    builder.export_func("f", builder.func(type, local_get(0) + call(0)));
    const Bytes bytes = builder.build();
    const Module module = must(Module::load(engine, bytes));
    const InstancePre pre = must(linker.instantiate_pre(module));
    std::atomic<int> failures{0};
    const auto work = [&](int32_t seed) {
      for (int32_t i = 0; i < 20; ++i) {
        const auto run = [&]() -> Result<bool> {
          const Module own = EBB_TRY(Module::load(engine, bytes));
          Store store = EBB_TRY(Store::create(engine));
          const InstancePre shared = pre.clone();
          const Instance first = EBB_TRY(shared.instantiate(store));
          const Instance second = EBB_TRY(linker.instantiate(store, own));
          const auto f = EBB_TRY(first.get_typed_func<int32_t(int32_t)>(store, "f"));
          const auto g = EBB_TRY(second.get_typed_func<int32_t(int32_t)>(store, "f"));
          return EBB_TRY(f.call(store, seed)) == 2 * seed && EBB_TRY(g.call(store, i)) == 2 * i;
        };
        const Result<bool> result = run();
        if (!result.ok() || !result.value()) ++failures;
      }
    };
    std::vector<std::thread> threads;
    for (int32_t i = 0; i < 4; ++i)
      threads.emplace_back(work, i);
    for (std::thread& thread : threads)
      thread.join();
    CHECK(failures == 0);
  });
}
