// What the compiler makes of wasm: the forms it writes, one line each.
#include "core/bytecode/code_bytes.h"
#include "core/compile/function_compiler.h"
#include "core/validate/decode_module.h"
#include "tests/collections/collections_test.h"
#include "tests/runtime/module_builder.h"

#include <doctest/doctest.h>

#include <string>

namespace ebb {
namespace {

using testing::Bytes;
using testing::operator+;
using testing::ModuleBuilder;

std::string disassemble(std::span<const uint8_t> code) {
  std::string text;
  for (size_t at = 0; at < code.size();) {
    const FormInfo& info = form_info(static_cast<Form>(read_code<uint16_t>(code.data() + at)));
    text += op_name(info.op);
    text += ' ';
    size_t operand = at + 2;
    for (const Kind kind : {info.kinds.d, info.kinds.a, info.kinds.b, info.kinds.c}) {
      if (kind == Kind::n) continue;
      text += "nsakrpwhqvl"[static_cast<size_t>(kind)];
      if (kind == Kind::s || kind == Kind::r || kind == Kind::h)
        text += std::to_string(read_code<uint16_t>(code.data() + operand));
      if (kind == Kind::k) text += std::to_string(read_code<int16_t>(code.data() + operand));
      if (kind == Kind::w) text += std::to_string(read_code<int32_t>(code.data() + operand));
      operand += kind_bytes(kind);
      text += ' ';
    }
    const size_t extra = operand;
    if (info.op == Op::enter) {
      const auto half = [&](size_t which) {
        return std::to_string(read_code<uint16_t>(code.data() + extra + 2 * which)) + ' ';
      };
      text += half(0) + half(1) + half(2);
    }
    text.back() = '\n';
    at += compact_bytes(info);
    if (op_info(info.op).effect == Effect::table_terminal)
      at +=
          static_cast<size_t>(target_bytes(info.op) * table_targets(info.op, code.data() + extra));
  }
  return text;
}

struct Compiled {
  std::string text;
  Function function;
};

/// Compiles the last function of a module.
Compiled compile(const ModuleBuilder& builder, bool wide = true) {
  testing::PoolHeap memory;
  Compiled out;
  {
    Heap& heap = memory.heap();
    TypeRegistry types(heap);
    ModuleDecl decl(heap);
    Vec<uint8_t> code(heap);
    Vec<uint8_t> offset_map(heap);
    const Bytes bytes = builder.build();
    REQUIRE(decode_module(bytes, FeatureSet::all(), types, heap, decl, nullptr).ok());
    BodyValidator validator(decl, types, FeatureSet::all(), heap);
    CompileOptions options;
    options.wide = wide;
    FunctionCompiler compiler(decl, {code, offset_map}, validator, options, heap);
    const uint32_t last = static_cast<uint32_t>(decl.functions.size() - 1);
    REQUIRE(compiler.compile(FuncIndex{last}, out.function).ok());
    const std::span<const uint8_t> written{code.data(), code.size()};
    out.text = disassemble(written.subspan(out.function.code_offset, out.function.code_bytes));
  }
  CHECK(memory.is_empty());
  return out;
}

Compiled compile(const Bytes& params, const Bytes& results, const Bytes& code,
                 const Bytes& locals = {0}, bool wide = true) {
  ModuleBuilder builder;
  builder.memory({0, 1});
  builder.func(builder.type(params, results), code, locals);
  return compile(builder, wide);
}

constexpr uint8_t i32 = testing::i32;
constexpr uint8_t i64 = testing::i64;
using testing::i32_const;
using testing::i64_const;
using testing::local_get;
Bytes local_set(uint32_t index) { return Bytes{0x21} + testing::leb(index); }
constexpr uint8_t add = 0x6a, sub = 0x6b, lt_s = 0x48, eqz = 0x45, i64_add = 0x7c;

} // namespace

TEST_CASE("locals and constants vanish into their uses") {
  CHECK(compile({i32, i32}, {i32}, local_get(0) + local_get(1) + Bytes{add}).text ==
        "i32_add a s0 s1\nreturn_int a\n");
  CHECK(compile({i32}, {i32}, local_get(0) + i32_const(7) + Bytes{add}).text ==
        "i32_add a s0 k7\nreturn_int a\n");
  CHECK(compile({i32}, {i32}, i32_const(7) + local_get(0) + Bytes{add}).text ==
        "i32_add a s0 k7\nreturn_int a\n");
}

TEST_CASE("a local is the destination of what it is set to") {
  CHECK(compile({i32, i32}, {}, local_get(0) + local_get(1) + Bytes{add} + local_set(0)).text ==
        "i32_add s0 s0 s1\nreturn_void\n");
}

TEST_CASE("a value that is still wanted is saved before its local changes") {
  // local.get 0, (local.get 0, 1, add, local.set 0), local.get 0, sub
  const Bytes code = local_get(0) + local_get(0) + i32_const(1) + Bytes{add} + local_set(0) +
                     local_get(0) + Bytes{sub};
  CHECK(compile({i32}, {i32}, code).text == "i32_add a s0 k1\ncopy s1 s0\nmove s0 a\n"
                                            "i32_sub a s1 a\nreturn_int a\n");
}

TEST_CASE("comparisons are folded into the branches that test them") {
  // block, br_if 0 (0 < 1), local.set 0, end
  const Bytes code = Bytes{0x02, 0x40} + local_get(0) + local_get(1) + Bytes{lt_s, 0x0d, 0} +
                     i32_const(3) + local_set(0) + Bytes{0x0b};
  CHECK(compile({i32, i32}, {}, code).text == "br_i32_lt_s s0 s1\nmove s0 k3\nreturn_void\n");
  // if (!(0 < 1)) …
  const Bytes negated = local_get(0) + local_get(1) + Bytes{lt_s, eqz, 0x04, 0x40} + i32_const(3) +
                        local_set(0) + Bytes{0x0b};
  CHECK(compile({i32, i32}, {}, negated).text ==
        "i32_lt_s a s0 s1\nbr_if a\nmove s0 k3\nreturn_void\n");
}

TEST_CASE("the accumulator holds at most one value") {
  // (0 + 1) - (1 + 0): the first sum goes to its slot.
  const Bytes code =
      local_get(0) + local_get(1) + Bytes{add} + local_get(1) + local_get(0) + Bytes{add, sub};
  CHECK(compile({i32, i32}, {i32}, code).text ==
        "i32_add s2 s0 s1\ni32_add a s1 s0\ni32_sub a s2 a\nreturn_int a\n");
}

TEST_CASE("the narrow profile keeps 64-bit results in slots") {
  const Bytes code = local_get(0) + local_get(1) + Bytes{i64_add} + i64_const(1) + Bytes{i64_add};
  CHECK(compile({i64, i64}, {i64}, code, {0}, true).text ==
        "i64_add a s0 s1\ni64_add a a k1\nreturn_int a\n");
  CHECK(compile({i64, i64}, {i64}, code, {0}, false).text ==
        "i64_add s2 s0 s1\ni64_add s2 s2 k1\nreturn_int s2\n");
}

TEST_CASE("the frame has room for locals, operands and outgoing values") {
  const Compiled leaf = compile({i32}, {i32}, local_get(0), {1, 3, i64});
  CHECK(leaf.function.frame_numbers() == 5);
  CHECK(leaf.function.frame_refs == 0);
  ModuleBuilder builder;
  const uint32_t many = builder.type({i32}, {i32, i32, i32, i32});
  const uint32_t none = builder.type({}, {});
  builder.func(many, local_get(0) + local_get(0) + local_get(0) + local_get(0));
  builder.func(none, i32_const(1) + Bytes{0x10, 0, 0x1a, 0x1a, 0x1a, 0x1a});
  const Compiled caller = compile(builder);
  CHECK(caller.text == "copy s0 k1\ncall\nreturn_void\n");
  CHECK(caller.function.frame_numbers() == 4);
}

/// What the entry of a function of one parameter and three locals clears: the first slot and how
/// many.
std::string cleared(const Bytes& code) {
  const std::string text = compile({i32}, {}, code, {1, 3, i32}).text;
  const std::string enter = text.substr(0, text.find('\n'));
  REQUIRE(enter.substr(0, 6) == "enter ");
  REQUIRE(enter.substr(enter.size() - 2) == " 4");
  return enter.substr(6, enter.size() - 8);
}

TEST_CASE("the entry clears the locals that may be read before they are set") {
  const Bytes block = {0x02, 0x40}, loop = {0x03, 0x40}, end = {0x0b}, drop = {0x1a};
  const Bytes if_ = local_get(0) + Bytes{0x04, 0x40}, else_ = {0x05};
  const Bytes br_if = local_get(0) + Bytes{0x0d, 0};
  const Bytes set = i32_const(7) + local_set(1), get = local_get(1) + drop;
  CHECK(cleared({}) == "0 0");
  CHECK(cleared(get) == "1 1");
  CHECK(cleared(set + get) == "0 0");
  CHECK(cleared(get + set + get) == "1 1");
  CHECK(cleared(local_get(3) + local_set(2) + get) == "1 3");
  // What a branch may have passed by is not set behind it.
  CHECK(cleared(block + set + end + get) == "0 0");
  CHECK(cleared(block + br_if + set + end + get) == "1 1");
  CHECK(cleared(block + set + br_if + end + get) == "1 1");
  CHECK(cleared(set + block + br_if + set + end + get) == "0 0");
  // A branch to a loop passes nothing by that follows it.
  CHECK(cleared(loop + set + br_if + end + get) == "0 0");
  CHECK(cleared(loop + get + set + br_if + end) == "1 1");
  CHECK(cleared(block + loop + local_get(0) + Bytes{0x0d, 1} + set + br_if + end + end + get) ==
        "1 1");
  // Arms do not know of each other, nor what follows of them.
  CHECK(cleared(if_ + set + get + end) == "0 0");
  CHECK(cleared(if_ + set + end + get) == "1 1");
  CHECK(cleared(if_ + set + else_ + get + end) == "1 1");
  CHECK(cleared(if_ + set + else_ + set + end + get) == "1 1");
  CHECK(cleared(if_ + set + else_ + set + get + end) == "0 0");
  // Code that is not reached reads nothing.
  CHECK(cleared(Bytes{0x0f} + get) == "0 0");
  CHECK(cleared(block + set + Bytes{0x0c, 0} + end + get) == "1 1");
}

TEST_CASE("code that cannot be reached is not compiled") {
  const Bytes code = Bytes{0x00} + i32_const(1) + Bytes{0x02, 0x40, 0x0b, 0x04, 0x40, 0x05, 0x0b};
  CHECK(compile({}, {}, code).text == "unreachable\n");
}

TEST_CASE("references are cleared on entry, which functions without them skip") {
  CHECK(compile({}, {}, Bytes{0xd0, 0x70, 0x1a}).text == "enter_refs\nref_null r0\nreturn_void\n");
}

} // namespace ebb
