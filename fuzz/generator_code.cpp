// Expressions are made of the type that is wanted, statements of none; both take bytes from the
// input until it is used up, and then choose what ends soonest.
#include "fuzz/generator_parts.h"

namespace ebb::fuzz {
namespace {

constexpr int64_t interesting[] = {0,
                                   1,
                                   -1,
                                   2,
                                   7,
                                   31,
                                   32,
                                   63,
                                   64,
                                   127,
                                   128,
                                   255,
                                   256,
                                   -128,
                                   -129,
                                   32767,
                                   65535,
                                   65536,
                                   0x7fffffff,
                                   -0x80000000ll,
                                   0xffffffffll,
                                   0x100000000ll,
                                   0x7fffffffffffffffll};
constexpr uint64_t interesting_f64[] = {0,
                                        0x8000000000000000,
                                        0x3ff0000000000000,
                                        0xbff0000000000000,
                                        0x41dfffffffc00000,
                                        0x41e0000000000000,
                                        0x41efffffffe00000,
                                        0xc1e0000000200000,
                                        0x43e0000000000000,
                                        0xc3e0000000000000,
                                        0x7ff0000000000000,
                                        0xfff0000000000000,
                                        0x7ff8000000000000,
                                        0x0000000000000001,
                                        0x000fffffffffffff,
                                        0x4340000000000001,
                                        0x3fe0000000000000,
                                        0x7fefffffffffffff};
constexpr uint32_t interesting_f32[] = {
    0,          0x80000000, 0x3f800000, 0xbf800000, 0x4f000000, 0x4effffff, 0x5f000000, 0xdf000000,
    0x7f800000, 0xff800000, 0x7fc00000, 1,          0x007fffff, 0x4b800001, 0x3f000000, 0x7f7fffff};

template <class T, size_t count> T pick(Input& input, const T (&values)[count]) {
  return values[input.below(count)];
}

} // namespace

void Generator::constant(uint8_t type) {
  const bool is_common = !input_.one_in(3);
  switch (type) {
  case i32:
    return i32_const(static_cast<int32_t>(
        static_cast<uint32_t>(is_common ? pick(input_, interesting) : input_.u32())));
  case i64:
    op(0x42);
    return put_sleb(code_,
                    is_common ? pick(input_, interesting) : static_cast<int64_t>(input_.u64()));
  case f32: {
    uint32_t bits = is_common ? pick(input_, interesting_f32) : input_.u32();
    if ((bits & 0x7fffffff) > 0x7f800000) bits = 0x7fc00000;
    op(0x43);
    for (int i = 0; i < 4; ++i)
      code_.push_back(static_cast<uint8_t>(bits >> 8 * i));
    return;
  }
  case f64: {
    uint64_t bits = is_common ? pick(input_, interesting_f64) : input_.u64();
    if ((bits & 0x7fffffffffffffff) > 0x7ff0000000000000) bits = 0x7ff8000000000000;
    op(0x44);
    for (int i = 0; i < 8; ++i)
      code_.push_back(static_cast<uint8_t>(bits >> 8 * i));
    return;
  }
  default:
    op(0xd0); // ref.null
    code_.push_back(type);
  }
}

void Generator::zero(uint8_t type) {
  if (type == i32) return i32_const(0);
  if (type == i64) {
    op(0x42);
    return code_.push_back(0);
  }
  if (type == f32 || type == f64) {
    op(type == f32 ? 0x43 : 0x44);
    code_.insert(code_.end(), type == f32 ? 4 : 8, 0);
    return;
  }
  op(0xd0);
  code_.push_back(type);
}

/// x = x != x ? NaN : x, by a local of the function's own; without locals always NaN.
void Generator::canonicalize(uint8_t type) {
  const uint32_t local = static_cast<uint32_t>(types_[function_types_[function_]].params.size()) +
                         (type == f32 ? 0 : 1);
  if (has_locals_)
    op_index(0x21, local);
  else
    op(0x1a);
  op(type == f32 ? 0x43 : 0x44);
  const Bytes nan32 = {0, 0, 0xc0, 0x7f};
  const Bytes nan64 = {0, 0, 0, 0, 0, 0, 0xf8, 0x7f};
  const Bytes& nan = type == f32 ? nan32 : nan64;
  code_.insert(code_.end(), nan.begin(), nan.end());
  if (!has_locals_) return;
  op_index(0x20, local);
  op_index(0x20, local);
  op_index(0x20, local);
  op(type == f32 ? 0x5c : 0x62); // ne
  op(0x1b);
}

/// Traps when no steps are left.
void Generator::use_step() {
  op_index(0x23, 0);
  i32_const(1);
  op(0x6b);
  op_index(0x24, 0);
  op_index(0x23, 0);
  op(0x45);
  op(0x04);
  code_.push_back(no_type);
  op(0x00);
  op(0x0b);
}

// --- Expressions.

bool Generator::local_of(uint8_t type, uint32_t& index) {
  std::vector<uint32_t> found;
  const uint32_t params = static_cast<uint32_t>(types_[function_types_[function_]].params.size());
  for (uint32_t i = 0; i < locals_.size(); ++i)
    if (locals_[i] == type && i != params && i != params + 1) found.push_back(i);
  if (found.empty()) return false;
  index = found[input_.below(static_cast<uint32_t>(found.size()))];
  return true;
}

bool Generator::global_of(uint8_t type, bool is_mutable, uint32_t& index) {
  std::vector<uint32_t> found;
  for (uint32_t i = 1; i < globals_.size(); ++i)
    if (globals_[i].type == type && (globals_[i].is_mutable || !is_mutable)) found.push_back(i);
  if (found.empty()) return false;
  index = found[input_.below(static_cast<uint32_t>(found.size()))];
  return true;
}

void Generator::expression(uint8_t type, int depth) {
  if (type == funcref || type == externref) return reference(type, depth);
  uint32_t local = 0;
  if (is_over() || depth >= depth_max) {
    if (!input_.is_empty() && input_.one_in(2) && local_of(type, local))
      return op_index(0x20, local);
    return input_.is_empty() ? zero(type) : constant(type);
  }
  const uint32_t kind = input_.below(8);
  if (kind == 0) return constant(type);
  if (kind <= 2 && local_of(type, local)) return op_index(0x20, local);
  if (kind == 3 && common_expression(type, depth + 1)) return;
  if (type == i32) return i32_expression(depth + 1);
  if (type == i64) return i64_expression(depth + 1);
  float_expression(type, depth + 1);
}

/// What there is of every type. False if it made nothing.
bool Generator::common_expression(uint8_t type, int depth) {
  uint32_t index = 0;
  switch (input_.below(8)) {
  case 0:
    if (!global_of(type, false, index)) return false;
    op_index(0x23, index);
    return true;
  case 1:
    block(type, depth);
    return true;
  case 2:
    if_else(type, depth);
    return true;
  case 3:
    expression(type, depth);
    expression(type, depth);
    expression(i32, depth);
    op(0x1b); // select
    return true;
  case 4:
    if (!local_of(type, index)) return false;
    expression(type, depth);
    op_index(0x22, index); // local.tee
    return true;
  case 5:
    if (!has_memory_) return false;
    load(type, depth);
    return true;
  default:
    return call(type, depth);
  }
}

void Generator::binary_op(uint8_t type, uint8_t opcode, int depth) {
  expression(type, depth);
  expression(type, depth);
  op(opcode);
}

void Generator::binary(uint8_t type, uint8_t first, uint8_t count, int depth) {
  binary_op(type, static_cast<uint8_t>(first + input_.below(count)), depth);
}

void Generator::i32_expression(int depth) {
  switch (input_.below(14)) {
  case 0:
    expression(i32, depth);
    return op(0x45); // eqz
  case 1:
    return binary(i32, 0x46, 10, depth);
  case 2:
    expression(i64, depth);
    return op(0x50);
  case 3:
    return binary(i64, 0x51, 10, depth);
  case 4:
    return binary(f32, 0x5b, 6, depth);
  case 5:
    return binary(f64, 0x61, 6, depth);
  case 6:
    expression(i32, depth);
    return op(static_cast<uint8_t>(0x67 + input_.below(3))); // clz, ctz, popcnt
  case 7:
    expression(i64, depth);
    return op(0xa7); // wrap
  case 8: {
    const uint8_t type = input_.one_in(2) ? f32 : f64;
    expression(type, depth);
    const uint8_t is_unsigned = input_.one_in(2) ? 1 : 0;
    if (input_.one_in(3))
      return op(static_cast<uint8_t>((type == f32 ? 0xa8 : 0xaa) + is_unsigned));
    return prefixed((type == f32 ? 0u : 2u) + is_unsigned); // trunc_sat
  }
  case 9:
    expression(f32, depth);
    canonicalize(f32);
    return op(0xbc); // reinterpret
  case 10:
    expression(i32, depth);
    return op(static_cast<uint8_t>(0xc0 + input_.below(2))); // extend8_s, extend16_s
  case 11:
    if (has_table_ && input_.one_in(2)) {
      reference(funcref, depth);
      return op(0xd1); // ref.is_null
    }
    if (!has_memory_ || memory_is_64_) return constant(i32);
    if (input_.one_in(3)) {
      i32_const(static_cast<int32_t>(input_.below(2)));
      return op_index(0x40, 0); // memory.grow
    }
    return op_index(0x3f, 0); // memory.size
  case 12:
    if (!has_table_) return constant(i32);
    if (input_.one_in(3)) {
      reference(funcref, depth);
      i32_const(static_cast<int32_t>(input_.below(3)));
      prefixed(15);
      return put_uleb(code_, 0); // table.grow
    }
    prefixed(16);
    return put_uleb(code_, 0); // table.size
  default:
    return binary(i32, 0x6a, 15, depth);
  }
}

void Generator::i64_expression(int depth) {
  switch (input_.below(7)) {
  case 0:
    expression(i64, depth);
    return op(static_cast<uint8_t>(0x79 + input_.below(3)));
  case 1:
    expression(i32, depth);
    return op(static_cast<uint8_t>(0xac + input_.below(2))); // extend
  case 2: {
    const uint8_t type = input_.one_in(2) ? f32 : f64;
    expression(type, depth);
    const uint8_t is_unsigned = input_.one_in(2) ? 1 : 0;
    if (input_.one_in(3))
      return op(static_cast<uint8_t>((type == f32 ? 0xae : 0xb0) + is_unsigned));
    return prefixed((type == f32 ? 4u : 6u) + is_unsigned);
  }
  case 3:
    expression(f64, depth);
    canonicalize(f64);
    return op(0xbd);
  case 4:
    expression(i64, depth);
    return op(static_cast<uint8_t>(0xc2 + input_.below(3)));
  case 5:
    if (!has_memory_ || !memory_is_64_) return constant(i64);
    if (input_.one_in(3)) {
      op(0x42);
      code_.push_back(static_cast<uint8_t>(input_.below(2)));
      return op_index(0x40, 0);
    }
    return op_index(0x3f, 0);
  default:
    return binary(i64, 0x7c, 15, depth);
  }
}

void Generator::float_expression(uint8_t type, int depth) {
  const bool is_32 = type == f32;
  switch (input_.below(6)) {
  case 0:
    expression(type, depth);
    return op(static_cast<uint8_t>((is_32 ? 0x8b : 0x99) + input_.below(7))); // abs to sqrt
  case 1: {
    const uint8_t from = input_.one_in(2) ? i32 : i64;
    expression(from, depth);
    return op(
        static_cast<uint8_t>((is_32 ? 0xb2 : 0xb7) + (from == i32 ? 0 : 2) + input_.below(2)));
  }
  case 2:
    expression(is_32 ? f64 : f32, depth);
    return op(is_32 ? 0xb6 : 0xbb); // demote, promote
  case 3:
    expression(is_32 ? i32 : i64, depth);
    return op(is_32 ? 0xbe : 0xbf); // reinterpret
  case 4:
    expression(type, depth);
    expression(type, depth);
    canonicalize(type);
    return op(is_32 ? 0x98 : 0xa6); // copysign
  default:
    return binary(type, is_32 ? 0x92 : 0xa0, 6, depth); // add to max
  }
}

void Generator::reference(uint8_t type, int depth) {
  uint32_t local = 0;
  if (!is_over() && depth < depth_max) {
    const uint32_t kind = input_.below(4);
    if (kind == 0 && local_of(type, local)) return op_index(0x20, local);
    if (type == funcref && kind == 1)
      return op_index(0xd2, input_.below(static_cast<uint32_t>(function_types_.size())));
    if (type == funcref && kind == 2 && has_table_) {
      index_of_table(depth + 1);
      return op_index(0x25, 0); // table.get
    }
  }
  op(0xd0);
  code_.push_back(type);
}

// --- Memory and tables.

/// Mostly inside of the memory.
void Generator::address(int depth) {
  expression(memory_is_64_ ? i64 : i32, depth);
  if (input_.one_in(16)) return;
  op(memory_is_64_ ? 0x42 : 0x41);
  put_sleb(code_, 0xfff);
  op(memory_is_64_ ? 0x83 : 0x71); // and
}

void Generator::index_of_table(int depth) {
  expression(i32, depth);
  if (input_.one_in(16)) return;
  i32_const(7);
  op(0x71);
}

void Generator::load(uint8_t type, int depth) {
  address(depth);
  uint8_t opcode = 0;
  uint32_t align_max = 0;
  if (type == i32) {
    constexpr uint8_t opcodes[] = {0x28, 0x2c, 0x2d, 0x2e, 0x2f};
    constexpr uint8_t aligns[] = {2, 0, 0, 1, 1};
    const uint32_t which = input_.below(5);
    opcode = opcodes[which];
    align_max = aligns[which];
  } else if (type == i64) {
    constexpr uint8_t opcodes[] = {0x29, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35};
    constexpr uint8_t aligns[] = {3, 0, 0, 1, 1, 2, 2};
    const uint32_t which = input_.below(7);
    opcode = opcodes[which];
    align_max = aligns[which];
  } else {
    opcode = type == f32 ? 0x2a : 0x2b;
    align_max = type == f32 ? 2 : 3;
  }
  op(opcode);
  put_uleb(code_, input_.below(align_max + 1));
  put_uleb(code_, input_.one_in(8) ? input_.u32() : input_.byte());
}

void Generator::store(int depth) {
  constexpr uint8_t opcodes[] = {0x36, 0x37, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e};
  constexpr uint8_t types[] = {i32, i64, f32, f64, i32, i32, i64, i64, i64};
  constexpr uint8_t aligns[] = {2, 3, 2, 3, 0, 1, 0, 1, 2};
  const uint32_t which = input_.below(9);
  address(depth);
  expression(types[which], depth);
  if (types[which] == f32 || types[which] == f64) canonicalize(types[which]);
  op(opcodes[which]);
  put_uleb(code_, input_.below(aligns[which] + 1u));
  put_uleb(code_, input_.one_in(8) ? input_.u32() : input_.byte());
}

// --- Control.

void Generator::block(uint8_t type, int depth) {
  op(0x02);
  code_.push_back(type);
  labels_.push_back(type);
  statements(depth, 2);
  expression(type, depth);
  if (input_.one_in(3)) {
    expression(i32, depth);
    op_index(0x0d, 0); // br_if, with the value
  }
  labels_.pop_back();
  op(0x0b);
}

void Generator::if_else(uint8_t type, int depth) {
  expression(i32, depth);
  op(0x04);
  code_.push_back(type);
  labels_.push_back(type);
  statements(depth, 1);
  expression(type, depth);
  op(0x05);
  expression(type, depth);
  labels_.pop_back();
  op(0x0b);
}

void Generator::arguments(const FuncType& type, int depth) {
  for (const uint8_t param : type.params)
    expression(param, depth);
}

/// Leaves of a call's results the first of the wanted type, or makes one.
void Generator::drop_to(const FuncType& type, uint8_t wanted) {
  for (size_t i = type.results.size(); i-- > 1;)
    op(0x1a);
  if (type.results.empty()) return zero(wanted);
  if (type.results[0] == wanted) return;
  op(0x1a);
  zero(wanted);
}

bool Generator::call(uint8_t type, int depth) {
  const uint32_t functions = static_cast<uint32_t>(function_types_.size());
  const bool is_indirect = has_table_ && input_.one_in(3);
  const uint32_t callee = input_.below(functions);
  const FuncType& callee_type = types_[function_types_[callee]];
  arguments(callee_type, depth);
  if (is_indirect) {
    index_of_table(depth);
    op_index(0x11, function_types_[callee]);
    put_uleb(code_, 0);
  } else {
    op_index(0x10, callee);
  }
  drop_to(callee_type, type);
  return true;
}

void Generator::loop(int depth) {
  op(0x03);
  code_.push_back(no_type);
  labels_.push_back(no_type);
  use_step();
  statements(depth, 3);
  expression(i32, depth);
  op_index(0x0d, 0);
  labels_.pop_back();
  op(0x0b);
}

void Generator::branch(int depth) {
  std::vector<uint32_t> free_labels;
  for (uint32_t i = 0; i < labels_.size(); ++i)
    if (labels_[labels_.size() - 1 - i] == no_type) free_labels.push_back(i);
  if (free_labels.empty()) return;
  const auto any = [&] {
    return free_labels[input_.below(static_cast<uint32_t>(free_labels.size()))];
  };
  if (input_.one_in(4)) {
    // In a block of its own, since nothing may follow it.
    op(0x02);
    code_.push_back(no_type);
    expression(i32, depth);
    const uint32_t targets = input_.below(5);
    op_index(0x0e, targets);
    for (uint32_t i = 0; i <= targets; ++i)
      put_uleb(code_, any() + 1);
    op(0x0b);
    return;
  }
  expression(i32, depth);
  op_index(0x0d, any());
}

void Generator::bulk(int depth) {
  const uint32_t kind = input_.below(has_data_ ? 4 : 2);
  const uint8_t type = memory_is_64_ ? i64 : i32;
  if (kind == 3) {
    prefixed(9);
    return put_uleb(code_, 0); // data.drop
  }
  address(depth);
  if (kind == 0)
    expression(i32, depth);
  else if (kind == 1)
    address(depth);
  else
    i32_const(static_cast<int32_t>(input_.below(8)));
  // Few bytes: init counts in i32, the others in the memory's address type.
  const uint8_t count_type = kind == 2 ? i32 : type;
  expression(count_type, depth);
  op(count_type == i32 ? 0x41 : 0x42);
  put_sleb(code_, kind == 2 ? 7 : 0xff);
  op(count_type == i32 ? 0x71 : 0x83); // and
  if (kind == 0) {
    prefixed(11);
    put_uleb(code_, 0);
  } else if (kind == 1) {
    prefixed(10);
    put_uleb(code_, 0);
    put_uleb(code_, 0);
  } else {
    prefixed(8);
    put_uleb(code_, 0);
    put_uleb(code_, 0);
  }
}

void Generator::table_statement(int depth) {
  index_of_table(depth);
  switch (input_.below(3)) {
  case 0:
    reference(funcref, depth);
    return op_index(0x26, 0); // table.set
  case 1:
    reference(funcref, depth);
    i32_const(static_cast<int32_t>(input_.below(4)));
    prefixed(17);
    return put_uleb(code_, 0); // table.fill
  default:
    index_of_table(depth);
    i32_const(static_cast<int32_t>(input_.below(4)));
    prefixed(14);
    put_uleb(code_, 0);
    return put_uleb(code_, 0); // table.copy
  }
}

void Generator::statement(int depth) {
  uint32_t index = 0;
  const uint8_t type = number_type();
  switch (input_.below(12)) {
  case 0:
  case 1:
    if (!local_of(type, index)) return;
    expression(type, depth);
    return op_index(0x21, index);
  case 2:
    if (!global_of(type, true, index)) return;
    expression(type, depth);
    return op_index(0x24, index);
  case 3:
  case 4:
    return has_memory_ ? store(depth) : void();
  case 5:
    return loop(depth);
  case 6:
    return branch(depth);
  case 7:
    return has_memory_ ? bulk(depth) : void();
  case 8:
    return has_table_ ? table_statement(depth) : void();
  case 9:
    expression(i32, depth);
    op(0x04);
    code_.push_back(no_type);
    labels_.push_back(no_type);
    statements(depth, 2);
    labels_.pop_back();
    return op(0x0b);
  case 10:
    expression(i32, depth);
    expression(i64, depth);
    op_index(0x10, note);
    return op(0x1a);
  default:
    expression(type, depth);
    return op(0x1a);
  }
}

void Generator::statements(int depth, uint32_t most) {
  if (depth >= depth_max) return;
  for (uint32_t count = input_.below(most + 1); count != 0 && !is_over(); --count)
    statement(depth + 1);
}

} // namespace ebb::fuzz
