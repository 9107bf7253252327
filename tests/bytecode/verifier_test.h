// What the tests of the verifier share: code written by hand, and a module for it to lie in.
#pragma once

#include "core/bytecode/bytecode.h"
#include "core/bytecode/code_bytes.h"
#include "core/bytecode/verifier.h"
#include "tests/collections/collections_test.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace ebb::testing::bytecode {

// GCC 12 warns about bounds of its own making where the growth of a vector is inlined.
#define EBB_OUT_OF_LINE __attribute__((noinline)) inline

EBB_OUT_OF_LINE std::vector<uint8_t> halves(std::initializer_list<uint32_t> values) {
  std::vector<uint8_t> bytes;
  for (const uint32_t value : values) {
    bytes.push_back(static_cast<uint8_t>(value));
    bytes.push_back(static_cast<uint8_t>(value >> 8));
  }
  return bytes;
}

EBB_OUT_OF_LINE std::vector<uint8_t> words(std::initializer_list<uint32_t> values) {
  std::vector<uint8_t> bytes;
  for (const uint32_t value : values)
    for (int i = 0; i < 4; i++)
      bytes.push_back(static_cast<uint8_t>(value >> 8 * i));
  return bytes;
}

EBB_OUT_OF_LINE std::vector<uint8_t> operator+(std::vector<uint8_t> a,
                                               const std::vector<uint8_t>& b) {
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
      return static_cast<Kind>(std::string("nsakrpwhqvl").find(letter));
    };
    const Kinds all = {kind(kinds[0]), kind(kinds[1]), kind(kinds[2]), kind(kinds[3])};
    const Form form = find_compact_form(op, all);
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
    return add(op, kinds, values).entry(target, op);
  }
  /// A target, as `op` has them.
  Code& entry(int64_t target, Op op = Op::br_table) {
    const int64_t distance = target - here();
    if (target_bytes(op) == 4) {
      bytes = bytes + words({static_cast<uint32_t>(distance)});
      return *this;
    }
    REQUIRE(distance % 2 == 0);
    REQUIRE(distance / 2 == static_cast<int16_t>(distance / 2));
    bytes = bytes + halves({static_cast<uint32_t>(distance / 2)});
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
    function.set_frame(frame.numbers, frame.refs);
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
    const Function function = place(code, plain, {4, 0});
    return verify_constant(context, function, type, pool.heap(), &bad_offset).error();
  }
  uint32_t bad_offset = 0;
};

inline Code with_refs(SlotCounts frame, uint32_t params = 0) {
  Code code;
  code.add(Op::enter_refs, "nnnn", {}, halves({params, frame.refs - params}));
  return code;
}

inline const std::vector<uint8_t> constant8 = words({1, 0});

} // namespace ebb::testing::bytecode
