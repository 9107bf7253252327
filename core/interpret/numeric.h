// What numeric instructions compute where C++ has no operator of the same meaning. Exact to the
// bit, NaNs included: a NaN result is an operand's quieted, or the canonical one.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

namespace ebb {

template <class F> struct FloatBits;
template <> struct FloatBits<float> {
  using Bits = uint32_t;
  static constexpr int mantissa = 23;
  static constexpr int bias = 127;
  static constexpr Bits sign = 0x80000000u, quiet = 0x00400000u;
};
template <> struct FloatBits<double> {
  using Bits = uint64_t;
  static constexpr int mantissa = 52;
  static constexpr int bias = 1023;
  static constexpr Bits sign = 0x8000000000000000u, quiet = 0x0008000000000000u;
};

template <class F> inline typename FloatBits<F>::Bits bits_of(F x) {
  return std::bit_cast<typename FloatBits<F>::Bits>(x);
}
template <class F> inline F from_bits(typename FloatBits<F>::Bits bits) {
  return std::bit_cast<F>(bits);
}
template <class F> inline F quieted(F x) { return from_bits<F>(bits_of(x) | FloatBits<F>::quiet); }

template <class F> inline F float_abs(F x) {
  return from_bits<F>(bits_of(x) & ~FloatBits<F>::sign);
}
template <class F> inline F float_neg(F x) { return from_bits<F>(bits_of(x) ^ FloatBits<F>::sign); }
template <class F> inline F float_copysign(F x, F y) {
  return from_bits<F>((bits_of(x) & ~FloatBits<F>::sign) | (bits_of(y) & FloatBits<F>::sign));
}

template <class F> inline F float_min(F x, F y) {
  if (x != x) return quieted(x);
  if (y != y) return quieted(y);
  if (x == y) return from_bits<F>(bits_of(x) | bits_of(y));
  return x < y ? x : y;
}
template <class F> inline F float_max(F x, F y) {
  if (x != x) return quieted(x);
  if (y != y) return quieted(y);
  if (x == y) return from_bits<F>(bits_of(x) & bits_of(y));
  return x > y ? x : y;
}

/// Rounds towards zero on the bits, so that no library call is needed anywhere.
template <class F> inline F float_trunc(F x) {
  using T = FloatBits<F>;
  using Bits = typename T::Bits;
  constexpr int width = static_cast<int>(sizeof(F) * 8);
  const Bits bits = bits_of(x);
  const int exponent = static_cast<int>((bits & ~T::sign) >> T::mantissa) - T::bias;
  if (exponent < 0) return from_bits<F>(bits & T::sign);
  if (exponent >= T::mantissa) return x == x ? x : quieted(x);
  const Bits fraction = (Bits{1} << (T::mantissa - exponent)) - 1;
  static_assert(width == 32 || width == 64);
  return from_bits<F>(bits & ~fraction);
}
template <class F> inline F float_floor(F x) {
  const F whole = float_trunc(x);
  if (!(whole > x)) return whole;
  return float_copysign(whole - F{1}, x);
}
template <class F> inline F float_ceil(F x) {
  const F whole = float_trunc(x);
  if (!(whole < x)) return whole;
  return float_copysign(whole + F{1}, x);
}
template <class F> inline F float_nearest(F x) {
  // Adding and taking away 2^mantissa rounds to an integer, ties to even.
  const F magnitude = float_abs(x);
  const F limit = static_cast<F>(typename FloatBits<F>::Bits{1} << FloatBits<F>::mantissa);
  if (!(magnitude < limit)) return x == x ? x : quieted(x);
  return float_copysign((magnitude + limit) - limit, x);
}

/// The square root bit by bit, rounded to nearest even, for processors that have none.
template <class F> inline F float_sqrt_by_bits(F x) {
  using T = FloatBits<F>;
  using Bits = typename T::Bits;
  const Bits bits = bits_of(x);
  if (x != x) return quieted(x);
  if ((bits & ~T::sign) == 0) return x;
  if ((bits & T::sign) != 0) return std::numeric_limits<F>::quiet_NaN();
  int exponent = static_cast<int>(bits >> T::mantissa);
  if (exponent == 2 * T::bias + 1) return x;
  Bits mantissa = bits & ((Bits{1} << T::mantissa) - 1);
  if (exponent == 0) {
    exponent = 1;
    while ((mantissa >> T::mantissa) == 0) {
      mantissa <<= 1;
      exponent--;
    }
  } else {
    mantissa |= Bits{1} << T::mantissa;
  }
  exponent -= T::bias;
  if ((exponent & 1) != 0) {
    mantissa <<= 1;
    exponent--;
  }
  mantissa <<= 1;
  Bits root = 0, sum = 0;
  for (Bits bit = Bits{1} << (T::mantissa + 1); bit != 0; bit >>= 1) {
    const Bits next = sum + bit;
    if (next <= mantissa) {
      sum = next + bit;
      mantissa -= next;
      root += bit;
    }
    mantissa <<= 1;
  }
  if (mantissa != 0) root += root & 1;
  const Bits result = (root >> 1) + (static_cast<Bits>(exponent / 2 + T::bias - 1) << T::mantissa);
  return from_bits<F>(result);
}

#if defined(__SSE2__) || defined(__aarch64__) || (defined(__ARM_FP) && (__ARM_FP & 8))
inline float float_sqrt(float x) { return __builtin_sqrtf(x); }
inline double float_sqrt(double x) { return __builtin_sqrt(x); }
#else
inline float float_sqrt(float x) { return float_sqrt_by_bits(x); }
inline double float_sqrt(double x) { return float_sqrt_by_bits(x); }
#endif

/// A signalling NaN comes out quiet on every target, with what fits of its payload.
inline float float_demote(double x) {
  if (x != x) {
    const uint64_t bits = std::bit_cast<uint64_t>(x);
    return std::bit_cast<float>(static_cast<uint32_t>((bits >> 63) << 31) | 0x7fc00000u |
                                (static_cast<uint32_t>(bits >> 29) & 0x003fffffu));
  }
  return static_cast<float>(x);
}
inline double float_promote(float x) {
  if (x != x) {
    const uint64_t bits = std::bit_cast<uint32_t>(x);
    return std::bit_cast<double>(((bits >> 31) << 63) | 0x7ff8000000000000u |
                                 ((bits & 0x003fffffu) << 29));
  }
  return static_cast<double>(x);
}

/// Values at and beyond the bounds saturate, NaN gives 0.
template <class I, class F> inline I truncate_saturated(F x, F lowest, F beyond) {
  if (!(x > lowest)) return x == x ? std::numeric_limits<I>::min() : I{0};
  if (x >= beyond) return std::numeric_limits<I>::max();
  return static_cast<I>(x);
}

} // namespace ebb
