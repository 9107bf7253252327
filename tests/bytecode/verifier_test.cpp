// Every rule of core/bytecode/README.md: code that keeps it is accepted, the same code with just
// that rule broken is refused with the rule's error.
#include "core/bytecode/bytecode.h"
#include "core/bytecode/code_bytes.h"
#include "core/bytecode/verifier.h"
#include "tests/collections/collections_test.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace ebb {
namespace {

using testing::PoolHeap;

std::vector<uint8_t> halves(std::initializer_list<uint32_t> values) {
  std::vector<uint8_t> bytes;
  for (const uint32_t value : values) {
    bytes.push_back(static_cast<uint8_t>(value));
    bytes.push_back(static_cast<uint8_t>(value >> 8));
  }
  return bytes;
}

std::vector<uint8_t> words(std::initializer_list<uint32_t> values) {
  std::vector<uint8_t> bytes;
  for (const uint32_t value : values)
    for (int i = 0; i < 4; i++)
      bytes.push_back(static_cast<uint8_t>(value >> 8 * i));
  return bytes;
}

std::vector<uint8_t> operator+(std::vector<uint8_t> a, const std::vector<uint8_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// Compact code, written by hand.
struct Code {
  std::vector<uint8_t> bytes;

  uint32_t here() const { return static_cast<uint32_t>(bytes.size()); }

  /// An instruction; `kinds` are the letters of its form, `values` its operands that have bytes.
  Code& add(Op op, const char* kinds, std::initializer_list<uint32_t> values = {},
            const std::vector<uint8_t>& extra = {}) {
    const auto kind = [](char letter) {
      return static_cast<Kind>(std::string("nsakr").find(letter));
    };
    const Kinds all = {kind(kinds[0]), kind(kinds[1]), kind(kinds[2]), kind(kinds[3])};
    const Form form = find_form(op, all, false);
    REQUIRE(form != Form::count);
    bytes = bytes + halves({static_cast<uint32_t>(form)});
    auto value = values.begin();
    for (const Kind each : {all.d, all.a, all.b, all.c}) {
      if (kind_bytes(each) == 2) bytes = bytes + halves({*value++});
      if (kind_bytes(each) == 4) bytes = bytes + words({*value++});
    }
    REQUIRE(value == values.end());
    REQUIRE(extra.size() == op_info(op).extra);
    bytes = bytes + extra;
    return *this;
  }
  /// A branch to an offset in the code.
  Code& branch(Op op, const char* kinds, std::initializer_list<uint32_t> values, int64_t target) {
    add(op, kinds, values);
    bytes = bytes + words({static_cast<uint32_t>(target - here())});
    return *this;
  }
  Code& entry(int64_t target) {
    bytes = bytes + words({static_cast<uint32_t>(target - here())});
    return *this;
  }
  Code& ret() { return add(Op::return_void, "nnnn"); }
};

// Types by index; functions are one import of type `binary`, then one defined of each type.
enum : uint32_t { plain, binary, refs, real, pair, wide, vector, structure };
constexpr uint32_t defined(uint32_t type) { return type; }

enum : uint32_t { g_i32, g_f64, g_v128, g_ref, g_const, g_i64 };
enum : uint32_t { t_func, t_extern64, t_func64 };

struct World {
  PoolHeap pool;
  TypeRegistry registry{pool.heap()};
  std::vector<TypeId> ids;
  std::vector<GlobalType> globals;
  std::vector<TableType> tables;
  std::vector<MemoryType> memories;
  std::vector<uint8_t> section;
  VerifyContext context;

  World() {
    const ValType i32 = ValType::i32(), i64 = ValType::i64(), f64 = ValType::f64();
    const ValType ext = ValType::externref(), func = ValType::funcref();
    add_type({}, {});
    add_type({i32, i32}, {i32});
    add_type({ext, func}, {ext});
    add_type({}, {f64});
    add_type({}, {i32, i64});
    add_type({i64}, {i64});
    add_type({ValType::v128()}, {ValType::v128()});
    SubTypeSpec spec;
    spec.kind = CompositeKind::struct_;
    TypeId id;
    REQUIRE(registry.intern({{&spec, 1}, {}, {}}, {&id, 1}).ok());
    ids.push_back(id);
    for (const ValType type : {i32, f64, ValType::v128(), func, i32, i64})
      globals.push_back({type, globals.size() != g_const});
    tables = {table(func, false), table(ext, true), table(func, true)};
    memories = {MemoryType(), MemoryType()};
    memories[1].limits.is_64 = true;
    fill_context();
  }
  ~World() {
    for (const TypeId id : ids)
      registry.release(id);
  }

  static TableType table(ValType element, bool is_64) {
    TableType type;
    type.element = element;
    type.limits.is_64 = is_64;
    return type;
  }
  void add_type(std::vector<ValType> params, const std::vector<ValType>& results) {
    const size_t count = params.size();
    params.insert(params.end(), results.begin(), results.end());
    const auto id = registry.intern_function(params, count);
    REQUIRE(id.ok());
    ids.push_back(id.value());
  }
  static const World& of(const void* world) { return *static_cast<const World*>(world); }
  const SubType& type(uint32_t index) const { return registry.get(ids[index]); }

  void fill_context() {
    context.module = this;
    context.type_at = [](const void* world, uint32_t index) -> const SubType& {
      return of(world).type(index);
    };
    context.function_type_at = [](const void* world, uint32_t index) -> const SubType& {
      return of(world).type(index == 0 ? binary : index - 1);
    };
    context.global_at = [](const void* world, uint32_t index) -> const GlobalType& {
      return of(world).globals[index];
    };
    context.table_at = [](const void* world, uint32_t index) -> const TableType& {
      return of(world).tables[index];
    };
    context.memory_at = [](const void* world, uint32_t index) -> const MemoryType& {
      return of(world).memories[index];
    };
    context.types = structure + 1;
    context.imported_functions = 1;
    context.functions = 1 + structure;
    context.globals = static_cast<uint32_t>(globals.size());
    context.tables = static_cast<uint32_t>(tables.size());
    context.memories = static_cast<uint32_t>(memories.size());
    context.elems = 1;
    context.datas = 1;
    context.wide = true;
  }

  /// The record of code that is put alone into the section.
  Function place(const Code& code, uint32_t type_index, SlotCounts frame,
                 const std::vector<uint8_t>& pins = {0, 0}) {
    Function function;
    section = code.bytes + pins;
    context.code = section;
    function.code_bytes = code.here();
    function.type = TypeIndex{type_index};
    function.params = slot_counts(type(type_index).params());
    function.results = slot_counts(type(type_index).results());
    function.frame = frame;
    function.extent = uint32_t{frame.numbers} + frame.refs + pin_homes;
    return function;
  }
  Error check(const Function& function) {
    const size_t used = pool.heap().stats().used;
    const Result<void> verified =
        verify_function(context, function, type(function.type.value), pool.heap(), &bad_offset);
    CHECK(pool.heap().stats().used == used);
    return verified.error();
  }
  Error check(const Code& code, uint32_t type_index = plain, SlotCounts frame = {8, 0}) {
    return check(place(code, type_index, frame));
  }
  /// A constant that gives an i32.
  Error check_constant(const Code& code, ValType type = ValType::i32()) {
    Function function = place(code, plain, {4, 0});
    function.results = slot_counts({&type, 1});
    return verify_constant(context, function, type, pool.heap(), &bad_offset).error();
  }
  uint32_t bad_offset = 0;
};

Code with_refs(SlotCounts frame, uint32_t params = 0) {
  Code code;
  code.add(Op::enter_refs, "nnnn", {}, halves({params, frame.refs - params}));
  return code;
}

const std::vector<uint8_t> constant8 = words({1, 0});

} // namespace

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
  CHECK(refused([](Function& f) { f.params.numbers = 1; }));
  CHECK(refused([](Function& f) { f.params.refs = 1; }));
  CHECK(refused([](Function& f) { f.results.numbers = 2; }));
  CHECK(refused([](Function& f) { f.results.refs = 1; }));
  CHECK(refused([](Function& f) { f.frame.numbers = 1, f.extent = 4; }));
  CHECK(refused([](Function& f) { f.frame.numbers = 65001, f.extent = 65004; }));
  CHECK(refused([](Function& f) { f.frame.refs = 65001, f.extent = 65007; }));
  CHECK(refused([](Function& f) { f.extent--; }));
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
  CHECK(check({1, 2, 0, 0, 1, 0, 3, 0}) == Error::none);
  CHECK(check({1, 0, 4, 0}) == Error::bytecode_record);
  CHECK(check({0, 1, 4, 0}) == Error::bytecode_record);
  CHECK(check({5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) == Error::bytecode_record);
  CHECK(check({0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) == Error::bytecode_record);
  CHECK(check({1 | PinList::wide_bit, 0, 0, 0}) == Error::none);
  CHECK(check({1 | PinList::wide_bit << 1, 0, 0, 0}) == Error::bytecode_record);
  CHECK(check({1, 0}) == Error::bytecode_record);
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
  table.add(Op::br_table, "nsnn", {0}, words({1})).entry(0).entry(0);
  CHECK(world.check(table) == Error::none);
  Code cut_table;
  cut_table.add(Op::br_table, "nsnn", {0}, words({2})).entry(0).entry(0);
  CHECK(world.check(cut_table) == Error::bytecode_opcode);
  Code huge_table;
  huge_table.add(Op::br_table, "nsnn", {0}, words({UINT32_MAX})).entry(0);
  CHECK(world.check(huge_table) == Error::bytecode_opcode);
}

TEST_CASE("numbers lie in the frame's numbers") {
  World world;
  const SlotCounts frame = {4, 0};
  const auto check = [&](Code code) { return world.check(code.ret(), plain, frame); };
  CHECK(check(Code().add(Op::i32_add, "sssn", {3, 3, 3})) == Error::none);
  CHECK(check(Code().add(Op::i32_add, "sssn", {4, 0, 0})) == Error::bytecode_slot);
  CHECK(check(Code().add(Op::i32_add, "sssn", {0, 4, 0})) == Error::bytecode_slot);
  CHECK(check(Code().add(Op::i32_add, "sssn", {0, 0, 4})) == Error::bytecode_slot);
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
  CHECK(check(Code().add(Op::enter, "nnnn", {}, halves({1, 3}))) == Error::none);
  CHECK(check(Code().add(Op::enter, "nnnn", {}, halves({1, 4}))) == Error::bytecode_slot);
  CHECK(check(Code().add(Op::enter, "nnnn", {}, halves({65535, 65535}))) == Error::bytecode_slot);
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
    code.branch(Op::br_if, "nsnn", {0}, code.here() + 8 + 10 + 4);
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
  spoiled.add(Op::call, "nnnn", {}, words({defined(plain)}) + halves({0}));
  CHECK(world.check(spoiled.ret(), refs, frame) == Error::bytecode_reference);
}

TEST_CASE("branches lead to instructions of the function") {
  World world;
  const auto br = [&](int64_t target) {
    Code code;
    code.add(Op::copy, "ssnn", {0, 1});          // 0
    code.branch(Op::br_if, "nsnn", {0}, target); // 6
    code.add(Op::copy, "ssnn", {0, 1});          // 14
    return world.check(code.ret());              // 20
  };
  for (const int64_t good : {0, 6, 14, 20})
    CHECK(br(good) == Error::none);
  for (const int64_t bad : {-2, -100000, 2, 3, 8, 10, 15, 16, 22, 24, 100000})
    CHECK(br(bad) == Error::bytecode_target);

  const auto table = [&](int64_t first, int64_t second) {
    Code code;
    code.add(Op::br_table, "nsnn", {0}, words({1})).entry(first).entry(second);
    return world.check(code.ret());
  };
  CHECK(table(0, 16) == Error::none);
  CHECK(table(2, 16) == Error::bytecode_target);
  CHECK(table(0, 14) == Error::bytecode_target);
}

TEST_CASE("nothing leads back into the entry, or between a call and what restores references") {
  World world;
  const SlotCounts frame = {4, 2};
  const auto check = [&](uint32_t target) {
    Code code = with_refs(frame);                                                  // 0
    code.add(Op::enter, "nnnn", {}, halves({0, 2}));                               // 6
    code.add(Op::copy, "ssnn", {0, 1});                                            // 12
    code.add(Op::call_refs, "nnnn", {}, words({defined(plain)}) + halves({1, 2})); // 18
    code.add(Op::refs_restore, "nnnn", {}, halves({1}));                           // 28
    code.branch(Op::br_if, "nsnn", {0}, target);                                   // 32
    return world.check(code.ret(), plain, frame);
  };
  CHECK(check(12) == Error::none);
  CHECK(check(18) == Error::none);
  CHECK(check(0) == Error::bytecode_target);
  CHECK(check(6) == Error::bytecode_target);
  CHECK(check(28) == Error::bytecode_target);
  // Forward as well.
  Code code = with_refs(frame);
  code.branch(Op::br_if, "nsnn", {0}, 6 + 8 + 10);
  code.add(Op::call_refs, "nnnn", {}, words({defined(plain)}) + halves({1, 2}));
  code.add(Op::refs_restore, "nnnn", {}, halves({1}));
  CHECK(world.check(code.ret(), plain, frame) == Error::bytecode_target);
}

TEST_CASE("globals exist, are of the instruction's class and may be set") {
  World world;
  const auto get = [&](Op op, const char* kinds, uint32_t global) {
    return world.check(Code().add(op, kinds, {0}, words({global})).ret());
  };
  CHECK(get(Op::global_get, "snnn", g_i32) == Error::none);
  CHECK(get(Op::global_get, "snnn", g_i64) == Error::none);
  CHECK(get(Op::global_get, "snnn", g_const) == Error::none);
  CHECK(get(Op::global_get_float, "snnn", g_f64) == Error::none);
  CHECK(get(Op::global_set, "nsnn", g_i32) == Error::none);
  CHECK(get(Op::global_set_float, "nsnn", g_f64) == Error::none);
  CHECK(get(Op::global_set_v128, "nsnn", g_v128) == Error::none);
  for (const uint32_t other : {uint32_t{g_f64}, uint32_t{g_v128}, uint32_t{g_ref}, 6u, UINT32_MAX})
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
  CHECK(check(Op::data_drop, "nnnn", {}, words({1})) == Error::bytecode_index);
  CHECK(check(Op::far_load64, "ssnn", {0, 0}, words({1 | far_address_64, 0, 0})) == Error::none);
  CHECK(check(Op::far_load64, "ssnn", {0, 0}, words({1, 0, 0})) == Error::bytecode_index);
  CHECK(check(Op::far_store8, "nssn", {0, 0}, words({2, 0, 0})) == Error::bytecode_index);

  const auto near = [&] { return check(Op::i32_load, "ssnn", {0, 0}, words({0})); };
  CHECK(near() == Error::none);
  world.memories[0].limits.is_64 = true;
  CHECK(near() == Error::bytecode_index);
  world.memories[0].limits.is_64 = false;
  world.context.memories = 0;
  CHECK(near() == Error::bytecode_index);
}

TEST_CASE("functions and types exist, and are functions") {
  World world;
  const SlotCounts frame = {8, 1};
  const auto check = [&](Op op, const char* kinds, std::initializer_list<uint32_t> values,
                         const std::vector<uint8_t>& extra) {
    Code code = with_refs(frame);
    return world.check(code.add(op, kinds, values, extra).ret(), plain, frame);
  };
  CHECK(check(Op::ref_func, "rnnn", {0}, words({7})) == Error::none);
  CHECK(check(Op::ref_func, "rnnn", {0}, words({8})) == Error::bytecode_index);
  CHECK(check(Op::call, "nnnn", {}, words({6}) + halves({4})) == Error::none);
  CHECK(check(Op::call, "nnnn", {}, words({7}) + halves({4})) == Error::bytecode_index);
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

TEST_CASE("what calls pass and get lies in the frame") {
  World world;
  const auto call = [&](uint32_t type, uint32_t outgoing, SlotCounts frame) {
    Code code;
    if (frame.refs != 0) code = with_refs(frame);
    code.add(Op::call, "nnnn", {}, words({defined(type)}) + halves({outgoing}));
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

TEST_CASE("returns give what the function's type says") {
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
  enter.add(Op::copy, "ssnn", {0, 1}).add(Op::enter, "nnnn", {}, halves({0, 2})).ret();
  CHECK(world.check(enter) == Error::bytecode_entry);
  Code twice;
  twice.add(Op::enter, "nnnn", {}, halves({0, 2})).add(Op::enter, "nnnn", {}, halves({0, 2})).ret();
  CHECK(world.check(twice) == Error::bytecode_entry);
}

TEST_CASE("control does not reach the end of the code") {
  World world;
  CHECK(world.check(Code()) == Error::bytecode_end);
  CHECK(world.check(Code().add(Op::copy, "ssnn", {0, 1})) == Error::bytecode_end);
  CHECK(world.check(Code().branch(Op::br_if, "nsnn", {0}, 0)) == Error::bytecode_end);
  CHECK(world.check(Code().add(Op::call, "nnnn", {}, words({defined(plain)}) + halves({0}))) ==
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
    c.add(Op::call, "nnnn", {}, words({defined(type)}) + halves({0}));
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
    code.branch(Op::br_if, "nsnn", {0}, 10 + 8 + (other_path_sets ? 6 : 6));
    if (other_path_sets)
      code.add(Op::move, "ssnn", {0, 1});
    else
      code.add(Op::table_size, "snnn", {0}, words({t_func}));
    if (!other_path_sets) write_code(code.bytes.data() + 14, code.here() - 14);
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
  both(Code().add(Op::f64_load, "asnn", {1}, words({0})).ret(), plain, Error::bytecode_profile);
  both(Code().add(Op::global_get, "annn", {}, words({g_i64})).ret(), plain,
       Error::bytecode_profile);
  both(Code().add(Op::global_get, "annn", {}, words({g_i32})).ret(), plain, Error::none);
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
  both(Code()
           .add(Op::call, "nnnn", {}, words({defined(wide)}) + halves({0}))
           .add(Op::move, "sann", {0})
           .ret(),
       plain, Error::bytecode_accumulator);
}

TEST_CASE("where the module says so, functions and loops count fuel") {
  World world;
  const Code fuel = Code().add(Op::fuel, "nnnn", {}, halves({0}));
  world.context.fuel = true;
  CHECK(world.check(Code(fuel).ret()) == Error::none);
  CHECK(world.check(Code().ret()) == Error::bytecode_fuel);
  CHECK(world.check(Code()
                        .add(Op::enter, "nnnn", {}, halves({0, 1}))
                        .add(Op::fuel, "nnnn", {}, halves({0}))
                        .ret()) == Error::bytecode_fuel);
  CHECK(world.check(Code(fuel).branch(Op::br, "nnnn", {}, 0)) == Error::none);
  CHECK(world.check(Code(fuel).branch(Op::br, "nnnn", {}, 4)) == Error::bytecode_fuel);
  CHECK(world.check(Code(fuel).add(Op::br_table, "nsnn", {0}, words({0})).entry(4)) ==
        Error::bytecode_fuel);
  // Going on after a pause returns through the outgoing base, so that it must be zero.
  CHECK(world.check(Code().add(Op::fuel, "nnnn", {}, halves({1})).ret()) == Error::bytecode_frame);
  world.context.fuel = false;
  CHECK(world.check(Code(fuel).ret()) == Error::bytecode_fuel);
}

TEST_CASE("a pause loses the accumulator") {
  World world;
  world.context.fuel = true;
  Code code = Code().add(Op::fuel, "nnnn", {}, halves({0}));
  code.add(Op::const_int, "annn", {}, constant8).add(Op::fuel, "nnnn", {}, halves({0}));
  CHECK(world.check(code.add(Op::move, "sann", {0}).ret()) == Error::bytecode_accumulator);
}

TEST_CASE("constants neither trap nor branch nor call") {
  World world;
  const auto check = [&](Code code) {
    return world.check_constant(code.add(Op::return_int, "nsnn", {0}));
  };
  CHECK(check(Code().add(Op::i32_add, "sssn", {0, 1, 2})) == Error::none);
  CHECK(check(Code().add(Op::i32_div_s, "sssn", {0, 1, 2})) == Error::bytecode_constant);
  CHECK(check(Code().add(Op::i32_load, "ssnn", {0, 1}, words({0}))) == Error::bytecode_constant);
  CHECK(check(Code().branch(Op::br, "nnnn", {}, 0)) == Error::bytecode_constant);
  CHECK(check(Code().add(Op::call, "nnnn", {}, words({0}) + halves({0}))) ==
        Error::bytecode_constant);
  CHECK(check(Code().add(Op::global_set, "nsnn", {0}, words({g_i32}))) == Error::bytecode_constant);
  CHECK(check(Code().add(Op::unreachable, "nnnn")) == Error::bytecode_constant);
  // It needs no fuel, and gives one value of its type.
  world.context.fuel = true;
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
    PoolHeap scratch(size_t{1} << 16, limit);
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
