// What a test case needs that some build leaves out, as a decorator: TEST_CASE("…" * needs_…()).
#pragma once

#include "core/types/features.h"

#include <doctest/doctest.h>

namespace ebb {

/// Features that WebAssembly 2.0 without vectors has not, in what the test validates or runs.
inline doctest::skip needs_wasm_3() { return doctest::skip(!has_feature(Feature::gc)); }
/// Preparing functions at their first call, backtraces, threaded code, or figures that are taken
/// with these: small builds are without.
inline doctest::skip needs_full_build() { return doctest::skip(is_small_build); }

} // namespace ebb
