// Every rule of core/bytecode/README.md: code that keeps it is accepted, the same code with just
// that rule broken is refused with the rule's error. Here: records, instructions, and the slots
// that they name.
#include "tests/bytecode/verifier_test.h"
#include "tests/needs.h"

#include <doctest/doctest.h>

namespace ebb {

using namespace testing::bytecode;

TEST_CASE("a function's record is of one piece") {
  World world;
  // The frame has a reference, which must be cleared.
  Code clearing = with_refs({4, 1});
  clearing.add(Op::return_int, "nknn", {1});
  const Function whole = world.place(clearing, binary, {4, 1});
  CHECK(world.check(whole) == Error::none);
  const auto refused = [&](auto change) {
    Function function = whole;
    change(function);
    return world.check(function) == Error::bytecode_record;
  };
  // The frame holds parameters and results, and has at most so many slots.
  CHECK(refused([](Function& f) { f.set_frame(1, 1); }));
  CHECK(refused([](Function& f) { f.set_frame(65000, 1); }));
  CHECK(refused([](Function& f) { f.set_frame(1, 65000); }));
  CHECK(refused([](Function& f) { f.extent = 2; }));
  CHECK(refused([](Function& f) { f.extent = 0; }));
  CHECK(refused([](Function& f) { f.frame_refs = 65535; }));
  Function full = whole;
  full.set_frame(64999, 1);
  CHECK(world.check(full) == Error::none);
  for (const uint32_t type : {uint32_t{refs}, uint32_t{pair}}) {
    Function other = whole;
    other.type = TypeIndex{type};
    other.set_frame(type == pair ? 1 : 4, 1);
    CHECK(world.check(other) == Error::bytecode_record);
  }
  CHECK(refused([](Function& f) { f.code_offset = 1; }));
  CHECK(refused([](Function& f) { f.code_offset = UINT32_MAX - 1; }));
  CHECK(refused([](Function& f) { f.code_bytes += 2; }));
  CHECK(refused([](Function& f) { f.code_bytes = UINT32_MAX - 1; }));
}

TEST_CASE("the list of pins names slots of the frame, and lies in the code") {
  World world;
  Code code;
  code.ret();
  const auto check = [&](const std::vector<uint8_t>& pins) {
    return world.check(world.place(code, plain, {4, 0}, pins));
  };
  CHECK(check({0, 0}) == Error::none);
  CHECK(check({1, 2, 0, 1, 3, 0}) == Error::none);
  CHECK(check({1, 0, 4, 0}) == Error::bytecode_record);
  CHECK(check({0, 1, 4, 0}) == Error::bytecode_record);
  CHECK(check({1, 1, 3, 4}) == Error::bytecode_record);
  CHECK(check({5, 0, 0, 0, 0, 0, 0, 0}) == Error::bytecode_record);
  CHECK(check({0, 5, 0, 0, 0, 0, 0, 0}) == Error::bytecode_record);
  CHECK(check({1 | PinList::wide_bit, 0, 0, 0}) == Error::none);
  CHECK(check({1 | PinList::wide_bit << 1, 0, 0, 0}) == Error::bytecode_record);
  CHECK(check({1, 0}) == Error::bytecode_record);
  CHECK(check({1, 2, 0, 1, 3}) == Error::bytecode_record);
  CHECK(check({0}) == Error::bytecode_record);
}

TEST_CASE("instructions are compact ones, whole, and not the machine's own") {
  World world;
  Code good;
  good.add(Op::i32_add, "sssn", {0, 1, 2}).ret();
  CHECK(world.check(good) == Error::none);

  Code unknown = good;
  write_code(unknown.bytes.data(), static_cast<uint16_t>(Form::compact_count));
  CHECK(world.check(unknown) == Error::bytecode_opcode);
  write_code(unknown.bytes.data(), static_cast<uint16_t>(0xffff));
  CHECK(world.check(unknown) == Error::bytecode_opcode);

  for (const Op op : {Op::exit_machine, Op::prepare, Op::return_boundary})
    CHECK(world.check(Code().add(op, "nnnn")) == Error::bytecode_opcode);
  for (const Op op : {Op::pin_int_load, Op::pin_float_load})
    CHECK(world.check(Code().add(op, "snnn", {0}).ret()) == Error::bytecode_opcode);
  for (const Op op : {Op::pin_int_store, Op::pin_float_store})
    CHECK(world.check(Code().add(op, "nsnn", {0}).ret()) == Error::bytecode_opcode);

  for (size_t cut = 2; cut < 8; cut += 2) {
    Code short_code = good;
    short_code.bytes.resize(cut);
    CHECK(world.check(short_code) == Error::bytecode_opcode);
  }
  Code table;
  table.add(Op::br_table, "nsnn", {0}, halves({1})).entry(0).entry(0);
  CHECK(world.check(table) == Error::none);
  Code cut_table;
  cut_table.add(Op::br_table, "nsnn", {0}, halves({2})).entry(0).entry(0);
  CHECK(world.check(cut_table) == Error::bytecode_opcode);
  Code huge_table;
  huge_table.add(Op::br_table, "nsnn", {0}, halves({UINT16_MAX})).entry(0);
  CHECK(world.check(huge_table) == Error::bytecode_opcode);
  const auto far_table = [&](uint32_t count) {
    Code code;
    code.add(Op::far_br_table, "nsnn", {0}, words({count}));
    return world.check(code.entry(0, Op::far_br_table).entry(0, Op::far_br_table));
  };
  CHECK(far_table(1) == Error::none);
  for (const uint32_t count : {2u, UINT32_MAX / 4, UINT32_MAX - 1, UINT32_MAX})
    CHECK(far_table(count) == Error::bytecode_opcode);
}

TEST_CASE("numbers lie in the frame's numbers" * needs_wasm_3()) {
  World world;
  const SlotCounts frame = {4, 0};
  const auto check = [&](Code code) { return world.check(code.ret(), plain, frame); };
  CHECK(check(Code().add(Op::i32_add, "sssn", {3, 3, 3})) == Error::none);
  CHECK(check(Code().add(Op::i32_add, "sssn", {4, 0, 0})) == Error::bytecode_slot);
  CHECK(check(Code().add(Op::i32_add, "sssn", {0, 4, 0})) == Error::bytecode_slot);
  CHECK(check(Code().add(Op::i32_add, "sssn", {0, 0, 4})) == Error::bytecode_slot);
  CHECK(check(Code().add(Op::i32_add, "sswn", {0, 4, 0})) == Error::bytecode_slot);
  CHECK(check(Code().add(Op::i32_load, "sshn", {3, 3, 65535}, halves({65535}))) == Error::none);
  CHECK(check(Code().add(Op::i32_load, "sshn", {4, 0, 0}, halves({0}))) == Error::bytecode_slot);
  CHECK(check(Code().add(Op::i32_load, "sshn", {0, 4, 0}, halves({0}))) == Error::bytecode_slot);
  CHECK(check(Code().add(Op::i32_store, "nssh", {3, 3, 65535}, halves({0}))) == Error::none);
  CHECK(check(Code().add(Op::i32_store, "nksn", {65535, 4}, halves({0}))) == Error::bytecode_slot);
  CHECK(check(Code().add(Op::copy_high, "snnn", {3}, halves({1}))) == Error::none);
  CHECK(check(Code().add(Op::copy_high, "snnn", {4}, halves({1}))) == Error::bytecode_slot);
  CHECK(check(Code().add(Op::far_global_get, "snnn", {4}, words({g_i64}))) == Error::bytecode_slot);
  CHECK(check(Code().add(Op::far_global_set, "nsnn", {4}, words({g_i64}))) == Error::bytecode_slot);
  CHECK(check(Code().add(Op::select, "ssss", {0, 0, 0, 3})) == Error::none);
  CHECK(check(Code().add(Op::select, "ssss", {0, 0, 0, 4})) == Error::bytecode_slot);
  // A vector takes two slots.
  CHECK(check(Code().add(Op::select_v128, "ssss", {2, 2, 2, 3})) == Error::none);
  CHECK(check(Code().add(Op::select_v128, "ssss", {3, 2, 2, 3})) == Error::bytecode_slot);
  CHECK(check(Code().add(Op::select_v128, "ssss", {2, 3, 2, 3})) == Error::bytecode_slot);
  CHECK(check(Code().add(Op::select_v128, "ssss", {2, 2, 3, 3})) == Error::bytecode_slot);
  const std::vector<uint8_t> global = words({g_v128});
  CHECK(check(Code().add(Op::global_get_v128, "snnn", {2}, global)) == Error::none);
  CHECK(check(Code().add(Op::global_get_v128, "snnn", {3}, global)) == Error::bytecode_slot);
  CHECK(check(Code().add(Op::global_set_v128, "nsnn", {3}, global)) == Error::bytecode_slot);
  CHECK(check(Code().add(Op::copy_range, "ssnn", {0, 1}, halves({3}))) == Error::none);
  CHECK(check(Code().add(Op::copy_range, "ssnn", {0, 1}, halves({4}))) == Error::bytecode_slot);
  CHECK(check(Code().add(Op::copy_range, "ssnn", {1, 0}, halves({4}))) == Error::bytecode_slot);
  CHECK(check(Code().add(Op::enter, "nnnn", {}, halves({1, 3, 4}))) == Error::none);
  CHECK(check(Code().add(Op::enter, "nnnn", {}, halves({1, 4, 4}))) == Error::bytecode_slot);
  CHECK(check(Code().add(Op::enter, "nnnn", {}, halves({65535, 65535, 4}))) ==
        Error::bytecode_slot);
  CHECK(check(Code().add(Op::enter, "nnnn", {}, halves({0, 0, 5}))) == Error::bytecode_slot);
}

TEST_CASE("references lie in the frame's references") {
  World world;
  const SlotCounts frame = {4, 3};
  const auto check = [&](auto add) {
    Code code = with_refs(frame);
    add(code);
    return world.check(code.ret(), plain, frame);
  };
  CHECK(check([](Code& c) { c.add(Op::ref_move, "rrnn", {2, 2}); }) == Error::none);
  CHECK(check([](Code& c) { c.add(Op::ref_move, "rrnn", {3, 2}); }) == Error::bytecode_slot);
  CHECK(check([](Code& c) { c.add(Op::ref_move, "rrnn", {2, 3}); }) == Error::bytecode_slot);
  const auto range = [&](uint32_t to, uint32_t from, uint32_t count) {
    return check([&](Code& c) { c.add(Op::ref_move_range, "rrnn", {to, from}, halves({count})); });
  };
  CHECK(range(0, 1, 2) == Error::none);
  CHECK(range(0, 2, 2) == Error::bytecode_slot);
  CHECK(range(2, 0, 2) == Error::bytecode_slot);
  CHECK(check([](Code& c) { c.add(Op::ref_select, "rrrs", {0, 1, 2, 3}); }) == Error::none);
  CHECK(check([](Code& c) { c.add(Op::ref_select, "rrrs", {0, 1, 3, 3}); }) ==
        Error::bytecode_slot);
  CHECK(check([](Code& c) { c.add(Op::ref_select, "rrrs", {0, 1, 2, 4}); }) ==
        Error::bytecode_slot);
  CHECK(check([](Code& c) { c.add(Op::ref_is_null, "srnn", {0, 3}); }) == Error::bytecode_slot);
}

TEST_CASE("a reference is not read that a call may have spoiled") {
  World world;
  const SlotCounts frame = {8, 6};
  // Passes nothing at 2, 3: afterwards references from 2 on are unknown.
  const auto call = [](Code& code) {
    code.add(Op::call_refs, "nnnn", {}, words({defined(plain)}) + halves({2, 4}));
    code.add(Op::refs_restore, "nnnn", {}, halves({2}));
  };
  const auto check = [&](auto add) {
    Code code = with_refs(frame);
    add(code);
    return world.check(code.ret(), plain, frame);
  };
  const auto read = [](Code& code, uint32_t from) { code.add(Op::ref_move, "rrnn", {0, from}); };
  CHECK(check([&](Code& c) { read(c, 5); }) == Error::none);
  CHECK(check([&](Code& c) { call(c), read(c, 1); }) == Error::none);
  CHECK(check([&](Code& c) { call(c), read(c, 2); }) == Error::bytecode_reference);
  // What is written again in order can be read again.
  CHECK(check([&](Code& c) { call(c), c.add(Op::ref_null, "rnnn", {2}), read(c, 2); }) ==
        Error::none);
  CHECK(check([&](Code& c) { call(c), c.add(Op::ref_null, "rnnn", {3}), read(c, 3); }) ==
        Error::bytecode_reference);
  CHECK(check([&](Code& c) {
          call(c);
          c.add(Op::ref_move_range, "rrnn", {2, 0}, halves({2}));
          read(c, 3);
        }) == Error::none);
  // Passing is reading, and so is all that lies below what is passed.
  CHECK(check([&](Code& c) {
          call(c);
          c.add(Op::call_refs, "nnnn", {}, words({defined(plain)}) + halves({3, 4}));
          c.add(Op::refs_restore, "nnnn", {}, halves({3}));
        }) == Error::bytecode_reference);
  // Results count.
  const auto call_with_result = [](Code& code) {
    code.add(Op::call_refs, "nnnn", {}, words({defined(refs)}) + halves({2, 4}));
    code.add(Op::refs_restore, "nnnn", {}, halves({2}));
  };
  CHECK(check([&](Code& c) { call_with_result(c), read(c, 2); }) == Error::none);
  CHECK(check([&](Code& c) { call_with_result(c), read(c, 3); }) == Error::bytecode_reference);
}

TEST_CASE("what calls leave of references holds on every path") {
  World world;
  const SlotCounts frame = {8, 6};
  const auto call = [](Code& code) {
    code.add(Op::call_refs, "nnnn", {}, words({defined(plain)}) + halves({2, 4}));
    code.add(Op::refs_restore, "nnnn", {}, halves({2}));
  };
  // if (0) call; read
  for (const uint32_t from : {1u, 2u}) {
    Code code = with_refs(frame);
    code.branch(Op::br_if, "nsnn", {0}, code.here() + 6 + 10 + 4);
    call(code);
    code.add(Op::ref_move, "rrnn", {0, from}).ret();
    CHECK(world.check(code, plain, frame) == (from == 1 ? Error::none : Error::bytecode_reference));
  }
  // loop: read; call; if (0) goto loop. The call spoils what the next round reads.
  for (const uint32_t from : {1u, 2u}) {
    Code code = with_refs(frame);
    const uint32_t loop = code.here();
    code.add(Op::ref_move, "rrnn", {0, from});
    call(code);
    code.branch(Op::br_if, "nsnn", {0}, loop).ret();
    CHECK(world.check(code, plain, frame) == (from == 1 ? Error::none : Error::bytecode_reference));
  }
  // A call before a loop in which more references are live than it left does not count.
  Code before = with_refs(frame);
  call(before);
  before.add(Op::ref_null, "rnnn", {2});
  const uint32_t loop = before.here();
  before.add(Op::ref_move, "rrnn", {0, 2});
  before.branch(Op::br_if, "nsnn", {0}, loop).ret();
  CHECK(world.check(before, plain, frame) == Error::none);
  // A jump from behind into the middle of a loop brings less than the loop's start takes for
  // granted.
  for (const bool jumps : {false, true}) {
    Code into = with_refs(frame);
    const uint32_t start = into.here();
    into.add(Op::copy, "ssnn", {0, 1});
    const uint32_t middle = into.here();
    into.add(Op::copy, "ssnn", {0, 1}).branch(Op::br_if, "nsnn", {0}, start);
    call(into);
    if (jumps) into.branch(Op::br_if, "nsnn", {0}, middle);
    CHECK(world.check(into.ret(), plain, frame) ==
          (jumps ? Error::bytecode_reference : Error::none));
  }
}

TEST_CASE("returned references have been set") {
  World world;
  const SlotCounts frame = {4, 3};
  Code code;
  code.add(Op::enter_refs, "nnnn", {}, halves({2, 1}));
  CHECK(world.check(code.ret(), refs, frame) == Error::none);
  Code spoiled;
  spoiled.add(Op::enter_refs, "nnnn", {}, halves({2, 1}));
  spoiled.add(Op::call, "nnnn", {}, halves({defined(plain), 0}));
  CHECK(world.check(spoiled.ret(), refs, frame) == Error::bytecode_reference);
}

} // namespace ebb
