// Interruptions: from other threads, before anything runs, below host functions, and in bulk work.
#include "tests/needs.h"
#include "tests/runtime/runtime_test.h"

#include <optional>
#include <thread>

using namespace ebb;
using namespace ebb::testing;

namespace {

constexpr uint32_t pages = 4;
constexpr uint32_t page = 65536;

Bytes endless() {
  ModuleBuilder builder;
  const uint32_t none = builder.type({}, {});
  const uint32_t one = builder.type({testing::i32}, {testing::i32});
  const uint32_t back = builder.import_func("env", "back", one);
  builder.memory({0, pages}).export_("memory", 2, 0);
  builder.global(testing::i32, true, i32_const(0)).export_("rounds", 3, 0);
  // (loop (rounds += 1) (br 0))
  builder.export_func("loop", builder.func(none, Bytes{0x03, 0x40, 0x23, 0} + i32_const(1) +
                                                     Bytes{0x6a, 0x24, 0, 0x0c, 0, 0x0b}));
  const uint32_t self = 2;
  builder.export_func("tail", builder.func(none, Bytes{0x12} + leb(self)));
  // (loop (sum += n) (n -= 1) (br_if 0 n)) sum
  builder.export_func("sum", builder.func(one,
                                          Bytes{0x03, 0x40} + local_get(1) + local_get(0) +
                                              Bytes{0x6a, 0x21, 1} + local_get(0) + i32_const(1) +
                                              Bytes{0x6b, 0x22, 0, 0x0d, 0, 0x0b} + local_get(1),
                                          {1, 1, testing::i32}));
  builder.export_func("fill", builder.func(none, i32_const(0) + i32_const(7) +
                                                     i32_const(pages * page) + Bytes{0xfc, 11, 0}));
  builder.export_func("back",
                      builder.func(one, local_get(0) + call(back) + i32_const(1) + Bytes{0x6a}));
  return builder.build();
}

/// Calls the guest's `sum`, and swallows its failure.
struct Back {
  Error met = Error::none;
};
Result<int32_t> call_back(Caller& caller, int32_t n) {
  const Instance guest = EBB_TRY(caller.instance());
  const auto sum = EBB_TRY(guest.get_typed_func<int32_t(int32_t)>(caller, "sum"));
  const Result<int32_t> result = sum.call(caller, n);
  static_cast<Back*>(caller.context())->met = result.error();
  return result.ok() ? result.value() : -1;
}

struct Guest : World {
  explicit Guest(Config config) : World(interruptible(config)) {
    must(linker.define_func("env", "back", &call_back, &back));
    instance = instantiate(endless());
  }
  static Config interruptible(Config config) {
    config.interruption = true;
    return config;
  }
  Func func(StringView name) { return must(instance.get_func(store, name)); }
  int32_t rounds() { return must(must(instance.get_global(store, "rounds")).get(store)).as_i32(); }

  Back back;
  Instance instance;
};

} // namespace

TEST_CASE("another thread interrupts what would never end" * needs_wasm_3()) {
  in_both_encodings([](const Config& config) {
    Guest guest(config);
    for (const char* name : {"loop", "tail"}) {
      Execution execution = must(guest.func(StringView(name, 4)).start(guest.store, {}));
      for (int i = 0; i < 3; ++i) {
        std::thread other([handle = guest.store.interrupt_handle()] { handle.interrupt(); });
        CHECK(must(execution.run()) == Execution::State::suspended);
        CHECK(execution.reason() == Error::interrupted);
        other.join();
        guest.store.clear_interrupt();
      }
    }
    CHECK(guest.rounds() > 0);
    CHECK(must(guest.func("sum").type(guest.store)).params.size() == 1);
    must(guest.store.collect());
  });
}

TEST_CASE("a plain call that is interrupted ends, and the next one does not" * needs_wasm_3()) {
  in_both_encodings([](const Config& config) {
    Guest guest(config);
    std::thread other([handle = guest.store.interrupt_handle()] { handle.interrupt(); });
    CHECK(error_of(guest.func("loop").call(guest.store, {}, {})) == Error::interrupted);
    other.join();
    CHECK(guest.store.last_error() == Error::interrupted);
    CHECK(must(guest.typed<int32_t(int32_t)>(guest.instance, "sum").call(guest.store, 10)) == 55);
  });
}

TEST_CASE("an interruption waits for what runs next, unless it is taken back" * needs_wasm_3()) {
  in_both_encodings([](const Config& config) {
    Guest guest(config);
    const auto sum = guest.typed<int32_t(int32_t)>(guest.instance, "sum");
    const InterruptHandle handle = guest.store.interrupt_handle();
    handle.interrupt();
    CHECK(handle.is_interrupted());
    CHECK(error_of(sum.call(guest.store, 10)) == Error::interrupted);
    CHECK(!handle.is_interrupted());
    CHECK(must(sum.call(guest.store, 10)) == 55);
    handle.interrupt();
    guest.store.clear_interrupt();
    CHECK(must(sum.call(guest.store, 10)) == 55);
  });
}

TEST_CASE("an execution that is interrupted at each look gives the undisturbed result" *
          needs_wasm_3()) {
  in_both_encodings([](const Config& config) {
    Guest guest(config);
    const InterruptHandle handle = guest.store.interrupt_handle();
    const Val args[] = {Val::i32(100)};
    Execution execution = must(guest.func("sum").start(guest.store, args));
    int pauses = 0;
    handle.interrupt();
    while (must(execution.run()) == Execution::State::suspended) {
      ++pauses;
      handle.interrupt();
    }
    // The function's start and each round.
    CHECK(pauses == 101);
    Val result[1];
    must(execution.results(result));
    CHECK(result[0].as_i32() == 5050);
  });
}

TEST_CASE("bulk work is interrupted every 64 KiB" * needs_wasm_3()) {
  in_both_encodings([](const Config& config) {
    Guest guest(config);
    const InterruptHandle handle = guest.store.interrupt_handle();
    const Memory memory = must(guest.instance.get_memory(guest.store, "memory"));
    Execution execution = must(guest.func("fill").start(guest.store, {}));
    handle.interrupt();
    CHECK(must(execution.run()) == Execution::State::suspended);
    for (uint32_t i = 0; i < pages; ++i) {
      CHECK(must(memory.view(guest.store))[i * page] == 0);
      handle.interrupt();
      CHECK(must(execution.run()) == Execution::State::suspended);
      CHECK(must(memory.view(guest.store))[(i + 1) * page - 1] == 7);
    }
    CHECK(must(execution.run()) == Execution::State::done);
  });
}

namespace {

Result<int32_t> interrupt_and_call_back(Caller& caller, int32_t n) {
  const auto& handle = *static_cast<const InterruptHandle*>(caller.host_data());
  handle.interrupt();
  return call_back(caller, n);
}

} // namespace

TEST_CASE("a host function's call fails with cannot_suspend, and the interruption stays" *
          needs_wasm_3()) {
  in_both_encodings([](Config config) {
    config.interruption = true;
    World world(config);
    Back back;
    must(world.linker.define_func("env", "back", &interrupt_and_call_back, &back));
    std::optional<InterruptHandle> handle;
    Store store = must(Store::create(world.engine, {}, &handle));
    handle.emplace(store.interrupt_handle());
    const Module module = world.load(endless());
    const Instance instance = must(world.linker.instantiate(store, module));
    const Val args[] = {Val::i32(10)};
    {
      Execution execution = must(must(instance.get_func(store, "back")).start(store, args));
      // The guest that called the host ends before it looks again.
      CHECK(must(execution.run()) == Execution::State::done);
      CHECK(back.met == Error::cannot_suspend);
      CHECK(handle->is_interrupted());
    }
    const auto sum = must(instance.get_typed_func<int32_t(int32_t)>(store, "sum"));
    CHECK(error_of(sum.call(store, 1)) == Error::interrupted);
    CHECK(must(sum.call(store, 1)) == 1);
  });
}

TEST_CASE("fuel that ends below a host function is cannot_suspend" * needs_wasm_3()) {
  in_both_encodings([](Config config) {
    config.fuel = true;
    World world(config);
    Back back;
    must(world.linker.define_func("env", "back", &call_back, &back));
    const Instance instance = world.instantiate(endless());
    const Val args[] = {Val::i32(1000)};
    world.store.set_fuel(50);
    Execution execution =
        must(must(instance.get_func(world.store, "back")).start(world.store, args));
    CHECK(must(execution.run()) == Execution::State::done);
    CHECK(back.met == Error::cannot_suspend);
  });
}

TEST_CASE("code that was not compiled for it is not interrupted" * needs_wasm_3()) {
  in_both_encodings([](const Config& config) {
    World world(config);
    Back back;
    must(world.linker.define_func("env", "back", &call_back, &back));
    const Instance instance = world.instantiate(endless());
    world.store.interrupt_handle().interrupt();
    CHECK(must(world.typed<int32_t(int32_t)>(instance, "sum").call(world.store, 100)) == 5050);
    CHECK(world.store.interrupt_handle().is_interrupted());
  });
}
