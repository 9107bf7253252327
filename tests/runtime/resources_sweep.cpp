// Instantiates every module of a folder over the fixed pool and compares what it took, to the byte
// and the request, with what resources_required said before.
//
//   resources_sweep FOLDER
//
// Each module is taken as .wasm and as .ebb, in both encodings: in a new store, where all it
// imports are functions, and four times in a store in which the other imports were made. A start
// function is stopped by fuel before its first step. The exit status is 77, which meson reports as
// a skip, if the folder is not there.
#include "core/artifact/module_image.h"
#include "core/runtime/ebb.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace ebb;

constexpr size_t pool_bytes = size_t{12} << 20;
constexpr int skipped = 77;
constexpr int instances_of_each = 4;

/// Counts what goes through to a pool.
class CountedPool {
public:
  explicit CountedPool(void* memory) : pool_(*Pool::create(memory, pool_bytes)) {
    allocator_.context = this;
    allocator_.allocate = [](void* context, size_t bytes, size_t align, bool zeroed) {
      CountedPool& self = *static_cast<CountedPool*>(context);
      ++self.requests;
      const Block block = self.pool_.allocate(bytes, align, zeroed);
      self.hold(block.bytes, 0);
      return block;
    };
    allocator_.resize = [](void* context, void* pointer, size_t old_bytes, size_t new_bytes,
                           size_t align, bool may_move) {
      CountedPool& self = *static_cast<CountedPool*>(context);
      if (new_bytes > old_bytes) ++self.requests;
      const Block block = self.pool_.resize(pointer, old_bytes, new_bytes, align, may_move);
      if (block) self.hold(block.bytes, old_bytes);
      return block;
    };
    allocator_.release = [](void* context, void* pointer, size_t bytes, size_t align) {
      CountedPool& self = *static_cast<CountedPool*>(context);
      self.pool_.release(pointer, bytes, align);
      self.hold(0, bytes);
    };
  }
  CountedPool(const CountedPool&) = delete;
  CountedPool& operator=(const CountedPool&) = delete;

  const Allocator& allocator() const { return allocator_; }
  size_t free_bytes() const { return pool_.free_bytes(); }
  void begin() {
    requests = 0;
    peak = held;
  }

  uint64_t requests = 0;
  uint64_t held = 0;
  uint64_t peak = 0;

private:
  void hold(size_t more, size_t less) {
    held += more;
    held -= less;
    peak = std::max(peak, held);
  }
  Pool& pool_;
  Allocator allocator_;
};

struct Tally {
  size_t measured = 0;   ///< Instantiations that took exactly what was said.
  size_t refused = 0;    ///< Modules that were said not to fit anywhere, and did not.
  size_t too_large = 0;  ///< Modules that were said to need more than the pool has, and did.
  size_t unlinkable = 0; ///< Modules with imports that cannot be made here.
  size_t wrong = 0;
};

Result<void> host_function(Caller&, std::span<const Val>, std::span<Val>) { return {}; }

/// One module in one configuration.
class Measurement {
public:
  Measurement(void* memory, const Config& config, std::string name, Tally& tally)
      : pool_(memory), config_(config), name_(std::move(name)), tally_(tally) {
    config_.allocator = &pool_.allocator();
  }
  /// False if the module does not load. Sets `has_start`.
  bool run(const std::vector<uint64_t>& words, size_t bytes, bool& has_start);

private:
  Result<void> define(Linker& linker, Store* store, const Module& module,
                      bool& is_new_store_enough);
  Result<void> define_object(Linker& linker, Store& store, const Import& import);
  void in_new_store(const Linker& linker, const Module& module);
  void in_used_store(const Linker& linker, Store& store, const Module& module);
  void compare(const Result<ResourcesRequired>& said, const Result<Instance>& made, size_t free,
               uint64_t held_before, const char* where);
  void wrong(const char* where, const char* what, uint64_t said, uint64_t found);

  CountedPool pool_;
  Config config_;
  std::string name_;
  Tally& tally_;
  bool has_start_ = false;
};

void Measurement::wrong(const char* where, const char* what, uint64_t said, uint64_t found) {
  ++tally_.wrong;
  std::printf("%s, %s: %s: said %" PRIu64 ", found %" PRIu64 "\n", name_.c_str(), where, what, said,
              found);
}

void Measurement::compare(const Result<ResourcesRequired>& said, const Result<Instance>& made,
                          size_t free, uint64_t held_before, const char* where) {
  if (made.error() == Error::incompatible_import_type) {
    ++tally_.unlinkable;
    return;
  }
  if (!said.ok()) {
    if (made.error() != said.error())
      return wrong(where, error_name(said.error()), 1, made.ok() ? 1 : 0);
    ++tally_.refused;
    return;
  }
  const ResourcesRequired::Part total = said.value().total();
  if (made.error() == Error::out_of_memory) {
    if (total.bytes <= free) return wrong(where, "bytes, refused", total.bytes, free);
    ++tally_.too_large;
    return;
  }
  if (total.requests != pool_.requests)
    return wrong(where, "requests", total.requests, pool_.requests);
  if (total.bytes != pool_.peak - held_before)
    return wrong(where, "bytes", total.bytes, pool_.peak - held_before);
  // An instance that failed after its first segment is there as long as something reaches it.
  if (made.ok() && said.value().held_bytes() != pool_.held - held_before)
    return wrong(where, "bytes held", said.value().held_bytes(), pool_.held - held_before);
  ++tally_.measured;
}

Result<void> Measurement::define_object(Linker& linker, Store& store, const Import& import) {
  const StoreRef ref(store);
  switch (import.type.kind) {
  case ExternKind::table: {
    const Val initial = Val::zero(import.type.table.element);
    const Table table = EBB_TRY(Table::create(ref, import.type.table, initial));
    return linker.define(ref, import.module, import.name, table);
  }
  case ExternKind::memory: {
    const Memory memory = EBB_TRY(Memory::create(ref, import.type.memory));
    return linker.define(ref, import.module, import.name, memory);
  }
  case ExternKind::global: {
    const Val initial = Val::zero(import.type.global.type);
    const Global global = EBB_TRY(Global::create(ref, import.type.global, initial));
    return linker.define(ref, import.module, import.name, global);
  }
  default: {
    const Tag tag = EBB_TRY(Tag::create(ref, import.type.func.params));
    return linker.define(ref, import.module, import.name, tag);
  }
  }
}

/// Gives every import a definition; functions of the same names are one.
Result<void> Measurement::define(Linker& linker, Store* store, const Module& module,
                                 bool& is_new_store_enough) {
  std::map<std::pair<std::string, std::string>, size_t> names;
  is_new_store_enough = true;
  for (size_t i = 0; i < module.import_count(); ++i) {
    const Import import = module.import(i);
    const bool is_new = names
                            .try_emplace({std::string(import.module.data, import.module.size),
                                          std::string(import.name.data, import.name.size)},
                                         i)
                            .second;
    if (!is_new) is_new_store_enough = false;
    if (import.type.kind != ExternKind::func) {
      is_new_store_enough = false;
      if (store != nullptr && is_new) EBB_TRY(define_object(linker, *store, import));
    } else if (is_new) {
      // The context tells host functions apart.
      void* context = reinterpret_cast<void*>((i + 1) * 16);
      EBB_TRY(
          linker.define_func(import.module, import.name,
                             HostFunc::untyped(import.type.func.params, import.type.func.results,
                                               &host_function, context)));
    }
  }
  return {};
}

void Measurement::in_new_store(const Linker& linker, const Module& module) {
  const Result<ResourcesRequired> said = resources_required(module);
  const Result<InstancePre> pre = linker.instantiate_pre(module);
  if (!pre.ok()) {
    ++tally_.unlinkable;
    return;
  }
  const uint64_t held = pool_.held;
  const size_t free = pool_.free_bytes();
  pool_.begin();
  Result<Store> store = Store::create(module.engine());
  if (!store.ok()) return wrong("new store", error_name(store.error()), 1, 0);
  store.value().set_fuel(0);
  const Result<Instance> made = pre.value().instantiate(store.value());
  compare(said, made, free, held, "new store");
}

void Measurement::in_used_store(const Linker& linker, Store& store, const Module& module) {
  const Result<InstancePre> pre = linker.instantiate_pre(module);
  if (!pre.ok()) {
    ++tally_.unlinkable;
    return;
  }
  store.set_fuel(0);
  for (int i = 0; i < instances_of_each; ++i) {
    const Result<ResourcesRequired> said = resources_required(pre.value(), store);
    const uint64_t held = pool_.held;
    const size_t free = pool_.free_bytes();
    pool_.begin();
    const Result<Instance> made = pre.value().instantiate(store);
    compare(said, made, free, held, "used store");
    if (made.error() == Error::out_of_memory || made.error() == Error::incompatible_import_type)
      return;
  }
}

bool Measurement::run(const std::vector<uint64_t>& words, size_t bytes, bool& has_start) {
  Result<Engine> engine = Engine::create(config_);
  if (!engine.ok()) return false;
  const std::span<const uint8_t> file(reinterpret_cast<const uint8_t*>(words.data()), bytes);
  const Result<Module> module = Module::load_borrowed(engine.value(), file);
  if (!module.ok()) return false;
  has_start = has_start_ = module.value().image().decl.start != no_function;
  if (has_start && !config_.fuel) return true;
  bool is_new_store_enough = false;
  {
    Result<Linker> linker = Linker::create(engine.value());
    if (!linker.ok() ||
        !define(linker.value(), nullptr, module.value(), is_new_store_enough).ok()) {
      ++tally_.unlinkable;
      return true;
    }
    if (is_new_store_enough) in_new_store(linker.value(), module.value());
  }
  Result<Linker> linker = Linker::create(engine.value());
  Result<Store> store = Store::create(engine.value());
  if (!linker.ok() || !store.ok() ||
      !define(linker.value(), &store.value(), module.value(), is_new_store_enough).ok())
    ++tally_.unlinkable;
  else
    in_used_store(linker.value(), store.value(), module.value());
  return true;
}

/// A file in words, so that it lies as precompiled modules must.
std::vector<uint64_t> read_file(const std::string& path, size_t& bytes) {
  std::vector<uint64_t> words(
      static_cast<size_t>(std::filesystem::file_size(path)) / sizeof(uint64_t) + 1);
  FILE* file = std::fopen(path.c_str(), "rb");
  bytes = file == nullptr ? 0 : std::fread(words.data(), 1, words.size() * sizeof(uint64_t), file);
  if (file != nullptr) std::fclose(file);
  return words;
}

std::vector<uint64_t> precompile(void* memory, const std::vector<uint64_t>& words, size_t& bytes,
                                 bool fuel) {
  CountedPool pool(memory);
  Config config;
  config.allocator = &pool.allocator();
  const std::span<const uint8_t> file(reinterpret_cast<const uint8_t*>(words.data()), bytes);
  std::vector<uint8_t> out;
  const ByteSink sink{[](void* context, const uint8_t* piece, size_t count) -> Result<void> {
                        auto& to = *static_cast<std::vector<uint8_t>*>(context);
                        to.insert(to.end(), piece, piece + count);
                        return {};
                      },
                      &out};
  CompileSettings settings;
  settings.fuel = fuel;
  const Result<Engine> engine = Engine::create(config);
  if (!engine.ok() || !Module::compile(engine.value(), file, settings, sink).ok()) out.clear();
  bytes = out.size();
  std::vector<uint64_t> compiled(bytes / sizeof(uint64_t) + 1);
  std::copy(out.begin(), out.end(), reinterpret_cast<uint8_t*>(compiled.data()));
  return compiled;
}

void measure_file(void* memory, const std::string& path, Tally& tally, size_t& modules) {
  size_t bytes = 0;
  const std::vector<uint64_t> words = read_file(path, bytes);
  for (const auto encoding : {Config::Encoding::compact, Config::Encoding::threaded}) {
    if (is_small_build && encoding == Config::Encoding::threaded) continue;
    for (const bool precompiled : {false, true}) {
      Config config;
      config.encoding = encoding;
      config.fixed_seed = true;
      const std::string name = path +
                               (encoding == Config::Encoding::compact ? " compact" : " threaded") +
                               (precompiled ? " .ebb" : "");
      bool has_start = false;
      // The second time for modules with a start function, with code that counts fuel.
      for (const bool fuel : {false, true}) {
        config.fuel = fuel;
        size_t size = bytes;
        const std::vector<uint64_t> file =
            precompiled ? precompile(memory, words, size, fuel) : words;
        if (!Measurement(memory, config, name, tally).run(file, size, has_start)) break;
        modules += !fuel && !precompiled && encoding == Config::Encoding::compact ? 1 : 0;
        if (!has_start) break;
      }
    }
  }
}

} // namespace

int main(int argc, char** argv) {
#ifdef EBB_EVERY_CALL_ASKS
  std::printf("skipped: in this build calls ask for memory that the figures do not count\n");
  return skipped;
#endif
  if (argc != 2 || !std::filesystem::is_directory(argv[1])) {
    std::printf("skipped: there is no folder of modules at %s\n", argc > 1 ? argv[1] : "(none)");
    return skipped;
  }
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[1]))
    if (entry.path().extension() == ".wasm") files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  const std::unique_ptr<uint8_t[]> memory(new uint8_t[pool_bytes]);
  Tally tally;
  size_t modules = 0;
  for (const std::string& path : files)
    measure_file(memory.get(), path, tally, modules);
  std::printf("%zu modules; %zu instantiations as said, %zu larger than the pool as said, "
              "%zu impossible as said, %zu wrong; %zu not linkable here\n",
              modules, tally.measured, tally.too_large, tally.refused, tally.wrong,
              tally.unlinkable);
  return tally.wrong == 0 && tally.measured != 0 ? 0 : 1;
}
