// An out_of_memory that is dropped or becomes another error, and what may be done with one.
#include "collections/heap.h"
#include "error/diagnostic.h"
#include "error/result.h"

namespace {

using ebb::Error;
using ebb::Result;

/// Fails: out_of_memory, unknown_type.
Result<int> make();
/// Fails: out_of_memory.
Result<void> act();
/// Says nothing about its failures, so it may have any.
Result<int> silent();
/// Fails: unknown_type, unexpected_end.
Result<int> read();
Error run();
/// Tells the diagnostic and returns out_of_memory.
Error refuse(ebb::Heap& heap);
Error note(Error error);
void undo();
void tell(const Result<void>& result);
void give(Result<void> result);

Result<int> lookup(int key) {
  if (key < 0) return Error::unknown_type;
  return key;
}

struct Benign {
  explicit Benign(const char* why);
  ~Benign();
};

// --- What must be found.

Result<int> another_error() {
  const Result<int> made = make();
  if (!made.ok()) return Error::invalid_config; // expect: ebb-swallowed-oom
  return made.value();
}

Result<int> another_error_after_others() {
  EBB_TRY(act());
  const int number = EBB_TRY(make());
  for (int i = 0; i < EBB_TRY(make()); ++i)
    EBB_TRY(act());
  const Result<int> made = make();
  if (made.ok()) return made.value() + number; // expect: ebb-swallowed-oom
  undo();
  EBB_TRY(read());
  return Error::invalid_config;
}

Result<int> another_error_of_a_temporary() {
  if (!act().ok()) return Error::invalid_config; // expect: ebb-swallowed-oom
  if (!silent()) return Error::invalid_config; // expect: ebb-swallowed-oom
  return 1;
}

Result<void> dropped() {
  const Result<void> done = act();
  if (!done.ok()) undo(); // expect: ebb-swallowed-oom
  return {};
}

int answered(Result<int> grown) {
  if (grown.ok()) return grown.value(); // expect: ebb-swallowed-oom
  return -1;
}

Result<int> by_choice() {
  const Result<int> made = make();
  return made.ok() ? made.value() : 0; // expect: ebb-swallowed-oom
}

int fallback() {
  return make().value_or(0); // expect: ebb-swallowed-oom
}

int fallback_of_variable() {
  const Result<int> made = make();
  return made.value_or(0); // expect: ebb-swallowed-oom
}

bool only_a_bool() {
  return act().ok(); // expect: ebb-swallowed-oom
}

bool only_a_bool_of_a_variable() {
  const Result<void> done = act(); // expect: ebb-swallowed-oom
  return done.ok();
}

Result<void> only_shown(ebb::Diagnostic& diagnostic) {
  const Result<void> done = act();
  if (!done.ok()) { // expect: ebb-swallowed-oom
    diagnostic.set(done.error());
    return Error::invalid_config;
  }
  return {};
}

Result<void> only_looked_at() {
  const Result<void> done = act();
  tell(done);
  if (!done.ok()) return Error::invalid_config; // expect: ebb-swallowed-oom
  return {};
}

Result<void> error_value() {
  const Error error = run();
  if (error != Error::none) return Error::host_failure; // expect: ebb-swallowed-oom
  return {};
}

Result<void> wrong_question() {
  const Result<int> made = make();
  if (made.ok()) return {}; // expect: ebb-swallowed-oom
  if (made.error() == Error::unknown_type) return Error::unknown_type;
  return Error::invalid_config;
}

Result<void> dropped_in_a_loop(int count) {
  for (int i = 0; i < count; ++i) {
    const Result<void> done = act();
    if (!done.ok()) continue; // expect: ebb-swallowed-oom
    undo();
  }
  return {};
}

Result<void> half_of_a_condition(bool is_loud) {
  const Result<void> done = act();
  if (!done.ok() && is_loud) return done; // expect: ebb-swallowed-oom
  return {};
}

template <class T> Result<T> in_a_template(Result<T> (*call)()) {
  const Result<T> made = call();
  if (!made.ok()) return Error::invalid_config; // expect: ebb-swallowed-oom
  return made;
}

Result<int> instantiate() { return in_a_template<int>(&make); }

Result<void> benign_without_reason() {
  const Benign scope("");
  if (!act().ok()) return {}; // expect: ebb-swallowed-oom
  return {};
}

// --- What must not.

Result<int> forwarded() {
  const Result<int> made = make();
  if (!made.ok()) {
    undo();
    return made.error();
  }
  const Result<void> done = act();
  if (!done.ok()) return done.error();
  EBB_TRY(act());
  return made;
}

Result<int> noted() {
  const Result<int> made = make();
  if (!made.ok()) return note(made.error());
  Result<void> done = act();
  if (done.ok()) done = act();
  if (done.ok()) return 1;
  undo();
  return done.error();
}

Result<int> asked_for_by_name() {
  const Result<int> made = make();
  if (!made.ok() && made.error() != Error::out_of_memory) return Error::invalid_config;
  return made;
}

Result<int> answered_with_it(ebb::Heap& heap) {
  if (!act().ok()) return Error::out_of_memory;
  const Result<int> made = make();
  if (!made.ok()) return refuse(heap);
  return made;
}

Result<int> cannot_run_out(int key) {
  const Result<int> found = lookup(key);
  if (!found.ok()) return Error::stale_handle;
  if (!read().ok()) return Error::malformed_type;
  return read().value_or(0);
}

Result<void> kept(ebb::Diagnostic* diagnostic) {
  const Result<void> done = act();
  if (!done.ok() && diagnostic) diagnostic->set(done.error());
  return done;
}

Result<void> looked_at_and_given() {
  const Result<void> done = act();
  tell(done);
  if (!done.ok()) give(done);
  return {};
}

Result<void> through_a_bool() {
  const Result<void> done = act();
  const bool is_done = done.ok();
  undo();
  if (!is_done) return done.error();
  return {};
}

Result<int> with_more_around(bool is_needed) {
  const Result<int> made = make();
  if (__builtin_expect(!made.ok(), 0) || is_needed) {
    undo();
    return made;
  }
  Error error = run();
  if (error == Error::none) error = run();
  if (error != Error::none) return error;
  return made.value();
}

Result<void> by_design() {
  const Benign scope("the specification lets it answer");
  if (!act().ok()) return {};
  return {};
}

int by_reason(Result<int> grown) {
  // NOLINTNEXTLINE(ebb-swallowed-oom): the specification lets it answer -1
  return grown.ok() ? grown.value() : -1;
}

} // namespace
