// Loads, instantiates and runs modules that are cut, altered or claim to be enormous, and checks
// that nothing of it stays: the engine's heap, the pool below it, the open files and the mappings
// of the process are the same before and after.
//
// The modules to spoil are named on the command line; a small one is built in. Each is run in both
// encodings, with budgets from nothing upward. The alterations are the same each time.
#include <ebb/ebb.h>

#include "collections/pool.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

using namespace ebb;

constexpr size_t pool_bytes = size_t{24} << 20;
constexpr size_t module_bytes_max = size_t{4} << 20;
constexpr int alterations = 400;
constexpr uint64_t steps_max = 20000;

// (module (memory 1) (func (export "f") (param i32) (result i32)
//   (if (result i32) (local.get 0) (then (i32.load (local.get 0))) (else (i32.const 7)))))
constexpr uint8_t small_module[] = {0,    'a',  's',  'm', 1,    0, 0,  0,  1,    6,  1,    0x60, 1,
                                    0x7f, 1,    0x7f, 3,   2,    1, 0,  5,  3,    1,  0,    1,    7,
                                    5,    1,    1,    'f', 0,    0, 10, 17, 1,    15, 0,    0x20, 0,
                                    4,    0x7f, 0x20, 0,   0x28, 2, 0,  5,  0x41, 7,  0x0b, 0x0b};

// What the process holds of the system.
struct Holdings {
  size_t files = 0;
  size_t mappings = 0;
  bool operator==(const Holdings&) const = default;
};

size_t count_lines(const char* path) {
  const int file = open(path, O_RDONLY);
  if (file < 0) return 0;
  size_t lines = 0;
  char buffer[4096];
  for (ssize_t count; (count = read(file, buffer, sizeof buffer)) > 0;)
    for (ssize_t i = 0; i < count; ++i)
      lines += buffer[i] == '\n';
  close(file);
  return lines;
}

size_t count_files() {
  DIR* folder = opendir("/proc/self/fd");
  if (!folder) return 0;
  size_t files = 0;
  while (readdir(folder))
    ++files;
  closedir(folder);
  return files;
}

Holdings holdings() { return {count_files(), count_lines("/proc/self/maps")}; }

struct Random {
  uint64_t state = 4711;
  uint32_t below(uint32_t bound) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>(state >> 33) % bound;
  }
};

struct Tally {
  size_t loaded = 0;
  size_t refused = 0;
  size_t wrong = 0;
};

void complain(Tally& tally, const char* what) {
  ++tally.wrong;
  std::printf("FAIL %s\n", what);
}

// Calls each exported function without parameters, a few steps of it.
void call_exports(Store& store, const Instance& instance, const Module& module) {
  for (size_t i = 0; i < module.export_count(); ++i) {
    const Export exported = module.export_(i);
    if (exported.type.kind != ExternKind::func || !exported.type.func.params.empty()) continue;
    if (exported.type.func.results.size() > 16) continue;
    const auto function = instance.get_func(store, exported.name);
    if (!function.ok()) continue;
    Val results[16];
    store.set_fuel(steps_max);
    (void)function.value().call(store, {}, {results, exported.type.func.results.size()});
  }
}

void run(const Engine& engine, const Module& module, size_t budget) {
  StoreLimits limits;
  limits.budget_bytes = budget;
  auto store = Store::create(engine, limits);
  auto linker = Linker::create(engine);
  if (!store.ok() || !linker.ok()) return;
  store.value().set_fuel(steps_max);
  const auto pre = linker.value().instantiate_pre(module);
  if (!pre.ok()) return;
  const auto instance = pre.value().instantiate(store.value());
  if (instance.ok()) call_exports(store.value(), instance.value(), module);
}

// One input: afterwards the engine's heap must hold what it held before.
void try_bytes(const Engine& engine, std::span<const uint8_t> bytes, Tally& tally) {
  const size_t used = engine.stats().used;
  {
    Diagnostic diagnostic;
    const auto module = Module::load(engine, bytes, &diagnostic);
    module.ok() ? ++tally.loaded : ++tally.refused;
    if (!module.ok()) {
      char text[256];
      if (render(diagnostic, text, sizeof text) == 0) complain(tally, "no message");
      if (diagnostic.error != module.error()) complain(tally, "the message is about another error");
    } else {
      for (const size_t budget : {size_t{0}, size_t{1}, size_t{100}, size_t{5000}, size_t{4} << 20})
        run(engine, module.value(), budget);
    }
  }
  if (engine.stats().used != used) complain(tally, "the engine's heap holds more than before");
}

void spoil(const Engine& engine, std::span<const uint8_t> original, uint8_t* scratch,
           Tally& tally) {
  Random random;
  const auto size = static_cast<uint32_t>(original.size());
  const uint32_t step = size < 300 ? 1 : size / 300;
  for (uint32_t cut = 0; cut < size; cut += step)
    try_bytes(engine, original.first(cut), tally);
  for (int i = 0; i < alterations; ++i) {
    std::memcpy(scratch, original.data(), size);
    const uint32_t changes = 1 + random.below(4);
    for (uint32_t k = 0; k < changes; ++k)
      scratch[random.below(size)] = static_cast<uint8_t>(random.below(256));
    try_bytes(engine, {scratch, size}, tally);
  }
}

// Counts of almost 2^32 in every section that has one.
void claim_much(const Engine& engine, Tally& tally) {
  for (uint8_t section = 1; section <= 13; ++section) {
    const uint8_t bytes[] = {0,       'a', 's',  'm',  1,    0,    0,   0,
                             section, 6,   0xff, 0xff, 0xff, 0xff, 0xf, 0};
    try_bytes(engine, bytes, tally);
  }
}

void try_all(Config::Encoding encoding, Pool& pool, std::span<const uint8_t> bytes,
             uint8_t* scratch, Tally& tally) {
  const size_t free_before = pool.free_bytes();
  {
    const Allocator allocator = pool.allocator();
    Config config;
    config.allocator = &allocator;
    config.encoding = encoding;
    config.fuel = true;
    config.keep_names = true;
    config.keep_offsets = true;
    auto engine = Engine::create(config);
    if (!engine.ok()) return complain(tally, "no engine");
    claim_much(engine.value(), tally);
    try_bytes(engine.value(), bytes, tally);
    spoil(engine.value(), bytes, scratch, tally);
  }
  if (pool.free_bytes() != free_before) complain(tally, "the pool has less than before");
  if (!pool.check()) complain(tally, "the pool is broken");
}

size_t read_module(const char* path, uint8_t* bytes) {
  const int file = open(path, O_RDONLY);
  if (file < 0) return 0;
  const ssize_t count = read(file, bytes, module_bytes_max);
  close(file);
  return count > 0 ? static_cast<size_t>(count) : 0;
}

} // namespace

int main(int argc, char** argv) {
  void* memory = mmap(nullptr, pool_bytes + 2 * module_bytes_max, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 1;
  auto* bytes = static_cast<uint8_t*>(memory) + pool_bytes;
  Pool* pool = Pool::create(memory, pool_bytes);
  std::printf("bad input\n"); // the C library's own buffers come into being here
  count_files();
  Tally tally;
  const Holdings before = holdings();
  for (int i = 0; i < argc; ++i) {
    size_t size = sizeof small_module;
    if (i == 0) {
      std::memcpy(bytes, small_module, size);
    } else {
      size = read_module(argv[i], bytes);
    }
    if (size == 0) complain(tally, argv[i]);
    for (const auto encoding : {Config::Encoding::compact, Config().encoding})
      try_all(encoding, *pool, {bytes, size}, bytes + module_bytes_max, tally);
  }
  if (!(holdings() == before)) complain(tally, "files or mappings are left open");
  if (tally.loaded == 0) complain(tally, "nothing was loaded at all");
  std::printf("%zu loaded, %zu refused, %zu wrong\n", tally.loaded, tally.refused, tally.wrong);
  return tally.wrong == 0 ? 0 : 1;
}
