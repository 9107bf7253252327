// Results and errors that nobody reads, and ways of reading them that are enough.
#include "collections/vec.h"
#include "error/result.h"

#include <utility>

namespace {

using ebb::Error;
using ebb::Result;

/// Fails: out_of_memory.
Result<void> act();
/// Fails: out_of_memory.
Result<int> number();
/// Fails: out_of_memory.
Result<ebb::Vec<int>> list(ebb::Heap& heap);
Error code();
/// Fails: exit, host_failure.
Error ended();
void use(int value);
void take(Result<int> result);

struct Sink {
  Error error;
  Result<int> kept;
};

// --- What must be found.

void cast_away() {
  static_cast<void>(act()); // expect: ebb-unread-result
  (void)number();           // expect: ebb-unread-result
  static_cast<void>(code()); // expect: ebb-unread-result
}

Result<int> cast_away_after_others() {
  EBB_TRY(act());
  const int value = EBB_TRY(number()) + EBB_TRY(number());
  if (value > 1) static_cast<void>(act()); // expect: ebb-unread-result
  return EBB_TRY(number()) + value;
}

void kept_and_forgotten() {
  const Result<void> forgotten = act(); // expect: ebb-unread-result
  [[maybe_unused]] const Result<int> unused = number(); // expect: ebb-unread-result
  const Result<void> cast = act(); // expect: ebb-unread-result
  static_cast<void>(cast);
  const auto& bound = act(); // expect: ebb-unread-result
  const Error error = code(); // expect: ebb-unread-result
}

void only_asserted() {
  const Result<void> done = act(); // expect: ebb-unread-result
  EBB_ASSERT(done.ok());
  static_cast<void>(done);
}

Result<void> overwritten() {
  Result<void> result = act(); // expect: ebb-unread-result
  result = act();
  return result;
}

Result<void> overwritten_in_a_loop() {
  Result<void> result;
  for (int i = 0; i < 3; ++i)
    result = act(); // expect: ebb-unread-result
  return result;
}

Result<int> forgotten_on_one_path(bool is_early) {
  Result<int> result = number(); // expect: ebb-unread-result
  if (is_early) return 0;
  if (!result.ok()) return result.error();
  return result.value();
}

Result<void> second_of_two() {
  const Result<void> a = act();
  const Result<void> b = act(); // expect: ebb-unread-result
  if (!a.ok() || !b.ok()) return a.ok() ? b : a;
  return {};
}

void value_unasked(ebb::Heap& heap) {
  use(number().value()); // expect: ebb-unread-result
  const Result<int> result = number();
  use(result.value()); // expect: ebb-unread-result
  Result<ebb::Vec<int>> made = list(heap);
  ebb::Vec<int> vec = std::move(made).value(); // expect: ebb-unread-result
}

void comma_and_loops() {
  for (int i = 0; i < 3; static_cast<void>(act()), ++i) { // expect: ebb-unread-result
  }
}

Result<void> error_only_shown() {
  static_cast<void>(act().error()); // expect: ebb-unread-result
  return {};
}

template <class T> void in_a_template(T&& call) {
  static_cast<void>(call()); // expect: ebb-unread-result
}

auto in_a_lambda = [] {
  static_cast<void>(act()); // expect: ebb-unread-result
};

void instantiate() {
  in_a_template([] { return act(); });
  in_a_lambda();
}

// --- What must not.

Result<int> tried() {
  EBB_TRY(act());
  const int value = EBB_TRY(number());
  static_cast<void>(EBB_TRY(number()));
  return value;
}

Result<int> asked() {
  const Result<int> result = number();
  if (!result.ok()) return result.error();
  use(result.value());
  if (const Result<int> inner = number()) {
    use(inner.value());
  } else {
    return inner;
  }
  return result;
}

Result<void> asserted_and_returned() {
  const Result<void> done = act();
  EBB_ASSERT(done.ok());
  return done;
}

void handed_on(Sink& sink) {
  take(number());
  Result<int> named = number();
  take(named);
  sink.kept = number();
  sink.error = act().error();
  const Result<void> captured = act();
  const auto look = [&captured] { return captured.ok(); };
  use(look());
}

Result<void> each_in_turn() {
  Result<void> done = act();
  if (done.ok()) done = act();
  if (done.ok()) done = ended() == Error::exit ? Result<void>(Error::exit) : act();
  return done;
}

Result<void> nothing_to_read() {
  Result<void> none;
  Result<void> last = {};
  for (int i = 0; i < 3; ++i) {
    last = act();
    if (!last.ok()) break;
  }
  return last;
}

Result<void> both() {
  const Result<void> a = act();
  if (a.ok()) {
    const Result<void> b = act();
    if (!a.ok() || !b.ok()) return a.ok() ? b : a;
  }
  return a;
}

template <class... Ts> Result<void> folded(Ts... values) {
  Result<void> result;
  static_cast<void>(((use(values), result = act(), result.ok()) && ...));
  return result;
}

#define CHECK(...) use((__VA_ARGS__) ? 0 : 1)

void in_a_test() {
  CHECK(act().ok());
  const Result<int> result = number();
  CHECK(result.ok());
  use(result.value());
  CHECK(number().error() == Error::exit);
}

Result<void> reasoned() {
  // NOLINTNEXTLINE(ebb-unread-result): the test of the only way out
  static_cast<void>(act());
  EBB_TRY(folded(1, 2));
  return EBB_TRY(folded(1)), folded();
}

} // namespace
