#include "core/state/store_state.h"
#include "tests/needs.h"
#include "tests/runtime/runtime_test.h"

using namespace ebb;
using namespace ebb::testing;

TEST_CASE("segments and the start function run in order" * needs_wasm_3()) {
  in_both_encodings([](const Config& config) {
    World world(config);
    ModuleBuilder builder;
    const uint32_t none = builder.type({}, {});
    const uint32_t get = builder.type({testing::i32}, {testing::i32});
    builder.memory({0, 1}).table({funcref, 0, 4}).global(testing::i32, false, i32_const(8));
    builder.global(testing::i32, false, Bytes{0x23, 0} + i32_const(4) + Bytes{0x6a});
    const uint32_t load = builder.func(get, local_get(0) + Bytes{0x2d, 0, 0});
    // Adds one to the byte at 9.
    const uint32_t start = builder.func(none, i32_const(9) + i32_const(9) + Bytes{0x2d, 0, 0} +
                                                  i32_const(1) + Bytes{0x6a, 0x3a, 0, 0});
    const uint32_t indirect =
        builder.func(get, local_get(0) + i32_const(2) + Bytes{0x11} + leb(get) + Bytes{0});
    builder.start(start).export_func("load", load).export_func("indirect", indirect);
    builder.elem(Bytes{0} + i32_const(2) + Bytes{0x0b, 1} + leb(load));
    // (global.get 0) + 1, so at 9; and at the second global, 12.
    builder.data(Bytes{0, 0x23, 0} + i32_const(1) + Bytes{0x6a, 0x0b} + sized({40}));
    builder.data(Bytes{0, 0x23, 1, 0x0b} + sized({50, 60}));
    const Instance instance = world.instantiate(builder.build());
    const auto get_byte = world.typed<int32_t(int32_t)>(instance, "load");
    CHECK(must(get_byte.call(world.store, 9)) == 41);
    CHECK(must(get_byte.call(world.store, 13)) == 60);
    CHECK(must(world.typed<int32_t(int32_t)>(instance, "indirect").call(world.store, 12)) == 50);
  });
}

TEST_CASE("what a failed instantiation wrote stays, and what nothing reaches goes") {
  in_both_encodings([](const Config& config) {
    World world(config);
    ModuleBuilder owner;
    owner.memory({0, 1}).table({funcref, 0, 2}).export_("m", 2, 0).export_("t", 1, 0);
    const Instance first = world.instantiate(owner.build());
    must(world.linker.define_instance(world.store, "lib", first));
    const Memory memory = must(first.get_memory(world.store, "m"));
    const Table table = must(first.get_table(world.store, "t"));

    ModuleBuilder builder;
    const uint32_t type = builder.type({}, {testing::i32});
    builder.import("lib", "m", {2, 0, 1});
    builder.import("lib", "t", {1, funcref, 0, 1});
    const uint32_t func = builder.func(type, i32_const(77));
    builder.data(Bytes{0} + i32_const(5) + Bytes{0x0b} + sized({9}));
    builder.data(Bytes{0} + i32_const(65536) + Bytes{0x0b} + sized({9}));
    const HeapStats before = world.store.stats();
    CHECK(error_of(world.linker.instantiate(world.store, world.load(builder.build()))) ==
          Error::out_of_bounds_memory_access);
    CHECK(must(memory.view(world.store))[5] == 9);
    CHECK(world.store.stats().used <= before.used + 64);

    // With an element segment before it, the table reaches the instance.
    builder.elem(Bytes{0} + i32_const(1) + Bytes{0x0b, 1} + leb(func));
    const Module module = world.load(builder.build());
    size_t used = 0;
    for (int round = 0; round < 3; ++round) {
      CHECK(error_of(world.linker.instantiate(world.store, module)) ==
            Error::out_of_bounds_memory_access);
      const Func kept = must(table.get(world.store, 1)).as_func();
      CHECK(must(must(kept.typed<int32_t()>(world.store)).call(world.store)) == 77);
      must(table.set(world.store, 1, Val::null_func()));
      must(world.store.collect());
      CHECK(error_of(kept.typed<int32_t()>(world.store)) == Error::stale_handle);
      // The first round made the stack.
      if (round != 0) CHECK(world.store.stats().used == used);
      used = world.store.stats().used;
    }
  });
}

TEST_CASE("a start function that traps ends the instantiation" * needs_full_build()) {
  World world;
  ModuleBuilder builder;
  const uint32_t type = builder.type({}, {});
  builder.start(builder.func(type, {0x00}));
  CHECK(error_of(world.linker.instantiate(world.store, world.load(builder.build()))) ==
        Error::unreachable);
  CHECK(world.store.trace_count() == 1);
}

TEST_CASE("exports are found by name and by index") {
  World world;
  ModuleBuilder builder;
  const uint32_t type = builder.type({}, {});
  const uint32_t func = builder.func(type, {});
  builder.memory({0, 0}).export_func("z", func).export_("a", 2, 0).export_func("", func);
  const Module module = world.load(builder.build());
  REQUIRE(module.export_count() == 3);
  CHECK(module.export_(1).name == "a");
  CHECK(module.export_(1).type.kind == ExternKind::memory);
  CHECK(module.import_count() == 0);
  const Instance instance = must(world.linker.instantiate(world.store, module));
  CHECK(must(instance.export_count(world.store)) == 3);
  CHECK(must(instance.export_at(world.store, 0)).name == "z");
  CHECK(error_of(instance.export_at(world.store, 3)) == Error::out_of_range);
  CHECK(must(instance.get_func(world.store, "")) == must(instance.get_func(world.store, "z")));
  CHECK(must(instance.get_export(world.store, "a")).kind() == ExternKind::memory);
  const Extern imports[] = {must(instance.get_func(world.store, "z"))};
  CHECK(error_of(Instance::create(world.store, module, imports)) == Error::argument_mismatch);
}

TEST_CASE("instances with imports but without a linker") {
  World world;
  ModuleBuilder builder;
  builder.import("any", "name", {3, testing::i64, 0});
  builder.export_("g", 3, 0);
  const Module module = world.load(builder.build());
  const Global global = must(Global::create(world.store, {ValType::i64(), false}, Val::i64(12)));
  const Extern imports[] = {global};
  const Instance instance = must(Instance::create(world.store, module, imports));
  CHECK(must(instance.get_global(world.store, "g")) == global);
}

TEST_CASE("an instance that is not made takes no number that handles tell instances apart by") {
  World world({}, {.budget_bytes = 100 * 1024});
  ModuleBuilder large;
  large.memory({0, 2});
  const Module module = world.load(large.build());
  const uint32_t before = world.store.state().instances_made;
  for (int i = 0; i < 3; ++i) {
    CHECK(error_of(world.linker.instantiate(world.store, module)) == Error::out_of_memory);
    CHECK(error_of(Memory::create(world.store, {{2, 2}})) == Error::out_of_memory);
    CHECK(world.store.state().instances_made == before);
  }
  must(Memory::create(world.store, {{1, 1}}));
  CHECK(world.store.state().instances_made == before + 1);
}

TEST_CASE("a module that does not fit says that it was a module which found no memory" *
          needs_wasm_3()) {
  ModuleBuilder builder;
  const uint32_t type = builder.type({testing::i32}, {testing::i32});
  builder.export_func("f", builder.func(type, local_get(0) + i32_const(1) + Bytes{0x6a}));
  builder.memory({0, 1}).data({0, 0x41, 0, 0x0b, 1, 7});
  const Bytes bytes = builder.build();
  for (const auto preparation : {Config::Preparation::at_load, Config::Preparation::at_first_call})
    for (const auto encoding : {Config::Encoding::compact, Config::Encoding::threaded}) {
      size_t refused = 0;
      for (size_t limit = 64;; limit += 64, ++refused) {
        Config config = config_of(encoding);
        config.preparation = preparation;
        config.module_bytes_max = limit;
        World world(config);
        Diagnostic diagnostic;
        const Result<Module> module = Module::load(world.engine, bytes, &diagnostic);
        if (module.ok()) break;
        CAPTURE(limit);
        CHECK(module.error() == Error::out_of_memory);
        CHECK(diagnostic.error == Error::out_of_memory);
        CHECK(diagnostic.resource == Resource::module);
      }
      CHECK(refused > 3);
    }
}
