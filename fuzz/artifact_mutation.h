// Mutations of whole precompiled modules: bits, sections spliced between files, branch targets,
// opcodes and records. What loading accepts is run under a step bound; nothing outside of its
// store may change.
#pragma once

#include "fuzz/target.h"

namespace ebb::fuzz {

/// Alters a precompiled module in place, by a seed; `other` is one to take pieces from, or nothing.
/// Changes of size keep the header's size of the file right in most cases, so that what lies behind
/// the header is reached.
void mutate_artifact(Bytes& file, const Bytes& other, uint64_t seed);

struct ArtifactTally {
  size_t files = 0;
  size_t loaded = 0; ///< Accepted at load.
  size_t instantiated = 0;
  size_t calls = 0;
  size_t refused[256] = {}; ///< By error, at load.
};

/// Loads a file as it lies in flash, instantiates it and calls its exports, beside a store of which
/// nothing may change. Ends the program if something does not hold.
void run_artifact(std::span<const uint8_t> file, uint8_t settings, ArtifactTally& tally);

} // namespace ebb::fuzz
