#include "tests/runtime/runtime_test.h"

using namespace ebb;
using namespace ebb::testing;

namespace {

Result<int32_t> give_one(Caller&) { return 1; }
Result<int32_t> give_two(Caller&) { return 2; }

/// Imports env.f: () -> i32 and exports a function that calls it, and the import itself.
Bytes importer() {
  ModuleBuilder builder;
  const uint32_t type = builder.type({}, {testing::i32});
  builder.import_func("env", "f", type);
  builder.export_func("g", builder.func(type, call(0)));
  builder.export_func("f", 0);
  return builder.build();
}

} // namespace

TEST_CASE("missing and wrong imports are named") {
  World world;
  const Module module = world.load(importer());
  Diagnostic diagnostic;
  CHECK(error_of(world.linker.instantiate_pre(module, &diagnostic)) == Error::unknown_import);
  char text[200];
  render(diagnostic, text, sizeof(text));
  CHECK(strstr(text, "\"env\" \"f\"") != nullptr);
  CHECK(error_of(world.linker.instantiate(world.store, module)) == Error::unknown_import);
  CHECK(world.store.diagnostic().has_import);

  Result<int64_t> (*const wrong)(Caller&) = [](Caller&) -> Result<int64_t> { return 0; };
  must(world.linker.define_func("env", "f", wrong));
  CHECK(error_of(world.linker.instantiate_pre(module, &diagnostic)) ==
        Error::incompatible_import_type);
}

TEST_CASE("definitions are not replaced unless that is allowed") {
  World world;
  must(world.linker.define_func("env", "f", &give_one));
  CHECK(error_of(world.linker.define_func("env", "f", &give_two)) == Error::duplicate_definition);
  world.linker.allow_shadowing(true);
  must(world.linker.define_func("env", "f", &give_two));
  const Instance instance = world.instantiate(importer());
  CHECK(must(world.typed<int32_t()>(instance, "g").call(world.store)) == 2);
}

TEST_CASE("one InstancePre makes instances in many stores") {
  World world;
  must(world.linker.define_func("env", "f", &give_one));
  const InstancePre pre = must(world.linker.instantiate_pre(world.load(importer())));
  const InstancePre same = pre.clone();
  Store other = must(Store::create(world.engine));
  const Instance first = must(pre.instantiate(world.store));
  const Instance second = must(same.instantiate(other));
  CHECK(must(world.typed<int32_t()>(first, "g").call(world.store)) == 1);
  CHECK(error_of(second.get_func(world.store, "g")) == Error::wrong_store);
  const HeapStats before = other.stats();
  const Instance third = must(same.instantiate(other));
  must(third.release(other));
  CHECK(error_of(third.get_func(other, "g")) == Error::stale_handle);
  const Instance fourth = must(same.instantiate(other));
  must(fourth.release(other));
  CHECK(other.stats().used <= before.used + 64);
}

TEST_CASE("exports of an instance become imports of another, and keep it alive") {
  in_both_encodings([](const Config& config) {
    World world(config);
    must(world.linker.define_func("env", "f", &give_one));
    const Instance first = world.instantiate(importer());
    must(world.linker.define_instance(world.store, "lib", first));
    CHECK(error_of(world.linker.define_instance(world.store, "lib", first)) ==
          Error::duplicate_definition);
    ModuleBuilder builder;
    const uint32_t type = builder.type({}, {testing::i32});
    builder.import_func("lib", "g", type);
    builder.import_func("lib", "f", type);
    builder.export_func("h", builder.func(type, call(0) + call(1) + Bytes{0x6a}));
    const Instance second = world.instantiate(builder.build());
    const auto sum = world.typed<int32_t()>(second, "h");
    CHECK(must(sum.call(world.store)) == 2);
    must(first.release(world.store));
    must(world.store.collect());
    CHECK(must(sum.call(world.store)) == 2);
    const Extern found = must(world.linker.get(world.store, "lib", "g"));
    CHECK(found.kind() == ExternKind::func);
    must(second.release(world.store));
    CHECK(error_of(sum.call(world.store)) == Error::stale_handle);
    CHECK(error_of(world.linker.get(world.store, "lib", "g")) == Error::stale_handle);
    CHECK(error_of(world.linker.get(world.store, "lib", "none")) == Error::unknown_import);
  });
}

TEST_CASE("a Root keeps an instance that was released") {
  World world;
  must(world.linker.define_func("env", "f", &give_one));
  const Instance instance = world.instantiate(importer());
  const auto call_g = world.typed<int32_t()>(instance, "g");
  {
    const auto root = must(Root<Func>::create(world.store, call_g.func()));
    must(instance.release(world.store));
    CHECK(must(call_g.call(world.store)) == 1);
    CHECK(error_of(world.store.close()) == Error::busy);
  }
  must(world.store.collect());
  CHECK(error_of(call_g.call(world.store)) == Error::stale_handle);
}

TEST_CASE("memories, tables, globals and tags match by type and current size") {
  World world;
  ModuleBuilder exporter;
  exporter.memory({1, 1, 4}).table({funcref, 1, 2, 5}).global(testing::i32, true, i32_const(3));
  exporter.export_("m", 2, 0).export_("t", 1, 0).export_("g", 3, 0);
  const Instance instance = world.instantiate(exporter.build());
  must(world.linker.define_instance(world.store, "lib", instance));
  const auto try_import = [&](const char* field, const Bytes& description) {
    ModuleBuilder builder;
    builder.import("lib", field, description);
    return world.linker.instantiate(world.store, world.load(builder.build())).error();
  };
  CHECK(try_import("m", {2, 1, 1, 4}) == Error::none);
  CHECK(try_import("m", {2, 0, 0}) == Error::none);
  CHECK(try_import("m", {2, 1, 1, 3}) == Error::incompatible_import_type);
  CHECK(try_import("m", {2, 0, 2}) == Error::incompatible_import_type);
  must(must(instance.get_memory(world.store, "m")).grow(world.store, 1));
  CHECK(try_import("m", {2, 0, 2}) == Error::none);
  CHECK(try_import("t", {1, funcref, 0, 2}) == Error::none);
  CHECK(try_import("t", {1, externref, 0, 2}) == Error::incompatible_import_type);
  CHECK(try_import("g", {3, testing::i32, 1}) == Error::none);
  CHECK(try_import("g", {3, testing::i32, 0}) == Error::incompatible_import_type);
  CHECK(try_import("g", {2, 0, 0}) == Error::incompatible_import_type);
}

TEST_CASE("objects of another engine are refused") {
  World world;
  World other;
  const Module foreign = other.load(header());
  CHECK(error_of(world.linker.instantiate(world.store, foreign)) == Error::wrong_engine);
}
