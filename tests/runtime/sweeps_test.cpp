// Refused requests where calls nest, fail, wait or end: hosts that call back, start functions that
// fail, modules that fail to link half way, executions that are suspended and dropped, pages, the
// end of everything, and engines that threads share. Each in every shape.
#include "tests/needs.h"
#include "tests/runtime/runtime_scenarios.h"

#include <thread>

using namespace ebb;
using namespace ebb::testing;

namespace {

oom::Options all_shapes() {
  oom::Options options;
  options.slack_bytes = size_t{1} << 20;
  REQUIRE(oom::read_shapes("once,onward,window:2,every:2,full,pair:1,pair:2,random:3@1",
                           options.shapes));
  return options;
}

oom::Options with_effects() {
  oom::Options options = all_shapes();
  options.keeps_effects = true;
  return options;
}

// --- Hosts that call back.

/// Calls the guest that called, one less deep.
Result<int32_t> call_back(Caller& caller, int32_t depth) {
  if (depth == 0) return 0;
  const Instance guest = EBB_TRY(caller.instance());
  const auto again = EBB_TRY(guest.get_typed_func<int32_t(int32_t)>(caller, "down"));
  return EBB_TRY(again.call(caller, depth - 1)) + 1;
}

/// Gives a reference, untyped and with more values than fit the native stack.
Result<void> many(Caller&, std::span<const Val> args, std::span<Val> results) {
  for (size_t i = 0; i < results.size(); ++i)
    results[i] = i < args.size() ? args[i] : Val::extern_ref(ExternRef::of(i));
  return {};
}

const ValType many_params[] = {ValType::i32(), ValType::i32(), ValType::i32(), ValType::i32()};
const ValType many_results[] = {ValType::i32(), ValType::externref(), ValType::i32(),
                                ValType::externref()};

Bytes calling_guest() {
  ModuleBuilder builder;
  const uint32_t one = builder.type({testing::i32}, {testing::i32});
  const uint32_t back = builder.import_func("env", "back", one);
  builder.export_func("down", builder.func(one, local_get(0) + call(back)));
  return builder.build();
}

template <Config::Encoding E> struct CallsBack : Base<E> {
  using Base<E>::Base;
  Result<void> setup() {
    EBB_TRY(this->make_linker());
    this->bytes = calling_guest();
    EBB_TRY(this->linker->define_func("env", "back", &call_back));
    EBB_TRY(keep(this->module, Module::load(*this->engine, this->bytes)));
    EBB_TRY(keep(this->pre, this->linker->instantiate_pre(*this->module)));
    EBB_TRY(keep(this->store, Store::create(*this->engine)));
    return keep(this->instance, this->pre->instantiate(*this->store));
  }
  Result<void> act() {
    result = EBB_TRY(this->call_guest("down", 12));
    return {};
  }
  uint64_t digest() const { return static_cast<uint64_t>(result); }
  int32_t result = 0;
};

template <Config::Encoding E> struct CallsHostDirectly : Base<E> {
  using Base<E>::Base;
  Result<void> setup() {
    EBB_TRY(this->make_store());
    const HostFunc function = HostFunc::untyped(many_params, many_results, &many);
    return keep(func, Func::wrap(*this->store, function));
  }
  Result<void> act() {
    const Val args[] = {Val::i32(1), Val::i32(2), Val::i32(3), Val::i32(4)};
    const Result<void> called = func->call(*this->store, args, out);
    // The function gives an i32 where its type has a reference.
    if (called.ok() || called.error() == Error::wrong_type) return {};
    return called;
  }
  std::optional<Func> func;
  Val out[4];
};

// --- Instantiations that fail.

/// Its start function calls itself a hundred deep and traps then.
Bytes failing_guest() {
  ModuleBuilder builder;
  const uint32_t one = builder.type({testing::i32}, {});
  const uint32_t none = builder.type({}, {});
  const uint32_t down = 0;
  builder.memory({0, 1}).table({funcref, 0, 3});
  builder.func(one, local_get(0) + Bytes{0x45, 0x04, 0x40, 0x00, 0x0b} + local_get(0) +
                        i32_const(1) + Bytes{0x6b} + call(down));
  builder.start(builder.func(none, i32_const(100) + call(down)));
  builder.elem(Bytes{0} + i32_const(0) + Bytes{0x0b, 1} + leb(down));
  builder.data(Bytes{0} + i32_const(8) + Bytes{0x0b} + sized({1, 2, 3}));
  return builder.build();
}

/// As an error that was foreseen is no failure.
Result<void> expect(Error wanted, Error met) {
  return met == wanted ? Result<void>() : Result<void>(met == Error::none ? Error::busy : met);
}

template <Config::Encoding E> struct StartFails : Base<E> {
  using Base<E>::Base;
  Result<void> setup() {
    this->bytes = failing_guest();
    EBB_TRY(this->make_linker());
    EBB_TRY(keep(this->module, Module::load(*this->engine, this->bytes)));
    EBB_TRY(keep(this->pre, this->linker->instantiate_pre(*this->module)));
    return keep(this->store, Store::create(*this->engine));
  }
  Result<void> act() {
    return expect(Error::unreachable, this->pre->instantiate(*this->store).error());
  }
};

template <Config::Encoding E> struct LinksHalfWay : Base<E> {
  using Base<E>::Base;
  Result<void> setup() {
    EBB_TRY(this->make_store());
    this->linker.reset();
    EBB_TRY(keep(this->linker, Linker::create(*this->engine)));
    return this->linker->define_func("env", "add", &host_add);
  }
  Result<void> act() {
    return expect(Error::unknown_import,
                  this->linker->instantiate(*this->store, *this->module).error());
  }
};

/// The second import is of another type, which is found when the first is already there.
template <Config::Encoding E> struct LinksWrongly : Base<E> {
  using Base<E>::Base;
  Result<void> setup() { return this->make_store(); }
  Result<void> act() {
    const Func add = EBB_TRY(Func::wrap(*this->store, HostFunc::of(&host_add)));
    const Extern imports[] = {add, add};
    return expect(Error::incompatible_import_type,
                  Instance::create(*this->store, *this->module, imports).error());
  }
  /// The wrapped function stays, as it was asked for.
  uint64_t state() const { return 0; }
};

// --- Executions.

/// Two executions wait for fuel; the lower one is dropped first, and the upper one goes on.
template <Config::Encoding E> struct Suspended : Base<E> {
  using Base<E>::Base;
  Result<void> setup() {
    Config config = this->config();
    config.fuel = true;
    EBB_TRY(keep(this->engine, Engine::create(config)));
    EBB_TRY(keep(this->linker, Linker::create(*this->engine)));
    EBB_TRY(this->linker->define_func("env", "add", &host_add));
    EBB_TRY(this->linker->define_func("env", "ref", &host_ref));
    EBB_TRY(keep(this->module, Module::load(*this->engine, this->bytes)));
    EBB_TRY(keep(this->store, Store::create(*this->engine)));
    return keep(this->instance, this->linker->instantiate(*this->store, *this->module));
  }
  Result<void> act() {
    const Func deep = EBB_TRY(this->instance->get_func(*this->store, "deep"));
    const Val args[] = {Val::i32(120)};
    std::optional<Execution> lower;
    EBB_TRY(keep(lower, deep.start(*this->store, args)));
    this->store->set_fuel(60);
    if (EBB_TRY(lower->run()) != Execution::State::suspended) return Error::busy;
    Execution upper = EBB_TRY(deep.start(*this->store, args));
    this->store->set_fuel(60);
    if (EBB_TRY(upper.run()) != Execution::State::suspended) return Error::busy;
    lower.reset();
    this->store->set_fuel(100000);
    if (EBB_TRY(upper.run()) != Execution::State::done) return Error::busy;
    return upper.results(out);
  }
  uint64_t digest() const { return static_cast<uint64_t>(out[0].as_i32()); }
  Val out[1] = {Val::i32(0)};
};

/// Not ready at every other call.
Result<ExternRef> host_waits(Caller& caller, int32_t number) {
  int& calls = *static_cast<int*>(caller.context());
  if (++calls % 2 != 0) return Error::pending;
  return ExternRef::of(static_cast<uint64_t>(number));
}

/// Deep recursion, and references from a host that has to be waited for.
Bytes waiting_guest() {
  ModuleBuilder builder;
  const uint32_t ref = builder.type({testing::i32}, {externref});
  const uint32_t one = builder.type({testing::i32}, {testing::i32});
  const uint32_t wait = builder.import_func("env", "wait", ref);
  const uint32_t deep = 1;
  builder.func(one, local_get(0) + Bytes{0x45, 0x04, testing::i32} + i32_const(0) + Bytes{0x05} +
                        local_get(0) + i32_const(1) + Bytes{0x6b} + call(deep) + i32_const(1) +
                        Bytes{0x6a, 0x0b});
  // deep(n) + ref.is_null(wait(n)) + ref.is_null(wait(n))
  const Bytes waits = local_get(0) + call(wait) + Bytes{0xd1, 0x6a};
  builder.export_func("all", builder.func(one, local_get(0) + call(deep) + waits + waits));
  return builder.build();
}

/// An execution that is interrupted wherever it looks, waits for its host and is resumed; another
/// one that waits above a third is dropped.
template <Config::Encoding E> struct Waiting : Base<E> {
  using Base<E>::Base;
  Result<void> setup() {
    Config config = this->config();
    config.interruption = true;
    this->bytes = waiting_guest();
    EBB_TRY(keep(this->engine, Engine::create(config)));
    EBB_TRY(keep(this->linker, Linker::create(*this->engine)));
    EBB_TRY(this->linker->define_func("env", "wait", &host_waits, &calls));
    EBB_TRY(keep(this->module, Module::load(*this->engine, this->bytes)));
    EBB_TRY(keep(this->pre, this->linker->instantiate_pre(*this->module)));
    return keep(this->store, Store::create(*this->engine));
  }
  Result<void> act() {
    calls = 0;
    this->store->clear_interrupt();
    const Instance guest = EBB_TRY(this->pre->instantiate(*this->store));
    const Func all = EBB_TRY(guest.get_func(*this->store, "all"));
    const Val args[] = {Val::i32(90)};
    const InterruptHandle handle = this->store->interrupt_handle();
    Execution below = EBB_TRY(all.start(*this->store, args));
    handle.interrupt();
    if (EBB_TRY(below.run()) != Execution::State::suspended) return Error::busy;
    pauses = 0;
    {
      Execution above = EBB_TRY(all.start(*this->store, args));
      do {
        ++pauses;
        if (above.reason() != Error::pending) handle.interrupt();
      } while (EBB_TRY(above.run()) == Execution::State::suspended &&
               above.reason() != Error::pending);
    }
    while (EBB_TRY(below.run()) == Execution::State::suspended) {
      ++pauses;
      if (below.reason() != Error::pending) handle.interrupt();
    }
    return below.results(out);
  }
  uint64_t digest() const {
    return static_cast<uint64_t>(out[0].as_i32()) << 16 | static_cast<uint64_t>(pauses);
  }
  Val out[1] = {Val::i32(0)};
  int calls = 0;
  int pauses = 0;
};

// --- Pages.

/// Memories on pages of the system: reserving, committing and growing may each be refused.
template <Config::Encoding E> struct Pages : Base<E> {
  using Base<E>::Base;
  Result<void> setup() {
    Config config = this->config();
    config.memory_backing = Config::Backing::pages;
    EBB_TRY(keep(this->engine, Engine::create(config)));
    return keep(this->store, Store::create(*this->engine));
  }
  Result<void> act() {
    MemoryType type;
    type.limits.min = 1;
    if (!memory) EBB_TRY(keep(memory, Memory::create(*this->store, type)));
    if (EBB_TRY(memory->size_pages(*this->store)) < 3) EBB_TRY(memory->grow(*this->store, 2));
    return {};
  }
  uint64_t digest() { return memory ? memory->size_pages(*this->store).value_or(0) : 0; }
  /// What was made before the growth failed stays.
  uint64_t state() const { return 0; }
  std::optional<Memory> memory;
};

} // namespace

TEST_CASE("hosts that call back survive every refusal" * needs_wasm_3()) {
  refuse_each<CallsBack>("host calls back", with_effects());
  refuse_each<CallsHostDirectly>("untyped host function", all_shapes());
}

TEST_CASE("instantiations that fail leave nothing, refused or not" * needs_wasm_3()) {
  refuse_each<StartFails>("start function traps", all_shapes());
  refuse_each<LinksHalfWay>("an import is missing", all_shapes());
  refuse_each<LinksWrongly>("an import has another type", with_effects());
}

TEST_CASE("suspended and dropped executions survive every refusal" * needs_wasm_3()) {
  refuse_each<Suspended>("suspended executions", with_effects());
  refuse_each<Waiting>("executions that wait", with_effects());
}

TEST_CASE("memories on pages survive every refusal") {
  SystemMemory memory;
  oom::Options options = with_effects();
  options.below = &memory.allocator();
  const oom::Report report = oom::oom_test<Pages<Config().encoding>>("pages", options);
  CHECK(report.ok());
  // Reserving, committing, and growing, which has another way.
  CHECK(report.requests >= 4);
  CHECK(report.benign != 0);
}

TEST_CASE("the end of everything asks for nothing and leaves nothing" * needs_wasm_3()) {
  in_both_encodings([](const Config& base) {
    SystemMemory memory;
    static unsigned char table[64 * 4096];
    FaultInjector injector(memory.allocator(), table, sizeof(table));
    const Allocator allocator = injector.allocator();
    {
      Config config = base;
      config.allocator = &allocator;
      config.fixed_seed = true;
      config.fuel = true;
      const Bytes bytes = rich_guest();
      Engine engine = must(Engine::create(config));
      Linker linker = must(Linker::create(engine));
      must(linker.define_func("env", "add", &host_add));
      must(linker.define_func("env", "ref", &host_ref));
      Store store = must(Store::create(engine));
      const Module module = must(Module::load(engine, bytes));
      const Instance instance = must(linker.instantiate(store, module));
      must(linker.define_instance(store, "lib", instance));
      must(must(instance.get_typed_func<ExternRef(int32_t)>(store, "refs")).call(store, 3));
      const Val args[] = {Val::i32(50)};
      Execution execution = must(must(instance.get_func(store, "deep")).start(store, args));
      store.set_fuel(10);
      CHECK(must(execution.run()) == Execution::State::suspended);
      injector.begin({FaultInjector::Mode::from_nth, 1, 0});
    }
    CHECK(injector.counts().requests == 0);
    CHECK(injector.live_blocks() == 0);
    CHECK(injector.misuses() == 0);
  });
}

TEST_CASE("threads that share an engine survive refusals at random" * needs_wasm_3()) {
  in_both_encodings([](const Config& base) {
    for (uint64_t seed = 1; seed <= 8; ++seed) {
      SystemMemory memory;
      static unsigned char table[64 * 8192];
      FaultInjector injector(memory.allocator(), table, sizeof(table));
      const Allocator allocator = injector.allocator();
      std::atomic<int> wrong{0};
      std::atomic<int> refused{0};
      {
        Config config = base;
        config.allocator = &allocator;
        config.fixed_seed = true;
        const Bytes bytes = rich_guest();
        const Engine engine = must(Engine::create(config));
        const auto live = [&]() -> Result<int32_t> {
          Linker linker = EBB_TRY(Linker::create(engine));
          EBB_TRY(linker.define_func("env", "add", &host_add));
          EBB_TRY(linker.define_func("env", "ref", &host_ref));
          const Module module = EBB_TRY(Module::load(engine, bytes));
          Store store = EBB_TRY(Store::create(engine));
          const Instance instance = EBB_TRY(linker.instantiate(store, module));
          const auto deep = EBB_TRY(instance.get_typed_func<int32_t(int32_t)>(store, "deep"));
          return deep.call(store, 200);
        };
        const auto work = [&] {
          for (int i = 0; i < 40; ++i) {
            const Result<int32_t> result = live();
            if (result.ok() ? result.value() != 200 : result.error() != Error::out_of_memory)
              ++wrong;
            if (!result.ok()) ++refused;
          }
        };
        injector.begin({FaultInjector::Mode::random, 60, seed});
        std::thread one(work);
        std::thread two(work);
        one.join();
        two.join();
        injector.begin();
        CHECK(must(live()) == 200);
      }
      CHECK(wrong == 0);
      CHECK(refused > 0);
      CHECK(injector.live_blocks() == 0);
      CHECK(injector.misuses() == 0);
    }
  });
}
