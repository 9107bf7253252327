// ebb run: performs the steps one after the other and reports how it ended.
#include "tools/ebb/commands.h"
#include "tools/ebb/explain.h"
#include "tools/ebb/file.h"
#include "tools/ebb/guest.h"
#include "tools/ebb/memory.h"
#include "tools/ebb/print.h"
#include "tools/ebb/values.h"

#include <cinttypes>

#include <signal.h>
#include <unistd.h>

namespace ebb::tool {
namespace {

// What the signal of the timeout interrupts; set before the signal is asked for.
std::optional<InterruptHandle> interrupted_at_timeout;

void interrupt_guest(int) {
  if (interrupted_at_timeout) interrupted_at_timeout->interrupt();
}

// Interrupts what runs on the store when the time is up.
void start_timeout(const Store& store, unsigned seconds) {
  interrupted_at_timeout = store.interrupt_handle();
  struct sigaction action{};
  action.sa_handler = &interrupt_guest;
  action.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &action, nullptr);
  alarm(seconds);
}

void stop_timeout() {
  alarm(0);
  interrupted_at_timeout.reset();
}

// Memories only grow, so linear memory was largest when the run ended; before the instance there
// was none.
size_t peak_without_linear_memory(size_t before_instance, size_t peak, size_t linear) {
  const size_t after = peak > linear ? peak - linear : 0;
  return before_instance > after ? before_instance : after;
}

void print_stats(Guest& guest) {
  if (!guest.engine()) return;
  const HeapStats engine = guest.engine()->stats();
  const size_t linear = guest.store() ? guest.store()->linear_memory_bytes() : 0;
  const size_t before = guest.store() ? guest.peak_before_instance() : engine.peak;
  print_error("heap peak       %12zu bytes, stack included, linear memory not\n",
              peak_without_linear_memory(before, engine.peak, linear));
  print_error("linear memory   %12zu bytes\n", linear);
  print_error("all peak        %12zu bytes\n", engine.peak);
  print_error("all at the end  %12zu bytes\n", engine.used);
  print_error("requests        %12" PRIu64 "\n", engine.requests);
  if (guest.module()) print_error("module          %12zu bytes\n", guest.module()->stats().used);
  if (!guest.store()) return;
  const HeapStats store = guest.store()->stats();
  print_error("store used      %12zu bytes\n", store.used);
  print_error("store peak      %12zu bytes\n", store.peak);
  if (store.limit != Config::no_limit) print_error("store budget    %12zu bytes\n", store.limit);
}

int explain_usage(const Options& options, Guest& guest, Error error) {
  if (error == Error::unknown_export && !options.invoke)
    return explain_file(options,
                        "no export _start to run; name a function with --invoke NAME before FILE");
  if (error == Error::unknown_export || error == Error::wrong_kind) {
    print_error("ebb: %s: no exported function '%s'\n", options.file, options.invoke);
    return exit_failed;
  }
  if (error != Error::argument_mismatch)
    return explain(options, Step::call, error, guest.diagnostic());
  if (guest.bad_argument())
    print_error("ebb: %s: '%s' is no value of the type that %s takes there\n", options.file,
                guest.bad_argument(), guest.function_name());
  else
    print_error("ebb: %s: %s takes another number of values than %zu\n", options.file,
                guest.function_name(), options.invoke ? options.invoke_args.count : 0);
  return exit_usage;
}

int report(const Options& options, Guest& guest, Step step, Error error) {
  if (error == Error::none) {
    for (const Val& value : guest.results())
      print_value(value);
    return 0;
  }
  if (error == Error::exit) return guest.diagnostic().exit_code & 0xff;
  flush_output();
  if (error_class(error) == ErrorClass::usage && step == Step::call)
    return explain_usage(options, guest, error);
  const int status = explain(options, step, error, guest.diagnostic());
  if (step == Step::store && options.budget != Options::no_budget)
    print_error("ebb: %s: the budget of %zu bytes does not hold a store\n", options.file,
                options.budget);
  if (guest.store() && runs_guest_code(step)) print_backtrace(*guest.store());
  return status;
}

} // namespace

int run(const Options& options) {
  File file;
  if (const char* problem = file.read(options.file)) return explain_file(options, problem);
  Memory memory;
  if (const char* problem = memory.create(options)) return explain_file(options, problem);
  Guest guest(options, file.bytes(), memory.allocator(), wasi_platform_hooks());
  if (!guest.prepare()) return explain_own_shortage(options);

  Error error = Error::none;
  auto step = Step::engine;
  for (size_t i = 0; i < step_count && error == Error::none; ++i) {
    step = static_cast<Step>(i);
    error = guest.perform(step).error();
    if (step == Step::store && guest.store() && options.seconds_max != Options::no_timeout)
      start_timeout(*guest.store(), options.seconds_max);
  }
  stop_timeout();
  const int status = report(options, guest, step, error);
  if (options.stats) print_stats(guest);
  return status;
}

} // namespace ebb::tool
