#include "core/validate/decode_module.h"
#include "core/validate/validate.h"
#include "tests/collections/collections_test.h"
#include "tests/needs.h"
#include "tests/validate/module_bytes.h"

#include <doctest/doctest.h>

#include <cstring>
#include <string>

using namespace ebb;
using namespace ebb::testing;

namespace {

// A declaration with all that it needs.
struct Decoded {
  explicit Decoded(Bytes source, FeatureSet features = FeatureSet::all())
      : bytes(std::move(source)), types(base.heap()), module(base.heap()),
        result(decode_module(bytes, features, types, base.heap(), module, &diagnostic)) {}

  std::string text(ByteRange range) const {
    const std::span<const uint8_t> part = module.slice(range);
    return {part.begin(), part.end()};
  }

  PoolHeap base;
  Bytes bytes;
  TypeRegistry types;
  ModuleDecl module;
  Diagnostic diagnostic;
  Result<void> result;
};

Error error_of(const Bytes& module, FeatureSet features = FeatureSet::all()) {
  PoolHeap base;
  Diagnostic diagnostic;
  const Result<void> result = validate_module(module, features, base.heap(), &diagnostic);
  CHECK(base.is_empty());
  if (!result) CHECK(diagnostic.error == result.error());
  return result.error();
}

const Bytes no_values = func_type({}, {});

} // namespace

TEST_CASE("an empty module, and what is not one") {
  CHECK(error_of(header()) == Error::none);
  CHECK(error_of({}) == Error::unexpected_end);
  CHECK(error_of({0x00, 0x61, 0x73, 0x6e, 1, 0, 0, 0}) == Error::magic_mismatch);
  CHECK(error_of({0x00, 0x61, 0x73, 0x6d, 2, 0, 0, 0}) == Error::unknown_version);
  CHECK(error_of(header() + Bytes{14, 0}) == Error::malformed_section_id);
  CHECK(error_of(header() + section(3, {0}) + section(1, {0})) == Error::section_order);
  CHECK(error_of(header() + section(1, {0}) + section(1, {0})) == Error::section_order);
  CHECK(error_of(header() + section(1, {0, 0})) == Error::section_size_mismatch);
  CHECK(error_of(header() + section(1, list({no_values})) + section(3, list({{0}}))) ==
        Error::function_count_mismatch);
}

TEST_CASE("a module's declarations are where they are said to be" * needs_wasm_3()) {
  const Bytes module =
      header() + section(1, list({no_values, func_type({0x7f}, {0x7e})})) +
      section(2, list({name("env") + name("f") + Bytes{0, 1},
                       name("env") + name("m") + Bytes{2, 1, 1, 2},
                       name("env") + name("g") + Bytes{3, 0x7f, 0}})) +
      section(3, list({{0}})) + section(4, list({{0x70, 0, 3}})) +
      section(6, list({{0x7f, 1, 0x23, 0, 0x0b},
                       {0x7f, 0, 0x41, 1, 0x41, 2, 0x6a, 0x0b},
                       {0x70, 0, 0xd2, 1, 0x0b},
                       {0x7d, 0, 0x43, 0, 0, 0x80, 0x3f, 0x0b}})) +
      section(7, list({name("run") + Bytes{0, 1}, name("mem") + Bytes{2, 0}})) + section(8, {1}) +
      section(9,
              list({{0, 0x41, 1, 0x0b, 2, 0, 1}, {5, 0x70, 2, 0xd0, 0x70, 0x0b, 0xd2, 1, 0x0b}})) +
      section(12, {1}) + section(10, list({body({0x01})})) +
      section(11, list({Bytes{0, 0x23, 0, 0x0b} + name("data")})) +
      section(0, name("name") + Bytes{1, 2, 3});
  Decoded decoded(module);
  REQUIRE(decoded.result.ok());
  const ModuleDecl& decl = decoded.module;
  REQUIRE(decl.imports.size() == 3);
  CHECK(decoded.text(decl.imports[1].name) == "m");
  CHECK(decl.imports[1].kind == ExternKind::memory);
  CHECK(decl.imported_functions == 1);
  CHECK(decl.functions.size() == 2);
  CHECK(decl.function_type(FuncIndex{0}).params()[0] == ValType::i32());
  CHECK(decl.memories[0].limits.max == 2);
  REQUIRE(decl.globals.size() == 5);
  CHECK(decl.globals[1].init.kind == Init::Kind::global_get);
  CHECK(decl.globals[1].type.is_mutable);
  CHECK(decl.globals[2].init.kind == Init::Kind::extended);
  CHECK(decl.globals[2].init.range.size == 6);
  CHECK(decl.globals[3].init.kind == Init::Kind::ref_func);
  CHECK(decl.globals[4].init.bits == 0x3f800000);
  CHECK(decl.is_declared(FuncIndex{1}));
  CHECK(decl.start == FuncIndex{1});
  CHECK(decoded.text(decl.exports[decl.exports_by_name[0]].name) == "mem");
  REQUIRE(decl.elems.size() == 2);
  CHECK(decl.elems[0].mode == SegmentMode::active);
  CHECK(decl.elems[0].offset.bits == 1);
  CHECK(!decl.elems[1].has_inits);
  CHECK(decl.elem_functions[decl.elems[1].first] == no_function);
  CHECK(decl.elem_functions[decl.elems[1].first + 1] == FuncIndex{1});
  CHECK(decoded.text(decl.datas[0].bytes) == "data");
  CHECK(decl.name_section().size == 3);
  CHECK(decl.bodies[0].size == 3);
  CHECK(decl.features_used.has(Feature::extended_const));
  CHECK(!decl.features_used.has(Feature::simd));
}

TEST_CASE("element expressions of another kind than functions are kept as expressions") {
  const Bytes module =
      header() + section(1, list({no_values})) +
      section(2, list({name("a") + name("f") + Bytes{3, 0x70, 0}})) + section(3, list({{0}})) +
      section(9, list({{5, 0x70, 3, 0xd2, 0, 0x0b, 0xd0, 0x70, 0x0b, 0x23, 0, 0x0b}})) +
      section(10, list({body({})}));
  Decoded decoded(module);
  REQUIRE(decoded.result.ok());
  const ElemDecl& elem = decoded.module.elems[0];
  CHECK(elem.has_inits);
  CHECK(elem.count == 3);
  CHECK(decoded.module.elem_functions.is_empty());
  CHECK(decoded.module.elem_inits[elem.first].kind == Init::Kind::ref_func);
  CHECK(decoded.module.elem_inits[elem.first + 1].kind == Init::Kind::ref_null);
  CHECK(decoded.module.elem_inits[elem.first + 2].kind == Init::Kind::global_get);
}

TEST_CASE("absurd counts are refused before anything is reserved") {
  const Bytes four_billion = {0xff, 0xff, 0xff, 0xff, 0x0f};
  for (uint8_t id : Bytes{1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 13}) {
    Decoded decoded(header() + section(id, four_billion + Bytes{0, 0, 0}));
    CHECK(error_class(decoded.result.error()) == ErrorClass::malformed);
    CHECK(decoded.base.heap().stats().peak < 1000);
  }
}

TEST_CASE("flags of limits that need a feature are unknown without it" * needs_wasm_3()) {
  const auto memory = [](const Bytes& type, Feature without) {
    testing::PoolHeap base;
    return validate_module(header() + section(5, list({type})),
                           FeatureSet::all().set(without, false), base.heap(), nullptr)
        .error();
  };
  CHECK(memory({4, 1}, Feature::memory64) == Error::malformed_limits_flags);
  CHECK(memory({4, 1}, Feature::custom_page_sizes) == Error::none);
  CHECK(memory({8, 1, 0}, Feature::custom_page_sizes) == Error::malformed_limits_flags);
  CHECK(memory({8, 1, 0}, Feature::memory64) == Error::none);
  CHECK(memory(Bytes{0} + leb(uint64_t{1} << 32), Feature::memory64) == Error::integer_too_large);
}

TEST_CASE("limits of memories and tables" * needs_wasm_3()) {
  const auto memory = [](const Bytes& type) {
    return error_of(header() + section(5, list({type})));
  };
  CHECK(memory({1, 1, 2}) == Error::none);
  CHECK(memory({1, 2, 1}) == Error::limits_order);
  CHECK(memory(Bytes{0} + leb(65536)) == Error::none);
  CHECK(memory(Bytes{0} + leb(65537)) == Error::memory_size_limit);
  CHECK(memory(Bytes{4} + leb(uint64_t{1} << 48)) == Error::none);
  CHECK(memory(Bytes{4} + leb((uint64_t{1} << 48) + 1)) == Error::memory_size_limit);
  CHECK(memory(Bytes{8} + leb(UINT32_MAX) + Bytes{0}) == Error::none);
  CHECK(memory(Bytes{8} + leb(uint64_t{1} << 32) + Bytes{0}) == Error::memory_size_limit);
  CHECK(memory({8, 0, 1}) == Error::invalid_page_size);
  CHECK(memory({8, 0, 64}) == Error::malformed_page_size);
  CHECK(memory({2, 0}) == Error::malformed_limits_flags);
  const auto table = [](const Bytes& type) {
    return error_of(header() + section(4, list({type})));
  };
  CHECK(table(Bytes{0x70, 0} + leb(UINT32_MAX)) == Error::none);
  CHECK(table(Bytes{0x70, 0} + leb(uint64_t{1} << 32)) == Error::table_size_limit);
  CHECK(table(Bytes{0x64, 0x70, 0, 0}) == Error::type_mismatch);
  CHECK(table(Bytes{0x6f, 8, 0, 0}) == Error::malformed_limits_flags);
}

TEST_CASE("features that are off are refused by name of the error" * needs_wasm_3()) {
  FeatureSet features;
  features.set(Feature::simd, false);
  CHECK(error_of(function_module(func_type({}, {0x7b}), {0x00}), features) ==
        Error::feature_disabled);
  features = FeatureSet::mvp();
  CHECK(error_of(function_module(no_values, {}), features) == Error::none);
  CHECK(error_of(function_module(no_values, {0xd0, 0x70, 0x1a}), features) ==
        Error::feature_disabled);
  CHECK(error_of(header() + section(5, {2, 0, 0, 0, 0}), features) == Error::feature_disabled);
  CHECK(error_of(header() + section(5, {1, 8, 0, 0}), features) == Error::malformed_limits_flags);
}

TEST_CASE("export names must differ, also when there are many") {
  const auto exports = [](int count, int duplicate) {
    Bytes items = leb(static_cast<uint64_t>(count));
    for (int i = 0; i < count; ++i)
      items += name(std::to_string((i == duplicate ? 0 : i) * 7919 % 100003)) + Bytes{2, 0};
    return header() + section(5, {1, 0, 0}) + section(7, items);
  };
  CHECK(error_of(exports(1, -1)) == Error::none);
  CHECK(error_of(exports(1000, -1)) == Error::none);
  CHECK(error_of(exports(1000, 777)) == Error::duplicate_export_name);
  CHECK(error_of(exports(2, 1)) == Error::duplicate_export_name);
  Decoded decoded(exports(100, -1));
  REQUIRE(decoded.result.ok());
  for (size_t i = 1; i < 100; ++i) {
    const Vec<uint32_t>& order = decoded.module.exports_by_name;
    CHECK(decoded.text(decoded.module.exports[order[i - 1]].name) <
          decoded.text(decoded.module.exports[order[i]].name));
  }
}

TEST_CASE("supertypes must come before, be open and match" * needs_wasm_3()) {
  const Bytes open_empty = {0x50, 0x00, 0x5f, 0x00};
  const auto types = [](std::initializer_list<Bytes> items) {
    return error_of(header() + section(1, list(items)));
  };
  CHECK(types({open_empty, {0x50, 0x01, 0x00, 0x5f, 0x01, 0x7f, 0x00}}) == Error::none);
  CHECK(types({open_empty, {0x50, 0x01, 0x01, 0x5f, 0x00}}) == Error::unknown_type);
  CHECK(types({{0x5f, 0x00}, {0x50, 0x01, 0x00, 0x5f, 0x00}}) == Error::invalid_sub_type);
  CHECK(types({open_empty, {0x50, 0x01, 0x00, 0x60, 0x00, 0x00}}) == Error::invalid_sub_type);
  CHECK(types({open_empty, {0x50, 0x02, 0x00, 0x00, 0x5f, 0x00}}) == Error::invalid_sub_type);
  CHECK(types({{0x5f, 0x01, 0x63, 0x01, 0x00}}) == Error::unknown_type);
  CHECK(types({{0x4e, 0x02, 0x5f, 0x01, 0x63, 0x01, 0x00, 0x5f, 0x00}}) == Error::none);
}

TEST_CASE("the index of a supertype is whole" * needs_wasm_3()) {
  CHECK(error_of(header() + section(1, {1, 0x50, 1, 0x80})) == Error::unexpected_end);
}

TEST_CASE("the diagnostic tells offset and function") {
  Decoded decoded(header() + section(1, {1, 0x61, 0}));
  CHECK(decoded.result.error() == Error::malformed_type);
  CHECK(decoded.diagnostic.wasm_offset == 11);
  const Bytes module = function_module(no_values, {0x01, 0x6a});
  PoolHeap base;
  Diagnostic diagnostic;
  CHECK(!validate_module(module, FeatureSet::all(), base.heap(), &diagnostic).ok());
  CHECK(diagnostic.function == 0);
  CHECK(diagnostic.wasm_offset == module.size() - 2);
  CHECK(module[static_cast<size_t>(diagnostic.wasm_offset)] == 0x6a);
}
