// Comparisons, the branches on them, and what both are with their operands exchanged: the tables
// behind ops.h.
#pragma once

#include "core/bytecode/bytecode.h"

namespace ebb {

/// An op in a byte, which all of these fit.
struct ShortOp {
  uint8_t number;
  constexpr ShortOp(Op op) : number(static_cast<uint8_t>(op)) {}
  constexpr operator Op() const { return static_cast<Op>(number); }
};
static_assert(static_cast<size_t>(Op::br_f64_not_ge) <= UINT8_MAX);

struct CompareRow {
  ShortOp op, branch, negated, mirrored;
};

#define EBB_INT_COMPARES(w)                                                                        \
  {Op::w##_eq, Op::br_##w##_eq, Op::br_##w##_ne, Op::w##_eq},                                      \
      {Op::w##_ne, Op::br_##w##_ne, Op::br_##w##_eq, Op::w##_ne},                                  \
      {Op::w##_lt_s, Op::br_##w##_lt_s, Op::br_##w##_ge_s, Op::w##_gt_s},                          \
      {Op::w##_lt_u, Op::br_##w##_lt_u, Op::br_##w##_ge_u, Op::w##_gt_u},                          \
      {Op::w##_gt_s, Op::br_##w##_gt_s, Op::br_##w##_le_s, Op::w##_lt_s},                          \
      {Op::w##_gt_u, Op::br_##w##_gt_u, Op::br_##w##_le_u, Op::w##_lt_u},                          \
      {Op::w##_le_s, Op::br_##w##_le_s, Op::br_##w##_gt_s, Op::w##_ge_s},                          \
      {Op::w##_le_u, Op::br_##w##_le_u, Op::br_##w##_gt_u, Op::w##_ge_u},                          \
      {Op::w##_ge_s, Op::br_##w##_ge_s, Op::br_##w##_lt_s, Op::w##_le_s},                          \
      {Op::w##_ge_u, Op::br_##w##_ge_u, Op::br_##w##_lt_u, Op::w##_le_u},
#define EBB_FLOAT_COMPARES(w)                                                                      \
  {Op::w##_eq, Op::br_##w##_eq, Op::br_##w##_ne, Op::w##_eq},                                      \
      {Op::w##_ne, Op::br_##w##_ne, Op::br_##w##_eq, Op::w##_ne},                                  \
      {Op::w##_lt, Op::br_##w##_lt, Op::br_##w##_not_lt, Op::w##_gt},                              \
      {Op::w##_gt, Op::br_##w##_gt, Op::br_##w##_not_gt, Op::w##_lt},                              \
      {Op::w##_le, Op::br_##w##_le, Op::br_##w##_not_le, Op::w##_ge},                              \
      {Op::w##_ge, Op::br_##w##_ge, Op::br_##w##_not_ge, Op::w##_le},
#define EBB_INT_BRANCHES(w)                                                                        \
  Op::br_##w##_eq, Op::br_##w##_ne, Op::br_##w##_gt_s, Op::br_##w##_gt_u, Op::br_##w##_lt_s,       \
      Op::br_##w##_lt_u, Op::br_##w##_ge_s, Op::br_##w##_ge_u, Op::br_##w##_le_s,                  \
      Op::br_##w##_le_u,
#define EBB_FLOAT_BRANCHES(w)                                                                      \
  Op::br_##w##_eq, Op::br_##w##_ne, Op::br_##w##_gt, Op::br_##w##_lt, Op::br_##w##_ge,             \
      Op::br_##w##_le, Op::br_##w##_not_gt, Op::br_##w##_not_lt, Op::br_##w##_not_ge,              \
      Op::br_##w##_not_le,

// In the order of instructions.def.
inline constexpr CompareRow compare_rows[] = {EBB_INT_COMPARES(i32) EBB_INT_COMPARES(i64)
                                                  EBB_FLOAT_COMPARES(f32) EBB_FLOAT_COMPARES(f64)};
inline constexpr ShortOp mirrored_branches[] = {
    EBB_INT_BRANCHES(i32) EBB_INT_BRANCHES(i64) EBB_FLOAT_BRANCHES(f32) EBB_FLOAT_BRANCHES(f64)};

constexpr size_t op_distance(Op from, Op to) {
  return static_cast<size_t>(to) - static_cast<size_t>(from);
}

constexpr bool rows_are_consecutive() {
  for (size_t i = 0; i < sizeof(compare_rows) / sizeof(compare_rows[0]); i++)
    if (op_distance(Op::i32_eq, compare_rows[i].op) != i) return false;
  // Mirroring twice is the same branch, which it would not be if the rows were elsewhere.
  for (size_t i = 0; i < sizeof(mirrored_branches) / sizeof(mirrored_branches[0]); i++)
    if (op_distance(Op::br_i32_eq,
                    mirrored_branches[op_distance(Op::br_i32_eq, mirrored_branches[i])]) != i)
      return false;
  return true;
}
static_assert(rows_are_consecutive(), "rows are found by their distance from the first");

constexpr const CompareRow* compare_row(Op op) {
  if (op < Op::i32_eq || op > Op::f64_ge) return nullptr;
  return &compare_rows[op_distance(Op::i32_eq, op)];
}

/// The comparison, or the branch on one, with its operands exchanged, or Op::count.
constexpr Op mirrored_op(Op op) {
  if (op >= Op::br_i32_eq && op <= Op::br_f64_not_ge)
    return mirrored_branches[op_distance(Op::br_i32_eq, op)];
  const CompareRow* row = compare_row(op);
  return row == nullptr ? Op::count : static_cast<Op>(row->mirrored);
}

#undef EBB_INT_COMPARES
#undef EBB_FLOAT_COMPARES
#undef EBB_INT_BRANCHES
#undef EBB_FLOAT_BRANCHES

} // namespace ebb
