// MachineTable: what core/interpret hands to the engine, so that what lies below it can make
// functions ready to run.
#pragma once

#include "collections/allocator.h"
#include "error/result.h"

namespace ebb {

struct Function;
struct ModuleImage;

struct MachineTable {
  bool has_threaded; ///< Whether the build can run threaded code.
  /// Makes all functions of a compiled module ready to run in its encoding: sets their entries, and
  /// threads their code where the encoding asks for it. Fails: out_of_memory. On failure: nothing
  /// is held beyond what the image's heap frees.
  Result<void> (*make_ready)(ModuleImage& image);
  /// Threads one function whose compact code is at `code`. Fails: out_of_memory. On failure:
  /// nothing has changed.
  Result<Block> (*thread)(ModuleImage& image, const Function& function, const uint8_t* code);
};

} // namespace ebb
