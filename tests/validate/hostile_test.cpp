// Modules that are made to be slow or to exhaust something. Each is a few megabytes; validation
// that is not linear would not come to an end in the time that a test has.
#include "core/types/implementation_limits.h"
#include "core/validate/validate.h"
#include "tests/collections/collections_test.h"
#include "tests/needs.h"
#include "tests/validate/module_bytes.h"

#include <doctest/doctest.h>

#include <string>

using namespace ebb;
using namespace ebb::testing;

namespace {

Error validate(const Bytes& module, size_t pool_bytes = size_t{64} << 20) {
  PoolHeap base(pool_bytes);
  const Result<void> result = validate_module(module, FeatureSet::all(), base.heap(), nullptr);
  CHECK(base.is_empty());
  return result.error();
}

const Bytes none = func_type({}, {});
const Bytes thousand_results = func_type({}, Bytes(1000, 0x7f));

Bytes two_types(const Bytes& type, const Bytes& code) {
  return header() + section(1, list({none, type})) + section(3, list({{0}})) +
         section(10, list({body(code)}));
}

} // namespace

TEST_CASE("br_table with a million labels") {
  CHECK(validate(function_module(none, Bytes{0x41, 0, 0x0e} + leb(1000000) + Bytes(1000001, 0))) ==
        Error::none);
  CHECK(validate(function_module(none, Bytes{0x41, 0, 0x0e} + leb(1000001) + Bytes(1000002, 0))) ==
        Error::br_table_too_large);
}

TEST_CASE("br_tables over many blocks of a thousand results") {
  const Bytes table = Bytes{0x41, 0, 0x0e, 20} + Bytes(20, 3) + Bytes{2};
  CHECK(validate(two_types(thousand_results, times(2000, {0x02, 1}) + Bytes{0x00} +
                                                 times(100000, table) + times(2000, {0x0b}) +
                                                 Bytes(1000, 0x1a))) == Error::none);
}

TEST_CASE("a hundred thousand nested blocks, and one too many") {
  CHECK(validate(function_module(none, times(100000, {0x02, 0x40}) + Bytes(100000, 0x0b))) ==
        Error::none);
  CHECK(validate(function_module(none, times(1000001, {0x02, 0x40}) + Bytes(1000001, 0x0b))) ==
        Error::nesting_too_deep);
}

TEST_CASE("a million types in one recursive group" * needs_wasm_3()) {
  const Bytes types =
      Bytes{1, 0x4e} + leb(1000000) + times(1000000, {0x5f, 0x01, 0x63, 0x00, 0x00});
  CHECK(validate(header() + section(1, types), size_t{256} << 20) == Error::none);
}

TEST_CASE("a constant expression of a megabyte" * needs_wasm_3()) {
  CHECK(validate(header() + section(6, Bytes{1, 0x7f, 0, 0x41, 1} + times(350000, {0x41, 1, 0x6a}) +
                                           Bytes{0x0b})) == Error::none);
}

TEST_CASE("operands pile up no higher than a frame can be") {
  CHECK(validate(function_module(none, times(65000, {0x41, 0}) + Bytes(65000, 0x1a)),
                 size_t{1} << 20) == Error::none);
  CHECK(validate(function_module(none, times(1000000, {0x41, 0}) + Bytes(1000000, 0x1a)),
                 size_t{1} << 20) == Error::frame_too_large);
}

TEST_CASE("new structures of ten thousand fields cost what their operands do" * needs_wasm_3()) {
  const Bytes type = Bytes{0x5f} + leb(10000) + times(10000, {0x7f, 0x00});
  CHECK(validate(two_types(type, times(1000000, {0xfb, 1, 1, 0x1a}))) == Error::none);
  CHECK(validate(two_types(type, Bytes{0x00} + times(1000000, {0xfb, 0, 1, 0x1a}))) == Error::none);
}

TEST_CASE("a hundred thousand export names with a long common start") {
  Bytes items = leb(100000);
  for (int i = 0; i < 100000; ++i)
    items += name(std::string(90, 'a') + std::to_string(1000000 + i)) + Bytes{2, 0};
  CHECK(validate(header() + section(5, {1, 0, 0}) + section(7, items)) == Error::none);
}

TEST_CASE("one more of anything than there may be is refused before anything is reserved") {
  struct Section {
    uint8_t id;
    uint32_t count_max;
    Error error;
  };
  const Section sections[] = {{2, limits::imports_max, Error::too_many_imports},
                              {3, limits::functions_max, Error::too_many_functions},
                              {4, limits::tables_max, Error::too_many_tables},
                              {5, limits::memories_max, Error::too_many_memories},
                              {6, limits::globals_max, Error::too_many_globals},
                              {7, limits::exports_max, Error::too_many_exports},
                              {13, limits::tags_max, Error::too_many_tags}};
  for (const Section& tried : sections) {
    CAPTURE(static_cast<int>(tried.id));
    const size_t count = size_t{tried.count_max} + 1;
    CHECK(validate(header() + section(tried.id, leb(count) + Bytes(8 * count, 0)), 100000) ==
          tried.error);
  }
  const size_t count = size_t{limits::tables_max} + 1;
  CHECK(validate(header() + section(2, leb(count) + times(count, {0, 0, 1, 0x70, 0, 0}))) ==
        Error::too_many_tables);
}
