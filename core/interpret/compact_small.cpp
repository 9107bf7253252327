// Compact code in small builds: a handler for each op instead of one for each form, and none for
// ops on values, branches that compare, loads and stores, which numeric_small.h knows by number.
//
// The operands of an op that has several forms are fetched before it, by their kinds, as 64 bits
// each, and its result is put where it belongs behind it. For the handlers this is one form, whose
// destination is of the kind o and whose operands are of the kinds x, y and z; none of these has
// bytes, since `operands` has moved on behind them. There is one accumulator, of 64 bits, whatever
// is in it: code that was verified reads no other class than was written.
#include "core/interpret/machine_state.h"
#include "core/interpret/numeric_small.h"
#include "core/interpret/registers.h"
#include "core/state/instance_state.h"

#define EBB_THREADED 0
#define EBB_HEAD (operands - pc)
#define EBB_BYTES(operand_bytes) (EBB_HEAD + (operand_bytes))
#define EBB_BYTES_TARGET(operand_bytes) (EBB_HEAD + (operand_bytes) + 2)
#include "core/interpret/compact_policy.inc"

#define EBB_SIZE_o 0
#define EBB_SIZE_x 0
#define EBB_SIZE_y 0
#define EBB_SIZE_z 0
#define EBB_GET_x(T, at) from_word<T>(values[0])
#define EBB_GET_y(T, at) from_word<T>(values[1])
#define EBB_GET_z(T, at) from_word<T>(values[2])
#define EBB_PLACE_x(at) (&values[0])
#define EBB_PLACE_y(at) (&values[1])
#define EBB_SIZE_OFFSET_y EBB_SIZE_offset
#define EBB_SIZE_OFFSET_z EBB_SIZE_offset
#define EBB_JUMP_o(operand_bytes) EBB_JUMP_n(operand_bytes)
#define EBB_FALL_o(operand_bytes) EBB_FALL_n(operand_bytes)
#define EBB_ADDRESS_x(at, offset_at, b) address_of(kinds, values, operands)
#define EBB_WRITE_o(T, value) fp[destination] = to_word<T>(value)
#define EBB_PUT_o(T, value)                                                                        \
  answer = to_word<T>(value);                                                                      \
  goto put
#define EBB_PUT_a(T, value) acc = to_word<T>(value)
#define EBB_PUT_RESULT(slot) acc = *(slot)
#define EBB_SAVE_VALUES(acc_value, facc_value)                                                     \
  m.values.acc = static_cast<Word>(acc);                                                           \
  m.values.facc = FloatLane<f64>::make(std::bit_cast<f64>(acc))

#define EBB_HANDLER(form) case Handler::form:
#define EBB_DISPATCH() goto dispatch
#define EBB_COLD_HANDLER(name)                                                                     \
  name:
#define EBB_CONTINUE(name) goto name
#define EBB_STOP() goto stop
#define EBB_END() goto end

// What is out of line has its number, and its length by its form.
#define EBB_DO_OUT_OF_LINE(name, kinds, function, bytes) EBB_HANDLER(name##_##kinds) goto function;

// The only form of a list here: what several forms are put together from, or the single one.
#define EBB_ALL_FORMS(list, M, ...) EBB_MERGED_##list(M, __VA_ARGS__)
#define EBB_MERGED(M, ...) M(o, x, y, z, __VA_ARGS__)
#define EBB_BY_NUMBER(M, ...)
#define EBB_MERGED_commutative EBB_BY_NUMBER
#define EBB_MERGED_commutative_w EBB_BY_NUMBER
#define EBB_MERGED_commutative_float EBB_BY_NUMBER
#define EBB_MERGED_ordered EBB_BY_NUMBER
#define EBB_MERGED_ordered_64 EBB_BY_NUMBER
#define EBB_MERGED_ordered_float EBB_BY_NUMBER
#define EBB_MERGED_rare_int EBB_BY_NUMBER
#define EBB_MERGED_rare_float EBB_BY_NUMBER
#define EBB_MERGED_compare EBB_BY_NUMBER
#define EBB_MERGED_compare_w EBB_BY_NUMBER
#define EBB_MERGED_compare_float EBB_BY_NUMBER
#define EBB_MERGED_branch EBB_BY_NUMBER
#define EBB_MERGED_branch_w EBB_BY_NUMBER
#define EBB_MERGED_branch_float EBB_BY_NUMBER
#define EBB_MERGED_unary EBB_BY_NUMBER
#define EBB_MERGED_rare_unary EBB_BY_NUMBER
#define EBB_MERGED_load EBB_BY_NUMBER
#define EBB_MERGED_load_h EBB_BY_NUMBER
#define EBB_MERGED_load_float_h EBB_BY_NUMBER
#define EBB_MERGED_store EBB_BY_NUMBER
#define EBB_MERGED_store_h EBB_BY_NUMBER
#define EBB_MERGED_store_16 EBB_BY_NUMBER
#define EBB_MERGED_store_float EBB_BY_NUMBER
#define EBB_MERGED_store_float_h EBB_BY_NUMBER
#define EBB_MERGED_move EBB_MERGED
#define EBB_MERGED_move_float EBB_MERGED
#define EBB_MERGED_copy EBB_MERGED
#define EBB_MERGED_copy_float EBB_FORMS_copy_float
#define EBB_MERGED_result EBB_MERGED
#define EBB_MERGED_operand EBB_MERGED
#define EBB_MERGED_operand_k EBB_MERGED
#define EBB_MERGED_far_operand EBB_MERGED
#define EBB_MERGED_select EBB_MERGED
#define EBB_MERGED_select_float EBB_MERGED
#define EBB_MERGED_commutative_64 EBB_BY_NUMBER
#define EBB_MERGED_shift EBB_BY_NUMBER
#define EBB_MERGED_shift_64 EBB_BY_NUMBER
#define EBB_MERGED_divide EBB_BY_NUMBER
#define EBB_MERGED_convert EBB_BY_NUMBER
#define EBB_MERGED_branch_operand EBB_MERGED
#define EBB_MERGED_jump EBB_FORMS_jump
#define EBB_MERGED_pin_load EBB_FORMS_pin_load
#define EBB_MERGED_pin_store EBB_FORMS_pin_store
#define EBB_MERGED_pin_load_float EBB_FORMS_pin_load_float
#define EBB_MERGED_pin_store_float EBB_FORMS_pin_store_float
#define EBB_MERGED_threaded_nnnn EBB_MERGED
#define EBB_MERGED_copy_add EBB_MERGED
#define EBB_MERGED_add_branch EBB_MERGED
#define EBB_MERGED_nnnn EBB_FORMS_nnnn
#define EBB_MERGED_far_nnnn EBB_COMPACT_far_nnnn
#define EBB_MERGED_ssnn EBB_FORMS_ssnn
#define EBB_MERGED_snnn EBB_FORMS_snnn
#define EBB_MERGED_nsnn EBB_FORMS_nsnn
#define EBB_MERGED_nssn EBB_FORMS_nssn
#define EBB_MERGED_nsss EBB_FORMS_nsss
#define EBB_MERGED_ssss EBB_FORMS_ssss
#define EBB_MERGED_rsnn EBB_FORMS_rsnn
#define EBB_MERGED_nsrn EBB_FORMS_nsrn
#define EBB_MERGED_nsrs EBB_FORMS_nsrs
#define EBB_MERGED_ssrn EBB_FORMS_ssrn
#define EBB_MERGED_srnn EBB_FORMS_srnn
#define EBB_MERGED_rnnn EBB_FORMS_rnnn
#define EBB_MERGED_rrnn EBB_FORMS_rrnn
#define EBB_MERGED_nrnn EBB_FORMS_nrnn
#define EBB_MERGED_rrrs EBB_FORMS_rrrs

namespace ebb {
namespace {

// One for each op, in the order of the ops; a handler's name is that of the form that is left of
// it.
#define EBB_ENTRY(d, a, b, c, name) name##_##d##a##b##c,
enum class Handler : uint16_t {
#define EBB_BINARY(name, in, out, forms, expression) name,
#define EBB_BINARY_TRAP(name, in, out, forms, check, expression) name,
#define EBB_UNARY(name, in, out, forms, expression) name,
#define EBB_UNARY_TRAP(name, in, out, forms, check, expression) name,
#define EBB_LOAD(name, memory, out, forms) name,
#define EBB_STORE(name, in, memory, forms) name,
#define EBB_BRANCH(name, in, forms, condition) name,
#define EBB_SPECIAL(name, forms, extra, effect) EBB_ALL_FORMS(forms, EBB_ENTRY, name)
#include "core/bytecode/instructions.def"
#include "core/bytecode/instructions_undef.h"
  count
};
static_assert(static_cast<uint32_t>(Handler::count) == static_cast<uint32_t>(Op::count));
static_assert(static_cast<uint32_t>(Handler::move_oxyz) == static_cast<uint32_t>(Op::move));

template <class T> inline T from_word(uint64_t word) {
  if constexpr (sizeof(T) == 8)
    return std::bit_cast<T>(word);
  else
    return std::bit_cast<T>(static_cast<uint32_t>(word));
}

template <class T> inline uint64_t to_word(T value) {
  if constexpr (sizeof(T) == 8)
    return std::bit_cast<uint64_t>(value);
  else
    return std::bit_cast<uint32_t>(value);
}

constexpr uint32_t kind_mask = (1u << PackedForm::kind_bits) - 1;

constexpr Kind kind_of(uint32_t kinds, uint32_t which) {
  return static_cast<Kind>(kinds >> which * PackedForm::kind_bits & kind_mask);
}

/// Fetches an operand and moves on behind it.
inline uint64_t fetch(Kind kind, const uint8_t*& at, const uint64_t* fp, uint64_t acc) {
  if (kind == Kind::n) return 0;
  if (kind == Kind::a) return acc;
  const uint8_t* operand = at;
  at += 2;
  if (kind == Kind::s) return fp[read_code<uint16_t>(operand)];
  if (kind == Kind::w) {
    at += 2;
    return static_cast<uint64_t>(int64_t{read_code<int32_t>(operand)});
  }
  return static_cast<uint64_t>(int64_t{read_code<int16_t>(operand)});
}

/// The address of a load or store: the half of its offset that all have lies behind the operands.
/// What operand of the kind h there is lies last, and is the low half.
uint64_t address_of(uint32_t kinds, const uint64_t* values, const uint8_t* operands) {
  const uint32_t extra = read_code<uint16_t>(operands);
  if (kind_of(kinds, 1) == Kind::k) return (values[0] & UINT16_MAX) | uint64_t{extra} << 16;
  const bool is_far = kind_of(kinds, 2) == Kind::h || kind_of(kinds, 3) == Kind::h;
  return (values[0] & UINT32_MAX) + (is_far ? read_code<uint32_t>(operands - 2) : extra);
}

} // namespace

void run_compact(Machine& m, const uint8_t* pc, uint64_t* fp) {
  uint8_t* mem = m.memory;
  uint64_t size = m.memory_size;
  uint64_t acc = std::bit_cast<uint64_t>(FloatLane<f64>::get(m.values.facc));
  uint64_t values[3];
  uint64_t answer;
  const uint8_t* operands;
  uint32_t kinds;
  uint32_t destination;
  bool answered;
  PackedForm form;
  Op op;
dispatch:
  form = packed_form(read_code<uint16_t>(pc));
  op = form.op();
  operands = pc + 2;
  kinds = 0;
  destination = 0;
  if (form.has_others()) {
    kinds = packed_kinds(form);
    if (kind_of(kinds, 0) == Kind::s) {
      destination = read_code<uint16_t>(operands);
      operands += 2;
    }
    for (uint32_t i = 0; i < 3; i++)
      values[i] = fetch(kind_of(kinds, i + 1), operands, fp, acc);
  }
  if (op < Op::move) goto by_number;
  switch (static_cast<Handler>(op)) {
#include "core/interpret/handlers.inc"
  default: // What has no compact form.
    break;
  }
  EBB_UNREACHABLE();
machine_table_op:
  answered = machine_table_op(m, op, operands, fp);
  goto out_of_line;
machine_memory_op:
  answered = machine_memory_op(m, op, operands, fp);
  goto out_of_line;
machine_far_access:
  answered = machine_far_access(m, op, operands, fp);
out_of_line:
  if (answered || (m.is_suspended && !m.repeats))
    pc += compact_bytes(packed_form_info(static_cast<Form>(read_code<uint16_t>(pc))));
  if (!answered) {
    EBB_SAVE_VALUES(0, 0);
    EBB_STOP();
  }
  EBB_RELOAD_MEMORY();
  EBB_DISPATCH();
by_number:
  if (op < Op::i32_load) {
    m.error = op < Op::i32_eq ? compute_integers(op, values) : compute(op, values);
    if (m.error != Error::none) EBB_STOP();
    answer = values[0];
    goto put_here;
  }
  if (op < Op::br_i32_eq) {
    const uint64_t at = address_of(kinds, values, operands);
    EBB_CHECK_ACCESS(at, accessed_bytes(op), op)
    if (op < Op::i32_store) {
      answer = load_value(op, mem + at);
      operands += EBB_SIZE_offset;
      goto put_here;
    }
    store_value(op, mem + at, values[1]);
    EBB_NEXT(EBB_SIZE_offset);
  }
  if (branches(op, values)) {
    EBB_JUMP_n(0);
    EBB_DISPATCH();
  }
  EBB_NEXT_TARGET(0);
put:
  operands += op_info(op).extra;
put_here:
  acc = answer;
  if (kind_of(kinds, 0) == Kind::s) fp[destination] = answer;
  pc = operands;
  EBB_DISPATCH();
stop:
  m.pc = pc;
  m.fp = fp;
end:
  return;
}

} // namespace ebb
