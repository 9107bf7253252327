// Loading: bytes to a ModuleImage. A .wasm is decoded, validated and compiled, one pass per
// function; a precompiled module is checked and stays where it lies.
#pragma once

#include "core/artifact/module_image.h"
#include "core/artifact/writer.h"
#include "core/state/engine_state.h"
#include "error/diagnostic.h"

namespace ebb {

/// Whether the module may keep pointing into the bytes that it was loaded from.
enum class BytesOwnership : uint8_t { borrowed, copied };

/// Decodes, validates and compiles. The image is made in a heap of its own below the engine's;
/// release it with `release_module`. Names and data are kept as ranges of the bytes (borrowed) or
/// of a copy of just those (copied). Fails: malformed, invalid and unsupported errors,
/// out_of_memory; where, is in the diagnostic. On failure: the engine is as it was.
Result<ModuleImage*> load_module(EngineState& engine, std::span<const uint8_t> bytes,
                                 BytesOwnership ownership, Diagnostic* diagnostic);

/// The same for one kind of module; of the other kind it is malformed. Programs that call only one
/// link only what that kind needs.
Result<ModuleImage*> load_wasm(EngineState& engine, std::span<const uint8_t> bytes,
                               BytesOwnership ownership, Diagnostic* diagnostic);
Result<ModuleImage*> load_precompiled(EngineState& engine, std::span<const uint8_t> bytes,
                                      BytesOwnership ownership, Diagnostic* diagnostic);

/// Compiles a .wasm and writes it as a precompiled module. Fails: as load_module, and as the sink.
/// On failure: the engine is as it was.
Result<void> compile_module(EngineState& engine, std::span<const uint8_t> bytes,
                            const ArtifactOptions& options, const ByteSink& sink,
                            Diagnostic* diagnostic);

/// Counts; the last release frees the image and its types. Never fails.
void retain_module(ModuleImage& image);
void release_module(EngineState& engine, ModuleImage& image);

} // namespace ebb
