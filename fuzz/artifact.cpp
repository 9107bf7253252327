// Target: any bytes as a precompiled module; see artifact_mutation.h. The input is a byte of
// settings and a file. Fuzzing engines that know custom mutators are given one that knows the
// format.
#include "fuzz/artifact_mutation.h"
#include "fuzz/generator.h"
#include "fuzz/outcome.h"

#include <cstring>

namespace {

using namespace ebb;
using namespace ebb::fuzz;

/// A precompiled module, made of a seed.
Bytes fresh_artifact(uint64_t seed) {
  Bytes random(400);
  for (uint8_t& byte : random) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<uint8_t>(seed >> 56);
  }
  Input input(random.data(), random.size());
  const Bytes wasm = generate_module(input);
  WatchedMemory memory("artifact");
  Config config;
  config.allocator = &memory.allocator();
  const Result<Engine> engine = Engine::create(config);
  Error error = engine.error();
  Bytes file;
  if (engine.ok())
    file = precompile(engine.value(), wasm, sizeof(void*) == 8 && seed % 2 == 0, true, error);
  return file;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  ArtifactTally tally;
  run_artifact({data + 1, size - 1}, data[0], tally);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  const bool is_artifact = size > 4 && std::memcmp(data + 1, "\0ebb", 4) == 0;
  Bytes file(data + (size == 0 ? 0 : 1), data + size);
  if (!is_artifact || seed % 64 == 0)
    file = fresh_artifact(seed);
  else
    mutate_artifact(file, fresh_artifact(seed / 64), seed);
  if (max_size == 0) return 0;
  data[0] = size == 0 ? static_cast<uint8_t>(seed) : data[0];
  if (seed % 16 == 0) data[0] = static_cast<uint8_t>(seed >> 8);
  const size_t bytes = file.size() < max_size - 1 ? file.size() : max_size - 1;
  if (bytes != 0) std::memcpy(data + 1, file.data(), bytes);
  return bytes + 1;
}
