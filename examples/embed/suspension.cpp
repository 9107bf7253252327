// A guest that does not run longer than its host likes: it is suspended when its fuel is used up,
// while the host has no answer for it yet, and when another thread says so.
#include <ebb/ebb.h>

#include <cstdio>
#include <thread>

namespace {

// (import "env" "answer" (func (result i32)))
// (func (export "run") (param i32) (result i32)
//   (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (call 0))
// (func (export "forever") (loop (br 0)))
constexpr uint8_t wasm[] = {
    0,    'a',  's',  'm',  1,    0,    0,    0,    1,    13,   3,    0x60, 0,   1,    0x7f, 0x60,
    1,    0x7f, 1,    0x7f, 0x60, 0,    0,    2,    14,   1,    3,    'e',  'n', 'v',  6,    'a',
    'n',  's',  'w',  'e',  'r',  0,    0,    3,    3,    2,    1,    2,    7,   17,   2,    3,
    'r',  'u',  'n',  0,    1,    7,    'f',  'o',  'r',  'e',  'v',  'e',  'r', 0,    2,    10,
    26,   2,    16,   0,    0x03, 0x40, 0x20, 0,    0x41, 1,    0x6b, 0x22, 0,   0x0d, 0,    0x0b,
    0x10, 0,    0x0b, 7,    0,    0x03, 0x40, 0x0c, 0,    0x0b, 0x0b};

struct Answer {
  bool is_known = false;
};

// Says that it is not ready, until it is; it is called again when the execution goes on.
ebb::Result<int32_t> answer(ebb::Caller& caller) {
  if (!static_cast<Answer*>(caller.context())->is_known) return ebb::Error::pending;
  return 42;
}

ebb::Result<int32_t> run_in_slices(ebb::Store& store, const ebb::Instance& instance,
                                   Answer& known) {
  const ebb::Func run = EBB_TRY(instance.get_func(store, "run"));
  const ebb::Val args[] = {ebb::Val::i32(1000)};
  ebb::Execution execution = EBB_TRY(run.start(store, args));
  int slices = 1;
  store.set_fuel(1000);
  while (EBB_TRY(execution.run()) == ebb::Execution::State::suspended) {
    // Here the host does what else it has to do.
    if (execution.reason() == ebb::Error::pending) {
      std::printf("%s\n", ebb::error_message(execution.reason()));
      // prints: host function is not ready
      known.is_known = true;
    } else {
      ++slices;
      store.set_fuel(1000);
    }
  }
  std::printf("%d slices of fuel\n", slices); // prints: 7 slices of fuel
  ebb::Val result[1];
  EBB_TRY(execution.results(result));
  return result[0].as_i32();
}

ebb::Result<void> stop_from_elsewhere(ebb::Store& store, const ebb::Instance& instance) {
  const auto forever = EBB_TRY(instance.get_typed_func<void()>(store, "forever"));
  store.set_fuel(UINT64_MAX);
  std::thread other([handle = store.interrupt_handle()] { handle.interrupt(); });
  const ebb::Error error = forever.call(store).error();
  other.join();
  std::printf("%s\n", ebb::error_message(error)); // prints: interrupted
  return {};
}

// All the memory that guests and Ebb get.
alignas(16) unsigned char memory[128 * 1024];

ebb::Result<int32_t> example() {
  const ebb::Allocator allocator = ebb::Pool::create(memory, sizeof memory)->allocator();
  ebb::Config config;
  config.allocator = &allocator;
  config.fuel = true;
  Answer known;
  ebb::Engine engine = EBB_TRY(ebb::Engine::create(config));
  ebb::Linker linker = EBB_TRY(ebb::Linker::create(engine));
  EBB_TRY(linker.define_func("env", "answer", &answer, &known));
  ebb::Store store = EBB_TRY(ebb::Store::create(engine));
  const ebb::Module module = EBB_TRY(ebb::Module::load(engine, wasm));
  const ebb::Instance instance = EBB_TRY(linker.instantiate(store, module));
  const int32_t result = EBB_TRY(run_in_slices(store, instance, known));
  EBB_TRY(stop_from_elsewhere(store, instance));
  return result;
}

} // namespace

int main() {
  const ebb::Result<int32_t> result = example();
  if (!result.ok()) return 1;
  std::printf("the answer is %d\n", result.value()); // prints: the answer is 42
  return 0;
}
