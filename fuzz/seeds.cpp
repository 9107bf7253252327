// Writes the first inputs of each target: what a fuzzing engine starts from where it has no corpus.
//
//   fuzz_seeds FOLDER [COUNT]
//
// FOLDER/TARGET/ gets COUNT files for each target, the same ones each time: modules for those that
// take modules, precompiled modules, and bytes to decide by for the others.
#include "fuzz/generator.h"
#include "fuzz/outcome.h"

#include <cstdio>
#include <filesystem>
#include <random>

namespace {

using namespace ebb;
using namespace ebb::fuzz;

Bytes random_bytes(std::mt19937_64& random, size_t most) {
  Bytes bytes(random_below(random, most) + 1);
  for (uint8_t& byte : bytes)
    byte = static_cast<uint8_t>(random());
  return bytes;
}

Bytes module_of(std::mt19937_64& random) {
  const Bytes bytes = random_bytes(random, 300);
  Input input(bytes.data(), bytes.size());
  return generate_module(input);
}

Bytes with_head(Bytes head, const Bytes& tail) {
  head.insert(head.end(), tail.begin(), tail.end());
  return head;
}

Bytes artifact_of(std::mt19937_64& random) {
  WatchedMemory memory("seeds");
  Config config;
  config.allocator = &memory.allocator();
  const Result<Engine> engine = Engine::create(config);
  Error error = engine.error();
  Bytes file;
  if (engine.ok()) file = precompile(engine.value(), module_of(random), false, true, error);
  if (error != Error::none) fail("seeds", "a module is not compiled", error_name(error));
  return with_head({static_cast<uint8_t>(random())}, file);
}

Bytes seed_of(const std::string& target, std::mt19937_64& random) {
  if (target == "validate") return module_of(random);
  if (target == "artifact") return artifact_of(random);
  if (target == "bytecode_mutation") {
    Bytes head(9);
    for (uint8_t& byte : head)
      byte = static_cast<uint8_t>(random());
    return with_head(head, module_of(random));
  }
  return random_bytes(random, 1000);
}

} // namespace

int main(int argc, char** argv) {
  const size_t count = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 40;
  if (argc < 2 || count == 0) {
    std::fprintf(stderr, "usage: %s FOLDER [COUNT]\n", argv[0]);
    return 2;
  }
  for (const char* target : {"artifact", "bytecode_mutation", "collections", "differential",
                             "heaps", "oom_api", "oom_module", "validate"}) {
    std::mt19937_64 random(4711);
    const std::string folder = std::string(argv[1]) + "/" + target;
    std::filesystem::create_directories(folder);
    for (size_t i = 0; i < count; ++i)
      write_file(folder + "/seed-" + std::to_string(i), seed_of(target, random));
  }
  return 0;
}
