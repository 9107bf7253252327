#include "core/validate/body_validator.h"
#include "core/validate/decode_module.h"
#include "tests/collections/collections_test.h"
#include "tests/needs.h"
#include "tests/validate/module_bytes.h"

#include <doctest/doctest.h>

using namespace ebb;
using namespace ebb::testing;

namespace {

// Steps through the first function of a module.
struct Stepper {
  explicit Stepper(Bytes module)
      : bytes(std::move(module)), types(base.heap()), decl(base.heap()),
        decoded(decode_module(bytes, FeatureSet::all(), types, base.heap(), decl, nullptr)),
        body(decl, types, FeatureSet::all(), base.heap()) {
    REQUIRE(decoded.ok());
    begun = body.begin_function(FuncIndex{decl.imported_functions});
  }
  Result<bool> step() { return body.step(in); }
  Error run() {
    if (!begun) return begun.error();
    for (;;) {
      const Result<bool> more = step();
      if (!more) return more.error();
      if (!more.value()) return Error::none;
    }
  }

  PoolHeap base;
  Bytes bytes;
  TypeRegistry types;
  ModuleDecl decl;
  Result<void> decoded;
  BodyValidator body;
  Result<void> begun;
  Instruction in;
};

Error run(const Bytes& type, const Bytes& code, const Bytes& locals = {0x00}) {
  return Stepper(function_module(type, code, locals)).run();
}

constexpr uint8_t i32 = 0x7f;
constexpr uint8_t i64 = 0x7e;

} // namespace

TEST_CASE("the state can be read between steps") {
  // local.get 0; if (result i32) local.get 1 else unreachable end; drop
  Stepper at(function_module(func_type({i32, i64}, {}),
                             {0x20, 0, 0x04, i64, 0x20, 1, 0x05, 0x00, 0x0b, 0x1a}, {1, 3, 0x7d}));
  BodyValidator& body = at.body;
  CHECK(body.param_count() == 2);
  CHECK(body.local_count() == 5);
  CHECK(body.local_type(1) == ValType::i64());
  CHECK(body.local_type(4) == ValType::f32());
  CHECK(body.control_depth() == 1);
  CHECK(at.step().value());
  CHECK(at.in.op == Opcode::local_get);
  CHECK(body.operand(0) == ValType::i32());
  CHECK(at.step().value());
  CHECK(at.in.op == Opcode::if_);
  CHECK(body.control(0).kind == FrameKind::if_);
  CHECK(body.label_types(0).size() == 1);
  CHECK(body.control(0).height == 0);
  CHECK(at.step().value());
  CHECK(at.step().value());
  CHECK(at.in.op == Opcode::else_);
  CHECK(body.closed_frame().kind == FrameKind::if_);
  CHECK(at.step().value());
  CHECK(at.in.op == Opcode::unreachable);
  CHECK(!body.reachable());
  CHECK(at.step().value());
  CHECK(at.in.op == Opcode::end);
  CHECK(body.reachable());
  CHECK(body.closed_frame().kind == FrameKind::else_);
  CHECK(body.operand_count() == 1);
  CHECK(at.step().value());
  CHECK(body.operand_type() == ValType::i64());
  CHECK(!at.step().value());
  CHECK(body.control_depth() == 0);
}

TEST_CASE("immediates are decoded" * needs_wasm_3()) {
  Stepper at(header() + section(1, list({func_type({}, {})})) + section(3, list({{0}})) +
             section(5, {2, 0, 1, 4, 1}) +
             section(10, list({body({0x41, 0x7f, 0x28, 0x42, 1, 0x85, 0x01, 0x00, 0x0b})})));
  CHECK(at.step().value());
  CHECK(at.in.imm == 0xffffffff);
  CHECK(at.in.offset + 10 == at.bytes.size());
  CHECK(at.step().error() == Error::type_mismatch); // the second memory has 64-bit addresses
  CHECK(at.in.align == 2);
  CHECK(at.in.index == 1);
  CHECK(at.in.imm == 133);
}

TEST_CASE("branches carry what their labels want") {
  const Bytes none = func_type({}, {});
  const Bytes one = func_type({}, {i32});
  CHECK(run(one, {0x41, 1, 0x0c, 0}) == Error::none);
  CHECK(run(one, {0x0c, 0}) == Error::type_mismatch);
  CHECK(run(none, {0x0c, 1}) == Error::unknown_label);
  CHECK(run(one, {0x41, 1, 0x41, 0, 0x0d, 0}) == Error::none);
  CHECK(run(none, {0x02, i32, 0x41, 1, 0x41, 0, 0x0e, 1, 0, 1, 0x0b, 0x1a}) ==
        Error::type_mismatch);
  CHECK(run(none, {0x02, 0x40, 0x41, 0, 0x0e, 3, 0, 1, 0, 1, 0x0b}) == Error::none);
  CHECK(run(none, {0x00, 0x6a, 0x1a}) == Error::none);
  CHECK(run(none, {0x00, 0x41, 0, 0x7c, 0x1a}) == Error::type_mismatch);
  CHECK(run(one, {0x02, i32, 0x00, 0x0b}) == Error::none);
  CHECK(run(none, {0x05}) == Error::end_opcode_expected);
  CHECK(run(none, {0x0b}) == Error::end_opcode_expected);
  CHECK(run(one, {0x41, 0, 0x04, i32, 0x41, 0, 0x0b}) == Error::type_mismatch);
}

TEST_CASE("a local that cannot be null must be set before it is read, within its block" *
          needs_wasm_3()) {
  const Bytes none = func_type({}, {});
  const Bytes locals = {1, 1, 0x64, 0x6c};          // (ref i31)
  const Bytes set = {0x41, 0, 0xfb, 0x1c, 0x21, 0}; // i32.const 0, ref.i31, local.set 0
  const Bytes get = {0x20, 0, 0x1a};                // local.get 0, drop
  CHECK(run(none, get, locals) == Error::uninitialized_local);
  CHECK(run(none, set + get, locals) == Error::none);
  CHECK(run(none, Bytes{0x02, 0x40} + set + get + Bytes{0x0b}, locals) == Error::none);
  CHECK(run(none, Bytes{0x02, 0x40} + set + Bytes{0x0b} + get, locals) ==
        Error::uninitialized_local);
  CHECK(run(none, set + Bytes{0x02, 0x40} + get + Bytes{0x0b}, locals) == Error::none);
  CHECK(run(none, Bytes{0x41, 0, 0x04, 0x40} + set + Bytes{0x05} + get + Bytes{0x0b}, locals) ==
        Error::uninitialized_local);
}

TEST_CASE("locals in many runs are found") {
  Bytes locals = leb(500);
  for (int i = 0; i < 500; ++i)
    locals += Bytes{static_cast<uint8_t>(i % 3), static_cast<uint8_t>(i % 2 ? i32 : i64)};
  Stepper at(function_module(func_type({i32}, {}), {}, locals));
  REQUIRE(at.begun.ok());
  uint32_t index = 1;
  for (int i = 0; i < 500; ++i) {
    for (int j = 0; j < i % 3; ++j)
      CHECK(at.body.local_type(index++) == (i % 2 ? ValType::i32() : ValType::i64()));
  }
  CHECK(at.body.local_count() == index);
}

TEST_CASE("absurd numbers of locals") {
  const Bytes none = func_type({}, {});
  CHECK(run(none, {}, Bytes{1} + leb(50001) + Bytes{i32}) == Error::too_many_function_locals);
  CHECK(run(none, {}, Bytes{1} + leb(50000) + Bytes{i32}) == Error::none);
  CHECK(run(none, {}, Bytes{2} + leb(UINT32_MAX) + Bytes{i32} + leb(1) + Bytes{i32}) ==
        Error::too_many_locals);
}

TEST_CASE("clauses of try_table name labels outside it" * needs_wasm_3()) {
  const Bytes tags = section(13, list({{0, 1}}));
  const auto module = [&](const Bytes& code) {
    return Stepper(header() + section(1, list({func_type({}, {}), func_type({i32}, {})})) +
                   section(3, list({{0}})) + tags + section(10, list({body(code)})))
        .run();
  };
  // block (result i32) try_table (catch 0 0) end i32.const 0 end drop
  CHECK(module({0x02, i32, 0x1f, 0x40, 1, 0, 0, 0, 0x0b, 0x41, 0, 0x0b, 0x1a}) == Error::none);
  CHECK(module({0x1f, 0x40, 1, 0, 0, 0, 0x0b}) == Error::type_mismatch);
  CHECK(module({0x1f, 0x40, 1, 2, 0, 0x0b}) == Error::none);
  CHECK(module({0x1f, 0x40, 1, 2, 1, 0x0b}) == Error::unknown_label);
  CHECK(module({0x1f, 0x40, 1, 0, 1, 0, 0x0b}) == Error::unknown_tag);
  CHECK(module({0x1f, 0x40, 1, 4, 0, 0x0b}) == Error::malformed_catch_clause);
  CHECK(module({0x02, 0x69, 0x1f, 0x40, 1, 3, 0, 0x0b, 0x00, 0x0b, 0x0a}) == Error::none);
  CHECK(module({0x41, 0, 0x08, 0}) == Error::none);
  CHECK(module({0x08, 0}) == Error::type_mismatch);
}

TEST_CASE("clauses of try_table may be longer than what their number was checked for" *
          needs_wasm_3()) {
  // The first label takes four bytes, the second is the end: nothing is left for the third.
  // the third.
  CHECK(run(func_type({}, {}), {0x1f, 0x40, 3, 0x02, 0x80, 0x80, 0x80, 0x00, 0x02}) ==
        Error::unexpected_end);
}

TEST_CASE("each operand has its type" * needs_wasm_3()) {
  struct Row {
    Bytes operands;
    Bytes code;
  };
  constexpr uint8_t of_array = 2, of_bytes = 3, of_struct = 4, eq = 5, external = 6, funcs = 7;
  // Locals: 0 i32, 1 i64, then references as they are named above.
  const Bytes params = {i32, i64, 0x63, 0, 0x63, 1, 0x63, 2, 0x6d, 0x6f, 0x63, 3};
  const Bytes function = Bytes{0x60, 8} + params + Bytes{0};
  const Bytes types = list(
      {{0x5e, i32, 1}, {0x5e, 0x78, 1}, {0x5f, 1, i32, 1}, {0x5e, 0x70, 1}, function, {0x5f, 0}});
  const Row rows[] = {
      {{external, external, 0}, {0x1c, 1, 0x6f}},
      {{eq, eq}, {0xd3}},
      {{0}, {0xfb, 0, 2}},                               // struct.new
      {{of_struct}, {0xfb, 2, 2, 0}},                    // struct.get
      {{of_struct, 0}, {0xfb, 5, 2, 0}},                 // struct.set
      {{0, 0}, {0xfb, 6, 0}},                            // array.new
      {{0}, {0xfb, 7, 0}},                               // array.new_default
      {{0, 0}, {0xfb, 8, 0, 2}},                         // array.new_fixed
      {{0, 0}, {0xfb, 9, 0, 0}},                         // array.new_data
      {{0, 0}, {0xfb, 10, 3, 0}},                        // array.new_elem
      {{of_array, 0}, {0xfb, 11, 0}},                    // array.get
      {{of_bytes, 0}, {0xfb, 12, 1}},                    // array.get_s
      {{of_array, 0, 0}, {0xfb, 14, 0}},                 // array.set
      {{of_array}, {0xfb, 15}},                          // array.len
      {{of_array, 0, 0, 0}, {0xfb, 16, 0}},              // array.fill
      {{of_array, 0, of_array, 0, 0}, {0xfb, 17, 0, 0}}, // array.copy
      {{of_array, 0, 0, 0}, {0xfb, 18, 0, 0}},           // array.init_data
      {{funcs, 0, 0, 0}, {0xfb, 19, 3, 0}},              // array.init_elem
  };
  const auto with = [&](const Bytes& operands, const Bytes& code) {
    Bytes instructions;
    for (const uint8_t operand : operands)
      instructions += {0x20, operand};
    const Bytes module = header() + section(1, types) + section(3, list({{4}})) +
                         section(9, list({{1, 0, 0}})) + section(12, {1}) +
                         section(10, list({body(instructions + code + Bytes{0x00})})) +
                         section(11, list({{1, 1, 0}}));
    return Stepper(module).run();
  };
  for (const Row& row : rows) {
    CAPTURE(row.code[row.code.size() > 1 ? 1 : 0]);
    CHECK(with(row.operands, row.code) == Error::none);
    for (size_t i = 0; i < row.operands.size(); ++i) {
      CAPTURE(i);
      Bytes operands = row.operands;
      operands[i] = 1;
      CHECK(with(operands, row.code) == Error::type_mismatch);
      // And what is not there at all.
      const auto above = row.operands.begin() + static_cast<ptrdiff_t>(i) + 1;
      CHECK(with(Bytes(above, row.operands.end()), row.code) == Error::type_mismatch);
    }
  }
}

TEST_CASE("the operands of array.new_fixed are counted, not believed" * needs_wasm_3()) {
  const auto module = [&](const Bytes& code) {
    return Stepper(header() + section(1, list({func_type({}, {}), {0x5e, i32, 0}})) +
                   section(3, list({{0}})) + section(10, list({body(code)})))
        .run();
  };
  CHECK(module({0x41, 0, 0x41, 0, 0xfb, 8, 1, 2, 0x1a}) == Error::none);
  CHECK(module(Bytes{0x41, 0, 0xfb, 8, 1} + leb(UINT32_MAX) + Bytes{0x1a}) == Error::type_mismatch);
  CHECK(module(Bytes{0x00, 0xfb, 8, 1} + leb(UINT32_MAX) + Bytes{0x1a}) == Error::none);
}

TEST_CASE("a validator is used again after a failure") {
  Stepper at(function_module(func_type({}, {}), {0x6a}));
  CHECK(at.run() == Error::type_mismatch);
  CHECK(at.body.offset() == at.bytes.size() - 2);
  REQUIRE(at.body.begin_function(FuncIndex{0}).ok());
  CHECK(at.run() == Error::type_mismatch);
}
