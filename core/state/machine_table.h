// MachineTable: what core/interpret hands to the engine, so that what lies below it can make functions ready to run.
#pragma once

#include "error/result.h"

namespace ebb {

struct ModuleImage;

struct MachineTable {
  bool has_threaded; ///< Whether the build can run threaded code.
  /// Makes all functions of a compiled module ready to run in its encoding: sets their entries, and threads their code
  /// where the encoding asks for it. Fails: out_of_memory. On failure: nothing is held beyond what the image's heap frees.
  Result<void> (*make_ready)(ModuleImage& image);
};

} // namespace ebb
