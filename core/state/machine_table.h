// MachineTable: what core/interpret hands to the engine, so that what lies below it can make
// functions ready to run.
#pragma once

#include "collections/allocator.h"
#include "collections/vec.h"
#include "core/bytecode/label.h"
#include "error/result.h"

namespace ebb {

struct Function;
struct ModuleImage;
struct ThreadedFunction;

/// How far the threading of a module has come, whose functions are threaded one after the other.
struct Threading {
  /// What each function has beside its body, as wasm: it is entered and returned from.
  static constexpr uint32_t function_bytes = 16;

  explicit Threading(ModuleImage& image);

  ModuleImage& image;
  Vec<Label> labels; ///< Of the function that comes next, if `has_labels`; else scratch memory.
  bool has_labels = false;
  Vec<uint32_t> positions;          ///< Scratch memory.
  Vec<uint32_t> bits;               ///< The same.
  Vec<uint64_t> choices;            ///< The same; empty for small modules.
  ThreadedFunction* next = nullptr; ///< The record of the next function.
  Block* segment = nullptr;         ///< Where code goes now, and between what.
  uint8_t* out = nullptr;
  uint8_t* end = nullptr;
  // How large the rest will be follows from what there is: bytes of source, which is wasm.
  uint64_t left = 0;    ///< Source that is still to come.
  uint64_t done = 0;    ///< Source that has been threaded.
  uint64_t written = 0; ///< What became of that.
};

struct MachineTable {
  bool has_threaded; ///< Whether the build can run threaded code.
  /// Makes all functions of a compiled module ready to run in its encoding: sets their entries, and
  /// threads their code where the encoding asks for it. Fails: out_of_memory. On failure: nothing
  /// is held beyond what the image's heap frees.
  Result<void> (*make_ready)(ModuleImage& image);
  /// Begins with a module whose functions and constants are known by number, and their source by
  /// size, and goes on with each of them in turn, whose record is where it stays, whose code offset
  /// counts from `code`, and which comes of so many bytes of source. Fail: out_of_memory. On
  /// failure: what is held belongs to the image.
  Result<void> (*begin_threading)(Threading& threading);
  Result<void> (*thread_next)(Threading& threading, const Function& function, const uint8_t* code,
                              uint32_t source_bytes);
  void (*finish_threading)(Threading& threading);
  /// Threads one function whose compact code is at `code`, and whose labels are listed unless that
  /// is null. Fails: out_of_memory. On failure: nothing has changed.
  Result<Block> (*thread)(ModuleImage& image, const Function& function, const uint8_t* code,
                          const Vec<Label>* labels);
};

} // namespace ebb
