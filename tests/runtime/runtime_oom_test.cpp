// Every request for memory that the runtime makes is refused in turn, in both encodings.
#include "tests/oom/oom.h"
#include "tests/oom/state_digest.h"
#include "tests/runtime/runtime_test.h"

#include <optional>

using namespace ebb;
using namespace ebb::testing;

namespace {

/// What the list of instances may keep.
constexpr size_t list_bytes = 64;
/// What a failed call may keep: grown maps of a linker, room for external references.
constexpr size_t slack_bytes = 8192;

template <class T> Result<void> keep(std::optional<T>& place, Result<T>&& result) {
  if (!result.ok()) return result.error();
  place.emplace(std::move(result).value());
  return {};
}

Result<int32_t> host_add(Caller& caller, int32_t a, int32_t b) {
  if (caller.context() != nullptr) ++*static_cast<int*>(caller.context());
  return a + b;
}
Result<ExternRef> host_ref(Caller&, int32_t number) {
  return ExternRef::of(static_cast<uint64_t>(number));
}

/// A guest that has one of everything.
Bytes rich_guest() {
  ModuleBuilder builder;
  const uint32_t add = builder.type({testing::i32, testing::i32}, {testing::i32});
  const uint32_t ref = builder.type({testing::i32}, {externref});
  const uint32_t one = builder.type({testing::i32}, {testing::i32});
  const uint32_t none = builder.type({}, {});
  builder.import_func("env", "add", add);
  builder.import_func("env", "ref", ref);
  builder.memory({1, 1, 4}).memory({0, 0}).table({funcref, 0, 3}).table({externref, 1, 2, 64});
  builder.global(testing::i32, true, i32_const(3) + i32_const(4) + Bytes{0x6a});
  const uint32_t start = builder.func(none, i32_const(1) + i32_const(2) + call(0) + Bytes{0x24, 0});
  // Recurses as deep as its argument says.
  const uint32_t deep =
      builder.func(one, local_get(0) + Bytes{0x45, 0x04, testing::i32} + i32_const(0) +
                            Bytes{0x05} + local_get(0) + i32_const(1) + Bytes{0x6b} + call(3) +
                            i32_const(1) + Bytes{0x6a, 0x0b});
  const uint32_t grow = builder.func(one, local_get(0) + Bytes{0x40, 0});
  const uint32_t grow_table =
      builder.func(one, Bytes{0xd0, externref} + local_get(0) + Bytes{0xfc, 15, 1});
  const uint32_t trap = builder.func(one, local_get(0) + call(3) + Bytes{0x1a, 0x00});
  const uint32_t refs = builder.func(ref, local_get(0) + call(1));
  builder.start(start).export_func("deep", deep).export_func("grow", grow);
  builder.export_func("grow_table", grow_table).export_func("trap", trap);
  builder.export_func("refs", refs).export_("memory", 2, 0).export_("global", 3, 0);
  builder.elem(Bytes{0} + i32_const(0) + Bytes{0x0b, 2} + leb(deep) + leb(0));
  builder.data(Bytes{0} + i32_const(8) + Bytes{0x0b} + sized({1, 2, 3}));
  return builder.build();
}

/// What the scenarios are made of, step by step.
template <Config::Encoding encoding> struct Base {
  explicit Base(oom::Test& test) : Base(test.allocator()) {}
  explicit Base(const Allocator& below) : allocator(below), bytes(rich_guest()) {}

  Config config() const {
    Config made;
    made.allocator = &allocator;
    made.fixed_seed = true;
    made.encoding = encoding;
    return made;
  }
  Result<void> make_engine() { return keep(engine, Engine::create(config())); }
  Result<void> make_linker() {
    EBB_TRY(make_engine());
    return keep(linker, Linker::create(*engine));
  }
  Result<void> make_pre() {
    EBB_TRY(make_linker());
    EBB_TRY(linker->define_func("env", "add", &host_add));
    EBB_TRY(linker->define_func("env", "ref", &host_ref));
    EBB_TRY(keep(module, Module::load(*engine, bytes)));
    return keep(pre, linker->instantiate_pre(*module));
  }
  Result<void> make_store() {
    EBB_TRY(make_pre());
    return keep(store, Store::create(*engine));
  }
  Result<void> make_instance() {
    EBB_TRY(make_store());
    return keep(instance, pre->instantiate(*store));
  }
  Result<int32_t> call_guest(StringView name, int32_t argument) {
    const auto func = EBB_TRY(instance->template get_typed_func<int32_t(int32_t)>(*store, name));
    return func.call(*store, argument);
  }
  Result<void> setup() { return {}; }
  uint64_t digest() const { return 0; }
  /// All that there is, for what failed operations leave.
  uint64_t state() const {
    uint64_t state = engine ? oom::digest(*engine) : 0;
    if (linker) state = oom::mix(state, oom::digest(*linker));
    if (!store) return state;
    state = oom::mix(oom::mix(state, oom::digest(*store)), oom::activity_digest(*store));
    return oom::mix(state, oom::contents_digest(*store));
  }

  Allocator allocator;
  Bytes bytes;
  std::optional<Engine> engine;
  std::optional<Linker> linker;
  std::optional<Module> module;
  std::optional<InstancePre> pre;
  std::optional<Store> store;
  std::optional<Instance> instance;
};

template <Config::Encoding E> struct CreateEngine : Base<E> {
  using Base<E>::Base;
  Result<void> act() { return this->make_engine(); }
  uint64_t digest() const { return this->engine.has_value(); }
};

template <Config::Encoding E> struct LoadModule : Base<E> {
  using Base<E>::Base;
  Result<void> setup() { return this->make_engine(); }
  Result<void> act() { return keep(this->module, Module::load(*this->engine, this->bytes)); }
  uint64_t digest() const { return this->module ? this->module->export_count() : 0; }
};

template <Config::Encoding E> struct DefineFunctions : Base<E> {
  using Base<E>::Base;
  Result<void> setup() { return this->make_linker(); }
  Result<void> act() {
    const NamedHostFunc functions[] = {{"add", HostFunc::of(&host_add)},
                                       {"ref", HostFunc::of(&host_ref)},
                                       {"same", HostFunc::of(&host_add)}};
    return this->linker->define_funcs("env", functions);
  }
};

template <Config::Encoding E> struct MakePre : Base<E> {
  using Base<E>::Base;
  Result<void> setup() {
    EBB_TRY(this->make_pre());
    this->pre.reset();
    return {};
  }
  Result<void> act() { return keep(this->pre, this->linker->instantiate_pre(*this->module)); }
};

template <Config::Encoding E> struct CreateStore : Base<E> {
  using Base<E>::Base;
  Result<void> setup() { return this->make_engine(); }
  Result<void> act() {
    EBB_TRY(keep(this->store, Store::create(*this->engine, {100000, StoreLimits::Kind::reserved})));
    this->store.reset();
    return keep(this->store, Store::create(*this->engine));
  }
};

template <Config::Encoding E> struct Instantiate : Base<E> {
  using Base<E>::Base;
  Result<void> setup() { return this->make_store(); }
  Result<void> act() { return keep(this->instance, this->pre->instantiate(*this->store)); }
  uint64_t digest() {
    if (!this->instance) return 0;
    const Global global = this->instance->get_global(*this->store, "global").value();
    return static_cast<uint64_t>(global.get(*this->store).value().as_i32());
  }
};

template <Config::Encoding E> struct InstantiateWithLinker : Base<E> {
  using Base<E>::Base;
  Result<void> setup() { return this->make_store(); }
  Result<void> act() {
    return keep(this->instance, this->linker->instantiate(*this->store, *this->module));
  }
};

template <Config::Encoding E> struct DefineInstance : Base<E> {
  using Base<E>::Base;
  Result<void> setup() { return this->make_instance(); }
  Result<void> act() { return this->linker->define_instance(*this->store, "lib", *this->instance); }
  uint64_t digest() { return this->linker->get(*this->store, "lib", "deep").ok(); }
};

MemoryType memory_type(bool grows) {
  MemoryType type;
  type.limits.min = grows ? 1 : 2;
  return type;
}

TableType table_type() {
  TableType type;
  type.element = ValType::externref();
  type.limits.min = 4;
  return type;
}

const Val some_ref = Val::extern_ref(ExternRef::of(5));

template <Config::Encoding E> struct MakeMemory : Base<E> {
  using Base<E>::Base;
  Result<void> setup() { return this->make_store(); }
  Result<void> act() { return keep(memory, Memory::create(*this->store, memory_type(false))); }
  uint64_t digest() { return memory ? memory->size_pages(*this->store).value() : 0; }
  std::optional<Memory> memory;
};

template <Config::Encoding E> struct GrowMemory : MakeMemory<E> {
  using MakeMemory<E>::MakeMemory;
  Result<void> setup() {
    EBB_TRY(this->make_store());
    return keep(this->memory, Memory::create(*this->store, memory_type(true)));
  }
  Result<void> act() {
    EBB_TRY(this->memory->grow(*this->store, 3));
    return {};
  }
};

template <Config::Encoding E> struct MakeTable : Base<E> {
  using Base<E>::Base;
  Result<void> setup() { return this->make_store(); }
  Result<void> act() { return keep(table, Table::create(*this->store, table_type(), some_ref)); }
  uint64_t digest() { return table ? table->size(*this->store).value() : 0; }
  std::optional<Table> table;
};

template <Config::Encoding E> struct GrowTable : MakeTable<E> {
  using MakeTable<E>::MakeTable;
  Result<void> setup() {
    EBB_TRY(this->make_store());
    return keep(this->table, Table::create(*this->store, table_type(), Val::null_extern()));
  }
  Result<void> act() {
    EBB_TRY(this->table->grow(*this->store, 50, some_ref));
    return {};
  }
};

template <Config::Encoding E> struct MakeGlobal : Base<E> {
  using Base<E>::Base;
  Result<void> setup() { return this->make_store(); }
  Result<void> act() {
    return keep(global, Global::create(*this->store, {ValType::externref(), true}, some_ref));
  }
  uint64_t digest() { return global ? global->get(*this->store).value().as_extern().value : 0; }
  std::optional<Global> global;
};

template <Config::Encoding E> struct MakeTag : Base<E> {
  using Base<E>::Base;
  Result<void> setup() { return this->make_store(); }
  Result<void> act() {
    const ValType params[] = {ValType::i64(), ValType::f32()};
    return keep(tag, Tag::create(*this->store, params));
  }
  uint64_t digest() const { return tag.has_value(); }
  std::optional<Tag> tag;
};

template <Config::Encoding E> struct WrapFunction : Base<E> {
  using Base<E>::Base;
  Result<void> setup() { return this->make_store(); }
  Result<void> act() { return keep(func, Func::wrap(*this->store, HostFunc::of(&host_add))); }
  uint64_t digest() const { return func.has_value(); }
  std::optional<Func> func;
};

template <Config::Encoding E> struct DeepCall : Base<E> {
  using Base<E>::Base;
  Result<void> setup() { return this->make_instance(); }
  Result<void> act() {
    result = EBB_TRY(this->call_guest("deep", 2000));
    return {};
  }
  uint64_t digest() const { return static_cast<uint64_t>(result); }
  int32_t result = 0;
};

template <Config::Encoding E> struct UntypedCall : Base<E> {
  using Base<E>::Base;
  Result<void> setup() { return this->make_instance(); }
  Result<void> act() {
    const Val args[] = {Val::i32(100)};
    return EBB_TRY(this->instance->get_func(*this->store, "deep")).call(*this->store, args, out);
  }
  uint64_t digest() const { return static_cast<uint64_t>(out[0].as_i32()); }
  Val out[1];
};

template <Config::Encoding E> struct HostCall : Base<E> {
  using Base<E>::Base;
  Result<void> setup() { return this->make_instance(); }
  Result<void> act() {
    const auto refs =
        EBB_TRY(this->instance->template get_typed_func<ExternRef(int32_t)>(*this->store, "refs"));
    result = EBB_TRY(refs.call(*this->store, 17)).value;
    return {};
  }
  uint64_t digest() const { return result; }
  uint64_t result = 0;
};

template <Config::Encoding E> struct Trap : Base<E> {
  using Base<E>::Base;
  Result<void> setup() { return this->make_instance(); }
  Result<void> act() {
    const Error error = this->call_guest("trap", 300).error();
    if (error != Error::unreachable) return error;
    depth = this->store->trace_depth();
    return {};
  }
  uint64_t digest() const { return depth; }
  size_t depth = 0;
};

/// Guests are told of a refused growth by -1, which this takes for the error that it stands for.
template <Config::Encoding E> struct GuestGrows : Base<E> {
  using Base<E>::Base;
  Result<void> setup() {
    EBB_TRY(this->make_instance());
    return EBB_TRY(this->call_guest("deep", 1)) == 1 ? Result<void>() : Error::host_failure;
  }
  Result<void> act() {
    if (!has_grown) has_grown = EBB_TRY(this->call_guest("grow", 2)) != -1;
    if (!has_grown) return Error::out_of_memory;
    return EBB_TRY(this->call_guest("grow_table", 50)) == -1 ? Result<void>(Error::out_of_memory)
                                                             : Result<void>();
  }
  bool has_grown = false;
};

template <Config::Encoding E> struct Start : Base<E> {
  using Base<E>::Base;
  Result<void> setup() { return this->make_instance(); }
  Result<void> act() {
    const Val args[] = {Val::i32(10)};
    const Func deep = EBB_TRY(this->instance->get_func(*this->store, "deep"));
    Execution execution = EBB_TRY(deep.start(*this->store, args));
    EBB_TRY(execution.run());
    return execution.results(out);
  }
  uint64_t digest() const { return static_cast<uint64_t>(out[0].as_i32()); }
  Val out[1];
};

template <Config::Encoding E> struct Prepare : Base<E> {
  using Base<E>::Base;
  Result<void> setup() { return this->make_store(); }
  Result<void> act() { return this->store->prepare(); }
};

/// Everything in one act, from the engine to its end.
template <Config::Encoding E> struct WholeLife : Base<E> {
  using Base<E>::Base;
  Result<void> act() {
    Base<E> life(this->allocator);
    EBB_TRY(life.make_instance());
    result = EBB_TRY(life.call_guest("deep", 500));
    return {};
  }
  uint64_t digest() const { return static_cast<uint64_t>(result); }
  int32_t result = 0;
};

template <template <Config::Encoding> class Scenario>
void test(const char* name, const oom::Options& options = {}) {
  CHECK(oom::oom_test<Scenario<Config::Encoding::compact>>(name, options).ok());
  CHECK(oom::oom_test<Scenario<Config::Encoding::threaded>>(name, options).ok());
}

} // namespace

TEST_CASE("engines, modules and linkers survive every refusal") {
  test<CreateEngine>("create an engine");
  test<LoadModule>("load a module");
  test<DefineFunctions>("define host functions", {.slack_bytes = slack_bytes});
  test<MakePre>("resolve imports");
  test<DefineInstance>("define an instance", {.slack_bytes = slack_bytes});
}

TEST_CASE("stores and what is made in them survive every refusal") {
  test<CreateStore>("create stores");
  test<Instantiate>("instantiate");
  test<InstantiateWithLinker>("instantiate with a linker");
  test<MakeMemory>("make a memory", {.slack_bytes = list_bytes});
  test<GrowMemory>("grow a memory");
  test<MakeTable>("make a table", {.slack_bytes = slack_bytes});
  test<GrowTable>("grow a table", {.slack_bytes = slack_bytes});
  test<MakeGlobal>("make a global", {.slack_bytes = slack_bytes});
  test<MakeTag>("make a tag", {.slack_bytes = slack_bytes});
  test<WrapFunction>("wrap a function");
  test<Prepare>("prepare");
}

TEST_CASE("calls survive every refusal") {
  const oom::Options effects{.slack_bytes = size_t{1} << 20, .keeps_effects = true};
  test<DeepCall>("a deep call", effects);
  test<UntypedCall>("an untyped call", effects);
  test<HostCall>("a host call", effects);
  test<Trap>("a trap", effects);
  test<GuestGrows>("memory.grow and table.grow", effects);
  test<Start>("an execution", effects);
  test<WholeLife>("from engine to result");
}
