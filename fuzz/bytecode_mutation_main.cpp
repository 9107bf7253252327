// Replays mutations of bytecode with fixed seeds over files and folders, and counts what became of
// them.
//
//   bytecode_mutation [--mutants COUNT] [--seed SEED] FILE-OR-FOLDER…
//
// Each module is compiled in both profiles, with fuel, with interruptions and without either;
// mutants are made of the code that counts fuel, because they are run. The exit status is 0 if all
// unaltered code verified; a sanitizer's report ends the program otherwise.
#include "fuzz/bytecode_mutation.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <unistd.h>

namespace {

using namespace ebb;
using namespace ebb::fuzz;

constexpr unsigned mutant_seconds_max = 60;

std::vector<uint8_t> read_file(const std::string& path) {
  std::vector<uint8_t> bytes;
  FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return bytes;
  uint8_t buffer[4096];
  for (size_t count; (count = std::fread(buffer, 1, sizeof(buffer), file)) != 0;)
    bytes.insert(bytes.end(), buffer, buffer + count);
  std::fclose(file);
  return bytes;
}

void add_files(const std::string& path, std::vector<std::string>& files) {
  if (!std::filesystem::is_directory(path)) return files.push_back(path);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path))
    if (entry.path().extension() == ".wasm") files.push_back(entry.path().string());
}

void print(const Tally& tally) {
  std::printf("%zu modules, %zu functions and %zu constants verified unaltered, %zu refused\n",
              tally.modules, tally.functions, tally.constants, tally.wrong);
  std::printf("%zu mutants, %zu accepted; %zu calls: %zu returned, %zu trapped, %zu suspended\n",
              tally.mutants, tally.accepted, tally.runs, tally.returned, tally.trapped,
              tally.suspended);
  for (size_t i = 0; i < 256; i++)
    if (tally.refused[i] != 0)
      std::printf("  %-24s %zu\n", error_name(static_cast<Error>(i)), tally.refused[i]);
}

} // namespace

int main(int argc, char** argv) {
  size_t mutants = 20;
  uint64_t seed = 1;
  std::vector<std::string> files;
  for (int i = 1; i < argc; i++) {
    if (std::strcmp(argv[i], "--mutants") == 0 && i + 1 < argc)
      mutants = std::strtoul(argv[++i], nullptr, 10);
    else if (std::strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
      seed = std::strtoull(argv[++i], nullptr, 10);
    else
      add_files(argv[i], files);
  }
  std::sort(files.begin(), files.end());
  Tally tally;
  for (const std::string& path : files) {
    auto engine = mutation_engine();
    if (!engine.ok()) return 1;
    const std::vector<uint8_t> bytes = read_file(path);
    const size_t wrong = tally.wrong;
    for (const bool wide : {true, false}) {
      // A mutant that fuel does not bound ends the program.
      alarm(mutant_seconds_max);
      if (!wide || sizeof(void*) == 8) {
        mutate_module(engine.value(), bytes, wide, Metering::fuel, seed++, mutants, tally);
      }
      for (const Metering metering : {Metering::none, Metering::interruption})
        mutate_module(engine.value(), bytes, wide, metering, seed, 0, tally);
    }
    if (tally.wrong != wrong) std::printf("in %s\n", path.c_str());
  }
  alarm(0);
  print(tally);
  return tally.wrong == 0 && tally.modules != 0 ? 0 : 1;
}
