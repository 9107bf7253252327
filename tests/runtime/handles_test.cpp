// Names of what is gone or belongs elsewhere: every public function that takes one says so, and
// nothing has changed.
#include "tests/needs.h"
#include "tests/runtime/runtime_test.h"

#include <vector>

using namespace ebb;
using namespace ebb::testing;

namespace {

Result<int32_t> one(Caller&) { return 1; }

/// Exports one of each kind, and functions that take references.
Bytes exporter() {
  ModuleBuilder builder;
  const uint32_t give = builder.type({}, {testing::i32});
  const uint32_t take = builder.type({funcref}, {});
  builder.memory({1, 1, 4}).table({funcref, 1, 2, 5}).global(testing::i32, true, i32_const(3));
  builder.export_func("give", builder.func(give, i32_const(1)));
  builder.export_func("take", builder.func(take, {}));
  builder.export_("memory", 2, 0).export_("table", 1, 0).export_("global", 3, 0);
  return builder.build();
}

/// What an instance of it gives, and a tag of the host's.
struct Things {
  Things() = default;
  Things(World& world, const Instance& made)
      : instance(made), func(must(made.get_func(world.store, "give"))),
        memory(must(made.get_memory(world.store, "memory"))),
        table(must(made.get_table(world.store, "table"))),
        global(must(made.get_global(world.store, "global"))),
        tag(must(Tag::create(world.store, {}))) {}

  Instance instance;
  Func func;
  Memory memory;
  Table table;
  Global global;
  Tag tag;
};

/// Asks for all that can be asked of names that are no good in a store.
void check_refused(Store& store, const Things& things, Error wanted) {
  CHECK(error_of(things.instance.export_count(store)) == wanted);
  CHECK(error_of(things.instance.export_at(store, 0)) == wanted);
  CHECK(error_of(things.instance.get_export(store, "memory")) == wanted);
  CHECK(error_of(things.instance.get_func(store, "give")) == wanted);
  CHECK(error_of(things.instance.get_memory(store, "memory")) == wanted);
  CHECK(error_of(things.instance.get_table(store, "table")) == wanted);
  CHECK(error_of(things.instance.get_global(store, "global")) == wanted);
  CHECK(error_of(things.instance.get_typed_func<int32_t()>(store, "give")) == wanted);
  CHECK(error_of(things.instance.release(store)) == wanted);

  Val result[1];
  CHECK(error_of(things.func.type(store)) == wanted);
  CHECK(error_of(things.func.call(store, {}, result)) == wanted);
  CHECK(error_of(things.func.typed<int32_t()>(store)) == wanted);
  CHECK(error_of(things.func.start(store, {})) == wanted);

  uint8_t bytes[4] = {};
  CHECK(error_of(things.memory.type(store)) == wanted);
  CHECK(error_of(things.memory.size_pages(store)) == wanted);
  CHECK(error_of(things.memory.size_bytes(store)) == wanted);
  CHECK(error_of(things.memory.grow(store, 1)) == wanted);
  CHECK(error_of(things.memory.read(store, 0, bytes)) == wanted);
  CHECK(error_of(things.memory.write(store, 0, bytes)) == wanted);
  CHECK(error_of(things.memory.view(store)) == wanted);
  CHECK(error_of(things.memory.view(store, 0, 1)) == wanted);

  CHECK(error_of(things.table.type(store)) == wanted);
  CHECK(error_of(things.table.size(store)) == wanted);
  CHECK(error_of(things.table.get(store, 0)) == wanted);
  CHECK(error_of(things.table.set(store, 0, Val::null_func())) == wanted);
  CHECK(error_of(things.table.grow(store, 1, Val::null_func())) == wanted);

  CHECK(error_of(things.global.type(store)) == wanted);
  CHECK(error_of(things.global.get(store)) == wanted);
  CHECK(error_of(things.global.set(store, Val::i32(4))) == wanted);
  CHECK(store.last_error() == wanted);
}

void check_externs_refused(World& world, Store& store, const Things& things, Error wanted) {
  const Extern externs[] = {things.func, things.table, things.memory, things.global};
  for (const Extern& value : externs) {
    CAPTURE(static_cast<int>(value.kind()));
    CHECK(error_of(value.type(store)) == wanted);
    CHECK(error_of(world.linker.define(store, "lib", "it", value)) == wanted);
  }
  CHECK(error_of(world.linker.define_instance(store, "lib", things.instance)) == wanted);
  CHECK(error_of(Root<Func>::create(store, things.func)) == wanted);
  CHECK(error_of(Root<Memory>::create(store, things.memory)) == wanted);
  CHECK(error_of(Root<Instance>::create(store, things.instance)) == wanted);
}

/// A reference to the function is refused wherever a store takes one.
void check_reference_refused(World& world, const Func& bad, Error wanted) {
  Store& store = world.store;
  const Instance instance = world.instantiate(exporter());
  const Val value = Val::func(bad);
  const Table table = must(instance.get_table(store, "table"));
  CHECK(error_of(table.set(store, 0, value)) == wanted);
  CHECK(error_of(table.grow(store, 1, value)) == wanted);
  CHECK(must(table.get(store, 0)).is_null());
  CHECK(must(table.size(store)) == 2);
  CHECK(error_of(Table::create(store, must(table.type(store)), value)) == wanted);
  CHECK(error_of(Global::create(store, {ValType::funcref(), true}, value)) == wanted);
  const Func take = must(instance.get_func(store, "take"));
  CHECK(error_of(take.call(store, {&value, 1}, {})) == wanted);
  CHECK(error_of(take.start(store, {&value, 1})) == wanted);
  const auto typed = must(take.typed<void(Func)>(store));
  CHECK(error_of(typed.call(store, bad)) == wanted);
  must(typed.call(store, take));
  must(store.collect());
}

/// Something and how a module imports it.
struct Given {
  Extern value;
  Bytes description;
};

std::vector<Given> imports_of(const Things& things) {
  return {{things.func, {0, 0}},
          {things.table, {1, funcref, 0, 0}},
          {things.memory, {2, 0, 0}},
          {things.global, {3, testing::i32, 1}}};
}

} // namespace

TEST_CASE("names of what is gone are refused by every function") {
  in_both_encodings([](const Config& config) {
    World world(config);
    Things things(world, world.instantiate(exporter()));
    must(things.instance.release(world.store));
    const HeapStats before = world.store.stats();
    check_refused(world.store, things, Error::stale_handle);
    check_externs_refused(world, world.store, things, Error::stale_handle);
    CHECK(world.store.stats().used == before.used);
    check_reference_refused(world, things.func, Error::stale_handle);

    // Names of nothing are the same.
    check_refused(world.store, Things(), Error::stale_handle);
    check_externs_refused(world, world.store, Things(), Error::stale_handle);
    CHECK(error_of(Tag().type(world.store)) == Error::stale_handle);
    CHECK(error_of(Extern(Tag()).type(world.store)) == Error::stale_handle);
  });
}

TEST_CASE("names of another store are refused by every function") {
  in_both_encodings([](const Config& config) {
    World world(config);
    const Things things(world, world.instantiate(exporter()));
    Store other = must(Store::create(world.engine));
    const HeapStats before = other.stats();
    check_refused(other, things, Error::wrong_store);
    check_externs_refused(world, other, things, Error::wrong_store);
    CHECK(error_of(things.tag.type(other)) == Error::wrong_store);
    CHECK(error_of(Extern(things.tag).type(other)) == Error::wrong_store);
    CHECK(other.stats().used == before.used);
    const Func foreign = must(Func::wrap(other, HostFunc::of(&one)));
    check_reference_refused(world, foreign, Error::wrong_store);
    // In their own store they are as good as before.
    Val result[1];
    must(things.func.call(world.store, {}, result));
    CHECK(result[0].as_i32() == 1);
  });
}

TEST_CASE("definitions of another store or of what is gone do not become imports" *
          needs_wasm_3()) {
  World world;
  const Things things(world, world.instantiate(exporter()));
  std::vector<InstancePre> pres;
  std::vector<Module> modules;
  world.linker.allow_shadowing(true);
  std::vector<Given> imports = imports_of(things);
  imports.push_back({things.tag, {4, 0, 1}});
  for (const Given& import : imports) {
    ModuleBuilder builder;
    builder.type({}, {testing::i32});
    builder.type({}, {});
    builder.import("lib", "it", import.description);
    modules.push_back(world.load(builder.build()));
    must(world.linker.define(world.store, "lib", "it", import.value));
    pres.push_back(must(world.linker.instantiate_pre(modules.back())));
    must(must(pres.back().instantiate(world.store)).release(world.store));
  }
  Store other = must(Store::create(world.engine));
  const HeapStats before = other.stats();
  for (const InstancePre& pre : pres) {
    CHECK(error_of(pre.instantiate(other)) == Error::wrong_store);
    CHECK(other.diagnostic().has_import);
  }
  for (size_t i = 0; i < imports.size(); ++i)
    CHECK(error_of(Instance::create(other, modules[i], {&imports[i].value, 1})) ==
          Error::wrong_store);
  CHECK(other.stats().used == before.used);
  must(things.instance.release(world.store));
  for (size_t i = 0; i + 1 < pres.size(); ++i) // the tag is the host's and stays
    CHECK(error_of(pres[i].instantiate(world.store)) == Error::stale_handle);
  must(pres.back().instantiate(world.store));
}

TEST_CASE("an imported start function that is gone is told when resources are asked for") {
  World world;
  ModuleBuilder owner;
  owner.export_func("start", owner.func(owner.type({}, {}), {}));
  const Instance first = world.instantiate(owner.build());
  must(world.linker.define_instance(world.store, "lib", first));
  ModuleBuilder builder;
  builder.start(builder.import_func("lib", "start", builder.type({}, {})));
  const Module module = world.load(builder.build());
  const InstancePre pre = must(world.linker.instantiate_pre(module));
  CHECK(must(resources_required(pre, world.store)).stack.requests == 1);
  Store other = must(Store::create(world.engine));
  CHECK(error_of(resources_required(pre, other)) == Error::wrong_store);
  must(first.release(world.store));
  CHECK(error_of(resources_required(pre, world.store)) == Error::stale_handle);
}

TEST_CASE("exports of another name or kind are refused by every getter") {
  World world;
  const Instance instance = world.instantiate(exporter());
  Store& store = world.store;
  CHECK(error_of(instance.get_func(store, "none")) == Error::unknown_export);
  CHECK(error_of(instance.get_memory(store, "none")) == Error::unknown_export);
  CHECK(error_of(instance.get_table(store, "none")) == Error::unknown_export);
  CHECK(error_of(instance.get_global(store, "none")) == Error::unknown_export);
  CHECK(error_of(instance.get_typed_func<int32_t()>(store, "none")) == Error::unknown_export);
  CHECK(error_of(instance.get_func(store, "memory")) == Error::wrong_kind);
  CHECK(error_of(instance.get_memory(store, "table")) == Error::wrong_kind);
  CHECK(error_of(instance.get_table(store, "global")) == Error::wrong_kind);
  CHECK(error_of(instance.get_global(store, "give")) == Error::wrong_kind);
  CHECK(error_of(instance.get_typed_func<int32_t(int32_t)>(store, "give")) == Error::wrong_type);
  CHECK(store.last_error() == Error::wrong_type);
}

TEST_CASE("a host function that the embedder calls has no caller to ask") {
  World world;
  Result<int32_t> (*const ask)(Caller&) = [](Caller& caller) -> Result<int32_t> {
    const Error no_export = caller.get_export("memory").error();
    const Error no_memory = caller.memory().error();
    return no_export == Error::unknown_export && no_memory == Error::unknown_export ? 1 : 0;
  };
  const Func func = must(Func::wrap(world.store, HostFunc::of(ask)));
  Val result[1];
  must(func.call(world.store, {}, result));
  CHECK(result[0].as_i32() == 1);
}

TEST_CASE("tables start with a value of their type only") {
  World world;
  TableType type;
  type.element = ValType::funcref();
  type.limits.min = 1;
  const HeapStats before = world.store.stats();
  CHECK(error_of(Table::create(world.store, type, Val::i32(0))) == Error::wrong_type);
  CHECK(error_of(Table::create(world.store, type, Val::null_extern())) == Error::wrong_type);
  CHECK(world.store.stats().used == before.used);
  const Table table = must(Table::create(world.store, type, Val::null_func()));
  CHECK(error_of(table.grow(world.store, 1, Val::i32(0))) == Error::wrong_type);
  CHECK(must(table.size(world.store)) == 1);
}
