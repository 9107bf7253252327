// Every rule of core/bytecode/README.md: code that keeps it is accepted, the same code with just
// that rule broken is refused with the rule's error. Here: control flow, indices, calls and the
// accumulator.
#include "tests/bytecode/verifier_test.h"
#include "tests/needs.h"

#include <doctest/doctest.h>

namespace ebb {

using namespace testing::bytecode;

TEST_CASE("branches lead to instructions of the function") {
  World world;
  const auto br = [&](int64_t target) {
    Code code;
    code.add(Op::copy, "ssnn", {0, 1});          // 0
    code.branch(Op::br_if, "nsnn", {0}, target); // 6
    code.add(Op::copy, "ssnn", {0, 1});          // 12
    return world.check(code.ret());              // 18
  };
  for (const int64_t good : {0, 6, 12, 18})
    CHECK(br(good) == Error::none);
  for (const int64_t bad : {-2, -60000, 2, 8, 10, 14, 16, 20, 22, 60000})
    CHECK(br(bad) == Error::bytecode_target);
  const auto far_br = [&](int64_t target) {
    Code code;
    code.add(Op::copy, "ssnn", {0, 1});          // 0
    code.branch(Op::far_br, "nnnn", {}, target); // 6
    code.add(Op::copy, "ssnn", {0, 1});          // 12
    return world.check(code.ret());              // 18
  };
  for (const int64_t good : {0, 6, 12, 18})
    CHECK(far_br(good) == Error::none);
  for (const int64_t bad : {-2, -100000, 1, 2, 3, 8, 10, 13, 14, 20, 22, 100000})
    CHECK(far_br(bad) == Error::bytecode_target);

  const auto table = [&](int64_t first, int64_t second) {
    Code code;
    code.add(Op::br_table, "nsnn", {0}, halves({1})).entry(first).entry(second);
    return world.check(code.ret());
  };
  CHECK(table(0, 10) == Error::none);
  CHECK(table(2, 10) == Error::bytecode_target);
  CHECK(table(0, 8) == Error::bytecode_target);
  const auto far_table = [&](int64_t first, int64_t second) {
    Code code;
    code.add(Op::far_br_table, "nsnn", {0}, words({1}));
    code.entry(first, Op::far_br_table).entry(second, Op::far_br_table);
    return world.check(code.ret());
  };
  CHECK(far_table(0, 16) == Error::none);
  CHECK(far_table(2, 16) == Error::bytecode_target);
  CHECK(far_table(0, 15) == Error::bytecode_target);
  CHECK(far_table(0, 14) == Error::bytecode_target);
}

TEST_CASE("nothing leads back into the entry, or between a call and what restores references") {
  World world;
  const SlotCounts frame = {4, 2};
  const auto check = [&](uint32_t target) {
    Code code = with_refs(frame);                                                  // 0
    code.add(Op::enter, "nnnn", {}, halves({0, 2, 2}));                            // 6
    code.add(Op::copy, "ssnn", {0, 1});                                            // 14
    code.add(Op::call_refs, "nnnn", {}, words({defined(plain)}) + halves({1, 2})); // 20
    code.add(Op::refs_restore, "nnnn", {}, halves({1}));                           // 30
    code.branch(Op::br_if, "nsnn", {0}, target);                                   // 34
    return world.check(code.ret(), plain, frame);
  };
  CHECK(check(14) == Error::none);
  CHECK(check(20) == Error::none);
  CHECK(check(0) == Error::bytecode_target);
  CHECK(check(6) == Error::bytecode_target);
  CHECK(check(30) == Error::bytecode_target);
  // Forward as well.
  Code code = with_refs(frame);
  code.branch(Op::br_if, "nsnn", {0}, 6 + 6 + 10);
  code.add(Op::call_refs, "nnnn", {}, words({defined(plain)}) + halves({1, 2}));
  code.add(Op::refs_restore, "nnnn", {}, halves({1}));
  CHECK(world.check(code.ret(), plain, frame) == Error::bytecode_target);
}

TEST_CASE("globals exist, are of the instruction's class and may be set" * needs_wasm_3()) {
  World world;
  const auto get = [&](Op op, const char* kinds, uint32_t global) {
    const bool is_short = op_info(op).extra == 2;
    const std::vector<uint8_t> extra = is_short ? halves({global}) : words({global});
    return world.check(Code().add(op, kinds, {0}, extra).ret());
  };
  CHECK(get(Op::global_get, "snnn", g_i32) == Error::none);
  CHECK(get(Op::global_get, "snnn", g_i64) == Error::none);
  CHECK(get(Op::global_get, "snnn", g_const) == Error::none);
  CHECK(get(Op::global_get_float, "snnn", g_f64) == Error::none);
  CHECK(get(Op::global_set, "nsnn", g_i32) == Error::none);
  CHECK(get(Op::global_set_float, "nsnn", g_f64) == Error::none);
  CHECK(get(Op::global_set_v128, "nsnn", g_v128) == Error::none);
  for (const uint32_t other : {uint32_t{g_f64}, uint32_t{g_v128}, uint32_t{g_ref}, 6u, 65535u})
    CHECK(get(Op::global_get, "snnn", other) == Error::bytecode_index);
  for (const uint32_t other : {uint32_t{g_i32}, uint32_t{g_v128}, uint32_t{g_ref}, 6u})
    CHECK(get(Op::global_get_float, "snnn", other) == Error::bytecode_index);
  for (const uint32_t other : {uint32_t{g_i32}, uint32_t{g_f64}, uint32_t{g_ref}, 6u})
    CHECK(get(Op::global_get_v128, "snnn", other) == Error::bytecode_index);
  CHECK(get(Op::global_set, "nsnn", g_const) == Error::bytecode_index);
  CHECK(get(Op::global_set, "nsnn", g_ref) == Error::bytecode_index);

  const SlotCounts frame = {0, 1};
  const auto ref = [&](Op op, const char* kinds, uint32_t global) {
    Code code = with_refs(frame);
    return world.check(code.add(op, kinds, {0}, words({global})).ret(), plain, frame);
  };
  CHECK(ref(Op::global_get_ref, "rnnn", g_ref) == Error::none);
  CHECK(ref(Op::global_set_ref, "nrnn", g_ref) == Error::none);
  CHECK(ref(Op::global_get_ref, "rnnn", g_i64) == Error::bytecode_index);
  CHECK(ref(Op::global_set_ref, "nrnn", g_i64) == Error::bytecode_index);
}

TEST_CASE("tables and memories exist and have the address type that the instruction says") {
  World world;
  const SlotCounts frame = {4, 1};
  const auto check = [&](Op op, const char* kinds, std::initializer_list<uint32_t> values,
                         const std::vector<uint8_t>& extra) {
    Code code = with_refs(frame);
    return world.check(code.add(op, kinds, values, extra).ret(), plain, frame);
  };
  struct Row {
    Op op;
    const char* kinds;
  };
  for (const Row row : {Row{Op::table_get, "rsnn"}, Row{Op::table_set, "nsrn"}}) {
    CHECK(check(row.op, row.kinds, {0, 0}, words({t_func})) == Error::none);
    CHECK(check(row.op, row.kinds, {0, 0}, words({t_extern64 | far_address_64})) == Error::none);
    CHECK(check(row.op, row.kinds, {0, 0}, words({t_extern64})) == Error::bytecode_index);
    CHECK(check(row.op, row.kinds, {0, 0}, words({t_func | far_address_64})) ==
          Error::bytecode_index);
    CHECK(check(row.op, row.kinds, {0, 0}, words({3})) == Error::bytecode_index);
  }
  CHECK(check(Op::table_size, "snnn", {0}, words({3})) == Error::bytecode_index);
  CHECK(check(Op::table_grow, "ssrn", {0, 0, 0}, words({3})) == Error::bytecode_index);
  CHECK(check(Op::table_fill, "nsrs", {0, 0, 0}, words({3})) == Error::bytecode_index);
  CHECK(check(Op::table_copy, "nsss", {0, 0, 0}, words({t_func, t_func})) == Error::none);
  CHECK(check(Op::table_copy, "nsss", {0, 0, 0}, words({3, t_func})) == Error::bytecode_index);
  CHECK(check(Op::table_copy, "nsss", {0, 0, 0}, words({t_func, 3})) == Error::bytecode_index);
  CHECK(check(Op::table_init, "nsss", {0, 0, 0}, words({t_func, 0})) == Error::none);
  CHECK(check(Op::table_init, "nsss", {0, 0, 0}, words({3, 0})) == Error::bytecode_index);
  CHECK(check(Op::table_init, "nsss", {0, 0, 0}, words({t_func, 1})) == Error::bytecode_index);
  CHECK(check(Op::table_init, "nsss", {0, 0, 0}, words({t_func, far_address_64})) ==
        Error::bytecode_index);
  CHECK(check(Op::elem_drop, "nnnn", {}, words({0})) == Error::none);
  CHECK(check(Op::elem_drop, "nnnn", {}, words({1})) == Error::bytecode_index);

  for (const Row row : {Row{Op::memory_size, "snnn"}}) {
    CHECK(check(row.op, row.kinds, {0}, words({0})) == Error::none);
    CHECK(check(row.op, row.kinds, {0}, words({1 | far_address_64})) == Error::none);
    CHECK(check(row.op, row.kinds, {0}, words({1})) == Error::bytecode_index);
    CHECK(check(row.op, row.kinds, {0}, words({0 | far_address_64})) == Error::bytecode_index);
    CHECK(check(row.op, row.kinds, {0}, words({2})) == Error::bytecode_index);
  }
  CHECK(check(Op::memory_grow, "ssnn", {0, 0}, words({2})) == Error::bytecode_index);
  CHECK(check(Op::memory_fill, "nsss", {0, 0, 0}, words({2})) == Error::bytecode_index);
  CHECK(check(Op::memory_copy, "nsss", {0, 0, 0}, words({0, 2})) == Error::bytecode_index);
  CHECK(check(Op::memory_copy, "nsss", {0, 0, 0}, words({2, 0})) == Error::bytecode_index);
  CHECK(check(Op::memory_init, "nsss", {0, 0, 0}, words({0, 0})) == Error::none);
  CHECK(check(Op::memory_init, "nsss", {0, 0, 0}, words({0, 1})) == Error::bytecode_index);
  CHECK(check(Op::memory_init, "nsss", {0, 0, 0}, words({2, 0})) == Error::bytecode_index);
  CHECK(check(Op::data_drop, "nnnn", {}, words({1})) == Error::bytecode_index);
  CHECK(check(Op::far_load64, "ssnn", {0, 0}, words({1 | far_address_64, 0, 0})) == Error::none);
  CHECK(check(Op::far_load64, "ssnn", {0, 0}, words({1, 0, 0})) == Error::bytecode_index);
  CHECK(check(Op::far_store8, "nssn", {0, 0}, words({2, 0, 0})) == Error::bytecode_index);

  const auto near = [&] { return check(Op::i32_load, "ssnn", {0, 0}, halves({0})); };
  CHECK(near() == Error::none);
  world.memories[0].limits.is_64 = true;
  CHECK(near() == Error::bytecode_index);
  world.memories[0].limits.is_64 = false;
  world.context.memories = 0;
  CHECK(near() == Error::bytecode_index);
}

TEST_CASE("functions and types exist, and are functions" * needs_wasm_3()) {
  World world;
  const SlotCounts frame = {8, 1};
  const auto check = [&](Op op, const char* kinds, std::initializer_list<uint32_t> values,
                         const std::vector<uint8_t>& extra) {
    Code code = with_refs(frame);
    return world.check(code.add(op, kinds, values, extra).ret(), plain, frame);
  };
  CHECK(check(Op::ref_func, "rnnn", {0}, words({7})) == Error::none);
  CHECK(check(Op::ref_func, "rnnn", {0}, words({8})) == Error::bytecode_index);
  CHECK(check(Op::call, "nnnn", {}, halves({6, 4})) == Error::none);
  CHECK(check(Op::call, "nnnn", {}, halves({7, 4})) == Error::bytecode_index);
  CHECK(check(Op::call_import, "nnnn", {}, words({0}) + halves({0, 4})) == Error::none);
  CHECK(check(Op::call_import, "nnnn", {}, words({1}) + halves({0, 4})) == Error::bytecode_index);
  CHECK(check(Op::return_call, "nnnn", {}, words({defined(plain)}) + halves({0, 4})) ==
        Error::none);
  CHECK(check(Op::return_call, "nnnn", {}, words({7}) + halves({0, 4})) == Error::bytecode_index);
  CHECK(check(Op::return_call_import, "nnnn", {}, words({1}) + halves({0, 4})) ==
        Error::bytecode_index);
  const auto indirect = [&](uint32_t type, uint32_t table) {
    return check(Op::call_indirect, "nsnn", {0}, words({type, table}) + halves({0, 4}));
  };
  CHECK(indirect(plain, t_func) == Error::none);
  CHECK(indirect(plain, t_func64 | far_address_64) == Error::none);
  CHECK(indirect(plain, t_func64) == Error::bytecode_index);
  CHECK(indirect(plain, 3) == Error::bytecode_index);
  CHECK(indirect(structure, t_func) == Error::bytecode_index);
  CHECK(indirect(structure + 1, t_func) == Error::bytecode_index);
  CHECK(check(Op::call_ref, "nrnn", {0}, words({plain}) + halves({0, 4})) == Error::none);
  CHECK(check(Op::call_ref, "nrnn", {0}, words({structure}) + halves({0, 4})) ==
        Error::bytecode_index);
  CHECK(check(Op::call_ref, "nrnn", {0}, words({99}) + halves({0, 4})) == Error::bytecode_index);
}

TEST_CASE("what calls pass and get lies in the frame" * needs_wasm_3()) {
  World world;
  const auto call = [&](uint32_t type, uint32_t outgoing, SlotCounts frame) {
    Code code;
    if (frame.refs != 0) code = with_refs(frame);
    code.add(Op::call, "nnnn", {}, halves({defined(type), outgoing}));
    return world.check(code.ret(), plain, frame);
  };
  CHECK(call(binary, 2, {4, 0}) == Error::none);
  CHECK(call(binary, 3, {4, 0}) == Error::bytecode_frame);
  CHECK(call(pair, 2, {4, 0}) == Error::none);
  CHECK(call(pair, 3, {4, 0}) == Error::bytecode_frame);
  CHECK(call(vector, 3, {4, 0}) == Error::bytecode_frame);
  CHECK(call(plain, 5, {4, 0}) == Error::bytecode_frame);
  CHECK(call(refs, 0, {4, 2}) == Error::none);
  CHECK(call(refs, 0, {4, 1}) == Error::bytecode_frame);
  const auto tail = [&](uint32_t outgoing, uint32_t outgoing_refs) {
    const SlotCounts frame = {4, 3};
    Code code;
    code.add(Op::enter_refs, "nnnn", {}, halves({2, 1}));
    code.add(Op::return_call, "nnnn", {},
             words({defined(refs)}) + halves({outgoing_refs, outgoing}));
    return world.check(code, refs, frame);
  };
  CHECK(tail(4, 1) == Error::none);
  CHECK(tail(5, 1) == Error::bytecode_frame);
  CHECK(tail(4, 2) == Error::bytecode_frame);
}

TEST_CASE("the base of references is restored behind each call that moved it, and nowhere else") {
  World world;
  const SlotCounts frame = {4, 3};
  const std::vector<uint8_t> moved = words({defined(plain)}) + halves({2, 0});
  const auto check = [&](auto add) {
    Code code = with_refs(frame);
    add(code);
    return world.check(code.ret(), plain, frame);
  };
  const auto restore = [](Code& code, uint32_t count) {
    code.add(Op::refs_restore, "nnnn", {}, halves({count}));
  };
  CHECK(check([&](Code& c) { c.add(Op::call_refs, "nnnn", {}, moved), restore(c, 2); }) ==
        Error::none);
  CHECK(check([&](Code& c) { c.add(Op::call_refs, "nnnn", {}, moved), restore(c, 1); }) ==
        Error::bytecode_frame);
  CHECK(check([&](Code& c) { c.add(Op::call_refs, "nnnn", {}, moved); }) == Error::bytecode_frame);
  CHECK(check([&](Code& c) { restore(c, 2); }) == Error::bytecode_frame);
  CHECK(check([&](Code& c) {
          c.add(Op::call_refs, "nnnn", {}, moved), restore(c, 2), restore(c, 2);
        }) == Error::bytecode_frame);
  const std::vector<uint8_t> still = words({defined(plain)}) + halves({0, 0});
  CHECK(check([&](Code& c) { c.add(Op::call_refs, "nnnn", {}, still); }) == Error::none);
  CHECK(check([&](Code& c) { c.add(Op::call_refs, "nnnn", {}, still), restore(c, 0); }) ==
        Error::bytecode_frame);
}

TEST_CASE("returns give what the function's type says" * needs_wasm_3()) {
  World world;
  const Code nothing = Code().ret();
  const Code integer = Code().add(Op::return_int, "nsnn", {0});
  const Code number = Code().add(Op::return_float, "nsnn", {0});
  CHECK(world.check(nothing, plain) == Error::none);
  CHECK(world.check(integer, binary) == Error::none);
  CHECK(world.check(integer, wide) == Error::none);
  CHECK(world.check(number, real) == Error::none);
  CHECK(world.check(nothing, pair) == Error::none);
  CHECK(world.check(nothing, vector) == Error::none);
  CHECK(world.check(nothing, binary) == Error::bytecode_result);
  CHECK(world.check(nothing, real) == Error::bytecode_result);
  CHECK(world.check(integer, plain) == Error::bytecode_result);
  CHECK(world.check(integer, real) == Error::bytecode_result);
  CHECK(world.check(integer, pair) == Error::bytecode_result);
  CHECK(world.check(integer, vector) == Error::bytecode_result);
  CHECK(world.check(number, binary) == Error::bytecode_result);
  const auto tail = [&](uint32_t callee, uint32_t own) {
    Code code;
    code.add(Op::return_call, "nnnn", {}, words({defined(callee)}) + halves({0, 0}));
    return world.check(code, own);
  };
  CHECK(tail(binary, binary) == Error::none);
  CHECK(tail(pair, pair) == Error::none);
  CHECK(tail(plain, binary) == Error::bytecode_result);
  CHECK(tail(wide, binary) == Error::bytecode_result);
  CHECK(tail(real, wide) == Error::bytecode_result);
  CHECK(tail(binary, plain) == Error::bytecode_result);
}

TEST_CASE("a function clears its references and zeroes its locals first") {
  World world;
  const SlotCounts frame = {4, 3};
  const auto clear = [](uint32_t first, uint32_t count) {
    return Code().add(Op::enter_refs, "nnnn", {}, halves({first, count}));
  };
  CHECK(world.check(clear(0, 3).ret(), plain, frame) == Error::none);
  CHECK(world.check(clear(2, 1).ret(), refs, frame) == Error::none);
  CHECK(world.check(Code().ret(), plain, frame) == Error::bytecode_entry);
  CHECK(world.check(clear(1, 2).ret(), plain, frame) == Error::bytecode_entry);
  CHECK(world.check(clear(0, 2).ret(), plain, frame) == Error::bytecode_entry);
  CHECK(world.check(clear(0, 4).ret(), plain, frame) == Error::bytecode_entry);
  CHECK(world.check(clear(0, 0).ret(), plain, {4, 0}) == Error::bytecode_entry);
  CHECK(world.check(clear(0, 3).add(Op::enter_refs, "nnnn", {}, halves({0, 3})).ret(), plain,
                    frame) == Error::bytecode_entry);
  Code late;
  late.add(Op::copy, "ssnn", {0, 1}).add(Op::enter_refs, "nnnn", {}, halves({0, 3})).ret();
  CHECK(world.check(late, plain, frame) == Error::bytecode_entry);
  Code enter;
  enter.add(Op::copy, "ssnn", {0, 1}).add(Op::enter, "nnnn", {}, halves({0, 2, 2})).ret();
  CHECK(world.check(enter) == Error::bytecode_entry);
  Code twice;
  twice.add(Op::enter, "nnnn", {}, halves({0, 2, 2}))
      .add(Op::enter, "nnnn", {}, halves({0, 2, 2}))
      .ret();
  CHECK(world.check(twice) == Error::bytecode_entry);
}

TEST_CASE("control does not reach the end of the code") {
  World world;
  CHECK(world.check(Code()) == Error::bytecode_end);
  CHECK(world.check(Code().add(Op::copy, "ssnn", {0, 1})) == Error::bytecode_end);
  CHECK(world.check(Code().branch(Op::br_if, "nsnn", {0}, 0)) == Error::bytecode_end);
  CHECK(world.check(Code().add(Op::call, "nnnn", {}, halves({defined(plain), 0}))) ==
        Error::bytecode_end);
  CHECK(world.check(Code().add(Op::fuel, "nnnn", {}, halves({0}))) != Error::none);
  CHECK(world.check(Code().branch(Op::br, "nnnn", {}, 0)) == Error::none);
  CHECK(world.check(Code().add(Op::unreachable, "nnnn")) == Error::none);
}

TEST_CASE("the accumulator is read where it has a value of the class") {
  World world;
  const auto check = [&](auto add) {
    Code code;
    add(code);
    return world.check(code.ret());
  };
  const auto integer = [](Code& c) { c.add(Op::const_int, "annn", {}, constant8); };
  const auto number = [](Code& c) { c.add(Op::const_float, "annn", {}, constant8); };
  const auto use = [](Code& c) { c.add(Op::move, "sann", {0}); };
  const auto use_float = [](Code& c) { c.add(Op::move_float, "sann", {0}); };
  CHECK(check([&](Code& c) { integer(c), use(c); }) == Error::none);
  CHECK(check([&](Code& c) { number(c), use_float(c); }) == Error::none);
  CHECK(check([&](Code& c) { use(c); }) == Error::bytecode_accumulator);
  CHECK(check([&](Code& c) { number(c), use(c); }) == Error::bytecode_accumulator);
  CHECK(check([&](Code& c) { integer(c), use_float(c); }) == Error::bytecode_accumulator);
  // A write of a slot sets it, a copy leaves it alone, an instruction out of line loses it.
  CHECK(check([&](Code& c) { c.add(Op::i32_add, "sssn", {0, 1, 2}), use(c); }) == Error::none);
  CHECK(check([&](Code& c) { integer(c), c.add(Op::copy, "ssnn", {0, 1}), use(c); }) ==
        Error::none);
  CHECK(check([&](Code& c) { c.add(Op::copy, "ssnn", {0, 1}), use(c); }) ==
        Error::bytecode_accumulator);
  CHECK(check([&](Code& c) {
          integer(c), c.add(Op::memory_size, "snnn", {0}, words({0})), use(c);
        }) == Error::bytecode_accumulator);
  // A call leaves its result if that is one number.
  const auto call = [](Code& c, uint32_t type) {
    c.add(Op::call, "nnnn", {}, halves({defined(type), 0}));
  };
  CHECK(check([&](Code& c) { call(c, binary), use(c); }) == Error::none);
  CHECK(check([&](Code& c) { call(c, real), use_float(c); }) == Error::none);
  CHECK(check([&](Code& c) { call(c, real), use(c); }) == Error::bytecode_accumulator);
  CHECK(check([&](Code& c) { integer(c), call(c, plain), use(c); }) == Error::bytecode_accumulator);
  CHECK(check([&](Code& c) { integer(c), call(c, pair), use(c); }) == Error::bytecode_accumulator);
  // Each operand is looked at.
  CHECK(check([&](Code& c) { integer(c), c.add(Op::i32_sub, "ssan", {0, 1}); }) == Error::none);
  CHECK(check([&](Code& c) { c.add(Op::i32_sub, "ssan", {0, 1}); }) == Error::bytecode_accumulator);
  CHECK(check([&](Code& c) { number(c), c.add(Op::select_float, "sssa", {0, 1, 2}); }) ==
        Error::bytecode_accumulator);
}

TEST_CASE("where paths meet, the accumulator is what they agree on") {
  World world;
  const auto check = [&](bool other_path_sets, bool backward) {
    Code code;
    code.add(Op::const_int, "annn", {}, constant8); // 10 bytes
    code.branch(Op::br_if, "nsnn", {0}, 10 + 6 + 6);
    if (other_path_sets)
      code.add(Op::move, "ssnn", {0, 1});
    else
      code.add(Op::table_size, "snnn", {0}, words({t_func}));
    if (!other_path_sets)
      write_code(code.bytes.data() + 14, static_cast<int16_t>((code.here() - 14) / 2));
    const uint32_t meet = code.here();
    code.add(Op::move, "sann", {0});
    if (backward) code.branch(Op::br_if, "nsnn", {0}, meet);
    return world.check(code.ret());
  };
  CHECK(check(true, false) == Error::none);
  CHECK(check(false, false) == Error::bytecode_accumulator);
  CHECK(check(true, true) == Error::bytecode_accumulator);
}

TEST_CASE("64 bits do not sit in the accumulator of narrow code") {
  World world;
  const auto both = [&](const Code& code, uint32_t type, Error wanted) {
    world.context.wide = true;
    CHECK(world.check(code, type) == Error::none);
    world.context.wide = false;
    CHECK(world.check(code, type) == wanted);
  };
  both(Code().add(Op::i64_add, "sssn", {0, 1, 2}).ret(), plain, Error::none);
  both(Code().add(Op::i64_add, "assn", {1, 2}).ret(), plain, Error::bytecode_profile);
  both(Code().add(Op::f64_add, "assn", {1, 2}).ret(), plain, Error::bytecode_profile);
  both(Code().add(Op::f64_load, "asnn", {1}, halves({0})).ret(), plain, Error::bytecode_profile);
  both(Code().add(Op::global_get, "annn", {}, halves({g_i64})).ret(), plain,
       Error::bytecode_profile);
  both(Code().add(Op::global_get, "annn", {}, halves({g_i32})).ret(), plain, Error::none);
  const Code constant = Code().add(Op::const_int, "annn", {}, constant8);
  both(Code(constant).add(Op::return_int, "nann"), wide, Error::bytecode_profile);
  both(Code(constant).add(Op::return_int, "nann"), binary, Error::none);
  both(Code(constant).add(Op::i64_eqz, "sann", {0}).ret(), plain, Error::bytecode_profile);
  both(Code(constant)
           .add(Op::call_indirect, "nann", {},
                words({plain, t_func64 | far_address_64}) + halves({0, 0}))
           .ret(),
       plain, Error::bytecode_profile);
  both(Code(constant)
           .add(Op::call_indirect, "nann", {}, words({plain, t_func}) + halves({0, 0}))
           .ret(),
       plain, Error::none);
  // A 64-bit result in a slot, or of a call, leaves nothing in it.
  both(Code().add(Op::i64_add, "sssn", {0, 1, 2}).add(Op::move, "sann", {0}).ret(), plain,
       Error::bytecode_accumulator);
  both(
      Code().add(Op::call, "nnnn", {}, halves({defined(wide), 0})).add(Op::move, "sann", {0}).ret(),
      plain, Error::bytecode_accumulator);
}

TEST_CASE("where the module says so, functions and loops count fuel or look for interruptions") {
  for (const Metering metering : {Metering::fuel, Metering::interruption}) {
    World world;
    world.context.metering = metering;
    const uint32_t charge = metering == Metering::fuel ? 3 : 0;
    const Code fuel = Code().add(Op::fuel, "nnnn", {}, halves({charge}));
    CHECK(world.check(Code(fuel).ret()) == Error::none);
    CHECK(world.check(Code().ret()) == Error::bytecode_fuel);
    CHECK(world.check(Code()
                          .add(Op::enter, "nnnn", {}, halves({0, 1, 1}))
                          .add(Op::fuel, "nnnn", {}, halves({charge}))
                          .ret()) == Error::none);
    CHECK(world.check(Code()
                          .add(Op::copy, "ssnn", {0, 1})
                          .add(Op::fuel, "nnnn", {}, halves({charge}))
                          .ret()) == Error::bytecode_fuel);
    CHECK(world.check(Code(fuel).branch(Op::br, "nnnn", {}, 0)) == Error::none);
    CHECK(world.check(Code(fuel).branch(Op::br, "nnnn", {}, 4)) == Error::bytecode_fuel);
    CHECK(world.check(Code(fuel).add(Op::br_table, "nsnn", {0}, halves({0})).entry(4)) ==
          Error::bytecode_fuel);
    CHECK(world.check(Code(fuel).add(Op::br_table, "nsnn", {0}, halves({0})).entry(0)) ==
          Error::none);
    world.context.metering = Metering::none;
    CHECK(world.check(Code(fuel).ret()) == Error::bytecode_fuel);
  }
}

TEST_CASE("code that counts fuel charges everywhere, other code nowhere") {
  World world;
  const Code free = Code().add(Op::fuel, "nnnn", {}, halves({0}));
  const Code charging = Code().add(Op::fuel, "nnnn", {}, halves({UINT16_MAX}));
  world.context.metering = Metering::fuel;
  CHECK(world.check(Code(free).ret()) == Error::bytecode_fuel);
  CHECK(world.check(Code(charging).ret()) == Error::none);
  CHECK(world.check(Code(charging).add(Op::fuel, "nnnn", {}, halves({0})).ret()) ==
        Error::bytecode_fuel);
  world.context.metering = Metering::interruption;
  CHECK(world.check(Code(free).ret()) == Error::none);
  CHECK(world.check(Code(charging).ret()) == Error::bytecode_fuel);
}

TEST_CASE("a pause keeps the accumulator") {
  World world;
  world.context.metering = Metering::fuel;
  const Code fuel = Code().add(Op::fuel, "nnnn", {}, halves({1}));
  Code code = Code(fuel).add(Op::const_int, "annn", {}, constant8);
  code.add(Op::fuel, "nnnn", {}, halves({1}));
  CHECK(world.check(code.add(Op::move, "sann", {0}).ret()) == Error::none);
  CHECK(world.check(Code(fuel).add(Op::move, "sann", {0}).ret()) == Error::bytecode_accumulator);
}

TEST_CASE("constants neither trap nor branch nor call") {
  World world;
  const auto check = [&](Code code) {
    return world.check_constant(code.add(Op::return_int, "nsnn", {0}));
  };
  CHECK(check(Code().add(Op::i32_add, "sssn", {0, 1, 2})) == Error::none);
  CHECK(check(Code().add(Op::i32_div_s, "sssn", {0, 1, 2})) == Error::bytecode_constant);
  CHECK(check(Code().add(Op::i32_load, "ssnn", {0, 1}, halves({0}))) == Error::bytecode_constant);
  CHECK(check(Code().branch(Op::br, "nnnn", {}, 0)) == Error::bytecode_constant);
  CHECK(check(Code().add(Op::call, "nnnn", {}, halves({0, 0}))) == Error::bytecode_constant);
  CHECK(check(Code().add(Op::global_set, "nsnn", {0}, halves({g_i32}))) ==
        Error::bytecode_constant);
  CHECK(check(Code().add(Op::unreachable, "nnnn")) == Error::bytecode_constant);
  // It needs no fuel, and gives one value of its type.
  world.context.metering = Metering::fuel;
  CHECK(check(Code().add(Op::i32_add, "sssn", {0, 1, 2})) == Error::none);
  CHECK(world.check_constant(Code().ret()) == Error::bytecode_result);
  CHECK(world.check_constant(Code().add(Op::return_int, "nsnn", {0}), ValType::f64()) ==
        Error::bytecode_result);
}

TEST_CASE("the offending instruction is named") {
  World world;
  Code code;
  code.add(Op::copy, "ssnn", {0, 1}).add(Op::copy, "ssnn", {0, 8}).ret();
  CHECK(world.check(code) == Error::bytecode_slot);
  CHECK(world.bad_offset == 6);
}

TEST_CASE("a refused request for scratch memory is out_of_memory") {
  World world;
  const SlotCounts frame = {4, 3};
  Code code = with_refs(frame);
  code.add(Op::call_refs, "nnnn", {}, words({defined(plain)}) + halves({2, 0}));
  code.add(Op::refs_restore, "nnnn", {}, halves({2})).ret();
  const Function function = world.place(code, plain, frame);
  int refused = 0;
  for (size_t limit = 0;; limit += 16) {
    testing::PoolHeap scratch(size_t{1} << 16, limit);
    const Result<void> verified =
        verify_function(world.context, function, world.type(plain), scratch.heap());
    CHECK(scratch.heap().stats().used == 0);
    if (verified.ok()) break;
    CHECK(verified.error() == Error::out_of_memory);
    refused++;
  }
  CHECK(refused > 1);
}

} // namespace ebb
