// Preparing functions at their first call: what of a module was left undone when it was loaded.
//
// Several threads may call the same function for the first time at once. Each prepares it for
// itself, and the first one to finish publishes; the others drop what they have. Nobody waits for a
// compilation, only for the few stores of publishing.
#pragma once

#include "core/artifact/module_image.h"
#include "core/state/engine_state.h"
#include "error/diagnostic.h"

namespace ebb {

/// Makes room for `count` functions that are compiled or threaded at their first calls. Fails:
/// out_of_memory. On failure: nothing is held.
Result<void> make_lazy_functions(ModuleImage& image, size_t count);

/// Lets the functions of a precompiled module, none of which is verified yet, wait for their first
/// calls. Fails: out_of_memory. On failure: nothing is held.
Result<void> wait_for_calls(ModuleImage& image);

/// Writes to a diagnostic, unless null, where verifying a precompiled module failed: `ordinal` and
/// `offset` as verify_image_functions sets them.
void note_unverified(const ModuleImage& image, const Result<void>& verified, uint32_t ordinal,
                     uint32_t offset, Diagnostic* diagnostic);

/// Makes a defined function, by its number without imports, ready to run. Does nothing if it is.
/// Fails: validation errors and unsupported instructions of the body, malformed bytecode,
/// out_of_memory. On failure: the function is not ready, and may be asked for again.
Result<void> prepare_function(EngineState& engine, ModuleImage& image, uint32_t ordinal);

/// All of them. Fails: as above, for the first that does.
Result<void> prepare_all(EngineState& engine, ModuleImage& image);

/// Validates the bodies of a module that wait for their first call, without compiling; those of a
/// precompiled module are verified. Fails: validation errors, bytecode errors, out_of_memory.
Result<void> validate_bodies(EngineState& engine, ModuleImage& image, Diagnostic* diagnostic);

/// Gives back what lazy functions hold. Only when nobody uses the image any more.
void release_lazy(ModuleImage& image);

} // namespace ebb
