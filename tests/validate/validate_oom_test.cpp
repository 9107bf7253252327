#include "core/validate/validate.h"
#include "tests/collections/collections_test.h"
#include "tests/needs.h"
#include "tests/validate/module_bytes.h"

#include <doctest/doctest.h>

using namespace ebb;
using namespace ebb::testing;

namespace {

Bytes rich_module() {
  return header() +
         section(1, list({func_type({0x7f}, {0x7f}),
                          {0x50, 0, 0x5f, 1, 0x7f, 1},
                          {0x50, 1, 1, 0x5f, 2, 0x7f, 1, 0x7e, 0}})) +
         section(2, list({name("env") + name("f") + Bytes{0, 0}})) + section(3, list({{0}})) +
         section(4, list({{0x70, 0, 4}})) + section(5, list({{0, 1}})) +
         section(6, list({{0x7f, 0, 0x41, 1, 0x41, 2, 0x6a, 0x0b}})) +
         section(7, list({name("a") + Bytes{0, 1}, name("b") + Bytes{2, 0}})) +
         section(9, list({{0, 0x41, 0, 0x0b, 1, 1}, {5, 0x70, 1, 0xd0, 0x70, 0x0b}})) +
         section(12, {1}) +
         section(10, list({body({0x02, 0x40, 0x41, 0, 0x0e, 2, 0, 0, 0, 0x0b, 0x20, 0},
                                {1, 2, 0x7d})})) +
         section(11, list({{1, 2, 'h', 'i'}})) + section(0, name("c"));
}

struct Validate {
  explicit Validate(oom::Test& test) : heap(test.heap()), module(rich_module()) {}
  Result<void> setup() { return {}; }
  Result<void> act() { return validate_module(module, FeatureSet::all(), heap, nullptr); }
  uint64_t digest() const { return 0; }

  Heap& heap;
  Bytes module;
};

} // namespace

TEST_CASE("validation survives every refusal" * needs_wasm_3()) {
  const oom::Report report = oom::oom_test<Validate>("validate");
  CHECK(report.ok());
  CHECK(report.requests > 20);
}
