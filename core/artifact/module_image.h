// ModuleImage: a loaded module, as compilation leaves it and as instances use it. Immutable once
// loaded, shared by instances, stores and threads, reference-counted.
//
// What validation learned stays in `decl` (types, imports, exports, initializers, segments);
// function bodies exist only as bytecode: compact in `code`, and threaded in `threaded` where the
// engine asks for that.
#pragma once

#include "collections/heap.h"
#include "collections/vec.h"
#include "core/bytecode/function.h"
#include "core/types/type_registry.h"
#include "core/validate/module_decl.h"

#include <atomic>

namespace ebb {

/// The same function in threaded code, which calls refer to. Of a function that is prepared at its
/// first call, `entry` is code that does so; once it is ready, `entry` changes after the other two,
/// and is read before them.
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

/// A function whose body waits for its first call. Everything is written before `entry`, by whoever
/// is first, and then never changes; until then ModuleImage::functions has its record if there is
/// compact code of it, or else knows its type and parameters.
struct LazyFunction {
  std::atomic<const uint8_t*> entry{nullptr}; ///< First instruction, once it is ready.
  Function function;                          ///< As compiled; `code_offset` counts from `code`.
  const uint8_t* code = nullptr;              ///< Compact code, as far as it is kept.
  Block block;                                ///< Compact code and map of offsets.
  Block threaded;
  OffsetRange offsets; ///< Of the map behind the code.
};

enum class Encoding : uint8_t { compact, threaded };

struct ModuleImage {
  ModuleImage(Heap& parent, size_t limit, TypeRegistry& types);
  ModuleImage(const ModuleImage&) = delete;
  ModuleImage& operator=(const ModuleImage&) = delete;

  Heap heap; ///< Everything below lies in it; what is prepared later is charged to it too.
  TypeRegistry* registry;
  ModuleDecl decl;
  /// What ranges in `decl` (names, data) count from: the embedder's bytes or a copy.
  const uint8_t* bytes = nullptr;
  Vec<uint32_t> owned_file;            ///< A precompiled module that was copied.
  std::span<const Function> functions; ///< Those the module defines, in order.
  std::span<const Function> constants; ///< Initializers of several instructions: () -> value.
  std::span<const uint8_t> code;       ///< Compact bytecode of all functions.
  std::span<const uint8_t>
      offset_map; ///< Code offset to wasm offset, LEB128 deltas; empty unless kept.
  std::span<const OffsetRange> offset_ranges; ///< Of each function, if the map is kept.
  std::span<LazyFunction>
      lazy; ///< Of each function, if they are compiled or threaded at their first call.
  Block lazy_block;
  /// A bit for each function that was verified at its first call, if a precompiled module runs in
  /// place and waits for that.
  std::span<std::atomic<uint32_t>> verified;
  Block verified_block;
  std::atomic_flag publishing;           ///< Held for a moment by who makes a lazy function ready.
  const uint8_t* prepare_code = nullptr; ///< Where a function starts that is not ready.
  Block threaded; ///< Threaded code, and the functions in it; null when compact runs. Begins with
                  ///< the next such Block.
  const ThreadedFunction* threaded_functions = nullptr;
  const ThreadedFunction* threaded_constants = nullptr;
  const uint8_t* exit_code = nullptr; ///< Where an activation of this module returns to.
  const uint8_t* boundary_code =
      nullptr; ///< Where a call that left one of its instances comes back.
  Encoding encoding = Encoding::compact;
  bool is_compiled = false; ///< Whether this is a CompiledImage.
  bool is_sound = false; ///< Whether all functions were compiled, or verified, when it was loaded.
  bool wide = false;     ///< The profile of the code.
  Metering metering = Metering::none;
  size_t self_bytes = 0; ///< Of the block that this lies in, which `heap` does not count.
  std::atomic<uint32_t> references{1};

  TypeIndex function_type(FuncIndex index) const {
    return index.value < decl.imported_functions
               ? decl.functions[index.value]
               : functions[index.value - decl.imported_functions].type;
  }
  /// Whether compact code runs; in small builds there is no other.
  bool runs_compact() const { return is_small_build || encoding == Encoding::compact; }
  /// Whether functions of this module may have to be made ready at their first call.
  bool is_lazy() const { return !is_small_build && (!lazy.empty() || !verified.empty()); }
  /// Whether they have a record more each, in `lazy`. Small builds prepare all functions at once.
  bool has_lazy_functions() const { return !is_small_build && !lazy.empty(); }
  /// Gives threaded code back, if there is any; nothing runs it.
  void release_threaded();
  bool is_verified(uint32_t ordinal) const {
    return (verified[ordinal / 32].load(std::memory_order_acquire) >> ordinal % 32 & 1) != 0;
  }
  size_t function_count() const { return decl.imported_functions + functions.size(); }
  TypeId type_of(const Function& function) const { return decl.types[function.type]; }
  /// What a function takes; of a constant it must not be asked.
  SlotCounts params_of(const Function& function) const {
    return slot_counts(decl.types.get(function.type).params());
  }
  /// What is known of a defined function: the record of its compiled body if it is ready, else what
  /// was declared.
  const Function& function(uint32_t ordinal) const {
    if (has_lazy_functions() && lazy[ordinal].entry.load(std::memory_order_acquire) != nullptr)
      return lazy[ordinal].function;
    return functions[ordinal];
  }
  /// The index of one of `functions` in the function index space; of a constant `no_function`.
  FuncIndex index_of(const Function& function) const {
    const uint8_t* at = reinterpret_cast<const uint8_t*>(&function);
    const uint8_t* first_lazy = reinterpret_cast<const uint8_t*>(lazy.data());
    if (has_lazy_functions() && at >= first_lazy && at < first_lazy + lazy.size_bytes())
      return FuncIndex{
          static_cast<uint32_t>(static_cast<size_t>(at - first_lazy) / sizeof(LazyFunction)) +
          decl.imported_functions};
    if (&function < functions.data() || &function >= functions.data() + functions.size())
      return no_function;
    return FuncIndex{static_cast<uint32_t>(&function - functions.data()) + decl.imported_functions};
  }
};

/// An image that was compiled here, with what the spans of the other kind find in the embedder's
/// memory.
struct CompiledImage : ModuleImage {
  CompiledImage(Heap& parent, size_t limit, TypeRegistry& types);
  Vec<uint8_t> owned_bytes;
  Vec<Function> owned_functions;
  Vec<Function> owned_constants;
  Vec<uint8_t> owned_code;
  Vec<uint8_t> owned_offset_map;
  Vec<OffsetRange> owned_offset_ranges;
};

} // namespace ebb
