// decode_module: reads and validates everything of a module but the contents of function bodies.
//
// One pass over the bytes. What is checked first decides which error is reported when there are
// several.
#pragma once

#include "core/validate/module_decl.h"
#include "error/diagnostic.h"

namespace ebb {

/// Fills `out`, a fresh declaration, which keeps borrowing `bytes` and holds the module's types in
/// `types`. Fails: out_of_memory, malformed and invalid modules, limits. On failure: `out` is only
/// good for destruction, and `diagnostic`, unless null, tells the offset, and the function where
/// the error is in one.
Result<void> decode_module(std::span<const uint8_t> bytes, FeatureSet features, TypeRegistry& types,
                           Heap& heap, ModuleDecl& out, Diagnostic* diagnostic);

} // namespace ebb
