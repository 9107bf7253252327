// Budgets, refusals, and going on after them.
//
// Two guests that do not trust each other get a store each. The first one grows its memory until
// its budget is used up; it is told so, stays usable, and the second one does not notice. Then a
// store is made that is too small for its guest: instantiation fails and nothing is left behind.
// Last, a guest traps and is called again.
#include <ebb/ebb.h>

#include <cstdio>

namespace {

// All the memory that this program will ever give to guests.
unsigned char arena[1024 * 1024];

// (module
//   (memory (export "memory") 1)
//   (func (export "grow") (param i32) (result i32) local.get 0 memory.grow)
//   (func (export "trap") unreachable))
constexpr uint8_t wasm[] = {
    0,   'a', 's', 'm', 1, 0, 0,    0,   1,    9,   2,    0x60, 1,    0x7f, 1,   0x7f, 0x60, 0,
    0,   3,   3,   2,   0, 1, 5,    3,   1,    0,   1,    7,    0x18, 3,    6,   'm',  'e',  'm',
    'o', 'r', 'y', 2,   0, 4, 'g',  'r', 'o',  'w', 0,    0,    4,    't',  'r', 'a',  'p',  0,
    1,   10,  12,  2,   6, 0, 0x20, 0,   0x40, 0,   0x0b, 3,    0,    0,    0x0b};

using Grow = ebb::TypedFunc<int32_t(int32_t)>;

ebb::Result<Grow> make_guest(const ebb::Linker& linker, ebb::Store& store,
                             const ebb::Module& module) {
  const ebb::Instance instance = EBB_TRY(linker.instantiate(store, module));
  return instance.get_typed_func<int32_t(int32_t)>(store, "grow");
}

// How many more pages of 64 KiB the guest gets.
ebb::Result<int> pages_until_refused(const Grow& grow, ebb::Store& store) {
  int pages = 0;
  while (EBB_TRY(grow.call(store, 1)) != -1)
    pages++;
  return pages;
}

ebb::Result<void> two_guests(const ebb::Engine& engine, const ebb::Linker& linker,
                             const ebb::Module& module) {
  ebb::Store first = EBB_TRY(ebb::Store::create(engine, {.budget_bytes = 300 * 1024}));
  ebb::Store second = EBB_TRY(ebb::Store::create(engine, {.budget_bytes = 300 * 1024}));
  const Grow grow_first = EBB_TRY(make_guest(linker, first, module));
  const Grow grow_second = EBB_TRY(make_guest(linker, second, module));

  const int pages_first = EBB_TRY(pages_until_refused(grow_first, first));
  const int pages_again = EBB_TRY(pages_until_refused(grow_first, first));
  const int pages_second = EBB_TRY(pages_until_refused(grow_second, second));
  std::printf("the first guest grew until it was told -1, and then by %d\n", pages_again);
  std::printf("the second guest got %s\n",
              pages_second == pages_first ? "as much" : "something else");
  return {};
}

ebb::Result<void> too_small(const ebb::Engine& engine, const ebb::Linker& linker,
                            const ebb::Module& module) {
  const size_t held = engine.stats().used;
  {
    ebb::Store store = EBB_TRY(ebb::Store::create(engine, {.budget_bytes = 40 * 1024}));
    const ebb::Result<ebb::Instance> refused = linker.instantiate(store, module);
    std::printf("a page does not fit into 40 KiB: %s\n", ebb::error_message(refused.error()));
  }
  std::printf("%zu bytes are left behind\n", engine.stats().used - held);

  ebb::Store store = EBB_TRY(ebb::Store::create(engine, {.budget_bytes = 200 * 1024}));
  const ebb::Instance instance = EBB_TRY(linker.instantiate(store, module));
  const ebb::Func trap = EBB_TRY(instance.get_func(store, "trap"));
  const ebb::Result<void> trapped = trap.call(store, {}, {});
  std::printf("the call ended: %s\n", ebb::error_message(trapped.error()));
  const Grow grow = EBB_TRY(instance.get_typed_func<int32_t(int32_t)>(store, "grow"));
  std::printf("after the trap the memory has %d page\n", EBB_TRY(grow.call(store, 0)));
  return {};
}

ebb::Result<void> run(const ebb::Allocator& allocator) {
  ebb::Config config;
  config.allocator = &allocator;
  const ebb::Engine engine = EBB_TRY(ebb::Engine::create(config));
  const ebb::Module module = EBB_TRY(ebb::Module::load(engine, wasm));
  const ebb::Linker linker = EBB_TRY(ebb::Linker::create(engine));
  EBB_TRY(two_guests(engine, linker, module));
  return too_small(engine, linker, module);
}

} // namespace

// prints: the first guest grew until it was told -1, and then by 0
// prints: the second guest got as much
// prints: a page does not fit into 40 KiB: out of memory
// prints: 0 bytes are left behind
// prints: the call ended: unreachable
// prints: after the trap the memory has 1 page
int main() {
  const ebb::Allocator allocator = ebb::Pool::create(arena, sizeof arena)->allocator();
  const ebb::Result<void> result = run(allocator);
  if (!result.ok()) std::printf("%s\n", ebb::error_message(result.error()));
  return result.ok() ? 0 : 1;
}
