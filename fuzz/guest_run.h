// Running a module of any origin: everything that it imports is made, every exported function is
// called, in bounded time and memory.
#pragma once

#include "fuzz/input.h"
#include "fuzz/target.h"

namespace ebb::fuzz {

struct GuestLimits {
  size_t store_bytes = size_t{4} << 20;
  uint64_t fuel = 20000; ///< For each call.
  uint32_t calls = 16;
};

/// An engine that counts fuel, with a small stack, in an encoding.
Config guest_config(const Allocator& allocator, Config::Encoding encoding);

/// What calls came to: errors in order, and results' bits, mixed.
struct GuestOutcome {
  uint64_t digest = 0;
  uint32_t calls = 0;
  Error last = Error::none;
};

/// Defines what the module imports: host functions that answer with zeros, and fresh memories,
/// tables, globals and tags of `store`. Fails: as the calls that make them.
Result<void> define_imports(Linker& linker, Store& store, const Module& module);

/// Calls the exported functions with arguments from the input. Fails: out_of_memory and nothing
/// else; traps are part of the outcome.
Result<GuestOutcome> call_exports(Store& store, const Instance& instance, const Module& module,
                                  Input& input, const GuestLimits& limits);

} // namespace ebb::fuzz
