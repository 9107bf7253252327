// The main function of a target without a fuzzing engine: runs it over files, and over inputs that
// follow from a seed. This is how targets run as tests, with any compiler.
//
//   TARGET_replay [--generate COUNT] [--bytes MOST] [--alter COUNT] [--seed SEED] FILE-OR-FOLDER…
//   TARGET_replay --write FOLDER [--generate COUNT] …      write the generated inputs instead
//
// `--generate` runs so many inputs of random bytes (or of what a target's own mutator makes),
// `--alter` so many altered copies of each file. Whatever does not hold ends the program.
#include "fuzz/target.h"

#include <cstring>
#include <memory>
#include <random>

#include <unistd.h>

extern "C" __attribute__((weak)) size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                                                size_t max_size, unsigned seed);

namespace {

using namespace ebb::fuzz;

constexpr unsigned input_seconds_max = 120;

struct Options {
  size_t generate = 0;
  size_t bytes = 400;
  size_t alter = 0;
  uint64_t seed = 1;
  std::string write;
  std::vector<std::string> paths;
};

Bytes random_bytes(std::mt19937_64& random, size_t most) {
  Bytes bytes(random_below(random, most) + 1);
  // Some inputs are of few different bytes: they repeat one kind of step.
  const unsigned spread = random() % 4 == 0 ? 8 : 256;
  for (uint8_t& byte : bytes)
    byte = static_cast<uint8_t>(random() % spread * (256 / spread));
  return bytes;
}

void alter(std::mt19937_64& random, Bytes& bytes) {
  for (uint64_t changes = random() % 4 + 1; changes != 0 && !bytes.empty(); --changes) {
    const size_t at = random_below(random, bytes.size());
    switch (random() % 5) {
    case 0:
      bytes[at] = static_cast<uint8_t>(random());
      break;
    case 1:
      bytes[at] ^= static_cast<uint8_t>(1u << random() % 8);
      break;
    case 2:
      bytes.insert(bytes.begin() + static_cast<ptrdiff_t>(at), static_cast<uint8_t>(random()));
      break;
    case 3:
      bytes.erase(bytes.begin() + static_cast<ptrdiff_t>(at));
      break;
    default: {
      const size_t from = random_below(random, bytes.size());
      const size_t room = bytes.size() - (from > at ? from : at);
      std::memmove(bytes.data() + at, bytes.data() + from, random_below(random, 16) % (room + 1));
      break;
    }
    }
  }
}

/// What a target that knows its format makes from nothing.
Bytes made_by_target(std::mt19937_64& random) {
  constexpr size_t most = 20000;
  Bytes bytes(most);
  size_t size = 0;
  for (size_t steps = 1 + random_below(random, 4); steps != 0; --steps)
    size = LLVMFuzzerCustomMutator(bytes.data(), size, most, static_cast<unsigned>(random()));
  bytes.resize(size);
  return bytes;
}

/// An exact copy on the heap, so that a sanitizer sees a step beyond its end.
void run(const Bytes& bytes) {
  const std::unique_ptr<uint8_t[]> copy(new uint8_t[bytes.size()]);
  std::memcpy(copy.get(), bytes.data(), bytes.size());
  alarm(input_seconds_max);
  LLVMFuzzerTestOneInput(copy.get(), bytes.size());
}

bool read_options(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word[0] != '-') {
      options.paths.push_back(word);
      continue;
    }
    if (i + 1 == argc) return false;
    const char* value = argv[++i];
    if (word == "--generate")
      options.generate = std::strtoul(value, nullptr, 10);
    else if (word == "--bytes")
      options.bytes = std::strtoul(value, nullptr, 10);
    else if (word == "--alter")
      options.alter = std::strtoul(value, nullptr, 10);
    else if (word == "--seed")
      options.seed = std::strtoull(value, nullptr, 10);
    else if (word == "--write")
      options.write = value;
    else
      return false;
  }
  return options.bytes != 0;
}

} // namespace

int main(int argc, char** argv) {
  Options options;
  if (!read_options(argc, argv, options)) {
    std::fprintf(stderr,
                 "usage: %s [--generate COUNT] [--bytes MOST] [--alter COUNT] "
                 "[--seed SEED] [--write FOLDER] FILE-OR-FOLDER...\n",
                 argv[0]);
    return 2;
  }
  std::mt19937_64 random(options.seed);
  size_t runs = 0;
  for (const std::string& path : options.paths) {
    for (const std::string& file : files_below(path)) {
      const Bytes bytes = read_file(file);
      run(bytes);
      ++runs;
      for (size_t i = 0; i < options.alter; ++i, ++runs) {
        Bytes altered = bytes;
        alter(random, altered);
        run(altered);
      }
    }
  }
  for (size_t i = 0; i < options.generate; ++i, ++runs) {
    const Bytes bytes = LLVMFuzzerCustomMutator != nullptr ? made_by_target(random)
                                                           : random_bytes(random, options.bytes);
    if (options.write.empty())
      run(bytes);
    else
      write_file(options.write + "/seed-" + std::to_string(i), bytes);
  }
  std::printf("%zu inputs %s\n", runs, options.write.empty() ? "run" : "written");
  return runs != 0 ? 0 : 1;
}
