// EngineState: what stores and modules of one engine share. Used by several threads at once.
#pragma once

#include "collections/heap.h"
#include "core/artifact/module_image.h"
#include "core/types/features.h"
#include "core/types/growing.h"
#include "core/types/type_registry.h"

#include <atomic>

namespace ebb {

struct StoreState;

/// The settings of an engine; `Config` fills them in.
struct EngineSettings {
  FeatureSet features;
  Encoding encoding = Encoding::threaded;
  bool memory_pages = false; ///< Back linear memories with OS pages where the allocator has them.
  size_t engine_bytes_max = Heap::no_limit;
  size_t module_bytes_max = Heap::no_limit;
  size_t stack_bytes_max = size_t{1024} * 1024;
  uint32_t host_depth_max = 32;
  bool wide = sizeof(void*) == 8;     ///< Compile for an accumulator of 64 bits.
  Metering metering = Metering::none; ///< How modules are compiled.
  bool lazy = false;                  ///< Prepare functions at their first call.
  bool threads_lazily = false;        ///< Leave threading alone to the first call.
  bool is_lazy() const { return !is_small_build && lazy; }
  bool keep_names = false;   ///< Keep function names for backtraces.
  bool keep_offsets = false; ///< Keep the map from code to wasm offsets.
  bool fixed_seed = false;
  uint64_t seed = 0;
  LimitsCallback limits;
};

/// Handler addresses and entry points that core/interpret hands to the engine.
struct MachineTable;

struct EngineState {
  /// `settings.seed` is what maps are seeded with, wherever it came from.
  EngineState(const Allocator& allocator, const EngineSettings& settings);

  Heap heap;
  EngineSettings settings;
  TypeRegistry types;
  const MachineTable* machine = nullptr;
  uint64_t hash_seed = 0;
  std::atomic<uint32_t> stores_made{0};
  std::atomic<uint32_t> references{1};
  size_t self_bytes = 0; ///< Of the block that this lies in, which `heap` does not count.
};

} // namespace ebb
