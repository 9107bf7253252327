// Alters precompiled modules, loads and runs them, and counts what became of them.
//
//   artifact_mutation [--files COUNT] [--seed SEED] [--modules FOLDER] [--generated COUNT]
//
// Modules are generated, and taken from the .wasm files of a folder where one is given; each is
// compiled in both profiles, with code that counts fuel. COUNT files are altered in all, spread
// over them. Whatever does not hold, or a sanitizer's report, ends the program.
#include "fuzz/artifact_mutation.h"
#include "fuzz/generator.h"
#include "fuzz/outcome.h"

#include <cstring>
#include <random>

#include <unistd.h>

namespace {

using namespace ebb;
using namespace ebb::fuzz;

constexpr unsigned file_seconds_max = 60;

struct Options {
  size_t files = 2000;
  size_t generated = 200;
  uint64_t seed = 1;
  std::string modules;
};

void add_artifacts(const Bytes& wasm, std::vector<Bytes>& to) {
  WatchedMemory memory("artifact_mutation");
  Config config;
  config.allocator = &memory.allocator();
  const Result<Engine> engine = Engine::create(config);
  if (!engine.ok()) return;
  for (const bool wide : {false, true}) {
    if (wide && sizeof(void*) != 8) continue;
    Error error = Error::none;
    Bytes file = precompile(engine.value(), wasm, wide, true, error);
    if (error == Error::none) to.push_back(std::move(file));
  }
}

std::vector<Bytes> make_artifacts(const Options& options) {
  std::vector<Bytes> artifacts;
  std::mt19937_64 random(options.seed);
  for (size_t i = 0; i < options.generated; ++i) {
    Bytes bytes(random_below(random, 600) + 1);
    for (uint8_t& byte : bytes)
      byte = static_cast<uint8_t>(random());
    Input input(bytes.data(), bytes.size());
    add_artifacts(generate_module(input), artifacts);
  }
  if (!options.modules.empty())
    for (const std::string& path : files_below(options.modules, ".wasm"))
      add_artifacts(read_file(path), artifacts);
  return artifacts;
}

bool read_options(int argc, char** argv, Options& options) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string word = argv[i];
    const char* value = argv[i + 1];
    if (word == "--files")
      options.files = std::strtoul(value, nullptr, 10);
    else if (word == "--generated")
      options.generated = std::strtoul(value, nullptr, 10);
    else if (word == "--seed")
      options.seed = std::strtoull(value, nullptr, 10);
    else if (word == "--modules")
      options.modules = value;
    else
      return false;
  }
  return argc % 2 == 1;
}

void print(const ArtifactTally& tally) {
  std::printf("%zu files altered: %zu refused at load, %zu loaded, %zu instantiated, %zu calls\n",
              tally.files, tally.files - tally.loaded, tally.loaded, tally.instantiated,
              tally.calls);
  for (size_t i = 0; i < 256; ++i)
    if (tally.refused[i] != 0)
      std::printf("  %-24s %zu\n", error_name(static_cast<Error>(i)), tally.refused[i]);
}

} // namespace

int main(int argc, char** argv) {
  Options options;
  if (!read_options(argc, argv, options)) {
    std::fprintf(stderr,
                 "usage: %s [--files COUNT] [--seed SEED] [--modules FOLDER] "
                 "[--generated COUNT]\n",
                 argv[0]);
    return 2;
  }
  const std::vector<Bytes> artifacts = make_artifacts(options);
  if (artifacts.empty()) return 1;
  ArtifactTally unaltered;
  for (const Bytes& file : artifacts)
    run_artifact(file, 0, unaltered);
  std::printf("%zu precompiled modules, %zu of them load\n", artifacts.size(), unaltered.loaded);
  if (unaltered.loaded != artifacts.size()) return 1;
  ArtifactTally tally;
  for (size_t i = 0; i < options.files; ++i) {
    alarm(file_seconds_max);
    Bytes file = artifacts[i % artifacts.size()];
    const uint64_t seed = options.seed * 1000003 + i;
    mutate_artifact(file, artifacts[static_cast<size_t>(seed * 7919 % artifacts.size())], seed);
    run_artifact(file, static_cast<uint8_t>(i / artifacts.size()), tally);
  }
  alarm(0);
  print(tally);
  return 0;
}
