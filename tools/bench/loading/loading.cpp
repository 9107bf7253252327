// Measures what loading costs, for each form of a module, encoding and time of preparation.
//
//     loading [--runs N] FILE.wasm…
//
// Every way of loading is timed N times in turn, so that a busy moment does not fall on one of them
// alone; medians are printed. Bytes are exact: what the engine's heap holds once the module is
// loaded, and the most that it held meanwhile. "prepared" makes all functions ready that wait for
// their first call, one by one, as calls would.
#include "tools/mimalloc_allocator.h"

#include <ebb/ebb.h>

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace ebb;
using Bytes = std::vector<uint8_t>;

struct Way {
  const char* name;
  bool is_precompiled;
  Config::Encoding encoding;
  Config::Preparation preparation;
  bool is_prepared = false;
};

constexpr Way ways[] = {
    {".wasm, compact, at load", false, Config::Encoding::compact, Config::Preparation::at_load},
    {".wasm, compact, at first call", false, Config::Encoding::compact,
     Config::Preparation::at_first_call},
    {".wasm, compact, prepared", false, Config::Encoding::compact,
     Config::Preparation::at_first_call, true},
    {".wasm, threaded, at load", false, Config::Encoding::threaded, Config::Preparation::at_load},
    {".wasm, threaded, threading waits", false, Config::Encoding::threaded,
     Config::Preparation::threaded_at_first_call},
    {".wasm, threaded, at first call", false, Config::Encoding::threaded,
     Config::Preparation::at_first_call},
    {".wasm, threaded, prepared", false, Config::Encoding::threaded,
     Config::Preparation::at_first_call, true},
    {".ebb, compact, at load", true, Config::Encoding::compact, Config::Preparation::at_load},
    {".ebb, compact, at first call", true, Config::Encoding::compact,
     Config::Preparation::at_first_call},
    {".ebb, compact, prepared", true, Config::Encoding::compact, Config::Preparation::at_first_call,
     true},
    {".ebb, threaded, at load", true, Config::Encoding::threaded, Config::Preparation::at_load},
    {".ebb, threaded, threading waits", true, Config::Encoding::threaded,
     Config::Preparation::threaded_at_first_call},
    {".ebb, threaded, at first call", true, Config::Encoding::threaded,
     Config::Preparation::at_first_call},
    {".ebb, threaded, prepared", true, Config::Encoding::threaded,
     Config::Preparation::at_first_call, true},
};

struct Measured {
  std::vector<double> milliseconds;
  size_t kept = 0;
  size_t peak = 0;
  Error error = Error::none;
};

Result<void> load_once(const Allocator& allocator, const Way& way, const Bytes& bytes,
                       Measured& out) {
  Config config;
  config.allocator = &allocator;
  config.encoding = way.encoding;
  config.preparation = way.preparation;
  const Engine engine = EBB_TRY(Engine::create(config));
  const size_t before = engine.stats().used;
  const auto start = std::chrono::steady_clock::now();
  const Module module = EBB_TRY(Module::load_borrowed(engine, bytes));
  if (way.is_prepared) EBB_TRY(module.prepare());
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  out.milliseconds.push_back(took.count());
  out.kept = engine.stats().used - before;
  out.peak = engine.stats().peak - before;
  return {};
}

Result<Bytes> precompile(const Allocator& allocator, const Bytes& wasm) {
  Config config;
  config.allocator = &allocator;
  const Engine engine = EBB_TRY(Engine::create(config));
  CompileSettings settings;
  settings.strip = true;
  Bytes out;
  const ByteSink sink{[](void* context, const uint8_t* piece, size_t count) -> Result<void> {
                        Bytes& to = *static_cast<Bytes*>(context);
                        to.insert(to.end(), piece, piece + count);
                        return {};
                      },
                      &out};
  EBB_TRY(Module::compile(engine, wasm, settings, sink));
  return out;
}

double median(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

bool measure(const Allocator& allocator, const char* name, const Bytes& wasm, int runs) {
  const Result<Bytes> precompiled = precompile(allocator, wasm);
  if (!precompiled.ok()) {
    fprintf(stderr, "loading: %s: %s\n", name, error_name(precompiled.error()));
    return false;
  }
  Measured measured[std::size(ways)];
  for (int run = 0; run < runs; ++run)
    for (size_t i = 0; i < std::size(ways); ++i) {
      const Bytes& bytes = ways[i].is_precompiled ? precompiled.value() : wasm;
      const Result<void> loaded = load_once(allocator, ways[i], bytes, measured[i]);
      if (!loaded.ok()) measured[i].error = loaded.error();
    }
  printf("%s: %zu bytes of .wasm, %zu bytes of .ebb (narrow, stripped)\n", name, wasm.size(),
         precompiled.value().size());
  printf("  %-32s %10s %10s %12s %12s %7s\n", "", "ms", "MB/s", "bytes kept", "peak", "ratio");
  for (size_t i = 0; i < std::size(ways); ++i) {
    Measured& found = measured[i];
    if (found.error != Error::none) {
      printf("  %-32s %s\n", ways[i].name, error_name(found.error));
      continue;
    }
    const double took = median(found.milliseconds);
    const double megabytes = static_cast<double>(wasm.size()) / 1e6;
    printf("  %-32s %10.3f %10.1f %12zu %12zu %7.2f\n", ways[i].name, took,
           megabytes / (took / 1000), found.kept, found.peak,
           static_cast<double>(found.peak) / static_cast<double>(found.kept));
  }
  return true;
}

std::optional<Bytes> read_file(const char* name) {
  std::ifstream in(name, std::ios::binary);
  if (!in) return std::nullopt;
  return Bytes(std::istreambuf_iterator<char>(in), {});
}

int usage() {
  fputs("Usage: loading [--runs N] FILE.wasm…\n"
        "Prints time, memory kept and peak of loading each module in every way.\n",
        stderr);
  return 2;
}

} // namespace

int main(int argc, char** argv) {
  int runs = 5;
  int first = 1;
  if (argc > 2 && strcmp(argv[1], "--runs") == 0) {
    char* end = nullptr;
    const long count = strtol(argv[2], &end, 10);
    if (*end != 0 || count < 1 || count > 1000) return usage();
    runs = static_cast<int>(count);
    first = 3;
  }
  if (first >= argc || argv[first][0] == '-') return usage();
  const ebb::Allocator allocator = ebb::mimalloc_allocator();
  bool is_good = true;
  for (int i = first; i < argc; ++i) {
    const std::optional<Bytes> wasm = read_file(argv[i]);
    if (!wasm) fprintf(stderr, "loading: %s: cannot be read\n", argv[i]);
    is_good = wasm && measure(allocator, argv[i], *wasm, runs) && is_good;
  }
  return is_good ? 0 : 1;
}
