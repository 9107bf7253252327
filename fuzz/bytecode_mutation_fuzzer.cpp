// The entry for libFuzzer: eight bytes of seed and a profile, then a module.
#include "fuzz/bytecode_mutation.h"

#include <cstring>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t mutants = 16;
  uint64_t seed = 0;
  if (size < sizeof(seed) + 1) return 0;
  std::memcpy(&seed, data, sizeof(seed));
  const bool wide = (data[sizeof(seed)] & 1) != 0 && sizeof(void*) == 8;
  auto engine = ebb::fuzz::mutation_engine();
  if (!engine.ok()) return 0;
  ebb::fuzz::Tally tally;
  ebb::fuzz::mutate_module(engine.value(), {data + sizeof(seed) + 1, size - sizeof(seed) - 1}, wide,
                           ebb::Metering::fuel, seed, mutants, tally);
  if (tally.wrong != 0) __builtin_trap();
  return 0;
}
