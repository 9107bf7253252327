// Forms that only threaded code has: see forms.h.
//
// Kinds beside those of compact code: p, q and v are locals pinned in machine registers, the first,
// second and, if there are so many, third of their class; l, in place of the destination of a
// branch, says that it leads to the start of the innermost loop, which is in a register; w is an
// immediate of eight bytes. In loads and stores k in place of the offset is an addend that wraps at
// 32 bits.
//
// How many pins there are is decided here: all the machine's registers must fit the registers of a
// call where handlers call each other, and the number of forms grows with their cube. Two of each
// class were best on x86-64 (core/interpret/README.md). Of the forms that follow from these lists,
// those that hardly any program has are left out (unused_forms.h).
#pragma once

#if defined(__clang__) && (defined(__x86_64__) || defined(__aarch64__))
#define EBB_INT_PINS 2
#define EBB_FLOAT_PINS 2
#else
#define EBB_INT_PINS 1
#define EBB_FLOAT_PINS 1
#endif

#if EBB_INT_PINS == 3
#define EBB_PINS_1(X, ...) X(p, __VA_ARGS__) X(q, __VA_ARGS__) X(v, __VA_ARGS__)
#define EBB_PINS_2(X, ...) X(p, __VA_ARGS__) X(q, __VA_ARGS__) X(v, __VA_ARGS__)
#define EBB_PIN_PAIRS(X, ...) X(p, q, __VA_ARGS__) X(p, v, __VA_ARGS__) X(q, v, __VA_ARGS__)
#define EBB_PIN_SWAPS(X, ...) X(q, p, __VA_ARGS__) X(v, p, __VA_ARGS__) X(v, q, __VA_ARGS__)
#elif EBB_INT_PINS == 2
#define EBB_PINS_1(X, ...) X(p, __VA_ARGS__) X(q, __VA_ARGS__)
#define EBB_PINS_2(X, ...) X(p, __VA_ARGS__) X(q, __VA_ARGS__)
#define EBB_PIN_PAIRS(X, ...) X(p, q, __VA_ARGS__)
#define EBB_PIN_SWAPS(X, ...) X(q, p, __VA_ARGS__)
#else
#define EBB_PINS_1(X, ...) X(p, __VA_ARGS__)
#define EBB_PINS_2(X, ...) X(p, __VA_ARGS__)
#define EBB_PIN_PAIRS(X, ...)
#define EBB_PIN_SWAPS(X, ...)
#endif
#if EBB_FLOAT_PINS == 2
#define EBB_FLOAT_PINS_1(X, ...) X(p, __VA_ARGS__) X(q, __VA_ARGS__)
#define EBB_FLOAT_PINS_2(X, ...) X(p, __VA_ARGS__) X(q, __VA_ARGS__)
#define EBB_FLOAT_PAIRS(X, ...) X(p, q, __VA_ARGS__)
#define EBB_FLOAT_SWAPS(X, ...) X(q, p, __VA_ARGS__)
#else
#define EBB_FLOAT_PINS_1(X, ...) X(p, __VA_ARGS__)
#define EBB_FLOAT_PINS_2(X, ...) X(p, __VA_ARGS__)
#define EBB_FLOAT_PAIRS(X, ...)
#define EBB_FLOAT_SWAPS(X, ...)
#endif

#define EBB_COMMUTATIVE_DEST(D, P, M, ...)                                                         \
  M(D, P, s, n, __VA_ARGS__) M(D, P, a, n, __VA_ARGS__) M(D, P, k, n, __VA_ARGS__)
#define EBB_COMMUTATIVE_PIN(P, M, ...)                                                             \
  M(a, P, s, n, __VA_ARGS__)                                                                       \
  M(a, P, a, n, __VA_ARGS__)                                                                       \
  M(a, P, k, n, __VA_ARGS__)                                                                       \
  M(s, P, s, n, __VA_ARGS__)                                                                       \
  M(s, P, a, n, __VA_ARGS__)                                                                       \
  M(s, P, k, n, __VA_ARGS__)                                                                       \
  M(P, s, s, n, __VA_ARGS__)                                                                       \
  M(P, a, s, n, __VA_ARGS__)                                                                       \
  M(P, s, k, n, __VA_ARGS__)                                                                       \
  M(P, a, k, n, __VA_ARGS__)                                                                       \
  EBB_PINS_2(EBB_COMMUTATIVE_DEST, P, M, __VA_ARGS__)
#define EBB_COMMUTATIVE_PAIR_DEST(D, P, Q, M, ...) M(D, P, Q, n, __VA_ARGS__)
#define EBB_COMMUTATIVE_PAIR(P, Q, M, ...)                                                         \
  M(a, P, Q, n, __VA_ARGS__)                                                                       \
  M(s, P, Q, n, __VA_ARGS__)                                                                       \
  EBB_PINS_2(EBB_COMMUTATIVE_PAIR_DEST, P, Q, M, __VA_ARGS__)
#define EBB_THREADED_commutative(M, ...)                                                           \
  EBB_PINS_1(EBB_COMMUTATIVE_PIN, M, __VA_ARGS__)                                                  \
  EBB_PIN_PAIRS(EBB_COMMUTATIVE_PAIR, M, __VA_ARGS__)
#define EBB_THREADED_commutative_w(M, ...) EBB_THREADED_commutative(M, __VA_ARGS__)

// An operand is a wide immediate.
#define EBB_WIDE_PIN(P, M, ...)                                                                    \
  M(a, P, w, n, __VA_ARGS__) M(P, a, w, n, __VA_ARGS__) M(P, P, w, n, __VA_ARGS__)
#define EBB_WIDE(M, ...)                                                                           \
  M(a, s, w, n, __VA_ARGS__)                                                                       \
  M(a, a, w, n, __VA_ARGS__) M(s, s, w, n, __VA_ARGS__) M(s, a, w, n, __VA_ARGS__)
#define EBB_COMMUTATIVE_64_PIN(P, M, ...)                                                          \
  M(a, P, s, n, __VA_ARGS__)                                                                       \
  M(a, P, a, n, __VA_ARGS__)                                                                       \
  M(s, P, s, n, __VA_ARGS__)                                                                       \
  M(s, P, a, n, __VA_ARGS__) M(P, a, s, n, __VA_ARGS__) M(P, P, s, n, __VA_ARGS__)
#define EBB_WIDE_64_PIN(P, M, ...) M(a, P, w, n, __VA_ARGS__) M(P, a, w, n, __VA_ARGS__)
#define EBB_THREADED_commutative_64(M, ...)                                                        \
  EBB_WIDE(M, __VA_ARGS__)                                                                         \
  EBB_PINS_1(EBB_COMMUTATIVE_64_PIN, M, __VA_ARGS__)                                               \
  EBB_PINS_1(EBB_WIDE_64_PIN, M, __VA_ARGS__) EBB_PIN_PAIRS(EBB_IN_ACC_PAIR, M, __VA_ARGS__)

// A constant is not subtracted: its negative is added.
#define EBB_ORDERED_DEST(D, P, M, ...) M(D, P, s, n, __VA_ARGS__)
#define EBB_ORDERED_PIN(P, M, ...)                                                                 \
  M(a, P, s, n, __VA_ARGS__)                                                                       \
  M(a, P, a, n, __VA_ARGS__)                                                                       \
  M(a, s, P, n, __VA_ARGS__)                                                                       \
  M(a, a, P, n, __VA_ARGS__)                                                                       \
  M(s, P, s, n, __VA_ARGS__)                                                                       \
  M(s, P, a, n, __VA_ARGS__)                                                                       \
  M(s, s, P, n, __VA_ARGS__)                                                                       \
  M(s, a, P, n, __VA_ARGS__)                                                                       \
  M(P, s, s, n, __VA_ARGS__)                                                                       \
  M(P, a, s, n, __VA_ARGS__)                                                                       \
  M(P, s, a, n, __VA_ARGS__) EBB_PINS_2(EBB_ORDERED_DEST, P, M, __VA_ARGS__)
#define EBB_ORDERED_PAIR(P, Q, M, ...) M(a, P, Q, n, __VA_ARGS__) M(s, P, Q, n, __VA_ARGS__)
#define EBB_THREADED_ordered(M, ...)                                                               \
  EBB_PINS_1(EBB_ORDERED_PIN, M, __VA_ARGS__)                                                      \
  EBB_PIN_PAIRS(EBB_ORDERED_PAIR, M, __VA_ARGS__) EBB_PIN_SWAPS(EBB_ORDERED_PAIR, M, __VA_ARGS__)
#define EBB_ORDERED_64_PIN(P, M, ...)                                                              \
  M(a, P, s, n, __VA_ARGS__) M(a, P, a, n, __VA_ARGS__) M(a, s, P, n, __VA_ARGS__)
#define EBB_THREADED_ordered_64(M, ...) EBB_PINS_1(EBB_ORDERED_64_PIN, M, __VA_ARGS__)

#define EBB_SHIFT_DEST(D, P, M, ...) M(D, P, k, n, __VA_ARGS__)
#define EBB_SHIFT_PIN(P, M, ...)                                                                   \
  M(a, P, a, n, __VA_ARGS__)                                                                       \
  M(a, s, P, n, __VA_ARGS__)                                                                       \
  M(a, P, k, n, __VA_ARGS__)                                                                       \
  M(s, P, k, n, __VA_ARGS__)                                                                       \
  M(P, s, k, n, __VA_ARGS__)                                                                       \
  M(P, a, k, n, __VA_ARGS__) EBB_PINS_2(EBB_SHIFT_DEST, P, M, __VA_ARGS__)
#define EBB_IN_ACC_PAIR(P, Q, M, ...) M(a, P, Q, n, __VA_ARGS__)
#define EBB_THREADED_shift(M, ...) EBB_PINS_1(EBB_SHIFT_PIN, M, __VA_ARGS__)
#define EBB_SHIFT_64_PIN(P, M, ...) M(a, P, k, n, __VA_ARGS__) M(s, P, k, n, __VA_ARGS__)
#define EBB_THREADED_shift_64(M, ...) EBB_PINS_1(EBB_SHIFT_64_PIN, M, __VA_ARGS__)

#define EBB_THREADED_rare_int(M, ...)
#define EBB_DIVIDE_PIN(P, M, ...) M(a, P, k, n, __VA_ARGS__)
#define EBB_THREADED_divide(M, ...) EBB_PINS_1(EBB_DIVIDE_PIN, M, __VA_ARGS__)
#define EBB_THREADED_rare_float(M, ...)

#define EBB_COMMUTATIVE_FLOAT_DEST(D, P, M, ...)                                                   \
  M(D, P, s, n, __VA_ARGS__) M(D, P, a, n, __VA_ARGS__)
#define EBB_COMMUTATIVE_FLOAT_PIN(P, M, ...)                                                       \
  M(a, P, s, n, __VA_ARGS__)                                                                       \
  M(a, P, a, n, __VA_ARGS__)                                                                       \
  M(a, P, P, n, __VA_ARGS__)                                                                       \
  M(s, P, s, n, __VA_ARGS__)                                                                       \
  M(s, P, a, n, __VA_ARGS__)                                                                       \
  M(s, P, P, n, __VA_ARGS__)                                                                       \
  M(P, s, s, n, __VA_ARGS__)                                                                       \
  M(P, a, s, n, __VA_ARGS__)                                                                       \
  EBB_FLOAT_PINS_2(EBB_COMMUTATIVE_FLOAT_DEST, P, M, __VA_ARGS__)                                  \
  EBB_WIDE_PIN(P, M, __VA_ARGS__)
#define EBB_COMMUTATIVE_FLOAT_PAIR(P, Q, M, ...)                                                   \
  M(a, P, Q, n, __VA_ARGS__)                                                                       \
  M(s, P, Q, n, __VA_ARGS__)                                                                       \
  EBB_FLOAT_PINS_2(EBB_COMMUTATIVE_PAIR_DEST, P, Q, M, __VA_ARGS__)
#define EBB_THREADED_commutative_float(M, ...)                                                     \
  EBB_WIDE(M, __VA_ARGS__)                                                                         \
  EBB_FLOAT_PINS_1(EBB_COMMUTATIVE_FLOAT_PIN, M, __VA_ARGS__)                                      \
  EBB_FLOAT_PAIRS(EBB_COMMUTATIVE_FLOAT_PAIR, M, __VA_ARGS__)

#define EBB_ORDERED_FLOAT_PIN(P, M, ...)                                                           \
  M(a, P, s, n, __VA_ARGS__)                                                                       \
  M(a, P, a, n, __VA_ARGS__)                                                                       \
  M(a, s, P, n, __VA_ARGS__)                                                                       \
  M(a, a, P, n, __VA_ARGS__)                                                                       \
  M(a, P, w, n, __VA_ARGS__)                                                                       \
  M(s, P, a, n, __VA_ARGS__)                                                                       \
  M(s, s, P, n, __VA_ARGS__)                                                                       \
  M(s, a, P, n, __VA_ARGS__)                                                                       \
  M(P, s, s, n, __VA_ARGS__)                                                                       \
  M(P, a, s, n, __VA_ARGS__)                                                                       \
  M(P, s, a, n, __VA_ARGS__)                                                                       \
  M(P, a, w, n, __VA_ARGS__)                                                                       \
  M(P, P, s, n, __VA_ARGS__)                                                                       \
  M(P, P, a, n, __VA_ARGS__) M(P, s, P, n, __VA_ARGS__) M(P, a, P, n, __VA_ARGS__)
#define EBB_ORDERED_FLOAT_PAIR(P, Q, M, ...)                                                       \
  M(a, P, Q, n, __VA_ARGS__) M(P, P, Q, n, __VA_ARGS__) M(Q, P, Q, n, __VA_ARGS__)
#define EBB_THREADED_ordered_float(M, ...)                                                         \
  EBB_WIDE(M, __VA_ARGS__)                                                                         \
  M(a, w, s, n, __VA_ARGS__)                                                                       \
  M(a, w, a, n, __VA_ARGS__)                                                                       \
  EBB_FLOAT_PINS_1(EBB_ORDERED_FLOAT_PIN, M, __VA_ARGS__)                                          \
  EBB_FLOAT_PAIRS(EBB_ORDERED_FLOAT_PAIR, M, __VA_ARGS__)                                          \
  EBB_FLOAT_SWAPS(EBB_ORDERED_FLOAT_PAIR, M, __VA_ARGS__)

#define EBB_COMPARE_PIN(P, M, ...)                                                                 \
  M(a, P, s, n, __VA_ARGS__) M(a, P, a, n, __VA_ARGS__) M(a, P, k, n, __VA_ARGS__)
#define EBB_THREADED_compare(M, ...)
#define EBB_THREADED_compare_w(M, ...) EBB_PINS_1(EBB_COMPARE_PIN, M, __VA_ARGS__)
#define EBB_THREADED_compare_float(M, ...) M(a, s, w, n, __VA_ARGS__) M(a, a, w, n, __VA_ARGS__)

#define EBB_BRANCH_PIN(P, L, M, ...)                                                               \
  M(L, P, s, n, __VA_ARGS__) M(L, P, a, n, __VA_ARGS__) M(L, P, k, n, __VA_ARGS__)
#define EBB_BRANCH_PAIR(P, Q, L, M, ...) M(L, P, Q, n, __VA_ARGS__)
// Of 64-bit integers.
#define EBB_BRANCH_64_PIN(P, M, ...) M(n, P, s, n, __VA_ARGS__) M(n, P, k, n, __VA_ARGS__)
#define EBB_THREADED_branch(M, ...) EBB_PINS_1(EBB_BRANCH_64_PIN, M, __VA_ARGS__)
// Which branches of a list come metered too (forms_metered.inc): loops end in comparisons of 32-bit
// integers.
#define EBB_METERED_branch(M, ...)
#define EBB_METERED_branch_w(M, ...)                                                               \
  M(l, s, s, n, __VA_ARGS__)                                                                       \
  M(l, a, s, n, __VA_ARGS__)                                                                       \
  M(l, s, k, n, __VA_ARGS__)                                                                       \
  M(l, a, k, n, __VA_ARGS__) EBB_PINS_1(EBB_BRANCH_PIN, l, M, __VA_ARGS__)
#define EBB_METERED_branch_float(M, ...)
// Which come so in code that counts fuel only.
#define EBB_CHARGED_branch(M, ...)
#define EBB_CHARGED_branch_w(M, ...) EBB_FORMS_branch(M, __VA_ARGS__)
#define EBB_CHARGED_branch_float(M, ...)
#define EBB_THREADED_branch_w(M, ...)                                                              \
  EBB_PINS_1(EBB_BRANCH_PIN, n, M, __VA_ARGS__)                                                    \
  EBB_PIN_PAIRS(EBB_BRANCH_PAIR, n, M, __VA_ARGS__) EBB_METERED_branch_w(M, __VA_ARGS__)
#define EBB_BRANCH_FLOAT_PIN(P, M, ...) M(n, P, w, n, __VA_ARGS__)
#define EBB_THREADED_branch_float(M, ...)                                                          \
  M(n, a, w, n, __VA_ARGS__) EBB_FLOAT_PINS_1(EBB_BRANCH_FLOAT_PIN, M, __VA_ARGS__)

#define EBB_UNARY_PIN(P, M, ...)                                                                   \
  M(a, P, n, n, __VA_ARGS__)                                                                       \
  M(s, P, n, n, __VA_ARGS__)                                                                       \
  M(P, s, n, n, __VA_ARGS__)                                                                       \
  M(P, a, n, n, __VA_ARGS__) M(P, P, n, n, __VA_ARGS__)
#define EBB_THREADED_unary(M, ...) EBB_PINS_1(EBB_UNARY_PIN, M, __VA_ARGS__)
#define EBB_THREADED_convert(M, ...)
#define EBB_THREADED_rare_unary(M, ...)

// Loads and stores. Pins of addresses are integers; the class of the other is the instruction's.
#define EBB_LOAD_ADDRESS(P, M, ...)                                                                \
  M(a, P, n, n, __VA_ARGS__)                                                                       \
  M(s, P, n, n, __VA_ARGS__) M(a, P, k, n, __VA_ARGS__) M(s, P, k, n, __VA_ARGS__)
#define EBB_LOAD_INTO_PIN(D, M, ...)                                                               \
  M(D, s, n, n, __VA_ARGS__)                                                                       \
  M(D, a, n, n, __VA_ARGS__)                                                                       \
  M(D, k, n, n, __VA_ARGS__)                                                                       \
  M(D, s, k, n, __VA_ARGS__) M(D, a, k, n, __VA_ARGS__) EBB_PINS_2(EBB_LOAD_FROM, D, M, __VA_ARGS__)
#define EBB_LOAD_FROM(P, D, M, ...) M(D, P, n, n, __VA_ARGS__) M(D, P, k, n, __VA_ARGS__)
#define EBB_LOAD_WRAPPED(M, ...)                                                                   \
  M(a, s, k, n, __VA_ARGS__)                                                                       \
  M(a, a, k, n, __VA_ARGS__) M(s, s, k, n, __VA_ARGS__) M(s, a, k, n, __VA_ARGS__)
#define EBB_LOAD_RARE_PIN(P, M, ...) M(a, P, n, n, __VA_ARGS__)
#define EBB_THREADED_load(M, ...)                                                                  \
  M(s, s, k, n, __VA_ARGS__)                                                                       \
  M(s, a, k, n, __VA_ARGS__) EBB_PINS_1(EBB_LOAD_RARE_PIN, M, __VA_ARGS__)
#define EBB_THREADED_load_h(M, ...)                                                                \
  EBB_LOAD_WRAPPED(M, __VA_ARGS__)                                                                 \
  EBB_PINS_1(EBB_LOAD_ADDRESS, M, __VA_ARGS__) EBB_PINS_1(EBB_LOAD_INTO_PIN, M, __VA_ARGS__)
#define EBB_THREADED_load_float_h(M, ...)                                                          \
  EBB_LOAD_WRAPPED(M, __VA_ARGS__)                                                                 \
  EBB_PINS_1(EBB_LOAD_ADDRESS, M, __VA_ARGS__) EBB_FLOAT_PINS_1(EBB_LOAD_INTO_PIN, M, __VA_ARGS__)

#define EBB_STORE_PIN(P, M, ...)                                                                   \
  M(n, P, s, n, __VA_ARGS__)                                                                       \
  M(n, P, a, n, __VA_ARGS__)                                                                       \
  M(n, s, P, n, __VA_ARGS__)                                                                       \
  M(n, a, P, n, __VA_ARGS__)                                                                       \
  M(n, k, P, n, __VA_ARGS__)                                                                       \
  M(n, P, k, n, __VA_ARGS__)                                                                       \
  M(n, P, s, k, __VA_ARGS__)                                                                       \
  M(n, P, a, k, __VA_ARGS__) M(n, s, P, k, __VA_ARGS__) M(n, P, k, k, __VA_ARGS__)
#define EBB_STORE_PAIR(P, Q, M, ...) M(n, P, Q, n, __VA_ARGS__)
#define EBB_STORE_16_PIN(P, M, ...)                                                                \
  M(n, P, s, n, __VA_ARGS__)                                                                       \
  M(n, P, a, n, __VA_ARGS__) M(n, s, P, n, __VA_ARGS__) M(n, P, a, k, __VA_ARGS__)
#define EBB_THREADED_store_16(M, ...)                                                              \
  M(n, s, s, k, __VA_ARGS__) M(n, s, a, k, __VA_ARGS__) EBB_PINS_1(EBB_STORE_16_PIN, M, __VA_ARGS__)
#define EBB_THREADED_store(M, ...)
#define EBB_THREADED_store_h(M, ...)                                                               \
  M(n, s, s, k, __VA_ARGS__)                                                                       \
  M(n, a, s, k, __VA_ARGS__)                                                                       \
  M(n, s, a, k, __VA_ARGS__)                                                                       \
  M(n, s, k, k, __VA_ARGS__)                                                                       \
  M(n, a, k, k, __VA_ARGS__)                                                                       \
  EBB_PINS_1(EBB_STORE_PIN, M, __VA_ARGS__)                                                        \
  EBB_PIN_PAIRS(EBB_STORE_PAIR, M, __VA_ARGS__) EBB_PIN_SWAPS(EBB_STORE_PAIR, M, __VA_ARGS__)
#define EBB_STORE_FLOAT_ADDRESS(P, M, ...)                                                         \
  M(n, P, s, n, __VA_ARGS__)                                                                       \
  M(n, P, a, n, __VA_ARGS__)                                                                       \
  M(n, P, a, k, __VA_ARGS__) EBB_FLOAT_PINS_1(EBB_STORE_FLOAT_PAIR, P, M, __VA_ARGS__)
#define EBB_STORE_FLOAT_PAIR(F, P, M, ...) M(n, P, F, n, __VA_ARGS__)
#define EBB_STORE_FLOAT_PIN(F, M, ...)                                                             \
  M(n, s, F, n, __VA_ARGS__) M(n, a, F, n, __VA_ARGS__) M(n, k, F, n, __VA_ARGS__)
#define EBB_THREADED_store_float_h(M, ...)                                                         \
  M(n, s, a, k, __VA_ARGS__)                                                                       \
  EBB_PINS_1(EBB_STORE_FLOAT_ADDRESS, M, __VA_ARGS__)                                              \
  EBB_FLOAT_PINS_1(EBB_STORE_FLOAT_PIN, M, __VA_ARGS__)

#define EBB_MOVE_PIN(P, M, ...)                                                                    \
  M(P, s, n, n, __VA_ARGS__)                                                                       \
  M(P, a, n, n, __VA_ARGS__) M(s, P, n, n, __VA_ARGS__) M(a, P, n, n, __VA_ARGS__)
#define EBB_MOVE_K(P, M, ...) M(P, k, n, n, __VA_ARGS__)
#define EBB_MOVE_PAIR(P, Q, M, ...) M(P, Q, n, n, __VA_ARGS__)
#define EBB_THREADED_move(M, ...)                                                                  \
  EBB_PINS_1(EBB_MOVE_PIN, M, __VA_ARGS__)                                                         \
  EBB_PINS_1(EBB_MOVE_K, M, __VA_ARGS__)                                                           \
  EBB_PIN_PAIRS(EBB_MOVE_PAIR, M, __VA_ARGS__) EBB_PIN_SWAPS(EBB_MOVE_PAIR, M, __VA_ARGS__)
#define EBB_THREADED_move_float(M, ...)                                                            \
  EBB_FLOAT_PINS_1(EBB_MOVE_PIN, M, __VA_ARGS__)                                                   \
  EBB_FLOAT_PAIRS(EBB_MOVE_PAIR, M, __VA_ARGS__) EBB_FLOAT_SWAPS(EBB_MOVE_PAIR, M, __VA_ARGS__)
#define EBB_COPY_PIN(P, M, ...) M(s, P, n, n, __VA_ARGS__)
#define EBB_THREADED_copy(M, ...) EBB_PINS_1(EBB_COPY_PIN, M, __VA_ARGS__)
#define EBB_THREADED_copy_float(M, ...) EBB_FLOAT_PINS_1(EBB_COPY_PIN, M, __VA_ARGS__)
#define EBB_RESULT_PIN(P, M, ...) M(P, n, n, n, __VA_ARGS__)
#define EBB_THREADED_result(M, ...) EBB_PINS_1(EBB_RESULT_PIN, M, __VA_ARGS__)
#define EBB_OPERAND_PIN(P, L, M, ...) M(L, P, n, n, __VA_ARGS__)
#define EBB_THREADED_operand(M, ...) EBB_PINS_1(EBB_OPERAND_PIN, n, M, __VA_ARGS__)
#define EBB_THREADED_operand_k(M, ...) EBB_THREADED_operand(M, __VA_ARGS__)
#define EBB_LOOP_operand(M, ...)                                                                   \
  M(l, s, n, n, __VA_ARGS__)                                                                       \
  M(l, a, n, n, __VA_ARGS__) EBB_PINS_1(EBB_OPERAND_PIN, l, M, __VA_ARGS__)
#define EBB_THREADED_branch_operand(M, ...)                                                        \
  EBB_THREADED_operand(M, __VA_ARGS__) EBB_LOOP_operand(M, __VA_ARGS__)
#define EBB_METERED_operand(M, ...)                                                                \
  EBB_FORMS_operand(M, __VA_ARGS__) EBB_THREADED_operand(M, __VA_ARGS__)
#define EBB_METERED_branch_operand(M, ...)                                                         \
  EBB_METERED_operand(M, __VA_ARGS__) EBB_LOOP_operand(M, __VA_ARGS__)
#define EBB_THREADED_jump(M, ...) M(l, n, n, n, __VA_ARGS__)
#define EBB_METERED_jump(M, ...) EBB_FORMS_jump(M, __VA_ARGS__) EBB_THREADED_jump(M, __VA_ARGS__)
#define EBB_SELECT_PIN(P, M, ...)                                                                  \
  M(a, P, s, a, __VA_ARGS__)                                                                       \
  M(a, s, P, a, __VA_ARGS__)                                                                       \
  M(s, P, s, a, __VA_ARGS__)                                                                       \
  M(s, s, P, a, __VA_ARGS__)                                                                       \
  M(P, s, s, a, __VA_ARGS__) M(P, P, s, a, __VA_ARGS__) M(P, s, P, a, __VA_ARGS__)
#define EBB_SELECT_PAIR(P, Q, M, ...)                                                              \
  M(a, P, Q, a, __VA_ARGS__) M(P, P, Q, a, __VA_ARGS__) M(P, Q, P, a, __VA_ARGS__)
#define EBB_THREADED_select(M, ...)                                                                \
  EBB_PINS_1(EBB_SELECT_PIN, M, __VA_ARGS__)                                                       \
  EBB_PIN_PAIRS(EBB_SELECT_PAIR, M, __VA_ARGS__) EBB_PIN_SWAPS(EBB_SELECT_PAIR, M, __VA_ARGS__)
#define EBB_THREADED_select_float(M, ...)
#define EBB_THREADED_threaded_nnnn(M, ...) M(n, n, n, n, __VA_ARGS__)
#define EBB_THREADED_copy_add(M, ...)                                                              \
  M(s, s, k, n, __VA_ARGS__) EBB_PINS_1(EBB_COPY_ADD_PIN, M, __VA_ARGS__)
#define EBB_COPY_ADD_PIN(P, M, ...) M(s, P, k, n, __VA_ARGS__)

// The operand that is added to, what is added, what the sum is compared with.
#define EBB_ADD_BRANCH_PIN(P, L, M, ...) M(L, P, k, k, __VA_ARGS__) M(L, P, k, s, __VA_ARGS__)
#define EBB_ADD_BRANCH(L, M, ...)                                                                  \
  M(L, s, k, k, __VA_ARGS__)                                                                       \
  M(L, s, k, s, __VA_ARGS__) EBB_PINS_1(EBB_ADD_BRANCH_PIN, L, M, __VA_ARGS__)
#define EBB_THREADED_add_branch(M, ...)                                                            \
  EBB_ADD_BRANCH(n, M, __VA_ARGS__) EBB_ADD_BRANCH(l, M, __VA_ARGS__)

#define EBB_PIN_LOAD_PIN(P, M, ...) M(s, P, n, n, __VA_ARGS__)
#define EBB_PIN_STORE_PIN(P, M, ...) M(n, s, P, n, __VA_ARGS__)
#define EBB_THREADED_pin_load(M, ...) EBB_PINS_1(EBB_PIN_LOAD_PIN, M, __VA_ARGS__)
#define EBB_THREADED_pin_store(M, ...) EBB_PINS_1(EBB_PIN_STORE_PIN, M, __VA_ARGS__)
#define EBB_THREADED_pin_load_float(M, ...) EBB_FLOAT_PINS_1(EBB_PIN_LOAD_PIN, M, __VA_ARGS__)
#define EBB_THREADED_pin_store_float(M, ...) EBB_FLOAT_PINS_1(EBB_PIN_STORE_PIN, M, __VA_ARGS__)

#define EBB_THREADED_nnnn(M, ...)
#define EBB_THREADED_far_nnnn(M, ...)
#define EBB_THREADED_far_operand(M, ...)
#define EBB_THREADED_ssnn(M, ...)
#define EBB_THREADED_snnn(M, ...)
#define EBB_THREADED_nsnn(M, ...)
#define EBB_THREADED_nssn(M, ...)
#define EBB_THREADED_nsss(M, ...)
#define EBB_THREADED_ssss(M, ...)
#define EBB_THREADED_rsnn(M, ...)
#define EBB_THREADED_nsrn(M, ...)
#define EBB_THREADED_nsrs(M, ...)
#define EBB_THREADED_ssrn(M, ...)
#define EBB_THREADED_srnn(M, ...)
#define EBB_THREADED_rnnn(M, ...)
#define EBB_THREADED_rrnn(M, ...)
#define EBB_THREADED_nrnn(M, ...)
#define EBB_THREADED_rrrs(M, ...)
