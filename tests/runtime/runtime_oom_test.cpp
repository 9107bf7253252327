// Every request for memory that the runtime makes is refused in turn, in both encodings.
#include "tests/needs.h"
#include "tests/runtime/runtime_scenarios.h"

#include <vector>

using namespace ebb;
using namespace ebb::testing;

namespace {

/// What the list of instances may keep.
constexpr size_t list_bytes = 64;
/// What a failed call may keep: grown maps of a linker, room for external references.
constexpr size_t slack_bytes = 8192;

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

template <Config::Encoding E> struct SetTable : MakeTable<E> {
  using MakeTable<E>::MakeTable;
  Result<void> setup() {
    EBB_TRY(this->make_store());
    return keep(this->table, Table::create(*this->store, table_type(), Val::null_extern()));
  }
  Result<void> act() { return this->table->set(*this->store, 3, some_ref); }
  uint64_t digest() {
    const Val value = this->table->get(*this->store, 3).value();
    return value.is_null() ? 0 : value.as_extern().value;
  }
};

template <Config::Encoding E> struct SetGlobal : MakeGlobal<E> {
  using MakeGlobal<E>::MakeGlobal;
  Result<void> setup() {
    EBB_TRY(this->make_store());
    return keep(this->global,
                Global::create(*this->store, {ValType::externref(), true}, Val::null_extern()));
  }
  Result<void> act() { return this->global->set(*this->store, some_ref); }
  uint64_t digest() {
    const Val value = this->global->get(*this->store).value();
    return value.is_null() ? 0 : value.as_extern().value;
  }
};

/// A definition of a host function becomes a function of the store.
template <Config::Encoding E> struct GetDefinition : Base<E> {
  using Base<E>::Base;
  Result<void> setup() { return this->make_store(); }
  Result<void> act() { return keep(found, this->linker->get(*this->store, "env", "add")); }
  uint64_t digest() const { return found.has_value(); }
  std::optional<Extern> found;
};

/// With more values than types are put together in on the native stack.
template <Config::Encoding E> struct WrapWide : WrapFunction<E> {
  using WrapFunction<E>::WrapFunction;
  Result<void> act() {
    const std::vector<ValType> params(50, ValType::i64());
    Result<void> (*const function)(Caller&, std::span<const Val>, std::span<Val>) =
        [](Caller&, std::span<const Val>, std::span<Val>) -> Result<void> { return {}; };
    return keep(this->func, Func::wrap(*this->store, HostFunc::untyped(params, {}, function)));
  }
};

template <Config::Encoding E> struct TellResources : Base<E> {
  using Base<E>::Base;
  Result<void> setup() { return this->make_store(); }
  Result<void> act() {
    bytes_told = EBB_TRY(resources_required(*this->pre, *this->store)).total().bytes;
    return {};
  }
  uint64_t digest() const { return bytes_told; }
  uint64_t bytes_told = 0;
};

/// With names, vectors in globals and functions that wait: all that a module keeps of its bytes.
template <Config::Encoding E> struct LoadWithNames : LoadModule<E> {
  using LoadModule<E>::LoadModule;
  Result<void> setup() { return with(Config::Preparation::at_load); }
  Result<void> with(Config::Preparation preparation) {
    ModuleBuilder builder;
    const uint32_t type = builder.type({}, {testing::i32});
    builder.import_func("env", "imported", type);
    builder.global(v128, false, Bytes{0xfd, 0x0c} + Bytes(16, 7));
    builder.export_func("exported", builder.func(type, i32_const(1)));
    builder.memory({0, 1}).data(Bytes{0} + i32_const(0) + Bytes{0x0b} + sized({1, 2}));
    builder.custom("name", Bytes{1} + sized(leb(1) + leb(0) + name("inner")));
    this->bytes = builder.build();
    Config config = this->config();
    config.keep_names = true;
    config.preparation = preparation;
    return keep(this->engine, Engine::create(config));
  }
};

template <Config::Encoding E> struct LoadLazily : LoadWithNames<E> {
  using LoadWithNames<E>::LoadWithNames;
  Result<void> setup() { return this->with(Config::Preparation::at_first_call); }
};

template <Config::Encoding E> struct LoadThreadingLazily : LoadWithNames<E> {
  using LoadWithNames<E>::LoadWithNames;
  Result<void> setup() { return this->with(Config::Preparation::threaded_at_first_call); }
};

template <Config::Encoding E> struct LoadPrecompiledLazily : LoadWithNames<E> {
  using LoadWithNames<E>::LoadWithNames;
  Result<void> setup() {
    EBB_TRY(this->with(Config::Preparation::at_first_call));
    Bytes compiled;
    const ByteSink sink{[](void* to, const uint8_t* piece, size_t count) -> Result<void> {
                          static_cast<Bytes*>(to)->insert(static_cast<Bytes*>(to)->end(), piece,
                                                          piece + count);
                          return {};
                        },
                        &compiled};
    EBB_TRY(Module::compile(*this->engine, this->bytes, {}, sink));
    this->bytes = std::move(compiled);
    return {};
  }
};

/// Functions that wait are made ready, and tables taken to their maximum.
template <Config::Encoding E> struct PrepareLazily : Base<E> {
  using Base<E>::Base;
  Result<void> setup() { return with(Config::Preparation::at_first_call); }
  Result<void> with(Config::Preparation preparation) {
    Config config = this->config();
    config.preparation = preparation;
    EBB_TRY(keep(this->engine, Engine::create(config)));
    EBB_TRY(keep(this->linker, Linker::create(*this->engine)));
    EBB_TRY(this->linker->define_func("env", "add", &host_add));
    EBB_TRY(this->linker->define_func("env", "ref", &host_ref));
    EBB_TRY(keep(this->module, Module::load(*this->engine, this->bytes)));
    EBB_TRY(keep(this->store, Store::create(*this->engine)));
    return keep(this->instance, this->linker->instantiate(*this->store, *this->module));
  }
  Result<void> act() { return this->store->prepare(); }
  /// What is ready stays ready.
  uint64_t state() const { return 0; }
};

template <Config::Encoding E> struct ThreadLazily : PrepareLazily<E> {
  using PrepareLazily<E>::PrepareLazily;
  Result<void> setup() { return this->with(Config::Preparation::threaded_at_first_call); }
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

} // namespace

TEST_CASE("engines, modules and linkers survive every refusal" * needs_wasm_3()) {
  refuse_each<CreateEngine>("create an engine");
  refuse_each<LoadModule>("load a module");
  refuse_each<DefineFunctions>("define host functions", {.slack_bytes = slack_bytes});
  refuse_each<LoadWithNames>("load a module with names");
  refuse_each<LoadLazily>("load a module whose functions wait");
  refuse_each<LoadThreadingLazily>("load a module whose functions wait to be threaded");
  refuse_each<LoadPrecompiledLazily>("load a precompiled module whose functions wait");
  refuse_each<MakePre>("resolve imports");
  refuse_each<DefineInstance>("define an instance", {.slack_bytes = slack_bytes});
}

TEST_CASE("stores and what is made in them survive every refusal" * needs_wasm_3()) {
  refuse_each<CreateStore>("create stores");
  refuse_each<Instantiate>("instantiate");
  refuse_each<InstantiateWithLinker>("instantiate with a linker");
  refuse_each<MakeMemory>("make a memory", {.slack_bytes = list_bytes});
  refuse_each<GrowMemory>("grow a memory");
  refuse_each<MakeTable>("make a table", {.slack_bytes = slack_bytes});
  refuse_each<GrowTable>("grow a table", {.slack_bytes = slack_bytes});
  refuse_each<MakeGlobal>("make a global", {.slack_bytes = slack_bytes});
  refuse_each<MakeTag>("make a tag", {.slack_bytes = slack_bytes});
  refuse_each<WrapFunction>("wrap a function");
  refuse_each<WrapWide>("wrap a function of many parameters", {.slack_bytes = slack_bytes});
  refuse_each<GetDefinition>("get a definition", {.slack_bytes = slack_bytes});
  refuse_each<SetTable>("set a reference in a table", {.slack_bytes = slack_bytes});
  refuse_each<SetGlobal>("set a reference in a global", {.slack_bytes = slack_bytes});
  refuse_each<TellResources>("tell resources");
  refuse_each<Prepare>("prepare");
  // Each function that was made ready stays so, and a repetition gets further.
  refuse_each<PrepareLazily>("prepare functions and tables",
                             {.slack_bytes = size_t{1} << 21, .keeps_effects = true});
  refuse_each<ThreadLazily>("thread functions and prepare tables",
                            {.slack_bytes = size_t{1} << 21, .keeps_effects = true});
}

TEST_CASE("calls survive every refusal" * needs_wasm_3()) {
  const oom::Options effects{.slack_bytes = size_t{1} << 20, .keeps_effects = true};
  refuse_each<DeepCall>("a deep call", effects);
  refuse_each<UntypedCall>("an untyped call", effects);
  refuse_each<HostCall>("a host call", effects);
  refuse_each<Trap>("a trap", effects);
  refuse_each<GuestGrows>("memory.grow and table.grow", effects);
  refuse_each<Start>("an execution", effects);
  refuse_each<WholeLife>("from engine to result");
}
