// resources_required: its parts, its errors, and that what it counts is reserved before anything is
// written. resources_sweep compares the figures with real ones.
#include "tests/needs.h"
#include "tests/runtime/runtime_test.h"

namespace ebb::testing {
namespace {

Result<void> nothing(Caller&) { return {}; }

uint64_t rounded(uint64_t bytes) { return (bytes + 15) / 16 * 16; }

bool allow_no_stack(void*, Growing what, uint64_t, uint64_t, uint64_t) {
  return what != Growing::stack;
}

} // namespace

TEST_CASE("the resources of a module are told part by part") {
  in_both_encodings([](const Config& config) {
    World world(config);
    ModuleBuilder builder;
    builder.memory({0, 2}).table({funcref, 0, 3});
    const Module module = world.load(builder.build());
    const ResourcesRequired required = must(resources_required(module));
    CHECK(required.store.requests == 2);
    CHECK(required.memories.bytes == 2 * 65536);
    CHECK(required.memories.requests == 1);
    CHECK(required.tables.bytes == rounded(3 * 8));
    CHECK(required.tables.requests == 1);
    CHECK(required.stack.requests == 0);
    CHECK(required.host_functions.requests == 0);
    const ResourcesRequired::Part total = required.total();
    CHECK(total.bytes == required.store.bytes + required.instance.bytes + 2 * 65536 + 32);
    CHECK(total.requests == required.store.requests + required.instance.requests + 2);
    CHECK(required.held_bytes() == total.bytes - required.outgrown_bytes);
  });
}

TEST_CASE("host functions are counted once if they are the same") {
  World world;
  ModuleBuilder builder;
  const uint32_t type = builder.type({}, {});
  for (int i = 0; i < 20; ++i)
    builder.import_func("host", i % 2 == 0 ? "even" : "odd", type);
  const Module module = world.load(builder.build());
  must(world.linker.define_func("host", "even", &nothing));
  must(world.linker.define_func("host", "odd", &nothing));
  const InstancePre pre = must(world.linker.instantiate_pre(module));
  // A list and three chunks of eight, if all differ; one chunk if they are one.
  CHECK(must(resources_required(module)).host_functions.requests == 4);
  const uint64_t held = world.engine.stats().used;
  CHECK(must(resources_required(pre, world.store)).host_functions.requests == 2);
  CHECK(world.engine.stats().used == held);
  must(pre.instantiate(world.store));
  CHECK(must(resources_required(pre, world.store)).host_functions.requests == 0);
}

TEST_CASE("what no host can give is told as an error" * needs_wasm_3()) {
  World world;
  ModuleBuilder builder;
  builder.memory(Bytes{4} + leb(uint64_t{1} << 47));
  const Result<Module> huge = Module::load(world.engine, builder.build());
  REQUIRE(huge.ok());
  CHECK(error_of(resources_required(huge.value())) == Error::out_of_memory);
  CHECK(error_of(world.linker.instantiate(world.store, huge.value())) == Error::out_of_memory);

  World other;
  const Module small = other.load(ModuleBuilder().build());
  const InstancePre pre = must(other.linker.instantiate_pre(small));
  CHECK(error_of(resources_required(pre, world.store)) == Error::wrong_engine);
}

TEST_CASE("a frame that no stack can hold is told before it is needed") {
  Config config;
  config.stack_bytes_max = 64 * 1024;
  World world(config);
  ModuleBuilder builder;
  const uint32_t type = builder.type({}, {});
  builder.start(builder.func(type, {}, Bytes{1} + leb(20000) + Bytes{testing::i64}));
  const Module module = world.load(builder.build());
  CHECK(error_of(resources_required(module)) == Error::call_stack_exhausted);
  const InstancePre pre = must(world.linker.instantiate_pre(module));
  CHECK(error_of(resources_required(pre, world.store)) == Error::call_stack_exhausted);
  const HeapStats before = world.store.stats();
  CHECK(error_of(pre.instantiate(world.store)) == Error::call_stack_exhausted);
  CHECK(world.store.stats().used <= before.used + 64);
}

TEST_CASE("room for an imported start function is found before segments are written") {
  Config config;
  config.limits.allow = &allow_no_stack;
  World world(config);
  ModuleBuilder builder;
  const uint32_t type = builder.type({}, {});
  builder.import("host", "memory", {2, 0, 1});
  const uint32_t start = builder.import_func("host", "start", type);
  builder.start(start).data(Bytes{0} + i32_const(0) + Bytes{0x0b, 1, 'x'});
  const Module module = world.load(builder.build());
  MemoryType memory_type;
  memory_type.limits.min = 1;
  const Memory memory = must(Memory::create(world.store, memory_type));
  must(world.linker.define(world.store, "host", "memory", memory));
  must(world.linker.define_func("host", "start", &nothing));
  CHECK(must(resources_required(module)).stack.requests == 1);
  CHECK(error_of(world.linker.instantiate(world.store, module)) == Error::out_of_memory);
  uint8_t byte = 1;
  must(memory.read(world.store, 0, {&byte, 1}));
  CHECK(byte == 0);
}

} // namespace ebb::testing
