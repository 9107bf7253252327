// Values of scripts compared with values that ran: numbers as bits, NaN patterns, lanes of vectors.
#pragma once

#include "tools/spec_runner/script.h"

#include <cstdint>
#include <string>

namespace ebb::spec {

/// The 16 bytes of a vector, lane 0 first, little-endian.
struct VectorBytes {
  uint8_t bytes[16] = {};
};

/// The bits of a decimal number: of an i32 or f32 in the low half. NaN patterns give a NaN of their
/// kind.
uint64_t bits_of(const std::string& type, const std::string& text);
VectorBytes vector_of(const Value& value);

/// Whether a number's bits are what is expected; `expected.type` is i32, i64, f32 or f64.
bool number_matches(const Value& expected, uint64_t bits);
/// Lane by lane. `expected.type` is v128.
bool vector_matches(const Value& expected, const VectorBytes& actual);

/// For messages: "i32 7", "f32 nan:canonical", "v128 i8x16 1 2 …", "externref null".
std::string describe(const Value& value);
std::string describe_number(const std::string& type, uint64_t bits);

} // namespace ebb::spec
