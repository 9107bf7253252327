// Generator: valid modules made of a fuzzer's bytes, whose behaviour every engine must agree on.
//
// Each module imports `host.note` (i32, i64) -> i32, and exports a memory `m`, if it has one, and
// functions `c0`, `c1`, … of type () -> i64 to be called in order. They always end: each begins by
// setting a count of steps that loops and functions use up, and traps (unreachable) when it is used
// up. What engines may choose does not show: the bits of a NaN are made the canonical ones wherever
// they could be seen as an integer or in memory.
#pragma once

#include "fuzz/input.h"

#include <vector>

namespace ebb::fuzz {

std::vector<uint8_t> generate_module(Input& input);

/// What `host.note` answers, in every engine.
inline int32_t note_answer(int32_t a, int64_t b) {
  const uint64_t mixed = (static_cast<uint32_t>(a) * uint64_t{31}) ^ static_cast<uint64_t>(b);
  return static_cast<int32_t>(static_cast<uint32_t>(mixed ^ mixed >> 32));
}

} // namespace ebb::fuzz
