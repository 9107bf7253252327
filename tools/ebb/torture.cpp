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

#include <time.h>

namespace ebb::tool {
namespace {

constexpr unsigned default_seconds = 60;

unsigned seconds_for_one_run(const Options& options) {
  return options.seconds_max == Options::no_timeout ? default_seconds : options.seconds_max;
}

// Live blocks that the injector can watch: 32 bytes each. Classes of call stacks: 16 bytes each.
constexpr size_t injector_table_bytes = size_t{2} << 20;
constexpr size_t sites_bytes = size_t{1} << 20;
constexpr size_t bad_runs_shown_max = 20;
constexpr size_t progress_step = 16;
// What making a process and waiting for it takes.
constexpr double seconds_per_fork = 0.0005;

double now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// What became of the runs, by their keys.
struct Results {
  Pages pages;
  std::span<oom::Run> runs;
  oom::Tally tally;

  bool create(size_t count) {
    runs = pages.array<oom::Run>(count);
    return runs.size() == count;
  }
  static void take(void* self, uint64_t key, const oom::Run& run) {
    Results& results = *static_cast<Results*>(self);
    if (key >= results.runs.size()) return;
    results.runs[key] = run;
    results.tally.add(run);
  }
};

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
void print_repetition(const Options& options, uint64_t request, const oom::Shape& shape) {
  char text[oom::shape_text_max];
  oom::write_shape(shape, text);
  print_error("  to repeat: ebb torture --repeat %" PRIu64 "/%s", request, text);
  if (options.compact) print_error(" --encoding compact");
  if (options.preparation == Config::Preparation::at_first_call) print_error(" --lazy");
  if (options.preparation == Config::Preparation::threaded_at_first_call)
    print_error(" --lazy=threading");
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

void print_run(uint64_t request, const oom::Shape& shape, const oom::Run& run) {
  char text[oom::shape_text_max];
  oom::write_shape(shape, text);
  print_error("request %" PRIu64 ", %s: %s", request, text, oom::outcome_name(run.outcome));
  // Of a run that died, only that is known.
  if (run.outcome != oom::Outcome::crash)
    print_error(", in %s", step_name(static_cast<Step>(run.step)));
  if (run.error != Error::none) print_error(" (%s)", error_message(run.error));
  if (run.live_blocks != 0)
    print_error(", %" PRIu64 " blocks held after teardown", run.live_blocks);
  if (run.what[0] != '\0') print_error(", %s", run.what);
  if (run.timed_out)
    print_error(", took too long");
  else if (run.signal != 0)
    print_error(", signal %d", run.signal);
  print_error("\n");
}

void print_bad_runs(const Options& options, const Results& results) {
  size_t bad = 0;
  for (size_t key = 0; key < results.runs.size(); ++key) {
    const oom::Run& run = results.runs[key];
    if (!oom::is_bad(run.outcome) || ++bad > bad_runs_shown_max) continue;
    const uint64_t request = key / options.shapes.count + 1;
    const oom::Shape& shape = options.shapes.items[key % options.shapes.count];
    print_run(request, shape, run);
    print_repetition(options, request, shape);
  }
  if (bad > bad_runs_shown_max) print_error("and %zu more\n", bad - bad_runs_shown_max);
}

// Where the request that failed was made, innermost first, for addr2line.
void print_stack(const FaultInjector::Event& event) {
  print_error("%s of %zu bytes", request_name(event.request), event.bytes);
  if (oom::has_call_stacks()) {
    print_error(" at");
    for (size_t i = 0; i < event.site.count; ++i)
      print_error(" 0x%zx", static_cast<size_t>(oom::program_offset(event.site.frames[i])));
  }
  print_error("\n");
}

void print_json(const oom::Tally& tally) {
  oom::Row rows[oom::row_count];
  oom::rows_of(tally, rows);
  const char* separator = "{";
  for (const oom::Row& row : rows) {
    print("%s\"%s\": %" PRIu64, separator, row.name, row.value);
    separator = ", ";
  }
  print("}\n");
}

void print_table(const Options& options, const oom::Tally& tally) {
  oom::Row rows[oom::row_count];
  oom::rows_of(tally, rows);
  for (const oom::Row& row : rows)
    print("%-16s %10" PRIu64 "  %s\n", row.name, row.value, row.meaning);
  if (options.repeat == 0 && tally.is_good() && tally.requests != 0)
    print("to repeat a single one: the same command with --repeat REQUEST/SHAPE\n");
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

// The runs of a torture, once it is known how many requests there are and how long they take.
bool run_all(const Options& options, Scenario& scenario, oom::Branches& branches,
             oom::ForkPoints& points, oom::Sites& sites, double seconds) {
  const uint64_t requests = points.request_count();
  oom::Schedule schedule = options.schedule;
  if (options.torture_seconds_max != 0) {
    const double each = static_cast<double>(options.shapes.count) *
                        (seconds / 2 + seconds_per_fork) / static_cast<double>(options.jobs);
    schedule = oom::fit_to_time(schedule, sites, requests, each,
                                static_cast<double>(options.torture_seconds_max));
  }
  sites.recount();
  if (options.repeat != 0) scenario.set_on_refusal(&print_stack);
  size_t shown = requests;
  points.set_on_point(
      [](void* all, uint64_t request) {
        if (request % progress_step == 0)
          print_progress("request %zu of %zu", static_cast<size_t>(request),
                         *static_cast<size_t*>(all));
      },
      &shown);
  if (options.repeat != 0)
    points.arm_only(options.repeat, options.repeat_shape);
  else
    points.arm(options.shapes, schedule);
  flush_output();
  const bool repeated = scenario.run_with_forks(branches) && points.request_count() == requests;
  branches.wait_all();
  print_progress("%s", "");
  return repeated;
}

} // namespace

int torture(const Options& options) {
  File file;
  if (const char* problem = file.read(options.file)) return explain_file(options, problem);
  Memory memory;
  if (const char* problem = memory.create(options)) return explain_file(options, problem);
  Pages table;
  Pages site_pages;
  if (!table.grow(injector_table_bytes) || !site_pages.grow(sites_bytes))
    return explain_own_shortage(options);

  FaultInjector injector(memory.allocator(), table.bytes(), injector_table_bytes);
  injector.set_stack_end(__builtin_frame_address(0));
  const Allocator allocator = injector.allocator();
  oom::Sites sites(site_pages.bytes(), sites_bytes);
  oom::Branches branches;
  Results results;
  if (!branches.create(options.jobs, seconds_for_one_run(options), &Results::take, &results))
    return explain_own_shortage(options);
  oom::ForkPoints points(injector, branches, sites);
  Recording recording;
  Scenario scenario(options, file.bytes(), allocator, points, injector, recording);
  points.count_only();
  const double started = now();
  if (const int status = begin(options, scenario, recording)) return status;
  const double seconds = now() - started;
  const auto requests = static_cast<size_t>(points.request_count());
  if (options.repeat > requests) {
    print_error("ebb: --repeat %" PRIu64 ": there are only %zu requests\n", options.repeat,
                requests);
    return exit_usage;
  }
  const size_t run_count = options.repeat != 0 ? 1 : requests * options.shapes.count;
  if (run_count != 0 && !results.create(run_count)) return explain_own_shortage(options);

  const bool repeated = run_all(options, scenario, branches, points, sites, seconds);
  results.tally.requests = requests;
  results.tally.points = points.point_count();
  results.tally.sites_known = sites.known();
  results.tally.sites_reached = sites.reached();
  if (options.json)
    print_json(results.tally);
  else
    print_table(options, results.tally);
  if (options.repeat != 0)
    print_run(options.repeat, options.repeat_shape, results.runs[0]);
  else
    print_bad_runs(options, results);
  if (!repeated)
    print_error("ebb: %s: the replay went differently from the first run\n", options.file);
  if (injector.is_table_full())
    print_error("ebb: %s: more live blocks than can be watched for leaks\n", options.file);
  const bool is_good = results.tally.is_good() && repeated && !injector.is_table_full();
  return is_good ? 0 : exit_failed;
}

} // namespace ebb::tool
