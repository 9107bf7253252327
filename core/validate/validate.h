// validate_module: decoding and validation of a whole module, with types that live only as long as
// the call.
#pragma once

#include "core/types/features.h"
#include "error/diagnostic.h"
#include "error/result.h"

#include <span>

namespace ebb {

class Heap;

/// Whether the bytes are a valid module.
/// Fails: out_of_memory, malformed and invalid modules, limits. On failure: nothing is held, and
/// `diagnostic`, unless null, tells the offset, and the function where the error is in one.
Result<void> validate_module(std::span<const uint8_t> bytes, FeatureSet features, Heap& heap,
                             Diagnostic* diagnostic);

} // namespace ebb
