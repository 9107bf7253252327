// ModuleImage: a loaded module, as compilation leaves it and as instances use it. Immutable once loaded, shared by
// instances, stores and threads, reference-counted.
//
// What validation learned stays in `decl` (types, imports, exports, initializers, segments); function bodies exist only as
// bytecode: compact in `code`, and threaded in `threaded` where the engine asks for that.
#pragma once

#include "collections/heap.h"
#include "collections/vec.h"
#include "core/types/type_registry.h"
#include "core/validate/module_decl.h"

#include <atomic>

namespace ebb {

/// How many slots of each kind a value sequence takes: 8 bytes each, references apart from numbers.
struct SlotCounts {
  uint16_t numbers = 0; ///< v128 takes two.
  uint16_t refs = 0;
};

/// A function that the module defines, ready to run in the encoding of its engine.
struct Function {
  const uint8_t* entry = nullptr; ///< First instruction, compact or threaded.
  uint32_t index = 0;             ///< In the module's function index space.
  TypeId type;
  SlotCounts params;
  SlotCounts results;
  SlotCounts frame; ///< Everything the frame may touch, parameters and outgoing arguments included.
  uint32_t code_offset = 0; ///< Into ModuleImage::code.
  uint32_t code_bytes = 0;
  uint32_t threaded_bytes = 0;
  uint32_t extent = 0;        ///< Slots to reserve: the frame, and a home for each pinned register.
  uint32_t offsets_begin = 0; ///< Its part of ModuleImage::offset_map.
  uint32_t offsets_end = 0;
  uint32_t offsets_code = 0;  ///< The offset in the code from which the part counts.
};

enum class Encoding : uint8_t { compact, threaded };

struct ModuleImage {
  ModuleImage(Heap& parent, size_t limit, TypeRegistry& types);
  ModuleImage(const ModuleImage&) = delete;
  ModuleImage& operator=(const ModuleImage&) = delete;

  Heap heap;              ///< Everything below lies in it; untouched once the module is loaded.
  TypeRegistry* registry;
  ModuleDecl decl;
  /// What ranges in `decl` (names, data) count from: the embedder's bytes or `owned_bytes`.
  const uint8_t* bytes = nullptr;
  Vec<uint8_t> owned_bytes;
  Vec<Function> functions;         ///< Those the module defines, in order.
  Vec<Function> constants;         ///< Initializers that are more than one instruction: () -> value.
  Vec<uint8_t> code;               ///< Compact bytecode of all functions.
  Vec<uint8_t> offset_map;         ///< Code offset to wasm offset, LEB128 deltas; empty unless kept. See core/compile.
  Block threaded;                  ///< Threaded code of all functions in one block; null when compact runs.
  const uint8_t* exit_code = nullptr;     ///< Where an activation of this module returns to.
  const uint8_t* boundary_code = nullptr; ///< Where a call that left one of its instances comes back.
  const uint8_t* resume_code = nullptr;   ///< Where a suspended activation goes on.
  Encoding encoding = Encoding::compact;
  size_t self_bytes = 0;  ///< Of the block that this lies in, which `heap` does not count.
  std::atomic<uint32_t> references{1};
};

/// Slots of a sequence of types.
SlotCounts slot_counts(std::span<const ValType> types);

} // namespace ebb
