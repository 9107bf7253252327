// What each public operation asks for and holds at most, compared with a checked-in table.
//
// The figures are taken over the fixed pool, in blocks as given, where pointers have 8 bytes. A
// change to them is a change that somebody should see: EBB_WRITE_BUDGETS=1 makes this test write
// the table instead of comparing with it.
#include "collections/pool.h"
#include "core/bytecode/bytecode.h"
#include "tests/needs.h"
#include "tests/runtime/runtime_scenarios.h"

#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <vector>

using namespace ebb;
using namespace ebb::testing;

namespace {

struct Figures {
  uint64_t requests = 0;
  size_t peak = 0; ///< Above what was held before.
  size_t kept = 0; ///< More than what was held before, once the operation has ended.
};

std::string written(const Figures& figures) {
  return std::to_string(figures.requests) + " " + std::to_string(figures.peak) + " " +
         std::to_string(figures.kept);
}

/// A runtime over a pool of its own, each operation of which is measured.
template <Config::Encoding E> class Measured {
public:
  using Listing = std::map<std::string, std::string>;

  Measured()
      : memory_(size_t{4} << 20), table_(size_t{64} << 12),
        pool_(*Pool::create(memory_.data(), memory_.size())),
        injector_(pool_.allocator(), table_.data(), table_.size()) {
    injector_.set_poison(false);
  }

  Listing run();

private:
  template <class Operation> auto measure(const char* name, Operation&& operation) {
    injector_.begin();
    const size_t before = injector_.live_bytes();
    auto result = operation();
    Figures figures;
    figures.requests = injector_.counts().requests;
    figures.peak = injector_.live_bytes_peak() - before;
    figures.kept = injector_.live_bytes() > before ? injector_.live_bytes() - before : 0;
    const char* encoding = E == Config::Encoding::compact ? " compact"
                           : int_pins > 1                 ? " threaded"
                                                          : " threaded, few registers";
    figures_[name + std::string(encoding)] = written(figures);
    return must(std::move(result));
  }
  void measure_store(Base<E>& base);
  void measure_objects(Base<E>& base);
  void measure_precompiled(Base<E>& base);

  std::vector<unsigned char> memory_;
  std::vector<unsigned char> table_;
  Pool& pool_;
  FaultInjector injector_;
  Listing figures_;
};

template <Config::Encoding E> void Measured<E>::measure_precompiled(Base<E>& base) {
  std::vector<uint8_t> made;
  const ByteSink sink{[](void* to, const uint8_t* piece, size_t count) -> Result<void> {
                        auto& bytes = *static_cast<std::vector<uint8_t>*>(to);
                        bytes.insert(bytes.end(), piece, piece + count);
                        return {};
                      },
                      &made};
  measure("Module::compile",
          [&] { return Module::compile(*base.engine, base.bytes, CompileSettings(), sink); });
  const Module borrowed = measure("Module::load_borrowed .ebb",
                                  [&] { return Module::load_borrowed(*base.engine, made); });
  const Module owned =
      measure("Module::load .ebb", [&] { return Module::load(*base.engine, made); });
  measure("Module::validate", [&] { return Module::validate(base.allocator, base.bytes); });
}

template <Config::Encoding E> void Measured<E>::measure_objects(Base<E>& base) {
  Store& store = *base.store;
  MemoryType memory_type;
  memory_type.limits.min = 1;
  const Memory memory =
      measure("Memory::create", [&] { return Memory::create(store, memory_type); });
  measure("Memory::grow", [&] { return memory.grow(store, 1); });
  TableType table_type;
  table_type.element = ValType::externref();
  table_type.limits.min = 4;
  const Table table = measure(
      "Table::create", [&] { return ebb::Table::create(store, table_type, Val::null_extern()); });
  measure("Table::grow", [&] { return table.grow(store, 50, Val::null_extern()); });
  measure("Table::set", [&] { return table.set(store, 1, Val::extern_ref(ExternRef::of(9))); });
  measure("Global::create",
          [&] { return Global::create(store, {ValType::i32(), true}, Val::i32(1)); });
  const ValType params[] = {ValType::i64(), ValType::f32()};
  measure("Tag::create", [&] { return Tag::create(store, params); });
  measure("Func::wrap", [&] { return Func::wrap(store, HostFunc::of(&host_ref, &store)); });
}

template <Config::Encoding E> void Measured<E>::measure_store(Base<E>& base) {
  base.store.emplace(measure("Store::create", [&] { return Store::create(*base.engine); }));
  Store& store = *base.store;
  base.instance.emplace(
      measure("InstancePre::instantiate", [&] { return base.pre->instantiate(store); }));
  measure("InstancePre::instantiate again", [&] { return base.pre->instantiate(store); });
  measure("Func::call", [&] { return base.call_guest("deep", 1); });
  measure("Func::call 1000 deep", [&] { return base.call_guest("deep", 1000); });
  measure("Func::call again", [&] { return base.call_guest("deep", 1000); });
  const Func deep = must(base.instance->get_func(store, "deep"));
  const Val args[] = {Val::i32(10)};
  measure("Func::start and run", [&]() -> Result<Execution::State> {
    Execution execution = EBB_TRY(deep.start(store, args));
    return execution.run();
  });
  measure("Linker::define_instance",
          [&] { return base.linker->define_instance(store, "lib", *base.instance); });
  measure_objects(base);
  measure("Store::prepare", [&] { return store.prepare(); });
}

template <Config::Encoding E> typename Measured<E>::Listing Measured<E>::run() {
  {
    Base<E> base(injector_.allocator());
    base.engine.emplace(measure("Engine::create", [&] { return Engine::create(base.config()); }));
    base.linker.emplace(measure("Linker::create", [&] { return Linker::create(*base.engine); }));
    measure("Linker::define_func",
            [&] { return base.linker->define_func("env", "add", &host_add); });
    must(base.linker->define_func("env", "ref", &host_ref));
    const Module borrowed = measure(
        "Module::load_borrowed", [&] { return Module::load_borrowed(*base.engine, base.bytes); });
    base.module.emplace(
        measure("Module::load", [&] { return Module::load(*base.engine, base.bytes); }));
    base.pre.emplace(measure("Linker::instantiate_pre",
                             [&] { return base.linker->instantiate_pre(*base.module); }));
    measure_precompiled(base);
    measure_store(base);
  }
  CHECK(injector_.live_blocks() == 0);
  return figures_;
}

std::map<std::string, std::string> read_table(const char* path) {
  std::map<std::string, std::string> table;
  std::ifstream stream(path);
  for (std::string line; std::getline(stream, line);) {
    const size_t colon = line.find(": ");
    if (line.empty() || line[0] == '#' || colon == std::string::npos) continue;
    table[line.substr(0, colon)] = line.substr(colon + 2);
  }
  return table;
}

void write_table(const char* path, const std::map<std::string, std::string>& table) {
  std::ofstream stream(path);
  stream << "# operation, encoding: requests, bytes held at most, bytes kept; over the fixed pool, "
            "pointers of 8 bytes.\n"
            "# Written by EBB_WRITE_BUDGETS=1 unit_tests --test-case='budgets*'.\n";
  for (const auto& [name, figures] : table)
    stream << name << ": " << figures << '\n';
}

} // namespace

TEST_CASE("budgets of public operations are what the table says" * needs_full_build()) {
  // The figures are those of builds that ship.
  if (sizeof(void*) != 8 || oom::every_call_asks()) return;
  std::map<std::string, std::string> found = Measured<Config::Encoding::compact>().run();
  found.merge(Measured<Config::Encoding::threaded>().run());
  std::map<std::string, std::string> table = read_table(EBB_BUDGETS);
  if (getenv("EBB_WRITE_BUDGETS") != nullptr) {
    // Those of the other machine stay: a compiler builds one of the two.
    for (const auto& [name, figures] : found)
      table[name] = figures;
    write_table(EBB_BUDGETS, table);
  }
  CHECK(table.size() == found.size() / 2 * 3);
  for (const auto& [name, figures] : found) {
    CAPTURE(name);
    const auto listed = table.find(name);
    REQUIRE(listed != table.end());
    CHECK(listed->second == figures);
  }
}
