// Outcome: what comes of a generated module, as text that can be compared between engines.
#pragma once

#include "fuzz/target.h"

#include <string>

namespace ebb::fuzz {

/// How a module is brought to run.
struct Way {
  Config::Encoding encoding = Config::Encoding::compact;
  Config::Preparation preparation = Config::Preparation::at_load;
  bool precompiled = false;
  bool wide = false; ///< Of precompiled ones.
};

/// An engine's configuration for a way, over an allocator that outlives it.
Config config_of(const Way& way, const Allocator& allocator);

/// Loads and instantiates a module of fuzz/generator.h and calls what it exports: of each call the
/// result or the trap's class, then a hash of the memory. Ends early with "exhausted" where engines
/// may differ from there on.
std::string outcome_of(const Bytes& wasm, const Way& way, const Allocator& allocator);

/// The name that judge.mjs has for a trap.
const char* trap_class(Error error);

/// Compiles to a precompiled module. Empty, with the error in `error`, if that fails.
Bytes precompile(const Engine& engine, std::span<const uint8_t> wasm, bool wide, bool fuel,
                 Error& error);

/// `host.note` of fuzz/generator.h, which is what generated modules import.
Result<int32_t> note(Caller& caller, int32_t a, int64_t b);

} // namespace ebb::fuzz
