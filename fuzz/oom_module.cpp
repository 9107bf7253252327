// Target: a module on its way from bytes to the end of its calls, with memory refused by a plan of
// the input's. Each step that fails must say so, ask for nothing more, leave nothing behind, and
// succeed on the same objects once memory is there; and the end must be what it is undisturbed.
//
// Input: the plan (mode, n, m, seed), a byte of settings, then bytes that a module is made of.
#include "fuzz/generator.h"
#include "fuzz/guest_run.h"
#include "fuzz/outcome.h"

#include <cstring>
#include <memory>
#include <optional>

namespace {

using namespace ebb;
using namespace ebb::fuzz;

constexpr const char* name = "oom_module";

FaultInjector::Plan plan_of(Input& input) {
  using Mode = FaultInjector::Mode;
  constexpr Mode modes[] = {Mode::nth,    Mode::from_nth,   Mode::every_kth,  Mode::byte_budget,
                            Mode::random, Mode::window,     Mode::every_from, Mode::full_from,
                            Mode::pair,   Mode::random_from};
  FaultInjector::Plan plan;
  plan.mode = modes[input.below(sizeof modes / sizeof modes[0])];
  plan.n = 1 + (input.one_in(3) ? input.u16() % 2000 : input.below(64));
  if (plan.mode == Mode::byte_budget) plan.n = plan.n * 128;
  plan.m = 1 + input.below(8);
  plan.seed = input.u32();
  return plan;
}

/// The objects of one way through; a step that has been made stays made.
class Journey {
public:
  Journey(WatchedMemory& memory, Config::Encoding encoding, std::span<const uint8_t> bytes,
          std::span<const uint8_t> arguments)
      : config_(guest_config(memory.allocator(), encoding)), bytes_(bytes), arguments_(arguments) {}

  static constexpr int step_count = 7;
  static constexpr int define_step = 4; ///< Several calls, so that what the first made stays.
  Error step(int number);
  uint64_t digest() const { return digest_; }
  void tear_down() {
    pre_.reset();
    linker_.reset();
    store_.reset();
    module_.reset();
    engine_.reset();
  }

private:
  template <class T> static Error keep(std::optional<T>& to, Result<T>&& made) {
    if (made.ok()) to.emplace(std::move(made).value());
    return made.error();
  }
  Error call();

  Config config_;
  std::span<const uint8_t> bytes_;
  std::span<const uint8_t> arguments_;
  std::optional<Engine> engine_;
  std::optional<Module> module_;
  std::optional<Linker> linker_;
  std::optional<Store> store_;
  std::optional<InstancePre> pre_;
  uint64_t digest_ = 0;
};

/// Instantiates and calls. Guest code that has run stays run, so a retry is a fresh instance.
Error Journey::call() {
  const Result<Instance> instance = pre_->instantiate(*store_);
  if (!instance.ok()) {
    digest_ = static_cast<uint64_t>(instance.error());
    return instance.error();
  }
  Input input(arguments_.data(), arguments_.size());
  const Result<GuestOutcome> outcome =
      call_exports(*store_, instance.value(), *module_, input, GuestLimits());
  if (outcome.ok()) digest_ = outcome.value().digest;
  return outcome.error();
}

Error Journey::step(int number) {
  switch (number) {
  case 0:
    return keep(engine_, Engine::create(config_));
  case 1:
    return keep(module_, Module::load_borrowed(*engine_, bytes_));
  case 2:
    return keep(linker_, Linker::create(*engine_));
  case 3: {
    StoreLimits limits;
    limits.budget_bytes = GuestLimits().store_bytes;
    return keep(store_, Store::create(*engine_, limits));
  }
  case define_step:
    return define_imports(*linker_, *store_, *module_).error();
  case 5:
    return keep(pre_, linker_->instantiate_pre(*module_));
  default:
    return call();
  }
}

/// What a step may say beside out_of_memory, undisturbed: nothing before the guest runs.
bool is_allowed(int number, Error error) {
  return error == Error::none || number == Journey::step_count - 1;
}

/// Guests are told of refusals by memory.grow and table.grow, as the specification says, so that a
/// refusal need not come back from the step that runs them.
bool is_told_to_guests(int number) { return number == Journey::step_count - 1; }

/// All steps undisturbed. The digest of the end, or nothing if the module does not come to run.
std::optional<uint64_t> undisturbed(WatchedMemory& memory, Config::Encoding encoding,
                                    std::span<const uint8_t> bytes,
                                    std::span<const uint8_t> arguments) {
  Journey journey(memory, encoding, bytes, arguments);
  std::optional<uint64_t> digest;
  int number = 0;
  for (; number < Journey::step_count; ++number) {
    const Error error = journey.step(number);
    if (error != Error::none && !is_told_to_guests(number)) break;
  }
  if (number == Journey::step_count) digest = journey.digest();
  journey.tear_down();
  return digest;
}

void disturbed(WatchedMemory& memory, const FaultInjector::Plan& plan, Config::Encoding encoding,
               std::span<const uint8_t> bytes, std::span<const uint8_t> arguments,
               uint64_t expected) {
  Journey journey(memory, encoding, bytes, arguments);
  FaultInjector& injector = memory.injector();
  for (int number = 0; number < Journey::step_count; ++number) {
    injector.begin(plan);
    const size_t blocks = injector.live_blocks();
    const Error error = journey.step(number);
    const FaultInjector::Counts counts = injector.counts();
    injector.call_returned();
    injector.begin();
    const bool is_refused = counts.injected > counts.injected_benign;
    // A guest goes on after a refused growth, and asks again.
    if (!is_told_to_guests(number)) {
      if (counts.while_unwinding != 0) fail(name, "memory was requested while unwinding");
      if (is_refused != (error == Error::out_of_memory)) fail(name, "a refusal was not told");
      // Slack is capacity of what was there before, not new blocks without an owner: two refusals
      // in a row must not hold more than one.
      if (error == Error::out_of_memory && number != Journey::define_step) {
        const size_t held = injector.live_blocks();
        injector.begin(plan);
        const Error again = journey.step(number);
        injector.call_returned();
        injector.begin();
        if (again == Error::out_of_memory && injector.live_blocks() > held && held > blocks)
          fail(name, "repeating a failure holds more");
        if (again == Error::none) continue;
      }
    }
    if (error == Error::none) {
      if (is_told_to_guests(number) && !is_refused && journey.digest() != expected)
        fail(name, "an undisturbed end differs");
      if (!is_refused || !is_told_to_guests(number)) continue;
    }
    // Once more, with memory.
    const Error retried = journey.step(number);
    if (!is_allowed(number, retried)) fail(name, "a retry fails", error_name(retried));
    if (is_told_to_guests(number) && journey.digest() != expected)
      fail(name, "a retry ends otherwise");
  }
  journey.tear_down();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const FaultInjector::Plan plan = plan_of(input);
  const uint8_t settings = input.byte();
  const auto encoding =
      (settings & 1) != 0 ? Config::Encoding::threaded : Config::Encoding::compact;
  WatchedMemory memory(name);
  Bytes module = generate_module(input);
  if ((settings & 2) != 0) {
    Config config = guest_config(memory.allocator(), encoding);
    const Result<Engine> engine = Engine::create(config);
    Error error = engine.error();
    if (engine.ok()) module = precompile(engine.value(), module, false, true, error);
    if (error != Error::none) return 0;
  }
  const std::unique_ptr<uint64_t[]> words(new uint64_t[module.size() / sizeof(uint64_t) + 1]);
  std::memcpy(words.get(), module.data(), module.size());
  const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(words.get()),
                                       module.size());
  const std::span<const uint8_t> arguments(data, size);
  const std::optional<uint64_t> expected = undisturbed(memory, encoding, bytes, arguments);
  if (!expected) return 0;
  disturbed(memory, plan, encoding, bytes, arguments, *expected);
  return 0;
}
