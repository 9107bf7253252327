// Config: the settings of an engine, fixed once it exists.
#pragma once

#include "collections/allocator.h"
#include "core/types/features.h"
#include "core/types/growing.h"

#include <cstddef>
#include <cstdint>

namespace ebb {

struct Config {
  static constexpr size_t no_limit = SIZE_MAX;

  /// When functions are made ready to run: validated and compiled (or verified, if they are
  /// precompiled), and threaded.
  enum class Preparation : uint8_t {
    /// All when their module is loaded.
    at_load,
    /// The same but for threading, which is left to each function's first call: modules are loaded
    /// in less time and take less memory, but for programs that call most of their functions.
    /// Compact code has nothing to be left.
    threaded_at_first_call,
    /// Each when it is called for the first time.
    at_first_call,
  };
  /// How modules are kept: as the compact bytecode that the compiler emits and that runs in place,
  /// or threaded, which is faster and larger.
  enum class Encoding : uint8_t { compact, threaded };
  /// What lies behind linear memories: blocks of the store's heap, or OS pages where the allocator
  /// has them.
  enum class Backing : uint8_t { heap_blocks, pages };
  using Growing = ebb::Growing;
  using Limits = LimitsCallback;

  /// Where all memory comes from; it must outlive the engine and everything made in it, and be safe
  /// for threads if the engine is shared by threads. Required.
  const Allocator* allocator = nullptr;
  /// What engine, modules and stores may hold together, in bytes.
  size_t engine_bytes_max = no_limit;
  /// What each module may hold, in bytes.
  size_t module_bytes_max = no_limit;
  /// How large a store's guest stack may become, in bytes.
  size_t stack_bytes_max = size_t{1024} * 1024;
  /// How often host and guest may call each other on one native stack.
  uint32_t host_depth_max = 24;
  /// What is left to a function's first call charges the module then. That call may end with
  /// out_of_memory, and may be tried again; or, at_first_call, with what is wrong with the
  /// function, which no other function is harmed by. Small builds know `at_load` alone and refuse
  /// the others: invalid_config.
  Preparation preparation = Preparation::at_load;
  /// Builds that have no machine for threaded code refuse it: invalid_config.
  Encoding encoding = is_small_build ? Encoding::compact : Encoding::threaded;
  Backing memory_backing = Backing::heap_blocks;
  FeatureSet features = FeatureSet::all();
  Limits limits;
  /// Compile modules so that they count fuel, and can be interrupted; see Store::set_fuel.
  bool fuel = false;
  /// Compile modules so that they can be interrupted; see Store::interrupt_handle. Implied by fuel.
  bool interruption = false;
  /// Keep function names, for backtraces.
  bool keep_names = false;
  /// Keep where in the .wasm each instruction was, for backtraces.
  bool keep_offsets = false;
  /// Seed the hash maps with `seed` instead of the platform's entropy: for tests that must repeat
  /// exactly.
  bool fixed_seed = false;
  uint64_t seed = 0;
};

} // namespace ebb
