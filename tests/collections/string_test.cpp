#include "collections/string.h"
#include "tests/collections/collections_test.h"

#include <doctest/doctest.h>

using namespace ebb;
using ebb::testing::PoolHeap;

TEST_CASE("strings copy, compare and append, also to themselves") {
  PoolHeap base;
  {
    String text = String::copy(base.heap(), "abc").value();
    CHECK(text == StringView("abc"));
    CHECK(!(text == StringView("abd")));
    for (int i = 0; i < 6; ++i)
      REQUIRE(text.append(text).ok());
    CHECK(text.size() == 3 * 64);
    CHECK(text.view()[191] == 'c');
    String empty = String::copy(base.heap(), "").value();
    CHECK(empty.is_empty());
    CHECK(empty == StringView());
  }
  CHECK(base.is_empty());
}

TEST_CASE("views are ordered by bytes, then by length") {
  CHECK(StringView("a") < StringView("b"));
  CHECK(StringView("a") < StringView("ab"));
  CHECK(StringView() < StringView("a"));
  CHECK(!(StringView("a") < StringView("a")));
  CHECK(StringView("a") < StringView("\xff"));
}

namespace {
struct Append {
  explicit Append(oom::Test& test) : text(test.heap()) {}
  Result<void> setup() { return text.append("0123456789"); }
  Result<void> act() { return text.append(text); }
  uint64_t digest() const { return text.size(); }
  String text;
};
} // namespace

TEST_CASE("every request of a String may be refused") { CHECK(oom_test<Append>("append").ok()); }
