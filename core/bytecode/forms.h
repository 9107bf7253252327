// Forms: which kinds of operands an instruction comes with.
//
// A kind is one letter: s a slot of the frame (two bytes in the code), a the accumulator, k an
// immediate (two bytes in compact code, four in threaded code, sign-extended), r a reference slot
// (two bytes), n nothing; in compact code only, w an immediate of four bytes, and h the low half of
// an offset that takes four bytes.
// A form is four letters: destination, first, second and third operand. As the address of a load or
// store, k is the low half of an address whose high half lies where others have their offset.
//
// Every list below comes up to three times: FORMS_x for both encodings, COMPACT_x for what only the
// compact one has, whose instructions threading turns into others, and THREADED_x for what
// threading adds, in forms_threaded.h. A macro M(d, a, b, c, ...) is expanded once for each form.
// Lists are pruned to what the compiler emits: operands of commutative instructions are ordered
// (pins, a, s, k), comparisons are mirrored so that the accumulator comes first, and what is
// missing is put together from moves. Every list has its all-slot form or, where values are rarely
// stored at once, at least the one into the accumulator.
#pragma once

#include "core/bytecode/forms_threaded.h"

#define EBB_FORMS_commutative(M, ...)                                                              \
  M(a, s, s, n, __VA_ARGS__)                                                                       \
  M(a, a, s, n, __VA_ARGS__)                                                                       \
  M(a, s, k, n, __VA_ARGS__)                                                                       \
  M(a, a, k, n, __VA_ARGS__)                                                                       \
  M(s, s, s, n, __VA_ARGS__)                                                                       \
  M(s, a, s, n, __VA_ARGS__) M(s, s, k, n, __VA_ARGS__) M(s, a, k, n, __VA_ARGS__)
#define EBB_COMPACT_commutative(M, ...)

// The same with wide immediates, which integers of 32 bits often have.
#define EBB_FORMS_commutative_w(M, ...) EBB_FORMS_commutative(M, __VA_ARGS__)
#define EBB_COMPACT_commutative_w(M, ...)                                                          \
  M(a, s, w, n, __VA_ARGS__)                                                                       \
  M(a, a, w, n, __VA_ARGS__) M(s, s, w, n, __VA_ARGS__) M(s, a, w, n, __VA_ARGS__)

// The same for 64 bits, where threaded code has immediates of eight bytes.
#define EBB_FORMS_commutative_64(M, ...) EBB_FORMS_commutative(M, __VA_ARGS__)
#define EBB_COMPACT_commutative_64(M, ...)

#define EBB_FORMS_ordered(M, ...)                                                                  \
  M(a, s, s, n, __VA_ARGS__)                                                                       \
  M(a, a, s, n, __VA_ARGS__)                                                                       \
  M(a, s, a, n, __VA_ARGS__)                                                                       \
  M(a, s, k, n, __VA_ARGS__)                                                                       \
  M(a, a, k, n, __VA_ARGS__)                                                                       \
  M(s, s, s, n, __VA_ARGS__)                                                                       \
  M(s, a, s, n, __VA_ARGS__)                                                                       \
  M(s, s, a, n, __VA_ARGS__) M(s, s, k, n, __VA_ARGS__) M(s, a, k, n, __VA_ARGS__)
#define EBB_COMPACT_ordered(M, ...)
// The same for 64 bits, which threaded code has fewer forms of.
#define EBB_FORMS_ordered_64(M, ...) EBB_FORMS_ordered(M, __VA_ARGS__)
#define EBB_COMPACT_ordered_64(M, ...)

// Shifts, whose amount is mostly known.
#define EBB_FORMS_shift(M, ...) EBB_FORMS_ordered(M, __VA_ARGS__)
#define EBB_COMPACT_shift(M, ...)
#define EBB_FORMS_shift_64(M, ...) EBB_FORMS_ordered(M, __VA_ARGS__)
#define EBB_COMPACT_shift_64(M, ...)

// Division and other binary instructions that are rare or slow by themselves.
#define EBB_FORMS_rare_int(M, ...)                                                                 \
  M(a, s, s, n, __VA_ARGS__)                                                                       \
  M(a, a, s, n, __VA_ARGS__)                                                                       \
  M(a, s, a, n, __VA_ARGS__)                                                                       \
  M(a, s, k, n, __VA_ARGS__) M(a, a, k, n, __VA_ARGS__) M(s, s, s, n, __VA_ARGS__)
#define EBB_COMPACT_rare_int(M, ...)

#define EBB_FORMS_divide(M, ...) EBB_FORMS_rare_int(M, __VA_ARGS__)
#define EBB_COMPACT_divide(M, ...)

#define EBB_FORMS_rare_float(M, ...)                                                               \
  M(a, s, s, n, __VA_ARGS__)                                                                       \
  M(a, a, s, n, __VA_ARGS__) M(a, s, a, n, __VA_ARGS__) M(s, s, s, n, __VA_ARGS__)
#define EBB_COMPACT_rare_float(M, ...)

#define EBB_FORMS_commutative_float(M, ...)                                                        \
  M(a, s, s, n, __VA_ARGS__)                                                                       \
  M(a, a, s, n, __VA_ARGS__) M(s, s, s, n, __VA_ARGS__) M(s, a, s, n, __VA_ARGS__)
#define EBB_COMPACT_commutative_float(M, ...)

#define EBB_FORMS_ordered_float(M, ...)                                                            \
  M(a, s, s, n, __VA_ARGS__)                                                                       \
  M(a, a, s, n, __VA_ARGS__)                                                                       \
  M(a, s, a, n, __VA_ARGS__)                                                                       \
  M(s, s, s, n, __VA_ARGS__) M(s, a, s, n, __VA_ARGS__) M(s, s, a, n, __VA_ARGS__)
#define EBB_COMPACT_ordered_float(M, ...)

// Comparisons whose result is wanted as a value; most end in a branch instead.
#define EBB_FORMS_compare(M, ...)                                                                  \
  M(a, s, s, n, __VA_ARGS__)                                                                       \
  M(a, a, s, n, __VA_ARGS__)                                                                       \
  M(a, s, k, n, __VA_ARGS__) M(a, a, k, n, __VA_ARGS__) M(s, s, s, n, __VA_ARGS__)
#define EBB_COMPACT_compare(M, ...)
#define EBB_FORMS_compare_w(M, ...) EBB_FORMS_compare(M, __VA_ARGS__)
#define EBB_COMPACT_compare_w(M, ...) M(a, s, w, n, __VA_ARGS__) M(a, a, w, n, __VA_ARGS__)
#define EBB_FORMS_compare_float(M, ...)                                                            \
  M(a, s, s, n, __VA_ARGS__) M(a, a, s, n, __VA_ARGS__) M(s, s, s, n, __VA_ARGS__)
#define EBB_COMPACT_compare_float(M, ...)

#define EBB_FORMS_branch(M, ...)                                                                   \
  M(n, s, s, n, __VA_ARGS__)                                                                       \
  M(n, a, s, n, __VA_ARGS__) M(n, s, k, n, __VA_ARGS__) M(n, a, k, n, __VA_ARGS__)
#define EBB_COMPACT_branch(M, ...)
#define EBB_FORMS_branch_w(M, ...) EBB_FORMS_branch(M, __VA_ARGS__)
#define EBB_COMPACT_branch_w(M, ...) M(n, s, w, n, __VA_ARGS__) M(n, a, w, n, __VA_ARGS__)
#define EBB_FORMS_branch_float(M, ...) M(n, s, s, n, __VA_ARGS__) M(n, a, s, n, __VA_ARGS__)
#define EBB_COMPACT_branch_float(M, ...)

#define EBB_FORMS_unary(M, ...)                                                                    \
  M(a, s, n, n, __VA_ARGS__)                                                                       \
  M(a, a, n, n, __VA_ARGS__) M(s, s, n, n, __VA_ARGS__) M(s, a, n, n, __VA_ARGS__)
#define EBB_COMPACT_unary(M, ...)
#define EBB_FORMS_convert(M, ...) EBB_FORMS_unary(M, __VA_ARGS__)
#define EBB_COMPACT_convert(M, ...)
#define EBB_FORMS_rare_unary(M, ...)                                                               \
  M(a, s, n, n, __VA_ARGS__) M(a, a, n, n, __VA_ARGS__) M(s, s, n, n, __VA_ARGS__)
#define EBB_COMPACT_rare_unary(M, ...)

// Loads and stores; those that are frequent come with offsets of four bytes too.
#define EBB_FORMS_load(M, ...)                                                                     \
  M(a, s, n, n, __VA_ARGS__)                                                                       \
  M(a, a, n, n, __VA_ARGS__)                                                                       \
  M(a, k, n, n, __VA_ARGS__)                                                                       \
  M(s, s, n, n, __VA_ARGS__) M(s, a, n, n, __VA_ARGS__) M(s, k, n, n, __VA_ARGS__)
#define EBB_COMPACT_load(M, ...)

#define EBB_FORMS_load_h(M, ...) EBB_FORMS_load(M, __VA_ARGS__)
#define EBB_COMPACT_load_h(M, ...)                                                                 \
  M(a, s, h, n, __VA_ARGS__)                                                                       \
  M(a, a, h, n, __VA_ARGS__) M(s, s, h, n, __VA_ARGS__) M(s, a, h, n, __VA_ARGS__)
#define EBB_FORMS_load_float_h(M, ...) EBB_FORMS_load_h(M, __VA_ARGS__)
#define EBB_COMPACT_load_float_h(M, ...) EBB_COMPACT_load_h(M, __VA_ARGS__)

#define EBB_FORMS_store(M, ...)                                                                    \
  M(n, s, s, n, __VA_ARGS__)                                                                       \
  M(n, a, s, n, __VA_ARGS__)                                                                       \
  M(n, s, a, n, __VA_ARGS__)                                                                       \
  M(n, k, s, n, __VA_ARGS__)                                                                       \
  M(n, k, a, n, __VA_ARGS__) M(n, s, k, n, __VA_ARGS__) M(n, a, k, n, __VA_ARGS__)
#define EBB_COMPACT_store(M, ...)
#define EBB_FORMS_store_16(M, ...) EBB_FORMS_store(M, __VA_ARGS__)
#define EBB_COMPACT_store_16(M, ...)
#define EBB_FORMS_store_float(M, ...)                                                              \
  M(n, s, s, n, __VA_ARGS__)                                                                       \
  M(n, a, s, n, __VA_ARGS__)                                                                       \
  M(n, s, a, n, __VA_ARGS__) M(n, k, s, n, __VA_ARGS__) M(n, k, a, n, __VA_ARGS__)
#define EBB_COMPACT_store_float(M, ...)

#define EBB_FORMS_store_h(M, ...) EBB_FORMS_store(M, __VA_ARGS__)
#define EBB_COMPACT_store_h(M, ...)                                                                \
  EBB_COMPACT_store_float_h(M, __VA_ARGS__) M(n, s, k, h, __VA_ARGS__) M(n, a, k, h, __VA_ARGS__)
#define EBB_FORMS_store_float_h(M, ...) EBB_FORMS_store_float(M, __VA_ARGS__)
#define EBB_COMPACT_store_float_h(M, ...)                                                          \
  M(n, s, s, h, __VA_ARGS__) M(n, a, s, h, __VA_ARGS__) M(n, s, a, h, __VA_ARGS__)

// Forms of single instructions.
#define EBB_FORMS_move(M, ...)                                                                     \
  M(s, s, n, n, __VA_ARGS__)                                                                       \
  M(s, a, n, n, __VA_ARGS__)                                                                       \
  M(s, k, n, n, __VA_ARGS__) M(a, s, n, n, __VA_ARGS__) M(a, k, n, n, __VA_ARGS__)
#define EBB_COMPACT_move(M, ...) M(s, w, n, n, __VA_ARGS__) M(a, w, n, n, __VA_ARGS__)
#define EBB_FORMS_move_float(M, ...)                                                               \
  M(s, s, n, n, __VA_ARGS__) M(s, a, n, n, __VA_ARGS__) M(a, s, n, n, __VA_ARGS__)
#define EBB_COMPACT_move_float(M, ...)
#define EBB_FORMS_copy(M, ...) M(s, s, n, n, __VA_ARGS__) M(s, k, n, n, __VA_ARGS__)
#define EBB_COMPACT_copy(M, ...) M(s, w, n, n, __VA_ARGS__)
#define EBB_FORMS_copy_float(M, ...) M(s, s, n, n, __VA_ARGS__)
#define EBB_COMPACT_copy_float(M, ...)
#define EBB_FORMS_result(M, ...) M(a, n, n, n, __VA_ARGS__) M(s, n, n, n, __VA_ARGS__)
#define EBB_COMPACT_result(M, ...)
#define EBB_FORMS_operand(M, ...) M(n, s, n, n, __VA_ARGS__) M(n, a, n, n, __VA_ARGS__)
#define EBB_COMPACT_operand(M, ...)
#define EBB_FORMS_operand_k(M, ...)                                                                \
  M(n, s, n, n, __VA_ARGS__) M(n, a, n, n, __VA_ARGS__) M(n, k, n, n, __VA_ARGS__)
#define EBB_COMPACT_operand_k(M, ...)
// Of branches on one operand.
#define EBB_FORMS_branch_operand(M, ...) EBB_FORMS_operand(M, __VA_ARGS__)
#define EBB_COMPACT_branch_operand(M, ...)
#define EBB_FORMS_jump(M, ...) EBB_FORMS_nnnn(M, __VA_ARGS__)
#define EBB_COMPACT_jump(M, ...)
#define EBB_FORMS_select(M, ...)                                                                   \
  M(a, s, s, s, __VA_ARGS__)                                                                       \
  M(a, s, s, a, __VA_ARGS__) M(s, s, s, s, __VA_ARGS__) M(s, s, s, a, __VA_ARGS__)
#define EBB_COMPACT_select(M, ...)
#define EBB_FORMS_select_float(M, ...) EBB_FORMS_select(M, __VA_ARGS__)
#define EBB_COMPACT_select_float(M, ...)
#define EBB_FORMS_nnnn(M, ...) M(n, n, n, n, __VA_ARGS__)
#define EBB_COMPACT_nnnn(M, ...)
// What threading turns into the instruction of the same name without `far`.
#define EBB_FORMS_far_nnnn(M, ...)
#define EBB_COMPACT_far_nnnn(M, ...) M(n, n, n, n, __VA_ARGS__)
#define EBB_FORMS_far_operand(M, ...)
#define EBB_COMPACT_far_operand(M, ...) EBB_FORMS_operand(M, __VA_ARGS__)
#define EBB_FORMS_ssnn(M, ...) M(s, s, n, n, __VA_ARGS__)
#define EBB_COMPACT_ssnn(M, ...)
#define EBB_FORMS_snnn(M, ...) M(s, n, n, n, __VA_ARGS__)
#define EBB_COMPACT_snnn(M, ...)
#define EBB_FORMS_nsnn(M, ...) M(n, s, n, n, __VA_ARGS__)
#define EBB_COMPACT_nsnn(M, ...)
#define EBB_FORMS_nssn(M, ...) M(n, s, s, n, __VA_ARGS__)
#define EBB_COMPACT_nssn(M, ...)
#define EBB_FORMS_nsss(M, ...) M(n, s, s, s, __VA_ARGS__)
#define EBB_COMPACT_nsss(M, ...)
#define EBB_FORMS_ssss(M, ...) M(s, s, s, s, __VA_ARGS__)
#define EBB_COMPACT_ssss(M, ...)
#define EBB_FORMS_rsnn(M, ...) M(r, s, n, n, __VA_ARGS__)
#define EBB_COMPACT_rsnn(M, ...)
#define EBB_FORMS_nsrn(M, ...) M(n, s, r, n, __VA_ARGS__)
#define EBB_COMPACT_nsrn(M, ...)
#define EBB_FORMS_nsrs(M, ...) M(n, s, r, s, __VA_ARGS__)
#define EBB_COMPACT_nsrs(M, ...)
#define EBB_FORMS_ssrn(M, ...) M(s, s, r, n, __VA_ARGS__)
#define EBB_COMPACT_ssrn(M, ...)
#define EBB_FORMS_srnn(M, ...) M(s, r, n, n, __VA_ARGS__)
#define EBB_COMPACT_srnn(M, ...)
#define EBB_FORMS_rnnn(M, ...) M(r, n, n, n, __VA_ARGS__)
#define EBB_COMPACT_rnnn(M, ...)
#define EBB_FORMS_rrnn(M, ...) M(r, r, n, n, __VA_ARGS__)
#define EBB_COMPACT_rrnn(M, ...)
#define EBB_FORMS_nrnn(M, ...) M(n, r, n, n, __VA_ARGS__)
#define EBB_COMPACT_nrnn(M, ...)
#define EBB_FORMS_rrrs(M, ...) M(r, r, r, s, __VA_ARGS__)
#define EBB_COMPACT_rrrs(M, ...)
#define EBB_FORMS_pin_load(M, ...) EBB_FORMS_snnn(M, __VA_ARGS__)
#define EBB_COMPACT_pin_load(M, ...)
#define EBB_FORMS_pin_store(M, ...) EBB_FORMS_nsnn(M, __VA_ARGS__)
#define EBB_COMPACT_pin_store(M, ...)
#define EBB_FORMS_pin_load_float(M, ...) EBB_FORMS_snnn(M, __VA_ARGS__)
#define EBB_COMPACT_pin_load_float(M, ...)
#define EBB_FORMS_pin_store_float(M, ...) EBB_FORMS_nsnn(M, __VA_ARGS__)
#define EBB_COMPACT_pin_store_float(M, ...)
// What only threaded code has.
#define EBB_FORMS_threaded_nnnn(M, ...)
#define EBB_COMPACT_threaded_nnnn(M, ...)
#define EBB_FORMS_copy_add(M, ...)
#define EBB_COMPACT_copy_add(M, ...)
#define EBB_FORMS_add_branch(M, ...)
#define EBB_COMPACT_add_branch(M, ...)
