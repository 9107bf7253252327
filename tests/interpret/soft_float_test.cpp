#include "core/interpret/soft_float.h"

#include "core/interpret/numeric.h"

#include <doctest/doctest.h>

#include <random>

namespace ebb {
namespace {

template <class F> constexpr FloatWidth width = sizeof(F) == 8 ? FloatWidth::f64 : FloatWidth::f32;

/// The same number to the bit, or a NaN: which one is checked apart.
template <class F> bool same(uint64_t bits, F expected) {
  const F x = from_bits<F>(static_cast<typename FloatBits<F>::Bits>(bits));
  if (expected != expected) return x != x && quieted(x) != F{0} && bits_of(quieted(x)) == bits;
  return bits == bits_of(expected);
}

/// Bits of every magnitude; near to those before, so that sums cancel out and halves are met; and
/// the special numbers.
template <class F> class Numbers {
public:
  F next() {
    using Limits = std::numeric_limits<F>;
    const F special[] = {F{0},
                         -F{0},
                         F{1},
                         F(-1.5),
                         Limits::infinity(),
                         -Limits::infinity(),
                         Limits::quiet_NaN(),
                         Limits::signaling_NaN(),
                         Limits::denorm_min(),
                         -Limits::denorm_min(),
                         Limits::min(),
                         Limits::max(),
                         -Limits::max(),
                         F(2147483648.0),
                         F(-9223372036854775808.0),
                         F(18446744073709551616.0)};
    const Bits sparse = static_cast<Bits>(random_()) & static_cast<Bits>(random_());
    switch (random_() % 8) {
    case 0:
      return special[random_() % std::size(special)];
    case 1:
      last_ += static_cast<Bits>(random_() % 5) - 2;
      break;
    case 2:
      last_ ^= FloatBits<F>::sign;
      break;
    case 3:
      last_ = bits_of(static_cast<F>(static_cast<int64_t>(random_()) >> (random_() % 64)) / F(8));
      break;
    case 4: // Few bits, so that results are halfway between two numbers.
      last_ = sparse & static_cast<Bits>(random_()) & static_cast<Bits>(random_());
      break;
    case 5: // Subnormal.
      last_ = static_cast<Bits>(random_()) >> (9 + random_() % 12);
      break;
    case 6: // An exponent like the last one's.
      last_ ^= static_cast<Bits>(random_()) >> (sizeof(F) == 8 ? 8 : 5);
      break;
    default:
      last_ = static_cast<Bits>(random_());
    }
    return from_bits<F>(last_);
  }

private:
  using Bits = typename FloatBits<F>::Bits;
  std::mt19937_64 random_{11};
  Bits last_ = 0;
};

template <class F> void check_binary() {
  Numbers<F> numbers;
  const auto is = [](FloatBinary op, F x, F y, F expected) {
    return same(float_binary(op, width<F>, bits_of(x), bits_of(y)), expected);
  };
  for (int i = 0; i < 400000; i++) {
    const F x = numbers.next(), y = numbers.next();
    CAPTURE(bits_of(x));
    CAPTURE(bits_of(y));
    REQUIRE(is(FloatBinary::add, x, y, x + y));
    REQUIRE(is(FloatBinary::sub, x, y, x - y));
    REQUIRE(is(FloatBinary::mul, x, y, x * y));
    REQUIRE(is(FloatBinary::div, x, y, x / y));
    REQUIRE(is(FloatBinary::min, x, y, float_min(x, y)));
    REQUIRE(is(FloatBinary::max, x, y, float_max(x, y)));
    REQUIRE(float_binary(FloatBinary::copysign, width<F>, bits_of(x), bits_of(y)) ==
            bits_of(float_copysign(x, y)));
    const Relation relation = float_relation(width<F>, bits_of(x), bits_of(y));
    REQUIRE(relation == (x < y ? less : x == y ? equal : x > y ? greater : unordered));
  }
}

template <class F> void check_unary() {
  Numbers<F> numbers;
  const auto is = [](FloatUnary op, F x, F expected) {
    return same(float_unary(op, width<F>, bits_of(x)), expected);
  };
  for (int i = 0; i < 200000; i++) {
    const F x = numbers.next();
    CAPTURE(bits_of(x));
    REQUIRE(float_unary(FloatUnary::abs, width<F>, bits_of(x)) == bits_of(float_abs(x)));
    REQUIRE(float_unary(FloatUnary::neg, width<F>, bits_of(x)) == bits_of(float_neg(x)));
    REQUIRE(is(FloatUnary::ceil, x, float_ceil(x)));
    REQUIRE(is(FloatUnary::floor, x, float_floor(x)));
    REQUIRE(is(FloatUnary::trunc, x, float_trunc(x)));
    REQUIRE(is(FloatUnary::nearest, x, float_nearest(x)));
    REQUIRE(is(FloatUnary::sqrt, x, float_sqrt(x)));
  }
}

/// What a type of integers gives, as truncate_saturated and its users have it.
template <class I, class F> void check_truncate(F x, F lowest, F beyond) {
  constexpr auto most = static_cast<uint64_t>(std::numeric_limits<I>::max());
  const IntegerRange range{most, std::is_signed_v<I> ? most + 1 : 0};
  uint64_t integer = 0;
  const Truncated end = float_truncate(width<F>, bits_of(x), range, integer);
  REQUIRE(static_cast<I>(integer) == truncate_saturated<I>(x, lowest, beyond));
  const F whole = float_trunc(x);
  const bool fits = whole >= lowest && whole < beyond;
  REQUIRE(end == (x != x ? Truncated::from_nan
                  : fits ? Truncated::exactly
                         : Truncated::out_of_range));
}

template <class F> void check_conversions() {
  Numbers<F> numbers;
  std::mt19937_64 random(5);
  for (int i = 0; i < 200000; i++) {
    const F x = numbers.next();
    CAPTURE(bits_of(x));
    check_truncate<int32_t>(x, F(-2147483648.0), F(2147483648.0));
    check_truncate<uint32_t>(x, F(0), F(4294967296.0));
    check_truncate<int64_t>(x, F(-9223372036854775808.0), F(9223372036854775808.0));
    check_truncate<uint64_t>(x, F(0), F(18446744073709551616.0));
    // Few bits, so that numbers are halfway between two of those that there are.
    const uint64_t integer = (random() & random() & random()) >> (random() % 64);
    REQUIRE(same(float_from_integer(integer, false, width<F>), static_cast<F>(integer)));
    const auto negative = static_cast<int64_t>(integer | uint64_t{1} << 63);
    REQUIRE(same(float_from_integer(0 - static_cast<uint64_t>(negative), true, width<F>),
                 static_cast<F>(negative)));
  }
}

} // namespace

TEST_CASE("soft floats: binary operations are the processor's") {
  check_binary<float>();
  check_binary<double>();
}

TEST_CASE("soft floats: unary operations are those of numeric.h") {
  check_unary<float>();
  check_unary<double>();
}

TEST_CASE("soft floats: conversions to integers and from them") {
  check_conversions<float>();
  check_conversions<double>();
}

TEST_CASE("soft floats: one width to the other, with what fits of a NaN's payload") {
  Numbers<float> narrow;
  Numbers<double> wide;
  for (int i = 0; i < 400000; i++) {
    const float x = narrow.next();
    REQUIRE(float_convert(bits_of(x), FloatWidth::f32, FloatWidth::f64) ==
            bits_of(float_promote(x)));
    const double y = wide.next();
    CAPTURE(bits_of(y));
    REQUIRE(float_convert(bits_of(y), FloatWidth::f64, FloatWidth::f32) ==
            bits_of(float_demote(y)));
    const double near = float_promote(x) * (1 + 0x1p-25);
    REQUIRE(float_convert(bits_of(near), FloatWidth::f64, FloatWidth::f32) ==
            bits_of(float_demote(near)));
  }
}

TEST_CASE("soft floats: a NaN result is an operand's quieted, or the canonical one") {
  constexpr uint64_t canonical = 0x7ff8000000000000, infinity = 0x7ff0000000000000;
  constexpr uint64_t signalling = 0xfff0000000000123, quiet = 0x7ff8000000000456;
  for (uint8_t i = 0; i < static_cast<uint8_t>(FloatBinary::copysign); i++) {
    const auto op = static_cast<FloatBinary>(i);
    CHECK(float_binary(op, FloatWidth::f64, signalling, quiet) == 0xfff8000000000123);
    CHECK(float_binary(op, FloatWidth::f64, 0, quiet) == quiet);
  }
  CHECK(float_binary(FloatBinary::sub, FloatWidth::f64, infinity, infinity) == canonical);
  CHECK(float_binary(FloatBinary::mul, FloatWidth::f64, 0, infinity) == canonical);
  CHECK(float_binary(FloatBinary::div, FloatWidth::f64, 0, 0) == canonical);
  CHECK(float_binary(FloatBinary::div, FloatWidth::f64, infinity, infinity) == canonical);
  CHECK(float_unary(FloatUnary::sqrt, FloatWidth::f64, 0xbff0000000000000) == canonical);
  CHECK(float_unary(FloatUnary::floor, FloatWidth::f64, signalling) == 0xfff8000000000123);
}

} // namespace ebb
