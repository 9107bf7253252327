#include "error/result.h"

#include <doctest/doctest.h>
#include <memory>

using namespace ebb;

namespace {
Result<int> half(int value) {
  if (value % 2 != 0) return Error::out_of_range;
  return value / 2;
}
Result<int> quarter(int value) {
  const int once = EBB_TRY(half(value));
  return half(once);
}
Result<void> check(int value) {
  EBB_TRY(quarter(value));
  return {};
}
Result<std::unique_ptr<int>> boxed(int value) {
  if (value < 0) return Error::busy;
  return std::make_unique<int>(value);
}
Result<int> unboxed(int value) {
  std::unique_ptr<int> box = EBB_TRY(boxed(value));
  return *box;
}
} // namespace

static_assert(std::is_trivially_copyable_v<Result<int>>);
static_assert(!std::is_copy_constructible_v<Result<std::unique_ptr<int>>>);
static_assert(sizeof(Result<void>) <= 2);

TEST_CASE("EBB_TRY gives the value or returns the error") {
  CHECK(quarter(8).value() == 2);
  CHECK(quarter(6).error() == Error::out_of_range);
  CHECK(check(4).ok());
  CHECK(check(5).error() == Error::out_of_range);
}

TEST_CASE("a move-only value goes through") {
  CHECK(unboxed(7).value() == 7);
  CHECK(unboxed(-1).error() == Error::busy);
  Result<std::unique_ptr<int>> a = boxed(1);
  a = boxed(2);
  CHECK(*a.value() == 2);
  a = boxed(-1);
  CHECK(a.error() == Error::busy);
  a = boxed(3);
  CHECK(*std::move(a).value() == 3);
}

TEST_CASE("value_or") {
  CHECK(half(3).value_or(-5) == -5);
  CHECK(half(4).value_or(-5) == 2);
}
