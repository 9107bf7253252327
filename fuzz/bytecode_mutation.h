// Mutations of bytecode: what the verifier lets through must run without leaving its store.
#pragma once

#include "fuzz/compiled_module.h"

namespace ebb::fuzz {

struct Random {
  uint64_t state;
  uint32_t below(uint32_t bound) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>(state >> 33) % bound;
  }
};

struct Tally {
  size_t modules = 0;   ///< Compiled, once for each profile.
  size_t functions = 0; ///< Verified unaltered.
  size_t constants = 0;
  size_t mutants = 0;
  size_t accepted = 0;
  size_t runs = 0; ///< Calls of exported functions of accepted mutants.
  size_t returned = 0;
  size_t trapped = 0;
  size_t suspended = 0;
  size_t wrong = 0; ///< Unaltered code that was refused.
  size_t refused[256] = {};
};

/// Compiles a module in a profile, verifies all of its code, and tries `mutants` alterations of it.
/// Modules that cannot be compiled are passed over.
void mutate_module(const Engine& engine, std::span<const uint8_t> bytes, bool wide,
                   Metering metering, uint64_t seed, size_t mutants, Tally& tally);

/// An engine for it over the C library's allocator, under which sanitizers see each block.
Result<Engine> mutation_engine();

} // namespace ebb::fuzz
