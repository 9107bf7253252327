// Target: a sequence of calls of the public interface against a model of what must hold, while
// memory is refused.
//
// Each call is made under a plan of the input's. If it fails, it says out_of_memory, has asked for
// nothing since, and the model stays; then the same call is made with memory, and must succeed. All
// objects are compared with the model again and again. Stores may have budgets, which refuse too;
// such a refusal stays one.
#include "fuzz/input.h"
#include "fuzz/target.h"

#include <algorithm>
#include <cstring>
#include <list>
#include <memory>
#include <optional>

namespace {

using namespace ebb;
using namespace ebb::fuzz;

constexpr const char* name = "oom_api";
constexpr size_t steps_max = 300;
constexpr size_t stores_max = 3;
constexpr size_t objects_max = 6;
constexpr uint64_t memory_pages_max = 20000; // of one byte
constexpr uint64_t table_elements_max = 500;
constexpr uint64_t plenty_of_fuel = 1'000'000;

void must(bool holds, const char* what) {
  if (!holds) fail(name, what);
}

// The guest: (import "host" "answer" (func (param i64) (result i64)))
//   (memory (export "m") 16 4096 (pagesize 1)), (global (export "g") (mut i64) 7),
//   (table (export "t") 2 50 externref),
//   swap(i64)->i64: the old g, sets g; poke(i32 at, i32 value); grow(i32)->i32: memory.grow;
//   spin(i32)->i32: counts down in a loop, returns 42; ask(i64)->i64: host.answer(x) + 1
// clang-format off
constexpr uint8_t guest[] = {
    0, 'a', 's', 'm', 1, 0, 0, 0,
    1, 16, 3, 0x60, 1, 0x7e, 1, 0x7e, 0x60, 2, 0x7f, 0x7f, 0, 0x60, 1, 0x7f, 1, 0x7f,
    2, 15, 1, 4, 'h', 'o', 's', 't', 6, 'a', 'n', 's', 'w', 'e', 'r', 0, 0,
    3, 6, 5, 0, 1, 2, 2, 0,
    4, 5, 1, 0x6f, 1, 2, 50,
    5, 6, 1, 9, 16, 0x80, 0x20, 0,
    6, 6, 1, 0x7e, 1, 0x42, 7, 0x0b,
    7, 47, 8, 1, 'm', 2, 0, 1, 'g', 3, 0, 1, 't', 1, 0, 4, 's', 'w', 'a', 'p', 0, 1,
    4, 'p', 'o', 'k', 'e', 0, 2, 4, 'g', 'r', 'o', 'w', 0, 3, 4, 's', 'p', 'i', 'n', 0, 4,
    3, 'a', 's', 'k', 0, 5,
    10, 54, 5,
    8, 0, 0x23, 0, 0x20, 0, 0x24, 0, 0x0b,
    9, 0, 0x20, 0, 0x20, 1, 0x3a, 0, 0, 0x0b,
    6, 0, 0x20, 0, 0x40, 0, 0x0b,
    16, 0, 0x03, 0x40, 0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b, 0x41, 42, 0x0b,
    9, 0, 0x20, 0, 0x10, 0, 0x42, 1, 0x7c, 0x0b};
// clang-format on

/// What host functions get as their context.
struct Host {
  bool refuses = false;
};

Result<int64_t> answer(Caller& caller, int64_t value) {
  const Host& host = *static_cast<const Host*>(caller.context());
  if (host.refuses) return Error::host_failure;
  return value * 3;
}

using Reference = std::optional<uint64_t>;

Val val_of(Reference reference) {
  return reference ? Val::extern_ref(ExternRef::of(*reference)) : Val::null_extern();
}

bool is_equal(const Val& val, Reference reference) {
  const ExternRef ref = val.as_extern();
  return reference ? !ref.is_null && ref.value == *reference : ref.is_null;
}

struct MemoryModel {
  ebb::Memory memory;
  Bytes bytes;
  uint64_t pages_max;
};
struct TableModel {
  Table table;
  std::vector<Reference> elements;
  uint64_t elements_max;
};
struct GlobalModel {
  Global global;
  Reference value;
};
struct InstanceModel {
  Instance instance;
  MemoryModel memory;
  TableModel table;
  int64_t global = 7;
  std::list<Root<Instance>> roots;
};
struct StoreModel {
  Store store;
  bool is_limited;
  std::vector<MemoryModel> memories;
  std::vector<TableModel> tables;
  std::vector<GlobalModel> globals;
  std::list<InstanceModel> instances;
  std::vector<Instance> released; ///< What nothing holds any more.
};

class World {
public:
  World(Input& input, WatchedMemory& memory) : input_(input), memory_(memory) {}
  ~World() {
    for (StoreModel& store : stores_)
      close(store);
  }
  void run();

private:
  /// Makes a call under a plan, and again without if it was refused. False if it failed for good,
  /// which only a budget may bring about. `is_told` is false for calls that answer refusals in
  /// another way.
  template <class Call> bool succeed(Call&& call, const char* what, bool may_refuse);
  FaultInjector::Plan plan();
  void set_up();
  void step(StoreModel& store);
  void add_store();
  void close(StoreModel& model);
  void define();
  void make_object(StoreModel& model);
  void instantiate(StoreModel& model);
  void use_memory(StoreModel& model, MemoryModel& memory);
  void use_table(StoreModel& model, TableModel& table);
  void use_global(StoreModel& model, GlobalModel& global);
  void use_instance(StoreModel& model, InstanceModel& instance);
  void call_swap(StoreModel& model, InstanceModel& instance);
  void call_poke(StoreModel& model, InstanceModel& instance);
  void call_grow(StoreModel& model, InstanceModel& instance);
  void call_ask(StoreModel& model, InstanceModel& instance);
  void spin(StoreModel& model, InstanceModel& instance);
  void release(StoreModel& model, std::list<InstanceModel>::iterator instance);
  void check(StoreModel& model);
  void check(StoreModel& model, const MemoryModel& memory);
  void check(StoreModel& model, const TableModel& table);
  Reference reference() { return input_.one_in(4) ? Reference() : Reference(input_.byte()); }

  Input& input_;
  WatchedMemory& memory_;
  Host host_;
  std::optional<Engine> engine_;
  std::optional<Module> module_;
  std::optional<Linker> linker_;
  std::list<StoreModel> stores_;
  uint32_t definitions_ = 0;
};

FaultInjector::Plan World::plan() {
  using Mode = FaultInjector::Mode;
  constexpr Mode modes[] = {Mode::none,   Mode::none,      Mode::nth,        Mode::from_nth,
                            Mode::window, Mode::full_from, Mode::random_from};
  FaultInjector::Plan plan;
  plan.mode = modes[input_.below(7)];
  if (plan.mode == Mode::none) return plan;
  plan.n = 1 + input_.below(12);
  plan.m = 1 + input_.below(4);
  plan.seed = input_.byte();
  return plan;
}

template <class Call> bool World::succeed(Call&& call, const char* what, bool may_refuse) {
  FaultInjector& injector = memory_.injector();
  injector.begin(plan());
  Error error = call().error();
  const FaultInjector::Counts counts = injector.counts();
  if (!may_refuse || counts.injected != 0) memory_.check_call(error, what);
  memory_.end_plan();
  if (error == Error::none) return true;
  must(error == Error::out_of_memory, what);
  error = call().error();
  if (error == Error::none) return true;
  must(may_refuse && error == Error::out_of_memory, what);
  return false;
}

void World::set_up() {
  Config config;
  config.allocator = &memory_.allocator();
  config.fixed_seed = true;
  config.fuel = true;
  config.stack_bytes_max = size_t{16} << 10;
  config.encoding = input_.one_in(2) ? Config::Encoding::compact : Config::Encoding::threaded;
  if (input_.one_in(2)) config.preparation = Config::Preparation::at_first_call;
  if (input_.one_in(4)) config.preparation = Config::Preparation::threaded_at_first_call;
  const auto make = [](auto& to, auto&& made) {
    if (made.ok()) to.emplace(std::move(made).value());
    return made.error() == Error::none ? Result<void>() : Result<void>(made.error());
  };
  succeed([&] { return make(engine_, Engine::create(config)); }, "Engine::create", false);
  succeed([&] { return make(module_, Module::load_borrowed(*engine_, guest)); }, "Module::load",
          false);
  succeed([&] { return make(linker_, Linker::create(*engine_)); }, "Linker::create", false);
  succeed([&] { return linker_->define_func("host", "answer", &answer, &host_); }, "define_func",
          false);
}

void World::add_store() {
  if (stores_.size() == stores_max) return;
  StoreLimits limits;
  const uint32_t kind = input_.below(4);
  if (kind >= 2) limits.budget_bytes = 4096 + input_.u16();
  if (kind == 3) limits.kind = StoreLimits::Kind::reserved;
  std::optional<Store> made;
  const bool is_limited = kind >= 2;
  if (!succeed(
          [&]() -> Result<void> {
            made.emplace(EBB_TRY(Store::create(*engine_, limits)));
            return {};
          },
          "Store::create", is_limited))
    return;
  stores_.push_back({std::move(*made), is_limited, {}, {}, {}, {}, {}});
}

void World::close(StoreModel& model) {
  for (InstanceModel& instance : model.instances) {
    if (instance.roots.empty()) continue;
    must(model.store.close().error() == Error::busy, "a store with roots was closed");
    instance.roots.clear();
  }
  must(model.store.close().ok(), "a store could not be closed");
}

/// Under a new name, and again, which is refused for another reason.
void World::define() {
  const std::string field = "f" + std::to_string(definitions_);
  const StringView view(field.data(), field.size());
  if (!succeed([&] { return linker_->define_func("more", view, &answer, &host_); }, "define_func",
               false))
    return;
  ++definitions_;
  must(linker_->define_func("more", view, &answer, &host_).error() == Error::duplicate_definition,
       "a name was defined twice");
}

void World::make_object(StoreModel& model) {
  Store& store = model.store;
  switch (input_.below(3)) {
  case 0: {
    if (model.memories.size() == objects_max) return;
    MemoryType type;
    type.page_shift = 0;
    type.limits = {input_.byte(), memory_pages_max, true, false};
    ebb::Memory made;
    if (!succeed(
            [&]() -> Result<void> {
              made = EBB_TRY(ebb::Memory::create(store, type));
              return {};
            },
            "Memory::create", model.is_limited))
      return;
    model.memories.push_back({made, Bytes(static_cast<size_t>(type.limits.min)), memory_pages_max});
    return;
  }
  case 1: {
    if (model.tables.size() == objects_max) return;
    TableType type;
    type.element = ValType::externref();
    type.limits = {input_.below(20), table_elements_max, true, false};
    const Reference initial = reference();
    Table made;
    if (!succeed(
            [&]() -> Result<void> {
              made = EBB_TRY(Table::create(store, type, val_of(initial)));
              return {};
            },
            "Table::create", model.is_limited))
      return;
    model.tables.push_back({made,
                            std::vector<Reference>(static_cast<size_t>(type.limits.min), initial),
                            table_elements_max});
    return;
  }
  default: {
    if (model.globals.size() == objects_max) return;
    const Reference initial = reference();
    Global made;
    if (!succeed(
            [&]() -> Result<void> {
              made = EBB_TRY(Global::create(store, {ValType::externref(), true}, val_of(initial)));
              return {};
            },
            "Global::create", model.is_limited))
      return;
    model.globals.push_back({made, initial});
  }
  }
}

void World::instantiate(StoreModel& model) {
  if (model.instances.size() == objects_max) return;
  Store& store = model.store;
  Instance made;
  store.set_fuel(plenty_of_fuel);
  if (!succeed(
          [&]() -> Result<void> {
            made = EBB_TRY(linker_->instantiate(store, *module_));
            return {};
          },
          "instantiate", model.is_limited))
    return;
  const Result<ebb::Memory> memory = made.get_memory(store, "m");
  const Result<Table> table = made.get_table(store, "t");
  must(memory.ok() && table.ok(), "an export is not there");
  model.instances.push_back({made,
                             {memory.value(), Bytes(16), 4096},
                             {table.value(), std::vector<Reference>(2), 50},
                             7,
                             {}});
}

void World::use_memory(StoreModel& model, MemoryModel& memory) {
  Store& store = model.store;
  if (input_.one_in(2)) {
    const size_t delta = input_.one_in(4) ? input_.u16() : input_.byte();
    uint64_t old = 0;
    const auto grow = [&]() -> Result<void> {
      old = EBB_TRY(memory.memory.grow(store, delta));
      return {};
    };
    if (memory.bytes.size() + delta > memory.pages_max) {
      must(grow().error() == Error::out_of_memory, "a memory grew beyond its maximum");
      return;
    }
    if (!succeed(grow, "Memory::grow", model.is_limited)) return;
    must(old == memory.bytes.size(), "a memory had another size");
    memory.bytes.resize(memory.bytes.size() + delta);
    return;
  }
  const size_t offset = input_.byte();
  Bytes from(input_.below(40), input_.byte());
  const bool fits = offset + from.size() <= memory.bytes.size();
  must(memory.memory.write(store, offset, from).ok() == fits, "a write went wrong");
  if (fits)
    std::copy(from.begin(), from.end(), memory.bytes.begin() + static_cast<ptrdiff_t>(offset));
}

void World::use_table(StoreModel& model, TableModel& table) {
  Store& store = model.store;
  const Reference value = reference();
  if (input_.one_in(3)) {
    const size_t delta = input_.below(40);
    uint64_t old = 0;
    const auto grow = [&]() -> Result<void> {
      old = EBB_TRY(table.table.grow(store, delta, val_of(value)));
      return {};
    };
    if (table.elements.size() + delta > table.elements_max) {
      must(grow().error() == Error::out_of_memory, "a table grew beyond its maximum");
      return;
    }
    if (!succeed(grow, "Table::grow", model.is_limited)) return;
    must(old == table.elements.size(), "a table had another size");
    table.elements.resize(table.elements.size() + delta, value);
    return;
  }
  const size_t index = input_.byte();
  const auto set = [&] { return table.table.set(store, index, val_of(value)); };
  if (index >= table.elements.size()) {
    must(set().error() == Error::out_of_range, "an element beyond the end was set");
  } else if (succeed(set, "Table::set", model.is_limited)) {
    table.elements[index] = value;
  }
}

void World::use_global(StoreModel& model, GlobalModel& global) {
  const Reference value = reference();
  if (succeed([&] { return global.global.set(model.store, val_of(value)); }, "Global::set",
              model.is_limited))
    global.value = value;
}

void World::call_swap(StoreModel& model, InstanceModel& instance) {
  const int64_t value = static_cast<int64_t>(input_.u32());
  int64_t old = 0;
  const auto call = [&]() -> Result<void> {
    const auto swap =
        EBB_TRY(instance.instance.get_typed_func<int64_t(int64_t)>(model.store, "swap"));
    old = EBB_TRY(swap.call(model.store, value));
    return {};
  };
  if (!succeed(call, "swap", model.is_limited)) return;
  must(old == instance.global, "a global had another value");
  instance.global = value;
}

void World::call_poke(StoreModel& model, InstanceModel& instance) {
  const int32_t at = input_.byte();
  const int32_t value = input_.byte();
  Error trap = Error::none;
  const auto call = [&]() -> Result<void> {
    const auto poke =
        EBB_TRY(instance.instance.get_typed_func<void(int32_t, int32_t)>(model.store, "poke"));
    const Result<void> called = poke.call(model.store, at, value);
    if (called.error() == Error::out_of_memory) return called;
    trap = called.error();
    return {};
  };
  if (!succeed(call, "poke", model.is_limited)) return;
  Bytes& bytes = instance.memory.bytes;
  const bool fits = static_cast<size_t>(at) < bytes.size();
  must(trap == (fits ? Error::none : Error::out_of_bounds_memory_access), "poke");
  if (fits) bytes[static_cast<size_t>(at)] = static_cast<uint8_t>(value);
}

/// The guest is told of a refusal by -1, as the specification says.
void World::call_grow(StoreModel& model, InstanceModel& instance) {
  const int32_t delta = input_.byte();
  const auto grow = instance.instance.get_typed_func<int32_t(int32_t)>(model.store, "grow");
  must(grow.ok(), "an export is not there");
  memory_.injector().begin(plan());
  const Result<int32_t> old = grow.value().call(model.store, delta);
  memory_.end_plan();
  if (!old.ok()) return must(old.error() == Error::out_of_memory, "grow");
  Bytes& bytes = instance.memory.bytes;
  if (old.value() == -1) return;
  must(static_cast<size_t>(old.value()) == bytes.size(), "a memory had another size");
  must(bytes.size() + static_cast<size_t>(delta) <= 4096, "a memory grew beyond its maximum");
  bytes.resize(bytes.size() + static_cast<size_t>(delta));
}

void World::call_ask(StoreModel& model, InstanceModel& instance) {
  const int64_t value = input_.byte();
  host_.refuses = input_.one_in(4);
  int64_t found = 0;
  const auto call = [&]() -> Result<void> {
    const auto ask =
        EBB_TRY(instance.instance.get_typed_func<int64_t(int64_t)>(model.store, "ask"));
    found = EBB_TRY(ask.call(model.store, value));
    return {};
  };
  if (host_.refuses) {
    const Error error = call().error();
    must(error == Error::host_failure || (model.is_limited && error == Error::out_of_memory),
         "a host function's error was lost");
  } else if (succeed(call, "ask", model.is_limited)) {
    must(found == value * 3 + 1, "a host function's answer was lost");
  }
  host_.refuses = false;
}

/// An execution that is suspended whenever its fuel is used up, and may be dropped.
void World::spin(StoreModel& model, InstanceModel& instance) {
  Store& store = model.store;
  const Result<Func> function = instance.instance.get_func(store, "spin");
  must(function.ok(), "an export is not there");
  const Val args[] = {Val::i32(1 + input_.byte())};
  std::optional<Execution> execution;
  if (!succeed(
          [&]() -> Result<void> {
            execution.emplace(EBB_TRY(function.value().start(store, args)));
            return {};
          },
          "Func::start", model.is_limited))
    return;
  must(store.collect().error() == Error::busy, "a store was collected during an execution");
  const uint64_t fuel = 1 + input_.below(100);
  for (;;) {
    store.clear_interrupt();
    if (input_.one_in(40)) return; // dropped
    store.set_fuel(fuel);
    if (fuel % 3 == 0) store.interrupt_handle().interrupt();
    // A run that ends with an error cannot be taken up again.
    memory_.injector().begin(plan());
    const Result<Execution::State> state = execution->run();
    const bool was_refused = memory_.injector().counts().injected != 0;
    if (!model.is_limited || was_refused) memory_.check_call(state.error(), "Execution::run");
    memory_.end_plan();
    store.clear_interrupt();
    if (!state.ok()) return must(state.error() == Error::out_of_memory, "Execution::run");
    if (state.value() == Execution::State::done) break;
    must(state.value() == Execution::State::suspended, "an execution is in another state");
  }
  Val results[1];
  must(execution->results(results).ok() && results[0].as_i32() == 42, "a result was lost");
}

void World::use_instance(StoreModel& model, InstanceModel& instance) {
  model.store.set_fuel(plenty_of_fuel);
  switch (input_.below(9)) {
  case 0:
    return call_swap(model, instance);
  case 7:
    return call_poke(model, instance);
  case 1:
    return call_grow(model, instance);
  case 2:
    return call_ask(model, instance);
  case 3:
    return spin(model, instance);
  case 4:
    return use_memory(model, instance.memory);
  case 5:
    return use_table(model, instance.table);
  case 6: {
    Result<Root<Instance>> root = Root<Instance>::create(model.store, instance.instance);
    must(root.ok(), "a root was refused");
    instance.roots.push_back(std::move(root).value());
    return;
  }
  default:
    if (!instance.roots.empty()) instance.roots.pop_front();
  }
}

/// A released instance is gone as soon as nothing holds it.
void World::release(StoreModel& model, std::list<InstanceModel>::iterator instance) {
  if (!instance->roots.empty()) return;
  must(instance->instance.release(model.store).ok(), "an instance could not be released");
  must(model.store.collect().ok(), "a store could not be collected");
  model.released.push_back(instance->instance);
  model.instances.erase(instance);
}

void World::check(StoreModel& model, const MemoryModel& memory) {
  const auto view = memory.memory.view(model.store);
  must(view.ok() && view.value().size() == memory.bytes.size(), "a memory has another size");
  must(std::equal(memory.bytes.begin(), memory.bytes.end(), view.value().begin()),
       "a memory has other bytes");
}

void World::check(StoreModel& model, const TableModel& table) {
  const Result<uint64_t> size = table.table.size(model.store);
  must(size.ok() && size.value() == table.elements.size(), "a table has another size");
  for (size_t i = 0; i < table.elements.size(); ++i) {
    const Result<Val> element = table.table.get(model.store, i);
    must(element.ok() && is_equal(element.value(), table.elements[i]), "a table's element differs");
  }
}

void World::check(StoreModel& model) {
  for (const MemoryModel& memory : model.memories)
    check(model, memory);
  for (const TableModel& table : model.tables)
    check(model, table);
  for (const GlobalModel& global : model.globals) {
    const Result<Val> value = global.global.get(model.store);
    must(value.ok() && is_equal(value.value(), global.value), "a global has another value");
  }
  for (const InstanceModel& instance : model.instances) {
    check(model, instance.memory);
    check(model, instance.table);
    const Result<Global> global = instance.instance.get_global(model.store, "g");
    must(global.ok() && global.value().get(model.store).value().as_i64() == instance.global,
         "an instance's global has another value");
  }
  for (const Instance& instance : model.released)
    must(instance.export_count(model.store).error() == Error::stale_handle,
         "a name of what is gone finds something");
  const HeapStats stats = model.store.stats();
  must(stats.used <= stats.limit && stats.used <= stats.peak, "a store's figures are wrong");
}

void World::step(StoreModel& model) {
  const auto any = [&](auto& objects) {
    return std::next(objects.begin(),
                     static_cast<ptrdiff_t>(input_.below(static_cast<uint32_t>(objects.size()))));
  };
  switch (input_.below(10)) {
  case 0:
    return make_object(model);
  case 1:
    return instantiate(model);
  case 2:
    if (!model.memories.empty()) use_memory(model, *any(model.memories));
    return;
  case 3:
    if (!model.tables.empty()) use_table(model, *any(model.tables));
    return;
  case 4:
    if (!model.globals.empty()) use_global(model, *any(model.globals));
    return;
  case 5:
    if (!model.instances.empty() && input_.one_in(2)) release(model, any(model.instances));
    return;
  case 6:
    if (input_.one_in(4)) {
      succeed([&] { return model.store.prepare(); }, "Store::prepare", model.is_limited);
    } else {
      must(model.store.collect().ok(), "a store could not be collected");
    }
    return;
  default:
    if (!model.instances.empty()) use_instance(model, *any(model.instances));
  }
}

void World::run() {
  set_up();
  for (size_t steps = 0; steps < steps_max && !input_.is_empty(); ++steps) {
    const uint32_t kind = input_.below(32);
    if (stores_.empty() || kind == 0) {
      add_store();
    } else if (kind == 1) {
      define();
    } else {
      const auto chosen =
          std::next(stores_.begin(),
                    static_cast<ptrdiff_t>(input_.below(static_cast<uint32_t>(stores_.size()))));
      if (kind == 2 && input_.one_in(4)) {
        close(*chosen);
        stores_.erase(chosen);
      } else {
        step(*chosen);
        check(*chosen);
      }
    }
  }
  for (StoreModel& store : stores_)
    check(store);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  WatchedMemory memory(name);
  World(input, memory).run();
  return 0;
}
