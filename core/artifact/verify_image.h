// The verifier over a module's image: what its declarations say, as VerifyContext asks for it.
#pragma once

#include "core/artifact/module_image.h"
#include "core/bytecode/verifier.h"

namespace ebb {

/// What the image's code may name, and what it claims to be compiled for. Declarations must have
/// been checked.
VerifyContext verify_context(const ModuleImage& image);

/// Whether every function has a function type, and every function and constant a frame that fits it
/// and code of its own: what must hold before any function runs, even if their code is verified
/// later. Linear in their number. Initializers' indices must have been checked. Fails:
/// bytecode_record. On failure: `bad_function` is the position in `functions`, or that count and
/// more for constants.
Result<void> verify_records(const ModuleImage& image, uint32_t* bad_function = nullptr);

/// Verifies one of `image.functions`, once verify_records has succeeded.
/// Fails: bytecode errors, out_of_memory. On failure: see verify_function.
Result<void> verify_image_function(const ModuleImage& image, uint32_t function, Heap& scratch,
                                   uint32_t* bad_offset = nullptr);

/// Verifies all of them, once verify_records has succeeded. Fails: bytecode errors, out_of_memory.
/// On failure: as verify_records and verify_function.
Result<void> verify_image_functions(const ModuleImage& image, Heap& scratch,
                                    uint32_t* bad_function = nullptr,
                                    uint32_t* bad_offset = nullptr);

/// Verifies every constant against the initializers that name it, once verify_records has
/// succeeded. Constants run while their instance is made and must not fail, so they are never
/// verified later. Fails: bytecode errors, out_of_memory. On failure: as verify_records.
Result<void> verify_image_constants(const ModuleImage& image, Heap& scratch,
                                    uint32_t* bad_function = nullptr,
                                    uint32_t* bad_offset = nullptr);

} // namespace ebb
