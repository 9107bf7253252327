// ebb torture: runs a module once undisturbed, once more with a fork at each request for memory,
// and reports.
#include "tools/ebb/commands.h"
#include "tools/ebb/explain.h"
#include "tools/ebb/file.h"
#include "tools/ebb/memory.h"
#include "tools/ebb/print.h"
#include "tools/ebb/scenario.h"

#include <cinttypes>
#include <cstring>
#include <initializer_list>

namespace ebb::tool {
namespace {

// Live blocks that the injector can watch: 32 bytes each.
constexpr size_t injector_table_bytes = size_t{2} << 20;
constexpr size_t bad_runs_shown_max = 20;

struct Summary {
  uint64_t requests = 0;
  uint64_t injected = 0;
  uint64_t counts[outcome_count] = {};

  uint64_t of(Outcome outcome) const { return counts[static_cast<size_t>(outcome)]; }
  bool is_good() const {
    return of(Outcome::wrong_result) + of(Outcome::leak) + of(Outcome::crash) +
               of(Outcome::broken_on_retry) ==
           0;
  }
};

bool is_selected(const Options& options, size_t request, Shape shape) {
  if (options.only != 0 && options.only != request + 1) return false;
  return !options.has_shape || options.shape == shape;
}

const char* shape_name(Shape shape) { return shape == Shape::once ? "once" : "onward"; }

Summary summarize(const Options& options, const Runs& runs) {
  Summary summary;
  summary.requests = runs.request_count();
  for (size_t request = 0; request < runs.request_count(); ++request) {
    for (const Shape shape : {Shape::once, Shape::onward}) {
      if (!is_selected(options, request, shape)) continue;
      const Run& run = runs.run(request, shape);
      // A run that was never begun is no good end.
      const Outcome outcome = run.outcome == Outcome::not_run ? Outcome::crash : run.outcome;
      ++summary.counts[static_cast<size_t>(outcome)];
      summary.injected += run.injected;
    }
  }
  return summary;
}

// One word, as a shell takes it.
void print_word(const char* word) {
  const size_t plain = std::strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                         "0123456789_-+=./:,@%");
  if (plain != 0 && word[plain] == '\0') return print_error(" %s", word);
  print_error(" '");
  for (; *word != '\0'; ++word) {
    if (*word == '\'')
      print_error("'\\''");
    else
      print_error("%c", *word);
  }
  print_error("'");
}

// The command that repeats one run.
void print_repetition(const Options& options, size_t request, Shape shape) {
  print_error("  to repeat: ebb torture --only %zu --shape %s", request + 1, shape_name(shape));
  if (options.compact) print_error(" --encoding compact");
  if (options.lazy) print_error(" --lazy");
  if (options.offsets) print_error(" --offsets");
  if (options.allocator == AllocatorKind::pool)
    print_error(" --allocator pool:%zu", options.pool_bytes);
  for (size_t i = 0; i < options.env_count; ++i) {
    print_error(" --env");
    print_word(options.env[i]);
  }
  if (options.invoke) {
    print_error(" --invoke");
    print_word(options.invoke);
  }
  print_word(options.file);
  const Words rest = options.invoke ? options.invoke_args : options.args;
  if (rest.count != 0) print_error(" --");
  for (size_t i = 0; i < rest.count; ++i)
    print_word(rest.words[i]);
  print_error("\n");
}

void print_run(size_t request, Shape shape, const Run& run) {
  print_error("request %zu, %s: %s", request + 1, shape_name(shape), outcome_name(run.outcome));
  // Of a run that died, only that is known.
  if (run.outcome != Outcome::crash) print_error(", in %s", step_name(static_cast<Step>(run.step)));
  if (run.error != Error::none) print_error(" (%s)", error_message(run.error));
  if (run.outcome == Outcome::leak)
    print_error(", %" PRIu64 " blocks held after teardown", run.live_blocks);
  if (run.timed_out)
    print_error(", took too long");
  else if (run.signal != 0)
    print_error(", signal %d", run.signal);
  print_error("\n");
}

void print_bad_runs(const Options& options, const Runs& runs) {
  size_t bad = 0;
  for (size_t request = 0; request < runs.request_count(); ++request) {
    for (const Shape shape : {Shape::once, Shape::onward}) {
      if (!is_selected(options, request, shape)) continue;
      const Run& run = runs.run(request, shape);
      const bool is_worth_showing =
          is_bad(run.outcome) || run.outcome == Outcome::not_run || options.only != 0;
      if (!is_worth_showing || ++bad > bad_runs_shown_max) continue;
      print_run(request, shape, run);
      if (options.only == 0) print_repetition(options, request, shape);
    }
  }
  if (bad > bad_runs_shown_max) print_error("and %zu more\n", bad - bad_runs_shown_max);
}

void print_json(const Summary& summary) {
  print("{\"requests\": %" PRIu64 ", \"injected\": %" PRIu64, summary.requests, summary.injected);
  for (size_t i = 1; i < outcome_count; ++i)
    print(", \"%s\": %" PRIu64, outcome_name(static_cast<Outcome>(i)), summary.counts[i]);
  print("}\n");
}

void print_table(const Options& options, const Summary& summary) {
  print("%-16s %10" PRIu64 "  made by the module from load to teardown\n", "requests",
        summary.requests);
  print("%-16s %10" PRIu64 "  failures returned to a caller in the core\n", "injected",
        summary.injected);
  constexpr const char* meanings[outcome_count] = {
      "",
      "came back as out_of_memory",
      "the guest saw -1 from a grow",
      "a declared fallback took over",
      "another result, or a failure that nobody reported",
      "blocks held after teardown",
      "the process died or took too long",
      "the same call failed without an injection"};
  for (size_t i = 1; i < outcome_count; ++i)
    print("%-16s %10" PRIu64 "  %s\n", outcome_name(static_cast<Outcome>(i)), summary.counts[i],
          meanings[i]);
  if (options.only == 0 && summary.is_good() && summary.requests != 0)
    print("to repeat a single one: the same command with --only N --shape once|onward\n");
}

// Performs the undisturbed run; 0 if the others may follow, else an exit status.
int begin(const Options& options, Scenario& scenario, Recording& recording) {
  if (!scenario.prepare()) return explain_own_shortage(options);
  const Ending& ending = scenario.run_undisturbed();
  if (!recording.stop_recording()) return explain_own_shortage(options);
  if (ending.error == Error::out_of_memory) {
    explain(options, ending.step, ending.error, scenario.diagnostic());
    return exit_failed;
  }
  if (!options.json) {
    if (ending.error == Error::exit)
      print("undisturbed: exit %" PRId32 "\n", ending.exit_code);
    else if (ending.error != Error::none)
      print("undisturbed: %s in %s\n", error_message(ending.error), step_name(ending.step));
    else
      print("undisturbed: returned\n");
  }
  const size_t leaked = scenario.tear_down();
  if (leaked == 0) return 0;
  print_error("ebb: %s: the undisturbed run left %zu blocks\n", options.file, leaked);
  return exit_failed;
}

} // namespace

int torture(const Options& options) {
  File file;
  if (const char* problem = file.read(options.file)) return explain_file(options, problem);
  Memory memory;
  if (const char* problem = memory.create(options)) return explain_file(options, problem);
  Pages table;
  if (!table.grow(injector_table_bytes)) return explain_own_shortage(options);

  FaultInjector injector(memory.allocator(), table.bytes(), injector_table_bytes);
  Runs runs;
  ForkPoints points(injector, runs, options);
  Recording recording;
  Scenario scenario(options, file.bytes(), points, injector, recording);
  if (const int status = begin(options, scenario, recording)) return status;
  const auto requests = static_cast<size_t>(points.request_count());
  if (options.only > requests) {
    print_error("ebb: --only %" PRIu64 ": there are only %zu requests\n", options.only, requests);
    return exit_usage;
  }
  if (!runs.create(requests, options.jobs, options.seconds_max))
    return explain_own_shortage(options);
  points.restart();
  flush_output();
  const bool repeated = scenario.run_with_forks(runs) && points.request_count() == requests;
  runs.wait_all();
  print_progress("%s", "");
  const Summary summary = summarize(options, runs);
  if (options.json)
    print_json(summary);
  else
    print_table(options, summary);
  print_bad_runs(options, runs);
  if (!repeated)
    print_error("ebb: %s: the replay went differently from the first run\n", options.file);
  if (injector.is_table_full())
    print_error("ebb: %s: more live blocks than can be watched for leaks\n", options.file);
  const bool is_good = summary.is_good() && repeated && !injector.is_table_full();
  return is_good ? 0 : exit_failed;
}

} // namespace ebb::tool
