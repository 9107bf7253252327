#include "tests/runtime/runtime_test.h"

#include <vector>

using namespace ebb;
using namespace ebb::testing;

namespace {

MemoryType pages(uint64_t min, uint64_t max) {
  MemoryType type;
  type.limits = {.min = min, .max = max, .has_max = true};
  return type;
}

bool is_zero(std::span<const uint8_t> bytes) {
  for (const uint8_t byte : bytes)
    if (byte != 0) return false;
  return true;
}

} // namespace

TEST_CASE("memories of every backing grow, keep their bytes and start zeroed") {
  for (const Config::Backing backing : {Config::Backing::heap_blocks, Config::Backing::pages}) {
    Config config;
    config.memory_backing = backing;
    World world(config);
    const Memory memory = must(Memory::create(world.store, pages(1, 4)));
    CHECK(is_zero(must(memory.view(world.store))));
    const uint8_t text[] = {1, 2, 3};
    must(memory.write(world.store, 65533, text));
    CHECK(error_of(memory.write(world.store, 65534, text)) == Error::out_of_range);
    CHECK(must(memory.grow(world.store, 2)) == 1);
    CHECK(must(memory.size_pages(world.store)) == 3);
    CHECK(must(memory.view(world.store))[65535] == 3);
    CHECK(is_zero(must(memory.view(world.store, 65536, 2 * 65536))));
    CHECK(error_of(memory.grow(world.store, 2)) == Error::out_of_memory);
    CHECK(world.store.diagnostic().cause == RefusalCause::declared_maximum);
    CHECK(must(memory.type(world.store)).limits.min == 3);
    CHECK(world.store.linear_memory_bytes() >= 3 * 65536);
  }
}

TEST_CASE("a memory over the embedder's bytes stays there") {
  World world;
  std::vector<uint8_t> bytes(2 * 65536 + 10, 0xff);
  const Memory memory = must(Memory::create_over(world.store, pages(1, 8), bytes));
  CHECK(must(memory.view(world.store)).data() == bytes.data());
  CHECK(is_zero(must(memory.view(world.store))));
  CHECK(must(memory.grow(world.store, 1)) == 1);
  CHECK(is_zero(must(memory.view(world.store))));
  CHECK(error_of(memory.grow(world.store, 1)) == Error::out_of_memory);
  CHECK(world.store.diagnostic().cause == RefusalCause::implementation_limit);
  CHECK(error_of(Memory::create_over(world.store, pages(3, 8), bytes)) == Error::out_of_range);
}

TEST_CASE("the cause of a refused growth can be read") {
  Config config;
  config.limits.allow = [](void*, Growing what, uint64_t, uint64_t to, uint64_t) {
    return what != Growing::memory || to < 3 * 65536;
  };
  World world(config, {.budget_bytes = 300 * 1024});
  const Memory limited = must(Memory::create(world.store, pages(1, 9)));
  CHECK(error_of(limited.grow(world.store, 2)) == Error::out_of_memory);
  CHECK(world.store.diagnostic().cause == RefusalCause::limits_callback);
  CHECK(world.store.diagnostic().resource == Resource::memory);
  must(Memory::create(world.store, pages(2, 9)));
  CHECK(error_of(Memory::create(world.store, pages(2, 9))) == Error::out_of_memory);
  CHECK(world.store.diagnostic().cause == RefusalCause::budget);
  CHECK(world.store.diagnostic().bytes_asked == 2 * 65536);
}

TEST_CASE("guests see refused growth as -1 and grown memory at once") {
  in_both_encodings([](const Config& config) {
    World world(config);
    ModuleBuilder builder;
    const uint32_t type = builder.type({testing::i32}, {testing::i32});
    builder.memory({1, 1, 3}).export_("memory", 2, 0);
    builder.export_func("grow", builder.func(type, local_get(0) + Bytes{0x40, 0}));
    builder.export_func("load", builder.func(type, local_get(0) + Bytes{0x28, 2, 0}));
    const Instance instance = world.instantiate(builder.build());
    const auto grow = world.typed<int32_t(int32_t)>(instance, "grow");
    const auto load = world.typed<int32_t(int32_t)>(instance, "load");
    const Memory memory = must(instance.get_memory(world.store, "memory"));
    CHECK(error_of(load.call(world.store, 65536)) == Error::out_of_bounds_memory_access);
    CHECK(must(memory.grow(world.store, 1)) == 1);
    CHECK(must(load.call(world.store, 65536)) == 0);
    CHECK(must(grow.call(world.store, 1)) == 2);
    CHECK(must(grow.call(world.store, 1)) == -1);
    CHECK(must(memory.size_pages(world.store)) == 3);
  });
}

TEST_CASE("limits that no memory can have are refused") {
  World world;
  CHECK(error_of(Memory::create(world.store, pages(2, 1))) == Error::invalid_config);
  CHECK(error_of(Memory::create(world.store, pages(65537, 65537))) == Error::invalid_config);
}

TEST_CASE("a limits callback refuses memories and tables from their first byte on") {
  Config config;
  config.limits.allow = [](void*, Growing what, uint64_t from, uint64_t to, uint64_t) {
    return what == Growing::stack || from == to || to <= 2;
  };
  World world(config);
  const HeapStats before = world.store.stats();
  CHECK(error_of(Memory::create(world.store, pages(1, 2))) == Error::out_of_memory);
  CHECK(world.store.diagnostic().cause == RefusalCause::limits_callback);
  CHECK(world.store.diagnostic().resource == Resource::memory);
  TableType type;
  type.element = ValType::funcref();
  type.limits.min = 3;
  CHECK(error_of(Table::create(world.store, type, Val::null_func())) == Error::out_of_memory);
  CHECK(world.store.diagnostic().cause == RefusalCause::limits_callback);
  CHECK(world.store.diagnostic().resource == Resource::table);
  CHECK(world.store.stats().used <= before.used + 64);
  type.limits.min = 2;
  const Table table = must(Table::create(world.store, type, Val::null_func()));
  CHECK(error_of(table.grow(world.store, 1, Val::null_func())) == Error::out_of_memory);
  CHECK(world.store.diagnostic().cause == RefusalCause::limits_callback);
  CHECK(must(table.size(world.store)) == 2);
  // Guests are refused alike, and nothing of theirs stays but room in the list of instances.
  const HeapStats before_guests = world.store.stats();
  CHECK(error_of(world.linker.instantiate(world.store,
                                          world.load(ModuleBuilder().memory({0, 1}).build()))) ==
        Error::out_of_memory);
  CHECK(error_of(world.linker.instantiate(
            world.store, world.load(ModuleBuilder().table({funcref, 0, 3}).build()))) ==
        Error::out_of_memory);
  CHECK(world.store.stats().used <= before_guests.used + 64);
}
