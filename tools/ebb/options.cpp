// Options are read by getopt_long, one command's table at a time, stopping at the first word that
// is none.
#include "tools/ebb/options.h"

#include "tools/ebb/print.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <getopt.h>
#include <unistd.h>

namespace ebb::tool {
namespace {

constexpr const char* help_text =
    "Usage: ebb run [options] FILE [ARG…]       run a module\n"
    "       ebb compile [options] FILE -o OUT   write a precompiled module (.ebb), which the "
    "others "
    "take like a .wasm\n"
    "       ebb inspect FILE                    describe a module\n"
    "       ebb torture [options] FILE [-- ARG…]  run it while every request for memory fails in "
    "turn\n"
    "\n"
    "run and torture:\n"
    "  --invoke NAME VALUE…    call this export instead of _start (values may also follow FILE)\n"
    "  --env KEY=VALUE         an environment variable of the guest; may be repeated\n"
    "  --encoding ENCODING     compact (run in place) or threaded (default: fast and larger)\n"
    "  --lazy                  prepare functions at their first call, not when loading; with "
    "--lazy=threading only thread them then\n"
    "  --offsets               keep wasm offsets for backtraces; threaded code always has them, "
    "compact code is small\n"
    "  --allocator ALLOCATOR   mimalloc (default), or pool:BYTES for a fixed pool\n"
    "run:\n"
    "  --budget BYTES          what the guest may hold, stack and memories included\n"
    "  --fuel N                end the run after N units of fuel: wasm instructions, calls, rounds "
    "of "
    "loops,\n"
    "                          64 bytes of bulk work\n"
    "  --timeout SECONDS       interrupt the guest then\n"
    "  --stats                 print heap figures when the run has ended\n"
    "compile:\n"
    "  -o, --output OUT        the file to write\n"
    "  --profile PROFILE       narrow (default, runs everywhere) or wide (faster, 64-bit hosts "
    "only)\n"
    "  --strip                 leave out names and wasm offsets, which backtraces show\n"
    "  --fuel                  count fuel, so that run --fuel takes it\n"
    "  --interruptible         look for interruptions, so that run --timeout takes it (so does "
    "--fuel)\n"
    "torture:\n"
    "  --json                  print the figures as JSON\n"
    "  --shapes LIST           what fails at each request: once (it alone), onward (and all that "
    "follow),\n"
    "                          window:N (N of them), every:N (each N-th from there), full (what "
    "needs as much),\n"
    "                          pair:N (it and the N-th behind it), random:N@SEED (default: "
    "once,onward)\n"
    "  --points all|N[@SEED]   which requests: all, or N of each class of call stacks and a few "
    "more; #I/N behind it\n"
    "                          takes the I-th of N parts, from 0 (default: all)\n"
    "  --seconds N             try as many requests as fit this time\n"
    "  --repeat N/SHAPE        fail only request N, in this shape\n"
    "  --timeout SECONDS       for one run (default: 60)\n"
    "  --jobs N                runs at a time (default: processors)\n"
    "\n"
    "BYTES may end in K, M or G. Exit status: the guest's own; 134 for a trap; 1 when a module "
    "cannot be loaded, linked\n"
    "or finished for want of memory, fuel or time, or a torture went badly; 2 for a wrong command "
    "line.\n";

enum OptionId : int {
  option_help = 256,
  option_version,
  option_budget,
  option_fuel,
  option_stats,
  option_offsets,
  option_lazy,
  option_invoke,
  option_env,
  option_allocator,
  option_encoding,
  option_output,
  option_profile,
  option_strip,
  option_count_fuel,
  option_interruptible,
  option_json,
  option_shapes,
  option_points,
  option_seconds,
  option_repeat,
  option_timeout,
  option_jobs,
};

// clang-format off
#define EBB_SHARED_OPTIONS                                         \
  {"help", no_argument, nullptr, option_help},                     \
  {"invoke", required_argument, nullptr, option_invoke},           \
  {"env", required_argument, nullptr, option_env},                 \
  {"allocator", required_argument, nullptr, option_allocator},     \
  {"encoding", required_argument, nullptr, option_encoding},       \
  {"lazy", optional_argument, nullptr, option_lazy},               \
  {"offsets", no_argument, nullptr, option_offsets}
// clang-format on

constexpr option run_options[] = {
    EBB_SHARED_OPTIONS,
    {"budget", required_argument, nullptr, option_budget},
    {"fuel", required_argument, nullptr, option_fuel},
    {"timeout", required_argument, nullptr, option_timeout},
    {"stats", no_argument, nullptr, option_stats},
    {nullptr, 0, nullptr, 0},
};

constexpr option torture_options[] = {
    EBB_SHARED_OPTIONS,
    {"json", no_argument, nullptr, option_json},
    {"shapes", required_argument, nullptr, option_shapes},
    {"points", required_argument, nullptr, option_points},
    {"seconds", required_argument, nullptr, option_seconds},
    {"repeat", required_argument, nullptr, option_repeat},
    {"timeout", required_argument, nullptr, option_timeout},
    {"jobs", required_argument, nullptr, option_jobs},
    {nullptr, 0, nullptr, 0},
};

constexpr option compile_options[] = {
    {"help", no_argument, nullptr, option_help},
    {"output", required_argument, nullptr, option_output},
    {"profile", required_argument, nullptr, option_profile},
    {"strip", no_argument, nullptr, option_strip},
    {"fuel", no_argument, nullptr, option_count_fuel},
    {"interruptible", no_argument, nullptr, option_interruptible},
    {"allocator", required_argument, nullptr, option_allocator},
    {nullptr, 0, nullptr, 0},
};

constexpr option inspect_options[] = {
    {"help", no_argument, nullptr, option_help},
    {nullptr, 0, nullptr, 0},
};

#undef EBB_SHARED_OPTIONS

bool read_number(const char* text, uint64_t maximum, uint64_t& value) {
  if (text[0] < '0' || text[0] > '9') return false;
  char* end = nullptr;
  errno = 0;
  value = std::strtoull(text, &end, 10);
  return errno == 0 && *end == '\0' && value <= maximum;
}

// Bytes with an optional K, M or G for powers of 1024.
bool read_bytes(const char* text, size_t& bytes) {
  if (text[0] < '0' || text[0] > '9') return false;
  char* end = nullptr;
  errno = 0;
  const uint64_t value = std::strtoull(text, &end, 10);
  if (errno != 0) return false;
  unsigned shift = 0;
  switch (*end) {
  case 'k':
  case 'K':
    shift = 10;
    break;
  case 'm':
  case 'M':
    shift = 20;
    break;
  case 'g':
  case 'G':
    shift = 30;
    break;
  default:
    break;
  }
  if (shift != 0) ++end;
  if (*end != '\0' || value > SIZE_MAX >> shift) return false;
  bytes = static_cast<size_t>(value << shift);
  return true;
}

bool read_allocator(const char* text, Options& options) {
  if (std::strcmp(text, "mimalloc") == 0) {
    options.allocator = AllocatorKind::mimalloc;
    return true;
  }
  if (std::strncmp(text, "pool:", 5) != 0) return false;
  options.allocator = AllocatorKind::pool;
  return read_bytes(text + 5, options.pool_bytes) && options.pool_bytes != 0;
}

bool read_choice(const char* text, const char* first, const char* second, bool& is_second) {
  is_second = std::strcmp(text, second) == 0;
  return is_second || std::strcmp(text, first) == 0;
}

bool complain(const char* option_text, const char* value, const char* wanted) {
  print_error("ebb: %s: '%s' is not %s\n", option_text, value, wanted);
  return false;
}

// Whether a word behind `--invoke NAME` is a value for it rather than FILE or an option.
bool is_value(const char* word) {
  if (word[0] == '-' || word[0] == '+') ++word;
  if (word[0] >= '0' && word[0] <= '9') return access(word, F_OK) != 0;
  return std::strncmp(word, "nan", 3) == 0 || std::strcmp(word, "inf") == 0 ||
         std::strcmp(word, "null") == 0;
}

bool take_number_option(int id, const char* value, Options& options) {
  uint64_t number = 0;
  switch (id) {
  case option_fuel:
    if (!read_number(value, UINT64_MAX - 1, options.fuel))
      return complain("--fuel", value, "a number of units");
    return true;
  case option_seconds:
    if (!read_number(value, 1000000, number) || number == 0)
      return complain("--seconds", value, "a number of seconds");
    options.torture_seconds_max = static_cast<unsigned>(number);
    return true;
  case option_timeout:
    if (!read_number(value, 86400, number) || number == 0)
      return complain("--timeout", value, "a number of seconds");
    options.seconds_max = static_cast<unsigned>(number);
    return true;
  default:
    if (!read_number(value, 256, number) || number == 0)
      return complain("--jobs", value, "a number from 1 to 256");
    options.jobs = static_cast<unsigned>(number);
    return true;
  }
}

bool take_option(int id, const char* value, Options& options) {
  switch (id) {
  case option_stats:
    options.stats = true;
    return true;
  case option_offsets:
    options.offsets = true;
    return true;
  case option_json:
    options.json = true;
    return true;
  case option_strip:
    options.strip = true;
    return true;
  case option_count_fuel:
    options.count_fuel = true;
    return true;
  case option_interruptible:
    options.interruptible = true;
    return true;
  case 'o':
  case option_output:
    options.output = value;
    return true;
  case option_profile:
    return read_choice(value, "narrow", "wide", options.wide) ||
           complain("--profile", value, "narrow or wide");
  case option_invoke:
    options.invoke = value;
    return true;
  case option_budget:
    return read_bytes(value, options.budget) ||
           complain("--budget", value, "a number of bytes (K, M and G may follow)");
  case option_allocator:
    return read_allocator(value, options) ||
           complain("--allocator", value, "mimalloc or pool:BYTES");
  case option_encoding: {
    bool threaded = false;
    if (!read_choice(value, "compact", "threaded", threaded))
      return complain("--encoding", value, "compact or threaded");
    options.compact = !threaded;
    return true;
  }
  case option_lazy:
    options.preparation = value == nullptr ? Config::Preparation::at_first_call
                                           : Config::Preparation::threaded_at_first_call;
    return value == nullptr || std::strcmp(value, "threading") == 0 ||
           complain("--lazy", value, "nothing or threading");
  case option_shapes:
    return oom::read_shapes(value, options.shapes) ||
           complain("--shapes", value, "a list of shapes (see ebb --help)");
  case option_points:
    return oom::read_schedule(value, options.schedule) ||
           complain("--points", value, "all, or a number for each class (see ebb --help)");
  case option_repeat:
    return oom::read_point(value, options.repeat, options.repeat_shape) ||
           complain("--repeat", value, "a request and a shape, such as 17/once");
  case option_env:
    if (!std::strchr(value, '=') || value[0] == '=') return complain("--env", value, "KEY=VALUE");
    if (options.env_count == Options::env_max) {
      print_error("ebb: more than %zu times --env\n", Options::env_max);
      return false;
    }
    options.env[options.env_count++] = value;
    return true;
  default:
    return take_number_option(id, value, options);
  }
}

class Reader {
public:
  Reader(int argc, char** argv, const option* table, Options& options)
      : argc_(argc), argv_(argv), table_(table), options_(options) {
    opterr = 0;
    optind = 2;
  }

  bool read(int& status) {
    if (!read_some(status)) return false;
    if (optind >= argc_) return fail("no FILE given (see ebb --help)", status);
    options_.file = argv_[optind++];
    const bool follow =
        options_.command == Command::torture || options_.command == Command::compile;
    const bool more = follow && optind < argc_ && argv_[optind][0] == '-' &&
                      std::strcmp(argv_[optind], "--") != 0;
    if (more && !read_some(status)) return false;
    if (optind < argc_ && std::strcmp(argv_[optind], "--") == 0) ++optind;
    return take_rest(status);
  }

private:
  // Reads options up to a word that is none, or `--` (which getopt passes over).
  bool read_some(int& status) {
    while (optind < argc_) {
      if (options_.invoke && !options_.file && take_values()) continue;
      if (options_.invoke && options_.file && take_values()) continue;
      if (argv_[optind][0] != '-' || std::strcmp(argv_[optind], "--") == 0) return true;
      const char* word = argv_[optind];
      const int id = getopt_long(argc_, argv_, short_options(), table_, nullptr);
      if (id == 'h' || id == option_help) {
        print_text(help_text);
        status = 0;
        return false;
      }
      if (id == '?' || id == ':') {
        print_error("ebb: %s: %s (see ebb --help)\n", word,
                    id == '?' ? "unknown option" : "a value is missing");
        status = 2;
        return false;
      }
      if (!take_option(id, optarg, options_)) {
        status = 2;
        return false;
      }
    }
    return true;
  }

  const char* short_options() const {
    return options_.command == Command::compile ? "+:ho:" : "+:h";
  }

  // The values right behind `--invoke NAME`.
  bool take_values() {
    if (options_.invoke_args.count != 0) return false;
    const int first = optind;
    while (optind < argc_ && is_value(argv_[optind]))
      ++optind;
    options_.invoke_args = {argv_ + first, static_cast<size_t>(optind - first)};
    return optind != first;
  }

  bool take_rest(int& status) {
    Words rest = {argv_ + optind, static_cast<size_t>(argc_ - optind)};
    const bool is_inspect = options_.command == Command::inspect;
    if ((is_inspect || options_.command == Command::compile) && rest.count != 0) {
      print_error("ebb: %s takes one FILE, but '%s' follows\n", is_inspect ? "inspect" : "compile",
                  rest.words[0]);
      status = 2;
      return false;
    }
    if (options_.command == Command::compile && !options_.output)
      return fail("no -o OUT given (see ebb --help)", status);
    if (options_.invoke && options_.invoke_args.count == 0) options_.invoke_args = rest;
    options_.args = rest;
    return true;
  }

  bool fail(const char* message, int& status) {
    print_error("ebb: %s\n", message);
    status = 2;
    return false;
  }

  int argc_;
  char** argv_;
  const option* table_;
  Options& options_;
};

} // namespace

bool read_options(int argc, char** argv, Options& options, int& status) {
  const char* command = argc > 1 ? argv[1] : "";
  if (std::strcmp(command, "--help") == 0 || std::strcmp(command, "-h") == 0) {
    print_text(help_text);
    status = 0;
    return false;
  }
  const option* table = run_options;
  if (std::strcmp(command, "compile") == 0) {
    options.command = Command::compile;
    table = compile_options;
  } else if (std::strcmp(command, "inspect") == 0) {
    options.command = Command::inspect;
    table = inspect_options;
  } else if (std::strcmp(command, "torture") == 0) {
    options.command = Command::torture;
    table = torture_options;
  } else if (std::strcmp(command, "run") != 0) {
    if (argc > 1) print_error("ebb: '%s' is not a command\n", command);
    print_error("%s", help_text);
    status = 2;
    return false;
  }
  const long processors = sysconf(_SC_NPROCESSORS_ONLN);
  if (processors > 0 && processors <= 256) options.jobs = static_cast<unsigned>(processors);
  return Reader(argc, argv, table, options).read(status);
}

} // namespace ebb::tool
