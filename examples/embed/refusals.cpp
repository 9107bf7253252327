// A test of a program that runs a guest: every request for memory on the way to its answer is
// refused in turn, and after each refusal everything must be as before, and the same must work.
#include <ebb/ebb.h>
#include <ebb/oom.h>

#include <cstdio>
#include <optional>

namespace {

// (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)
constexpr uint8_t wasm[] = {0,    'a', 's',  'm', 1, 0, 0, 0,    1, 7,    1, 0x60, 2,   0x7f,
                            0x7f, 1,   0x7f, 3,   2, 1, 0, 7,    7, 1,    3, 'a',  'd', 'd',
                            0,    0,   10,   9,   1, 7, 0, 0x20, 0, 0x20, 1, 0x6a, 0x0b};

// One thing that the program does. `setup` is what was there before; the destructor ends it all.
struct RunGuest {
  explicit RunGuest(ebb::oom::Test& test) : allocator(test.allocator()) {}

  ebb::Result<void> setup() {
    ebb::Config config;
    config.allocator = &allocator;
    engine.emplace(EBB_TRY(ebb::Engine::create(config)));
    return {};
  }

  ebb::Result<void> act() {
    const ebb::Module module = EBB_TRY(ebb::Module::load(*engine, wasm));
    const ebb::Linker linker = EBB_TRY(ebb::Linker::create(*engine));
    ebb::Store store = EBB_TRY(ebb::Store::create(*engine));
    const ebb::Instance instance = EBB_TRY(linker.instantiate(store, module));
    const auto add = EBB_TRY(instance.get_typed_func<int32_t(int32_t, int32_t)>(store, "add"));
    sum = EBB_TRY(add.call(store, 2, 3));
    return {};
  }

  // What others can see. A failed act() must leave it as it was.
  uint64_t digest() const { return static_cast<uint64_t>(sum); }

  ebb::Allocator allocator;
  std::optional<ebb::Engine> engine;
  int32_t sum = 0;
};

} // namespace

int main() {
  // Room for types and the like may be kept after a failure; it does not grow with repetitions.
  const ebb::oom::Report report = ebb::oom_test<RunGuest>("run a guest", {.slack_bytes = 4096});
  std::printf("%s\n", report.ok() ? "every refusal was survived" : "something was not survived");
  std::printf("%s\n", report.points == report.requests ? "all were tried" : "some were tried");
  // prints: every refusal was survived
  // prints: all were tried
  return report.ok() && report.requests != 0 ? 0 : 1;
}
