// Floating-point numbers in integer arithmetic, of both widths by the same functions, for small
// builds: what compilers bring along for processors without floating point takes six times as much.
//
// Numbers are bits, those of an f32 in the low half. Results are exact to the bit and rounded to
// nearest even; a NaN result is an operand's quieted, or the canonical one.
#pragma once

#include <cstdint>

namespace ebb {

enum class FloatWidth : uint8_t { f32, f64 };

// In the order of the instruction set.
enum class FloatBinary : uint8_t { add, mul, sub, div, min, max, copysign };
enum class FloatUnary : uint8_t { abs, neg, ceil, floor, trunc, nearest, sqrt };

uint64_t float_binary(FloatBinary op, FloatWidth width, uint64_t x, uint64_t y);
uint64_t float_unary(FloatUnary op, FloatWidth width, uint64_t x);
/// From either width to either.
uint64_t float_convert(uint64_t x, FloatWidth from, FloatWidth to);
uint64_t float_from_integer(uint64_t magnitude, bool is_negative, FloatWidth to);

/// How two numbers relate; with a NaN in no other way than `unordered`.
enum Relation : uint8_t { less = 1, equal = 2, greater = 4, unordered = 8 };
Relation float_relation(FloatWidth width, uint64_t x, uint64_t y);

/// An integer type by its widest values: of either sign, that a magnitude may have.
struct IntegerRange {
  uint64_t positive_max;
  uint64_t negative_max;
};
enum class Truncated : uint8_t { exactly, out_of_range, from_nan };
/// Rounds towards zero. What is out of range becomes the nearest integer, a NaN 0.
Truncated float_truncate(FloatWidth width, uint64_t x, IntegerRange range, uint64_t& integer);

} // namespace ebb
