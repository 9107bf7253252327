#include "core/interpret/numeric.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

namespace ebb {
namespace {

template <class F> bool same(F a, F b) { return bits_of(a) == bits_of(b); }

/// Floating-point numbers of every magnitude, and the special ones.
template <class F> class Numbers {
public:
  F next() {
    using Bits = typename FloatBits<F>::Bits;
    constexpr F special[] = {F{0},
                             -F{0},
                             F{1},
                             -F{1},
                             F(0.5),
                             F(-0.5),
                             F(1.5),
                             F(2.5),
                             F(-2.5),
                             F(8388607.5),
                             F(4503599627370495.5)};
    if (turn_++ % 16 == 0) return special[turn_ / 16 % std::size(special)];
    const Bits bits = static_cast<Bits>(random_());
    if (turn_ % 2 == 0) return from_bits<F>(bits);
    return static_cast<F>(static_cast<int64_t>(random_()) >> (random_() % 64)) / F(16);
  }

private:
  std::mt19937_64 random_{7};
  size_t turn_ = 0;
};

template <class F> void check_rounding() {
  Numbers<F> numbers;
  for (int i = 0; i < 200000; i++) {
    const F x = numbers.next();
    CAPTURE(x);
    if (x != x) {
      CHECK(same(float_trunc(x), quieted(x)));
      CHECK(same(float_floor(x), quieted(x)));
      CHECK(same(float_ceil(x), quieted(x)));
      CHECK(same(float_nearest(x), quieted(x)));
      continue;
    }
    REQUIRE(same(float_trunc(x), std::trunc(x)));
    REQUIRE(same(float_floor(x), std::floor(x)));
    REQUIRE(same(float_ceil(x), std::ceil(x)));
    REQUIRE(same(float_nearest(x), std::nearbyint(x)));
  }
}

template <class F> void check_sqrt() {
  Numbers<F> numbers;
  for (int i = 0; i < 200000; i++) {
    const F x = numbers.next();
    CAPTURE(x);
    if (x != x || x < 0)
      CHECK(float_sqrt_by_bits(x) != float_sqrt_by_bits(x));
    else
      REQUIRE(same(float_sqrt_by_bits(x), std::sqrt(x)));
  }
  const F tiny = std::numeric_limits<F>::denorm_min();
  CHECK(same(float_sqrt_by_bits(tiny), std::sqrt(tiny)));
  CHECK(same(float_sqrt_by_bits(-F{0}), -F{0}));
  CHECK(same(float_sqrt_by_bits(std::numeric_limits<F>::max()),
             std::sqrt(std::numeric_limits<F>::max())));
}

} // namespace

TEST_CASE("rounding agrees with the C library to the bit") {
  check_rounding<float>();
  check_rounding<double>();
}

TEST_CASE("the square root by bits agrees with hardware to the bit") {
  check_sqrt<float>();
  check_sqrt<double>();
}

TEST_CASE("min and max order zeros and pass on quieted NaNs") {
  CHECK(same(float_min(0.0, -0.0), -0.0));
  CHECK(same(float_max(-0.0, 0.0), 0.0));
  CHECK(same(float_min(1.0f, 2.0f), 1.0f));
  CHECK(same(float_max(1.0f, 2.0f), 2.0f));
  const float signalling = from_bits<float>(0x7fa00001u);
  CHECK(bits_of(float_min(signalling, 1.0f)) == 0x7fe00001u);
  CHECK(bits_of(float_max(1.0f, signalling)) == 0x7fe00001u);
}

TEST_CASE("conversions between widths keep numbers and quiet NaNs") {
  CHECK(float_demote(1.5) == 1.5f);
  CHECK(float_promote(1.5f) == 1.5);
  CHECK(bits_of(float_demote(from_bits<double>(0xfff4000000000001u))) == 0xffe00000u);
  CHECK(bits_of(float_promote(from_bits<float>(0xffa00001u))) == 0xfffc000020000000u);
}

TEST_CASE("saturating truncation stops at the ends of the range") {
  CHECK((truncate_saturated<int32_t>(1e10, -2147483648.0, 2147483648.0)) == INT32_MAX);
  CHECK((truncate_saturated<int32_t>(-1e10, -2147483648.0, 2147483648.0)) == INT32_MIN);
  CHECK((truncate_saturated<int32_t>(-2147483648.0, -2147483648.0, 2147483648.0)) == INT32_MIN);
  CHECK((truncate_saturated<uint32_t>(-0.9, 0.0, 4294967296.0)) == 0);
  CHECK((truncate_saturated<uint32_t>(4294967295.5, 0.0, 4294967296.0)) == UINT32_MAX);
  CHECK((truncate_saturated<int64_t>(std::nan(""), -9223372036854775808.0,
                                     9223372036854775808.0)) == 0);
}

} // namespace ebb
