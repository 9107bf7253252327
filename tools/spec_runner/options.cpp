// The command line of spec_runner.
#include "tools/spec_runner/options.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <getopt.h>
#include <unistd.h>

namespace ebb::spec {
namespace {

constexpr const char* help_text =
    "Usage: spec_runner [options] PATH…\n"
    "Runs WebAssembly test scripts (JSON and .wasm): files, or folders that are searched for "
    "*.json.\n"
    "\n"
    "  --encoding compact|threaded   how bytecode is kept and run (default: threaded)\n"
    "  --precompiled                 compile each module to .ebb and load that\n"
    "  --profile narrow|wide         the profile of those (default: narrow)\n"
    "  --write-precompiled FOLDER    keep what --precompiled compiles, named by its .wasm\n"
    "  --read-precompiled FOLDER     run what was kept there, on this or another host, and compare "
    "it with what is compiled here\n"
    "  --lazy[=threading]            prepare functions at their first call, or only thread them "
    "then\n"
    "  --fuel N                      suspend calls whenever they have used up N units of fuel\n"
    "  --interrupt                   suspend calls wherever they look for interruptions\n"
    "  --validate                    only validate every module\n"
    "  --alter N                     the same, and judge every module cut short at each byte, with "
    "N "
    "bytes altered\n"
    "                                one at a time, and with each feature turned off\n"
    "  --jobs N                      scripts run at a time (default: processors)\n"
    "  --timeout SECONDS             for one script (default: 600)\n"
    "  --suites FOLDER               where spectest.wasm is (default: found upward of PATH)\n"
    "  --list-skips FILE             the list to compare skips with, '' for none (default: the "
    "checked-in one)\n"
    "  --write-skips FILE            write such a list instead of comparing\n"
    "  --oom                         refuse every request for memory of every command in turn\n"
    "  --shapes LIST                 how: once, onward, window:N, every:N, full, pair:N, "
    "random:N@SEED\n"
    "                                (default: once,onward)\n"
    "  --points all|N[@SEED][#I/N]   which requests: all, or N of each class of call stacks and a "
    "few more;\n"
    "                                #I/N takes the I-th of N parts (default: all)\n"
    "  --repeat LINE:OP:N/SHAPE      only this one, as a failure names it\n"
    "  --json                        print the sums of a sweep as JSON\n"
    "  --in-process                  run all scripts in this process, for debugging\n";

constexpr option table[] = {
    {"encoding", required_argument, nullptr, 'e'},
    {"precompiled", no_argument, nullptr, 'p'},
    {"profile", required_argument, nullptr, 'P'},
    {"write-precompiled", required_argument, nullptr, 'W'},
    {"read-precompiled", required_argument, nullptr, 'R'},
    {"lazy", optional_argument, nullptr, 'L'},
    {"fuel", required_argument, nullptr, 'f'},
    {"interrupt", no_argument, nullptr, 'I'},
    {"validate", no_argument, nullptr, 'v'},
    {"alter", required_argument, nullptr, 'a'},
    {"jobs", required_argument, nullptr, 'j'},
    {"timeout", required_argument, nullptr, 't'},
    {"suites", required_argument, nullptr, 's'},
    {"list-skips", required_argument, nullptr, 'l'},
    {"write-skips", required_argument, nullptr, 'w'},
    {"oom", no_argument, nullptr, 'o'},
    {"shapes", required_argument, nullptr, 'S'},
    {"points", required_argument, nullptr, 'O'},
    {"repeat", required_argument, nullptr, 'r'},
    {"json", no_argument, nullptr, 'J'},
    {"in-process", no_argument, nullptr, 'i'},
    {"help", no_argument, nullptr, 'h'},
    {nullptr, 0, nullptr, 0},
};

bool read_count(const char* text, unsigned maximum, unsigned& count) {
  char* end = nullptr;
  const unsigned long value = std::strtoul(text, &end, 10);
  if (text[0] < '0' || text[0] > '9' || *end != '\0' || value == 0 || value > maximum) return false;
  count = static_cast<unsigned>(value);
  return true;
}

// LINE:OPERATION:REQUEST/SHAPE
bool read_repeat(const std::string& text, Options& options) {
  const size_t first = text.find(':');
  const size_t second = first == std::string::npos ? first : text.find(':', first + 1);
  if (second == std::string::npos) return false;
  unsigned line = 0;
  if (!read_count(text.substr(0, first).c_str(), UINT32_MAX, line)) return false;
  options.repeat_line = line;
  options.repeat_operation = text.substr(first + 1, second - first - 1);
  return oom::read_point(text.c_str() + second + 1, options.repeat, options.repeat_shape);
}

bool take_option(int id, const char* value, Options& options) {
  switch (id) {
  case 'e':
    options.compact = std::strcmp(value, "compact") == 0;
    return options.compact || std::strcmp(value, "threaded") == 0;
  case 'p':
    options.precompiled = true;
    return true;
  case 'P':
    options.wide = std::strcmp(value, "wide") == 0;
    return options.wide || std::strcmp(value, "narrow") == 0;
  case 'W':
    options.precompiled = true;
    options.write_precompiled = value;
    return access(value, W_OK) == 0;
  case 'R':
    options.precompiled = true;
    options.read_precompiled = value;
    return access(value, R_OK) == 0;
  case 'L':
    options.preparation = value == nullptr ? Config::Preparation::at_first_call
                                           : Config::Preparation::threaded_at_first_call;
    return value == nullptr || std::strcmp(value, "threading") == 0;
  case 'f':
    return read_count(value, UINT32_MAX, options.fuel);
  case 'I':
    options.interrupt = true;
    return true;
  case 'v':
    options.validate_only = true;
    return true;
  case 'a':
    options.validate_only = true;
    options.alters = true;
    return read_count(value, 1000000, options.bytes_altered);
  case 'j':
    return read_count(value, 256, options.jobs);
  case 't':
    return read_count(value, 86400, options.seconds_max);
  case 's':
    options.suites = value;
    return true;
  case 'l':
    options.skip_list = value;
    return true;
  case 'w':
    options.write_skips = value;
    return true;
  case 'i':
    options.in_process = true;
    return true;
  case 'o':
    options.oom = true;
    return true;
  case 'S':
    return oom::read_shapes(value, options.shapes);
  case 'O':
    return oom::read_schedule(value, options.schedule);
  case 'r':
    options.oom = true;
    return read_repeat(value, options);
  case 'J':
    options.json = true;
    return true;
  default:
    return false;
  }
}

} // namespace

bool read_options(int argc, char** argv, Options& options, int& status) {
  const long processors = sysconf(_SC_NPROCESSORS_ONLN);
  if (processors > 0 && processors <= 256) options.jobs = static_cast<unsigned>(processors);
#if defined(EBB_SKIP_LIST)
  options.skip_list = EBB_SKIP_LIST;
#endif
  opterr = 0;
  status = 2;
  for (int id; (id = getopt_long(argc, argv, ":h", table, nullptr)) != -1;) {
    if (id == 'h') {
      std::fputs(help_text, stdout);
      status = 0;
      return false;
    }
    if (id != '?' && id != ':' && take_option(id, optarg, options)) continue;
    const char* what = id == '?'   ? "unknown option"
                       : id == ':' ? "a value is missing"
                                   : "not a value for this option";
    std::fprintf(stderr, "spec_runner: %s: %s (see --help)\n", argv[optind - 1], what);
    return false;
  }
  for (int i = optind; i < argc; ++i) {
    options.paths.push_back(argv[i]);
    if (access(argv[i], R_OK) == 0) continue;
    std::fprintf(stderr, "spec_runner: %s: no such file or folder\n", argv[i]);
    return false;
  }
  if (!options.paths.empty()) return true;
  std::fprintf(stderr, "spec_runner: no PATH given (see --help)\n");
  return false;
}

} // namespace ebb::spec
