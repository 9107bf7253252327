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

/// A function that the module defines, as its compact code is described: a fixed layout without pointers, which a
/// precompiled module contains as it stands.
struct Function {
  uint32_t code_offset = 0; ///< Into ModuleImage::code; the function's pins are listed behind the code.
  uint32_t code_bytes = 0;
  TypeIndex type;
  SlotCounts params;
  SlotCounts results;
  SlotCounts frame;    ///< Everything the frame may touch, parameters and outgoing arguments included.
  uint32_t extent = 0; ///< Slots to reserve: the frame, and a home for each pinned register.
};
static_assert(sizeof(Function) == 28 && alignof(Function) == 4);

/// The same function in threaded code, which calls refer to.
struct ThreadedFunction {
  const uint8_t* entry = nullptr;
  const Function* function = nullptr;
  TypeId type;
  uint32_t extent = 0;
};

/// Where in ModuleImage::offset_map a function's part is, and the code offset from which it counts.
struct OffsetRange {
  uint32_t begin = 0;
  uint32_t end = 0;
  uint32_t code = 0;
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
  std::span<const Function> functions; ///< Those the module defines, in order.
  std::span<const Function> constants; ///< Initializers of several instructions: () -> value.
  std::span<const uint8_t> code;       ///< Compact bytecode of all functions.
  Vec<Function> owned_functions;       ///< What the three spans look at, unless that is the embedder's.
  Vec<Function> owned_constants;
  Vec<uint8_t> owned_code;
  Vec<uint8_t> offset_map;             ///< Code offset to wasm offset, LEB128 deltas; empty unless kept.
  Vec<OffsetRange> offset_ranges;      ///< Of each function, if the map is kept.
  Block threaded;                      ///< Threaded code, and the functions in it; null when compact runs.
  const ThreadedFunction* threaded_functions = nullptr;
  const ThreadedFunction* threaded_constants = nullptr;
  const uint8_t* exit_code = nullptr;     ///< Where an activation of this module returns to.
  const uint8_t* boundary_code = nullptr; ///< Where a call that left one of its instances comes back.
  const uint8_t* resume_code = nullptr;   ///< Where a suspended activation goes on.
  Encoding encoding = Encoding::compact;
  size_t self_bytes = 0;  ///< Of the block that this lies in, which `heap` does not count.
  std::atomic<uint32_t> references{1};

  TypeId type_of(const Function& function) const { return decl.types[function.type]; }
  /// The index of one of `functions` in the function index space; of a constant `no_function`.
  FuncIndex index_of(const Function& function) const {
    if (&function < functions.data() || &function >= functions.data() + functions.size())
      return no_function;
    return FuncIndex{static_cast<uint32_t>(&function - functions.data()) + decl.imported_functions};
  }
};

/// Slots of a sequence of types.
SlotCounts slot_counts(std::span<const ValType> types);

} // namespace ebb
