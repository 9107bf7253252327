// Ops have an order that says nearly all about them: those on i32 and on i64 are the same in the
// same order, and so are those on f32 and f64, and branches that compare follow comparisons. Here
// an op is its distance from the first of its kind, and both widths are computed in 64 bits.
#include "core/interpret/numeric_small.h"

#include "core/interpret/soft_float.h"

#include <bit>
#include <cstring>

namespace ebb {
namespace {

constexpr uint32_t distance(Op from, Op to) {
  return static_cast<uint32_t>(to) - static_cast<uint32_t>(from);
}

// The order that is relied on.
static_assert(static_cast<uint32_t>(Op::i32_add) == 0);
static_assert(distance(Op::i32_add, Op::i32_rem_u) == 14 &&
              distance(Op::i32_add, Op::i64_add) == 15);
static_assert(distance(Op::i64_add, Op::i64_rem_u) == 14);
static_assert(distance(Op::i32_div_s, Op::i32_div_u) == 1 &&
              distance(Op::i32_div_u, Op::i32_rem_s) == 1);
static_assert(distance(Op::i64_rem_u, Op::i32_eq) == 1 && distance(Op::i32_eq, Op::i64_eq) == 10);
static_assert(distance(Op::i32_eq, Op::f32_eq) == 20 && distance(Op::f32_eq, Op::f64_eq) == 6);
static_assert(distance(Op::f64_eq, Op::f32_add) == 6 && distance(Op::f32_add, Op::f64_add) == 7);
static_assert(distance(Op::f32_add, Op::f32_copysign) ==
              static_cast<uint32_t>(FloatBinary::copysign));
static_assert(distance(Op::f64_add, Op::i32_eqz) == 7 && distance(Op::i32_eqz, Op::f32_abs) == 16);
static_assert(distance(Op::f32_abs, Op::f32_sqrt) == static_cast<uint32_t>(FloatUnary::sqrt));
static_assert(distance(Op::f32_abs, Op::f64_abs) == 7);
static_assert(distance(Op::f64_abs, Op::i32_trunc_f32_s) == 7);
static_assert(distance(Op::i32_trunc_f32_s, Op::i32_trunc_f32_u) == 1 &&
              distance(Op::i32_trunc_f32_s, Op::i32_trunc_f64_s) == 2 &&
              distance(Op::i32_trunc_f32_s, Op::i64_trunc_f32_s) == 4 &&
              distance(Op::i32_trunc_f32_s, Op::i32_trunc_sat_f32_s) == 8);
static_assert(distance(Op::i32_trunc_f32_s, Op::f32_convert_i32_s) == 16 &&
              distance(Op::f32_convert_i32_s, Op::f32_convert_i32_u) == 1 &&
              distance(Op::f32_convert_i32_s, Op::f32_convert_i64_s) == 2 &&
              distance(Op::f32_convert_i32_s, Op::f32_demote_f64) == 4 &&
              distance(Op::f32_convert_i32_s, Op::f64_convert_i32_s) == 5);
static_assert(distance(Op::f64_promote_f32, Op::i32_reinterpret_f32) == 1 &&
              distance(Op::i32_reinterpret_f32, Op::i32_load) == 4);
static_assert(distance(Op::f64_store, Op::br_i32_eq) == 1);
static_assert(distance(Op::br_i32_eq, Op::br_f32_ge) == distance(Op::i32_eq, Op::f32_ge));
static_assert(distance(Op::br_f32_not_lt, Op::br_f64_eq) == 4 &&
              distance(Op::br_f64_eq, Op::br_f64_not_lt) == 6 &&
              distance(Op::br_f64_not_lt, Op::move) == 4);

constexpr FloatWidth width_of(bool is_wide) { return is_wide ? FloatWidth::f64 : FloatWidth::f32; }

int64_t extended(uint64_t value) { return static_cast<int32_t>(static_cast<uint32_t>(value)); }

/// Which: the distance of a comparison from i32_eq.
__attribute__((noinline)) bool compare(uint32_t which, uint64_t x, uint64_t y) {
  // For eq, ne, lt, gt, le and ge: the relations that they are true for.
  constexpr uint32_t accepted = 0x6341d2;
  constexpr uint32_t integers = 20, floats = 6;
  uint32_t test;
  Relation relation;
  if (which >= integers) {
    which -= integers;
    const bool is_wide = which >= floats;
    test = is_wide ? which - floats : which;
    relation = float_relation(width_of(is_wide), x, y);
  } else {
    const bool is_wide = which >= integers / 2;
    if (is_wide) which -= integers / 2;
    test = which < 2 ? which : 1 + which / 2;
    if (!is_wide) {
      x = static_cast<uint64_t>(extended(x));
      y = static_cast<uint64_t>(extended(y));
    }
    // Extended with their sign, numbers of 32 bits keep their order without a sign too.
    if (which >= 2 && (which & 1) == 0) {
      x ^= uint64_t{1} << 63;
      y ^= uint64_t{1} << 63;
    }
    relation = x < y ? less : x == y ? equal : greater;
  }
  return (accepted >> 4 * test & relation) != 0;
}

struct Quotient {
  uint64_t quotient, rest;
};

/// By anything but 0. Bit by bit, which is a tenth of what compilers bring along for 64 bits.
__attribute__((noinline)) Quotient divided(uint64_t x, uint64_t y) {
  if ((x | y) >> 32 == 0) {
    const auto narrow_x = static_cast<uint32_t>(x), narrow_y = static_cast<uint32_t>(y);
    return {narrow_x / narrow_y, narrow_x % narrow_y};
  }
  Quotient found{0, x};
  int places = std::countl_zero(y) - std::countl_zero(x);
  if (places < 0) return found;
  for (y <<= places; places >= 0; places--, y >>= 1) {
    found.quotient <<= 1;
    if (found.rest < y) continue;
    found.rest -= y;
    found.quotient |= 1;
  }
  return found;
}

} // namespace

Error compute_integers(Op op, uint64_t* values) {
  const bool is_wide = op >= Op::i64_add;
  if (is_wide) op = static_cast<Op>(distance(Op::i64_add, op));
  uint64_t x = values[0], y = values[1];
  const int64_t signed_x = is_wide ? static_cast<int64_t>(x) : extended(x);
  const int64_t signed_y = is_wide ? static_cast<int64_t>(y) : extended(y);
  if (!is_wide) {
    x = static_cast<uint32_t>(x);
    y = static_cast<uint32_t>(y);
  }
  const uint32_t count = static_cast<uint32_t>(y) & (is_wide ? 63 : 31);
  if (op >= Op::i32_div_s && y == 0) return Error::integer_divide_by_zero;
  uint64_t result = 0;
  switch (op) {
  case Op::i32_add:
    result = x + y;
    break;
  case Op::i32_mul:
    result = x * y;
    break;
  case Op::i32_and:
    result = x & y;
    break;
  case Op::i32_or:
    result = x | y;
    break;
  case Op::i32_xor:
    result = x ^ y;
    break;
  case Op::i32_sub:
    result = x - y;
    break;
  case Op::i32_shl:
    result = x << count;
    break;
  case Op::i32_shr_s:
    result = static_cast<uint64_t>(signed_x >> count);
    break;
  case Op::i32_shr_u:
    result = x >> count;
    break;
  case Op::i32_rotl:
  case Op::i32_rotr: {
    // Twice the same 32 bits rotate as 64 do.
    if (!is_wide) x |= x << 32;
    const int by = static_cast<int>(count);
    result = std::rotl(x, op == Op::i32_rotl ? by : 64 - by);
    break;
  }
  default: { // i32_div_s, i32_div_u, i32_rem_s, i32_rem_u.
    const bool is_signed = op == Op::i32_div_s || op == Op::i32_rem_s;
    const bool divides = op <= Op::i32_div_u;
    // The one quotient that no number of this width is.
    if (op == Op::i32_div_s && signed_y == -1 && signed_x == (is_wide ? INT64_MIN : INT32_MIN))
      return Error::integer_overflow;
    const bool negates_x = is_signed && signed_x < 0, negates_y = is_signed && signed_y < 0;
    if (negates_x) x = 0 - static_cast<uint64_t>(signed_x);
    if (negates_y) y = 0 - static_cast<uint64_t>(signed_y);
    const Quotient found = divided(x, y);
    result = divides ? found.quotient : found.rest;
    if (divides ? negates_x != negates_y : negates_x) result = 0 - result;
  }
  }
  values[0] = is_wide ? result : static_cast<uint32_t>(result);
  return Error::none;
}

namespace {

/// An op on one integer.
uint64_t compute_integer(Op op, uint64_t x) {
  const auto narrow = static_cast<uint32_t>(x);
  switch (op) {
  case Op::i32_eqz:
    return narrow == 0;
  case Op::i64_eqz:
    return x == 0;
  case Op::i32_clz:
    return static_cast<uint32_t>(std::countl_zero(narrow));
  case Op::i64_clz:
    return static_cast<uint32_t>(std::countl_zero(x));
  case Op::i32_ctz:
    return static_cast<uint32_t>(std::countr_zero(narrow));
  case Op::i64_ctz:
    return static_cast<uint32_t>(std::countr_zero(x));
  case Op::i32_popcnt:
  case Op::i64_popcnt: {
    if (op == Op::i32_popcnt) x = narrow;
    uint32_t count = 0;
    for (; x != 0; x &= x - 1)
      count++;
    return count;
  }
  case Op::i32_extend8_s:
    return static_cast<uint32_t>(static_cast<int8_t>(x));
  case Op::i32_extend16_s:
    return static_cast<uint32_t>(static_cast<int16_t>(x));
  case Op::i64_extend8_s:
    return static_cast<uint64_t>(static_cast<int8_t>(x));
  case Op::i64_extend16_s:
    return static_cast<uint64_t>(static_cast<int16_t>(x));
  case Op::i64_extend32_s:
  case Op::i64_extend_i32_s:
    return static_cast<uint64_t>(extended(x));
  default: // i32_wrap_i64 and i64_extend_i32_u.
    return narrow;
  }
}

/// The distance is that from i32_trunc_f32_s.
Error truncate(uint32_t which, uint64_t* value) {
  const bool is_signed = (which & 1) == 0;
  const FloatWidth width = width_of((which & 2) != 0);
  const bool is_wide = (which & 4) != 0;
  const bool saturates = (which & 8) != 0;
  uint64_t most = is_wide ? UINT64_MAX : UINT32_MAX;
  if (is_signed) most >>= 1;
  const IntegerRange range{most, is_signed ? most + 1 : 0};
  const Truncated end = float_truncate(width, *value, range, *value);
  if (!is_wide) *value = static_cast<uint32_t>(*value);
  if (saturates || end == Truncated::exactly) return Error::none;
  return end == Truncated::from_nan ? Error::invalid_conversion_to_integer
                                    : Error::integer_overflow;
}

/// The distance is that from f32_convert_i32_s.
uint64_t convert(uint32_t which, uint64_t x) {
  constexpr uint32_t of_width = 5, between_floats = 4;
  const bool is_wide = which >= of_width;
  if (is_wide) which -= of_width;
  const FloatWidth to = width_of(is_wide);
  if (which == between_floats) return float_convert(x, width_of(!is_wide), to);
  const bool is_signed = (which & 1) == 0;
  if ((which & 2) == 0)
    x = is_signed ? static_cast<uint64_t>(extended(x)) : static_cast<uint32_t>(x);
  const bool is_negative = is_signed && static_cast<int64_t>(x) < 0;
  return float_from_integer(is_negative ? 0 - x : x, is_negative, to);
}

} // namespace

Error compute(Op op, uint64_t* values) {
  uint64_t& x = values[0];
  if (op < Op::f32_add) {
    x = compare(distance(Op::i32_eq, op), x, values[1]);
  } else if (op < Op::i32_eqz) {
    const bool is_wide = op >= Op::f64_add;
    const uint32_t which = distance(is_wide ? Op::f64_add : Op::f32_add, op);
    x = float_binary(static_cast<FloatBinary>(which), width_of(is_wide), x, values[1]);
  } else if (op < Op::f32_abs) {
    x = compute_integer(op, x);
  } else if (op < Op::i32_trunc_f32_s) {
    const bool is_wide = op >= Op::f64_abs;
    const uint32_t which = distance(is_wide ? Op::f64_abs : Op::f32_abs, op);
    x = float_unary(static_cast<FloatUnary>(which), width_of(is_wide), x);
  } else if (op < Op::f32_convert_i32_s) {
    return truncate(distance(Op::i32_trunc_f32_s, op), values);
  } else if (op < Op::i32_reinterpret_f32) {
    x = convert(distance(Op::f32_convert_i32_s, op), x);
  }
  return Error::none; // What is left reads the same bits as another type.
}

bool branches(Op op, const uint64_t* values) {
  uint32_t which = distance(Op::br_i32_eq, op);
  bool holds = true;
  // Behind those of each width that compare there are four that negate lt, gt, le and ge.
  if (op >= Op::br_f32_not_lt) {
    which -= 4;
    holds = op >= Op::br_f64_eq && op < Op::br_f64_not_lt;
    if (op >= Op::br_f64_not_lt) which -= 4;
  }
  return compare(which, values[0], values[1]) == holds;
}

namespace {

// What a load or store accesses: how many bytes, and what a load makes of them.
struct Access {
  uint8_t bytes : 4;
  uint8_t is_signed : 1;
  uint8_t is_narrow : 1;
};

template <class Memory> constexpr Access access(bool is_narrow) {
  return {sizeof(Memory), Memory(-1) < Memory(0), is_narrow};
}

constexpr bool s32_is_narrow = true, u32_is_narrow = true, f32_is_narrow = true;
constexpr bool s64_is_narrow = false, u64_is_narrow = false, f64_is_narrow = false;

constexpr Access accesses[] = {
#define EBB_BINARY(name, in, out, forms, expression)
#define EBB_BINARY_TRAP(name, in, out, forms, check, expression)
#define EBB_UNARY(name, in, out, forms, expression)
#define EBB_UNARY_TRAP(name, in, out, forms, check, expression)
#define EBB_LOAD(name, memory, out, forms) access<memory>(out##_is_narrow),
#define EBB_STORE(name, in, memory, forms) access<memory>(in##_is_narrow),
#define EBB_BRANCH(name, in, forms, condition)
#define EBB_SPECIAL(name, forms, extra, effect)
#include "core/bytecode/instructions.def"
#include "core/bytecode/instructions_undef.h"
};
static_assert(sizeof accesses == distance(Op::i32_load, Op::br_i32_eq));

Access access_of(Op op) { return accesses[distance(Op::i32_load, op)]; }

} // namespace

uint32_t accessed_bytes(Op op) { return access_of(op).bytes; }

namespace {

/// From any address.
template <class T> T load(const uint8_t* at) {
  T value;
  memcpy(&value, at, sizeof(value));
  return value;
}

} // namespace

uint64_t load_value(Op op, const uint8_t* at) {
  const Access access = access_of(op);
  uint64_t value = 0;
  switch (access.bytes) {
  case 1:
    value = *at;
    break;
  case 2:
    value = load<uint16_t>(at);
    break;
  case 4:
    value = load<uint32_t>(at);
    break;
  default:
    value = load<uint64_t>(at);
    break;
  }
  const int unused = 64 - 8 * access.bytes;
  if (access.is_signed)
    value = static_cast<uint64_t>(static_cast<int64_t>(value << unused) >> unused);
  return access.is_narrow ? static_cast<uint32_t>(value) : value;
}

void store_value(Op op, uint8_t* at, uint64_t value) { memcpy(at, &value, access_of(op).bytes); }

} // namespace ebb
