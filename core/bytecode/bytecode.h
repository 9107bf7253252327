// The register bytecode: operations, their forms, and how both lie in code.
//
// An `Op` is a row of instructions.def; a `Form` is an op with a kind for each operand, and its
// number is the opcode. Compact code is a sequence of
//     form (2 bytes) | operands d a b c, those that have bytes | extra | branch target (2 bytes, a
//     distance from itself in halfwords; of far_br and far_br_table 4 bytes, a distance in bytes)
// little-endian, without padding. What is frequent is short: offsets, immediates, targets and
// indices have two bytes. Larger immediates and offsets of frequent instructions have forms of
// their own (kinds w and h); the rest has an instruction with `far` in its name, or goes through a
// slot. Threaded code is a sequence of
//     handler address | operands d a b c | extra | padding to a word | branch target (an address)
// each a whole number of words, with immediates, offsets and counts of four bytes. Ops that call
// differ in their tail, which returning reads: compact ends in the outgoing base (2 bytes);
// threaded ends in a ThreadedCallTail.
#pragma once

#include "core/bytecode/code_bytes.h"
#include "core/bytecode/forms.h"
#include "core/bytecode/function.h"
#include "core/types/features.h"
#include "error/assert.h"
#include "error/build.h"

#include <bit>
#include <cstddef>
#include <cstdint>

namespace ebb {

enum class Kind : uint8_t { n, s, a, k, r, p, w, h, q, v, l };

/// Locals in machine registers, of each class.
inline constexpr uint32_t int_pins = EBB_INT_PINS;
inline constexpr uint32_t float_pins = EBB_FLOAT_PINS;

/// The four operand kinds of a form.
struct Kinds {
  Kind d = Kind::n, a = Kind::n, b = Kind::n, c = Kind::n;
  bool operator==(const Kinds&) const = default;
};

enum class Op : uint16_t {
#define EBB_BINARY(name, in, out, forms, expression) name,
#define EBB_BINARY_TRAP(name, in, out, forms, check, expression) name,
#define EBB_UNARY(name, in, out, forms, expression) name,
#define EBB_UNARY_TRAP(name, in, out, forms, check, expression) name,
#define EBB_LOAD(name, memory, out, forms) name,
#define EBB_STORE(name, in, memory, forms) name,
#define EBB_BRANCH(name, in, forms, condition) name,
#define EBB_SPECIAL(name, forms, extra, flags) name,
#include "core/bytecode/instructions.def"
#include "core/bytecode/instructions_undef.h"
  count
};

// All forms, compact ones first, numbered within each part by row and then by list.
#define EBB_FORM_ENTRY(d, a, b, c, name, ...) name##_##d##a##b##c,
enum class Form : uint16_t {
#include "core/bytecode/forms_compact.inc"
  compact_count,
  before_threaded = compact_count - 1,
#include "core/bytecode/forms_threaded.inc"
  count,
// What threading makes of some of them; the machine has handlers for these, and nothing else names
// them.
#define EBB_METERED_ENTRY(d, a, b, c, name) metered_##name##_##d##a##b##c,
#include "core/bytecode/forms_metered.inc"
#undef EBB_METERED_ENTRY
#define EBB_METERED_ENTRY(d, a, b, c, name) polled_##name##_##d##a##b##c,
#include "core/bytecode/forms_metered.inc"
#undef EBB_METERED_ENTRY
  polled_end,
  before_charged = polled_end - 1,
#define EBB_CHARGED_ENTRY(d, a, b, c, name) metered_##name##_##d##a##b##c,
#include "core/bytecode/forms_metered.inc"
#undef EBB_CHARGED_ENTRY
  end
};
#undef EBB_FORM_ENTRY

/// What executing an op does beside writing its destination.
enum class Effect : uint8_t {
  none,            ///< The accumulator keeps its value.
  acc_int,         ///< The accumulator has the result, a number of an integer type.
  acc_float,       ///< The accumulator has the result, a floating-point number.
  acc_lost,        ///< The accumulator's value is unspecified.
  enter,           ///< Start of a function: pins are loaded.
  target,          ///< May jump to its target.
  target_terminal, ///< Always jumps to its target.
  table_terminal,  ///< Jumps to an entry of the table of targets behind it.
  call,            ///< Calls, and comes back to the next instruction.
  call_terminal,   ///< Calls in place of its own frame.
  terminal,        ///< Control does not go on.
};

struct OpInfo {
  uint8_t extra; ///< Bytes behind the operands.
  Effect effect;
  bool commutative;
  Op exchanged; ///< What computes the same with its first two operands exchanged, or Op::count.
};

struct FormInfo {
  Op op;
  Kinds kinds;
};

/// How threading goes about an instruction.
enum class ThreadingWay : uint8_t {
  simple,   ///< It has operands and perhaps an offset, and nothing else.
  whole,    ///< It has operands, and behind them bytes that threaded code has as they are.
  constant, ///< It gives a slot a known value, which may become part of what reads it.
  sum, ///< A simple one that adds an immediate to an i32, and may become part of what comes next.
  branch,     ///< It has operands and one target of two bytes.
  far_branch, ///< `far_br`.
  call,       ///< `call`, which has no operands.
  other
};

/// Where the parts of a compact form lie: what follows from its op and kinds, once and for all.
struct FormShape {
  uint8_t operands[4]; ///< Offsets of d a b c; 0 of an operand without bytes.
  uint8_t extra;       ///< Offset behind the operands.
  uint8_t head;        ///< Bytes without a target.
  uint8_t bytes;       ///< All of them, the targets of a br_table apart.
  Effect effect;
  bool is_plain : 1;             ///< No load or store, no br_table, and not for compact code alone.
  bool is_compact_only : 1;      ///< Kinds w and h, and targets of four bytes.
  bool is_at_known_address : 1;  ///< A load or store whose address lies in two fields.
  ThreadingWay way;              ///< How threading goes about it.
  uint8_t slot_operands : 4;     ///< A bit for each operand of kind s.
  uint8_t constant_operands : 4; ///< The same for kind k.
};

/// The same of a form in threaded code.
struct ThreadedShape {
  uint8_t operands[4];       ///< 0 of an operand without bytes.
  uint8_t extra;             ///< Of an offset, or what an op has instead.
  uint8_t bytes;             ///< Whole words; without targets.
  uint8_t slot_operands : 4; ///< As in FormShape.
  bool has_offset : 1;
  bool has_target : 1; ///< One, behind it.
  bool is_plain : 1;   ///< Neither kind w, nor extra bytes beside an offset, a tail, or a table.
  bool is_simple : 1;  ///< Plain, without a target, and the same in metered code.
};

// By number. Loading looks at these for each instruction several times.
extern const OpInfo op_infos[];
extern const FormInfo form_infos[];
extern const FormShape form_shapes[]; ///< Of compact forms.
extern const ThreadedShape threaded_shapes[];

/// A form in two bytes, as a small build keeps and runs it.
class PackedForm {
public:
  static constexpr uint32_t kind_bits = 3;

  constexpr PackedForm() = default;
  /// `kinds_index` is the row of the kinds in a table of their own. `has_others` says that the op
  /// has other compact forms too, so that what executes it must look at the kinds.
  constexpr PackedForm(Op op, uint32_t kinds_index, bool has_others)
      : bits_(static_cast<uint16_t>(static_cast<uint32_t>(op) | kinds_index << op_bits |
                                    (has_others ? others_bit : 0))) {}

  constexpr Op op() const { return static_cast<Op>(bits_ & ((1u << op_bits) - 1)); }
  constexpr uint32_t kinds_index() const { return (bits_ & (others_bit - 1)) >> op_bits; }
  constexpr bool has_others() const { return (bits_ & others_bit) != 0; }

private:
  static constexpr uint32_t op_bits = 9;
  static constexpr uint32_t others_bit = 1u << 15;
  static_assert(static_cast<uint32_t>(Op::count) <= 1u << op_bits);
  uint16_t bits_ = 0;
};

/// Of a compact form, as all that follows.
PackedForm packed_form(uint16_t form);
/// The kinds of a packed form: d in the lowest `kind_bits`, then a, b, c.
uint32_t packed_kinds(PackedForm form);

OpInfo packed_op_info(Op op);
FormInfo packed_form_info(Form form);

inline OpInfo op_info(Op op) {
  EBB_ASSERT(op < Op::count);
  if constexpr (is_small_build) return packed_op_info(op);
  return op_infos[static_cast<size_t>(op)];
}
/// Small builds know compact forms only.
inline FormInfo form_info(Form form) {
  EBB_ASSERT(form < Form::count);
  if constexpr (is_small_build) return packed_form_info(form);
  return form_infos[static_cast<size_t>(form)];
}
const char* op_name(Op op);

constexpr uint32_t bits_of(Kinds kinds) { return std::bit_cast<uint32_t>(kinds); }

/// Compact forms by op and kinds. Compiling looks up one for most instructions, and so the tables
/// are small and nothing is searched: a multiplication gives the kinds of all compact forms places
/// of their own, and ops whose forms have the same kinds in the same order share a list that says,
/// by those places, which form it is of the op's. Small builds search instead.
struct CompactTable {
  static constexpr size_t lists_max = 64;
  static constexpr uint32_t place_bits = 7;
  static constexpr uint32_t places = 1u << place_bits;
  struct Row {
    uint16_t first;
    uint16_t list;
  };
  uint32_t kinds[places] = {};
  Row rows[static_cast<size_t>(Op::count)] = {};
  uint8_t numbers[lists_max][places] = {}; ///< Plus one.

  static constexpr uint32_t place_of(Kinds kinds) {
    return bits_of(kinds) * 0x885c1f55u >> (32 - place_bits);
  }
  constexpr Form find(Op op, Kinds wanted) const {
    const uint32_t place = place_of(wanted);
    const Row row = rows[static_cast<size_t>(op)];
    const uint32_t number = numbers[row.list][place];
    if (number == 0 || kinds[place] != bits_of(wanted)) return Form::count;
    return static_cast<Form>(row.first + number - 1);
  }
};
extern const CompactTable compact_table;
Form find_packed_form(Op op, Kinds kinds);

/// The form of an op with these kinds in compact code, or Form::count where there is none.
inline Form find_compact_form(Op op, Kinds kinds) {
  return is_small_build ? find_packed_form(op, kinds) : compact_table.find(op, kinds);
}
/// The same in threaded code, which small builds do not have.
Form find_threaded_form(Op op, Kinds kinds);
/// The kind of a form that also does the work of a `fuel`, its target or what comes next, in code
/// that does this about fuel and interruption (not `none`); the form itself if there is none.
Form metered_form(Form form, Metering metering);

constexpr bool has_target(Effect effect) {
  return effect == Effect::target || effect == Effect::target_terminal;
}
constexpr bool is_call(Effect effect) {
  return effect == Effect::call || effect == Effect::call_terminal;
}

/// Whether an op is emitted for features alone that the build leaves out. It is no instruction
/// there.
constexpr bool is_left_out(Op op) {
  switch (op) {
  case Op::select_v128:
  case Op::global_get_v128:
  case Op::global_set_v128:
    return !has_feature(Feature::simd);
  case Op::return_call:
  case Op::return_call_import:
  case Op::return_call_indirect:
    return !has_feature(Feature::tail_calls);
  case Op::return_call_ref:
  case Op::call_ref:
  case Op::br_on_null:
  case Op::br_on_non_null:
  case Op::ref_as_non_null:
    return !has_feature(Feature::function_references);
  default:
    return false;
  }
}

/// Loads and stores of the first memory, whose extra bytes are the offset.
constexpr bool is_memory_access(Op op) { return op >= Op::i32_load && op <= Op::f64_store; }
constexpr bool is_store(Op op) { return op >= Op::i32_store && op <= Op::f64_store; }

/// Bytes of an operand of a kind in compact code.
constexpr uint32_t kind_bytes(Kind kind) {
  switch (kind) {
  case Kind::s:
  case Kind::k:
  case Kind::r:
  case Kind::h:
    return 2;
  case Kind::w:
    return 4;
  default:
    return 0;
  }
}
constexpr uint32_t kinds_bytes(Kinds kinds) {
  return kind_bytes(kinds.d) + kind_bytes(kinds.a) + kind_bytes(kinds.b) + kind_bytes(kinds.c);
}

/// Bytes of a target in compact code.
constexpr uint32_t target_bytes(Op op) {
  return op == Op::far_br || op == Op::far_br_table ? 4 : 2;
}

/// Bytes of a form in compact code, the targets of a br_table apart.
inline uint32_t compact_bytes(const FormInfo& info) {
  const OpInfo& op = op_info(info.op);
  return 2 + kinds_bytes(info.kinds) + op.extra +
         (has_target(op.effect) ? target_bytes(info.op) : 0);
}

/// How many targets a br_table has, whose extra bytes these are: one for each index, and one for
/// those beyond.
uint64_t table_targets(Op op, const uint8_t* extra);

/// Where a target leads, from its field; of a branch or a table.
inline int64_t target_distance(Op op, const uint8_t* field) {
  return target_bytes(op) == 2 ? int64_t{2} * read_code<int16_t>(field) : read_code<int32_t>(field);
}

/// In the memory or table index of an instruction: its addresses are 64 bits.
inline constexpr uint32_t far_address_64 = 1u << 31;
/// Beside it in the call_indirect of threaded code: references are passed.
inline constexpr uint32_t passes_refs = 1u << 30;

/// The end of every call in threaded code. `outgoing` is the frame's step to the callee, in slots;
/// the homes are the slots to which integer pins go before a call and from which they come back
/// after it.
struct ThreadedCallTail {
  uint16_t outgoing;
  uint16_t outgoing_refs;
  uint16_t homes[int_pins];
  union {
    uint64_t operand; ///< Indices, the first in the low half.
    const void* function;
  };
};
static_assert(sizeof(ThreadedCallTail) % sizeof(void*) == 0);
/// In threaded code return_call and return_call_indirect have in place of the first home how many
/// numbers they move, or this if they move references as well.
inline constexpr uint16_t tail_call_any = UINT16_MAX;
/// The outgoing references in front of the code that a call which left its instance comes back to.
inline constexpr uint16_t boundary_refs = UINT16_MAX;

/// The list of locals that are worth a machine register, behind each function's code: two bytes
/// with the number of integers and of floating-point numbers, then the slots of both, a byte each,
/// the heaviest first, and a zero if the list were of an odd size. Locals beyond the slots that a
/// byte can say are not listed.
struct PinList {
  static constexpr uint32_t listed_max = 4;
  static constexpr uint8_t count_mask =
      15; ///< Of the first byte; above it is a bit for each integer that is an i64.
  static constexpr uint8_t wide_bit = 16;
  /// Bytes of the whole list, which begins with these two.
  static constexpr uint32_t bytes(uint8_t ints, uint8_t floats) {
    return 2 + ((ints & count_mask) + uint32_t{floats} + 1) / 2 * 2;
  }
};

} // namespace ebb
