// A number is taken apart into a sign, an exponent and a mantissa of 64 bits whose highest is its 1
// before the point, so that at least 11 bits below it are free for what rounding has to know: the
// last of them says whether anything was lost. Infinity is a number too large for either width, and
// NaN what is beyond it, so that few operations must look for them.
#include "core/interpret/soft_float.h"

#include <bit>
#include <utility>

namespace ebb {
namespace {

constexpr int32_t exponent_of_zero = -(1 << 14);
constexpr int32_t exponent_of_infinity = 1 << 14;
constexpr int32_t exponent_of_nan = 1 << 20;
constexpr uint64_t highest_bit = uint64_t{1} << 63;

// Its value is mantissa * 2^(exponent - 63).
struct Real {
  uint64_t mantissa;
  int32_t exponent;
  bool is_negative;

  bool is_nan() const { return exponent == exponent_of_nan; }
  bool is_infinite() const { return exponent == exponent_of_infinity; }
};

constexpr Real canonical_nan = {highest_bit, exponent_of_nan, false};

constexpr int32_t exponent_max(bool is_wide) { return is_wide ? 0x7ff : 0xff; }
constexpr int32_t bias(bool is_wide) { return exponent_max(is_wide) >> 1; }

/// The bits with the sign in the highest.
uint64_t aligned(FloatWidth width, uint64_t bits) {
  return width == FloatWidth::f64 ? bits : bits << 32;
}

uint64_t shift_right_sticky(uint64_t mantissa, uint32_t distance) {
  if (distance >= 64) return mantissa != 0;
  const uint64_t shifted = mantissa >> distance;
  return shifted << distance == mantissa ? shifted : shifted | 1;
}

void normalize(Real& r) {
  if (r.mantissa == 0) {
    r.exponent = exponent_of_zero;
    return;
  }
  const int shift = std::countl_zero(r.mantissa);
  r.mantissa <<= shift;
  r.exponent -= shift;
}

__attribute__((noinline)) Real unpack(FloatWidth width, uint64_t bits) {
  const bool is_wide = width == FloatWidth::f64;
  const auto high = static_cast<uint32_t>(aligned(width, bits) >> 32);
  const auto exponent = static_cast<int32_t>(is_wide ? high << 1 >> 21 : high << 1 >> 24);
  Real r{is_wide ? bits << 12 : bits << 41, exponent - bias(is_wide), high >> 31 != 0};
  if (exponent == exponent_max(is_wide)) {
    r.exponent = r.mantissa != 0 ? exponent_of_nan : exponent_of_infinity;
    r.mantissa |= highest_bit;
  } else if (exponent != 0) {
    r.mantissa = r.mantissa >> 1 | highest_bit;
  } else {
    normalize(r);
  }
  return r;
}

/// Rounds a mantissa and puts an exponent above it. Its 1 before the point, if it is there, counts
/// as one of the exponent, and so does what rounding carries there.
uint64_t round_to(bool is_wide, uint64_t mantissa, int32_t exponent) {
  // Less than half of the last place, and what is missing to all of it where that is odd.
  if (is_wide) {
    uint64_t m = mantissa >> 1 | (mantissa & 1);
    m += 0x1ff + (m >> 10 & 1);
    return (m >> 10) + (static_cast<uint64_t>(exponent - 1) << 52);
  }
  uint32_t m = static_cast<uint32_t>(mantissa >> 33) | ((mantissa << 31) != 0);
  m += 0x3f + (m >> 7 & 1);
  return (m >> 7) + (static_cast<uint32_t>(exponent - 1) << 23);
}

__attribute__((noinline)) uint64_t pack(FloatWidth width, Real r) {
  const bool is_wide = width == FloatWidth::f64;
  const uint64_t infinity = is_wide ? uint64_t{0x7ff} << 52 : 0xff << 23;
  uint64_t bits = 0;
  if (r.is_nan()) {
    bits = infinity | (is_wide ? r.mantissa >> 12 : r.mantissa >> 41);
  } else if (r.mantissa != 0) {
    normalize(r);
    int32_t exponent = r.exponent + bias(is_wide);
    if (exponent <= 0) {
      r.mantissa = shift_right_sticky(r.mantissa, static_cast<uint32_t>(1 - exponent));
      exponent = 1;
    }
    bits = exponent < exponent_max(is_wide) ? round_to(is_wide, r.mantissa, exponent) : infinity;
  }
  if (r.is_negative) bits |= is_wide ? highest_bit : highest_bit >> 32;
  return bits;
}

Real add(Real x, Real y) {
  if (x.is_infinite() && y.is_infinite() && x.is_negative != y.is_negative) return canonical_nan;
  if (x.exponent < y.exponent || (x.exponent == y.exponent && x.mantissa < y.mantissa))
    std::swap(x, y);
  const uint64_t addend =
      shift_right_sticky(y.mantissa >> 1, static_cast<uint32_t>(x.exponent - y.exponent));
  x.mantissa >>= 1;
  x.exponent++;
  if (x.is_negative == y.is_negative) {
    x.mantissa += addend;
  } else {
    x.mantissa -= addend;
    if (x.mantissa == 0) x.is_negative = false;
  }
  return x;
}

Real multiply(const Real& x, const Real& y) {
  const uint64_t low_x = x.mantissa & UINT32_MAX, high_x = x.mantissa >> 32;
  const uint64_t low_y = y.mantissa & UINT32_MAX, high_y = y.mantissa >> 32;
  const uint64_t low = low_x * low_y;
  const uint64_t middle = low_x * high_y + (low >> 32);
  const uint64_t other = high_x * low_y + (middle & UINT32_MAX);
  uint64_t high = high_x * high_y + (middle >> 32) + (other >> 32);
  if (((other | low) & UINT32_MAX) != 0) high |= 1;
  Real r{high, x.exponent + y.exponent + 1, x.is_negative != y.is_negative};
  if (high == 0 && (x.is_infinite() || y.is_infinite())) return canonical_nan;
  return r;
}

Real divide(const Real& x, const Real& y) {
  if ((x.is_infinite() && y.is_infinite()) || (x.mantissa | y.mantissa) == 0) return canonical_nan;
  Real r{0, x.exponent - y.exponent, x.is_negative != y.is_negative};
  if (y.mantissa == 0) {
    r.mantissa = highest_bit;
    r.exponent = exponent_of_infinity;
    return r;
  }
  uint64_t rest = x.mantissa >> 1;
  const uint64_t divisor = y.mantissa >> 1;
  for (int i = 0; i < 64; i++) {
    r.mantissa <<= 1;
    if (rest >= divisor) {
      rest -= divisor;
      r.mantissa |= 1;
    }
    rest <<= 1;
  }
  if (rest != 0) r.mantissa |= 1;
  return r;
}

Real square_root(Real x) {
  if (x.mantissa == 0 || x.is_nan()) return x;
  if (x.is_negative) return canonical_nan;
  if (x.is_infinite()) return x;
  // Bit by bit, of a number from 1 to 4 with 53 bits behind the point.
  uint64_t rest = x.mantissa >> ((x.exponent & 1) != 0 ? 9 : 10);
  uint64_t root = 0, sum = 0;
  for (uint64_t bit = uint64_t{1} << 53; bit != 0; bit >>= 1) {
    const uint64_t next = sum + bit;
    if (next <= rest) {
      sum = next + bit;
      rest -= next;
      root += bit;
    }
    rest <<= 1;
  }
  x.mantissa = root << 10 | (rest != 0);
  x.exponent >>= 1;
  return x;
}

Real round(FloatUnary op, const Real& x) {
  if (x.exponent >= 63) return x;
  const auto distance = static_cast<uint32_t>(-1 - x.exponent);
  uint64_t whole = 0, fraction = 0;
  if (x.exponent < 0) {
    fraction = shift_right_sticky(x.mantissa, distance);
  } else {
    whole = x.mantissa >> (63 - x.exponent);
    fraction = x.mantissa << 1 << x.exponent;
  }
  bool away = false;
  if (op == FloatUnary::nearest)
    away = fraction > highest_bit || (fraction == highest_bit && (whole & 1) != 0);
  else if (op != FloatUnary::trunc && fraction != 0)
    away = x.is_negative == (op == FloatUnary::floor);
  return {whole + away, 63, x.is_negative};
}

} // namespace

Relation float_relation(FloatWidth width, uint64_t x, uint64_t y) {
  x = aligned(width, x);
  y = aligned(width, y);
  // As integers, magnitudes have the order of the numbers, and NaNs are the highest.
  const uint64_t infinity = width == FloatWidth::f64 ? uint64_t{0x7ff} << 53 : uint64_t{0xff} << 56;
  if (x << 1 > infinity || y << 1 > infinity) return unordered;
  const auto key = [](uint64_t bits) {
    const auto magnitude = static_cast<int64_t>(bits & ~highest_bit);
    return (bits & highest_bit) != 0 ? -magnitude : magnitude;
  };
  return key(x) < key(y) ? less : key(x) > key(y) ? greater : equal;
}

uint64_t float_binary(FloatBinary op, FloatWidth width, uint64_t x, uint64_t y) {
  const uint64_t sign = highest_bit >> (width == FloatWidth::f64 ? 0 : 32);
  if (op == FloatBinary::copysign) return (x & ~sign) | (y & sign);
  const Real left = unpack(width, x);
  Real right = unpack(width, y);
  if (left.is_nan()) return pack(width, left);
  if (right.is_nan()) return pack(width, right);
  switch (op) {
  case FloatBinary::min:
  case FloatBinary::max: {
    const Relation relation = float_relation(width, x, y);
    if (relation == equal) return op == FloatBinary::min ? x | y : x & y;
    return relation == (op == FloatBinary::min ? less : greater) ? x : y;
  }
  case FloatBinary::mul:
    return pack(width, multiply(left, right));
  case FloatBinary::div:
    return pack(width, divide(left, right));
  case FloatBinary::sub:
    right.is_negative = !right.is_negative;
    break;
  default:
    break;
  }
  Real sum = add(left, right);
  // Of zeros of the same sign it is the sign; add alone knows only what cancels out.
  if (sum.mantissa == 0) sum.is_negative = left.is_negative && right.is_negative;
  return pack(width, sum);
}

uint64_t float_unary(FloatUnary op, FloatWidth width, uint64_t x) {
  const uint64_t sign = highest_bit >> (width == FloatWidth::f64 ? 0 : 32);
  if (op == FloatUnary::abs) return x & ~sign;
  if (op == FloatUnary::neg) return x ^ sign;
  const Real r = unpack(width, x);
  return pack(width, op == FloatUnary::sqrt ? square_root(r) : round(op, r));
}

uint64_t float_convert(uint64_t x, FloatWidth from, FloatWidth to) {
  return pack(to, unpack(from, x));
}

uint64_t float_from_integer(uint64_t magnitude, bool is_negative, FloatWidth to) {
  return pack(to, {magnitude, 63, is_negative});
}

Truncated float_truncate(FloatWidth width, uint64_t x, IntegerRange range, uint64_t& integer) {
  const Real r = unpack(width, x);
  integer = 0;
  if (r.is_nan()) return Truncated::from_nan;
  const uint64_t limit = r.is_negative ? range.negative_max : range.positive_max;
  const Real whole = round(FloatUnary::trunc, r);
  // Of 2^63 and above the mantissa is the number, at 2^63 itself, or else it is too large.
  const bool fits = whole.exponent == 63 && whole.mantissa <= limit;
  const uint64_t magnitude = fits ? whole.mantissa : limit;
  integer = r.is_negative ? 0 - magnitude : magnitude;
  return fits ? Truncated::exactly : Truncated::out_of_range;
}

} // namespace ebb
