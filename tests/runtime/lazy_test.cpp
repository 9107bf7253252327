// Functions that wait for their first call.
#include "collections/fault_injector.h"
#include "tests/artifact/artifacts.h"
#include "tests/needs.h"
#include "tests/runtime/runtime_test.h"

#include <thread>
#include <vector>

using namespace ebb;
using namespace ebb::testing;

namespace {

Config lazy(Config config, Config::Preparation preparation = Config::Preparation::at_first_call) {
  config.preparation = preparation;
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

/// A .wasm as it stands and precompiled, in both encodings, prepared or only threaded at first
/// calls. Compact code is not threaded.
template <class Run> void from_each_source(const Bytes& wasm, Run run) {
  World desk;
  CompileSettings settings;
  settings.strip = true;
  const Bytes precompiled = compiled(desk.engine, wasm, settings);
  in_both_encodings([&](const Config& config) {
    for (const Bytes& bytes : {wasm, precompiled}) {
      run(lazy(config), bytes);
      if (config.encoding == Config::Encoding::threaded)
        run(lazy(config, Config::Preparation::threaded_at_first_call), bytes);
    }
  });
}

} // namespace

TEST_CASE("functions are made ready when they are called" * needs_full_build()) {
  from_each_source(sums(), [](const Config& config, const Bytes& bytes) {
    World world(config);
    const Module module = world.load(bytes);
    // In place, only the verifier's scratch memory comes and goes.
    const bool runs_in_place = bytes[1] == 'e' && config.encoding == Config::Encoding::compact;
    const size_t before = module.stats().used;
    const uint64_t requests = module.stats().requests;
    const Instance instance = must(world.linker.instantiate(world.store, module));
    CHECK(module.stats().used == before);
    const auto f = world.typed<int32_t(int32_t)>(instance, "f");
    CHECK(must(f.call(world.store, 1000)) == 500500);
    const size_t after = module.stats().used;
    CHECK((runs_in_place ? after == before : after > before));
    const uint64_t requests_after = module.stats().requests;
    CHECK(requests_after > requests);
    CHECK(must(f.call(world.store, 10)) == 55);
    CHECK(module.stats().used == after);
    CHECK(module.stats().requests == requests_after);
    must(module.prepare());
    CHECK(module.stats().requests > requests_after);
    CHECK(must(f.call(world.store, 10)) == 55);
  });
}

TEST_CASE("a first call that finds no memory traps, and the same call may be tried again" *
          needs_full_build()) {
  from_each_source(sums(), [](const Config& config, const Bytes& bytes) {
    SystemMemory memory;
    std::vector<uint8_t> table(size_t{1} << 16);
    FaultInjector injector(memory.allocator(), table.data(), table.size());
    const Allocator allocator = injector.allocator();
    Config injected = config;
    injected.allocator = &allocator;
    injected.fixed_seed = true;
    uint64_t refused = 0;
    {
      const Engine engine = must(Engine::create(injected));
      for (uint64_t n = 1;; ++n) {
        // A module of its own each time, so that its functions have not been called.
        const Module module = must(Module::load(engine, bytes));
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
    CHECK(refused >= 4);
    CHECK(injector.live_blocks() == 0);
  });
}

TEST_CASE("a module's own limit bounds what is prepared" * needs_full_build()) {
  // Ready or not, large() takes more than loading does.
  ModuleBuilder builder;
  const uint32_t type = builder.type({}, {testing::i32});
  builder.export_func("small", builder.func(type, i32_const(7)));
  Bytes body;
  for (int i = 0; i < 5000; ++i)
    body = body + call(0) + Bytes{0x1a};
  builder.export_func("large", builder.func(type, body + i32_const(1)));
  from_each_source(builder.build(), [](Config config, const Bytes& bytes) {
    World probe(config);
    config.module_bytes_max = probe.load(bytes).stats().peak + 1024;
    World tight(config);
    const Instance instance = tight.instantiate(bytes);
    const auto large = tight.typed<int32_t()>(instance, "large");
    CHECK(error_of(large.call(tight.store)) == Error::out_of_memory);
    CHECK(error_of(large.call(tight.store)) == Error::out_of_memory);
    CHECK(must(tight.typed<int32_t()>(instance, "small").call(tight.store)) == 7);
  });
}

TEST_CASE("a body that is not valid ends the call that needs it, and no other" *
          needs_full_build()) {
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

TEST_CASE("parameters of functions without other locals keep what they are set to" *
          needs_full_build()) {
  ModuleBuilder builder;
  const uint32_t type = builder.type({testing::i32}, {testing::i32});
  builder.memory({0, 1}).data(Bytes{0} + i32_const(4) + Bytes{0x0b} + sized({100, 0, 0, 0}));
  const Bytes set = Bytes{0x21, 0}, load = Bytes{0x28, 2, 0};
  const uint8_t add = 0x6a;
  // x += 4; load(x) + x
  builder.export_func("f", builder.func(type, local_get(0) + i32_const(4) + Bytes{add} + set +
                                                  local_get(0) + load + local_get(0) + Bytes{add}));
  // if (x) x = 6; x + load(x - 2)
  builder.export_func("g", builder.func(type, local_get(0) + Bytes{0x04, 0x40} + i32_const(6) +
                                                  set + local_get(0) + Bytes{0x1a, 0x0b} +
                                                  local_get(0) + local_get(0) + i32_const(2) +
                                                  Bytes{0x6b} + load + Bytes{add}));
  from_each_source(builder.build(), [](const Config& config, const Bytes& bytes) {
    World world(config);
    const Instance instance = world.instantiate(bytes);
    CHECK(must(world.typed<int32_t(int32_t)>(instance, "f").call(world.store, 0)) == 104);
    CHECK(must(world.typed<int32_t(int32_t)>(instance, "g").call(world.store, 1)) == 106);
  });
}

TEST_CASE("what only waits to be threaded is valid and sound when it is loaded" *
          needs_full_build()) {
  in_both_encodings([](const Config& config) {
    ModuleBuilder builder;
    const uint32_t type = builder.type({}, {testing::i32});
    builder.export_func("good", builder.func(type, i32_const(1)));
    World world(lazy(config, Config::Preparation::threaded_at_first_call));
    const Module module = world.load(builder.build());
    must(module.validate_all());
    const size_t used = module.stats().used;
    const Instance instance = must(world.linker.instantiate(world.store, module));
    CHECK(must(world.typed<int32_t()>(instance, "good").call(world.store)) == 1);
    CHECK((module.stats().used > used) == (config.encoding == Config::Encoding::threaded));
    builder.export_func("bad", builder.func(type, i64_const(1)));
    Diagnostic diagnostic;
    CHECK(error_of(Module::load(world.engine, builder.build(), &diagnostic)) ==
          Error::type_mismatch);
    CHECK(diagnostic.function == 1);
  });
}

TEST_CASE("code that is not sound ends the call that needs it, and no other" * needs_full_build()) {
  ModuleBuilder builder;
  const uint32_t type = builder.type({}, {testing::i32});
  builder.export_func("good", builder.func(type, i32_const(1)));
  builder.export_func("bad", builder.func(type, i32_const(2)));
  World desk;
  Bytes bytes = compiled(desk.engine, builder.build());
  Diagnostic diagnostic;
  const artifact::Layout layout = must(artifact::read_layout(Aligned(bytes).span(), &diagnostic));
  const ByteRange functions = layout.section(artifact::SectionId::functions);
  Function bad;
  memcpy(&bad, bytes.data() + functions.offset + sizeof(Function), sizeof(bad));
  // A form that does not exist, as the first instruction.
  const size_t at = layout.section(artifact::SectionId::code).offset + bad.code_offset;
  bytes[at] = bytes[at + 1] = 0xff;
  in_both_encodings([&](const Config& config) {
    for (const auto preparation :
         {Config::Preparation::at_load, Config::Preparation::threaded_at_first_call}) {
      World eager(lazy(config, preparation));
      CHECK(error_of(Module::load(eager.engine, bytes, &diagnostic)) == Error::bytecode_opcode);
      CHECK(diagnostic.function == 1);
      CHECK(diagnostic.wasm_offset == at);
    }
    World world(lazy(config));
    const Module module = world.load(bytes);
    const Instance instance = must(world.linker.instantiate(world.store, module));
    CHECK(must(world.typed<int32_t()>(instance, "good").call(world.store)) == 1);
    for (int i = 0; i < 2; ++i)
      CHECK(error_of(world.typed<int32_t()>(instance, "bad").call(world.store)) ==
            Error::bytecode_opcode);
    CHECK(must(world.typed<int32_t()>(instance, "good").call(world.store)) == 1);
    diagnostic.clear();
    CHECK(error_of(module.validate_all(&diagnostic)) == Error::bytecode_opcode);
    CHECK(diagnostic.function == 1);
    CHECK(diagnostic.wasm_offset == at);
    CHECK(error_of(module.prepare()) == Error::bytecode_opcode);
  });
}

TEST_CASE("loading a precompiled module does not look at code that waits for its first call" *
          needs_full_build()) {
  ModuleBuilder builder;
  const uint32_t type = builder.type({}, {testing::i32});
  Bytes body;
  for (int i = 0; i < 20000; ++i)
    body += Bytes{0x10, 0x00, 0x1a};
  builder.export_func("f", builder.func(type, i32_const(7)));
  for (int i = 0; i < 16; ++i)
    builder.func(type, body + i32_const(1));
  World desk;
  const Bytes bytes = compiled(desk.engine, builder.build());
  const artifact::Layout layout = must(artifact::read_layout(Aligned(bytes).span(), nullptr));
  const ByteRange code = layout.section(artifact::SectionId::code);
  const size_t page = 4096;
  const size_t mapped = (bytes.size() + page - 1) / page * page;
  void* const file =
      mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(file != MAP_FAILED);
  memcpy(file, bytes.data(), bytes.size());
  // All but the first page of the code can no longer be read.
  const size_t begin = (code.offset + page - 1) / page * page;
  const size_t end = (code.offset + code.size) / page * page;
  REQUIRE(end > begin + 100 * page);
  REQUIRE(mprotect(static_cast<uint8_t*>(file) + begin, end - begin, PROT_NONE) == 0);
  in_both_encodings([&](const Config& config) {
    World lazily(lazy(config));
    const Module module = must(
        Module::load_borrowed(lazily.engine, {static_cast<const uint8_t*>(file), bytes.size()}));
    const Instance instance = must(lazily.linker.instantiate(lazily.store, module));
    CHECK(must(lazily.typed<int32_t()>(instance, "f").call(lazily.store)) == 7);
  });
  munmap(file, mapped);
}

TEST_CASE("threads race for first calls" * needs_full_build()) {
  from_each_source(sums(), [](const Config& config, const Bytes& bytes) {
    SystemMemory memory;
    const Engine engine = must(Engine::create(World::with_allocator(config, memory)));
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

TEST_CASE("functions that wait for their first call are not written, unless they are precompiled" *
          needs_full_build()) {
  from_each_source(sums(), [](const Config& config, const Bytes& bytes) {
    World world(config);
    const Module module = world.load(bytes);
    Bytes written;
    const Result<void> result = module.serialize({&append_to, &written});
    const bool is_compiled = config.preparation == Config::Preparation::threaded_at_first_call;
    if (bytes[1] == 'e')
      CHECK(written == bytes);
    else if (is_compiled)
      CHECK(result.ok());
    else
      CHECK(error_of(result) == Error::code_not_kept);
  });
}

TEST_CASE("after prepare, calls ask for no memory" * needs_full_build()) {
  in_both_encodings([](const Config& config) {
    ModuleBuilder builder;
    const uint32_t type = builder.type({testing::i32}, {testing::i32});
    builder.table({funcref, 1, 1, 50});
    // table.grow by the argument, of null.
    builder.export_func("grow",
                        builder.func(type, Bytes{0xd0, 0x70} + local_get(0) + Bytes{0xfc, 15, 0}));
    for (const auto preparation :
         {Config::Preparation::at_first_call, Config::Preparation::threaded_at_first_call}) {
      World world(lazy(config, preparation));
      const Instance instance = world.instantiate(builder.build());
      const auto grow = world.typed<int32_t(int32_t)>(instance, "grow");
      must(world.store.prepare());
      const uint64_t requests = world.store.stats().requests;
      const uint64_t engine_requests = world.engine.stats().requests;
      CHECK(must(grow.call(world.store, 49)) == 1);
      CHECK(must(grow.call(world.store, 1)) == -1);
      CHECK(world.store.stats().requests == requests);
      CHECK(world.engine.stats().requests == engine_requests);
    }
  });
}
