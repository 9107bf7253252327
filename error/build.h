// What the whole build was made for; see the option `small` of meson. A constant instead of a
// macro, so that what a small build leaves out is still compiled, and folded away.
#pragma once

namespace ebb {

#if defined(EBB_SMALL)
inline constexpr bool is_small_build = true;
#else
inline constexpr bool is_small_build = false;
#endif

// Functions that small builds have once, since bytes are worth more there than a saved call: short
// ones that many call (EBB_SHORT_INLINE: in headers, and inlined by all other builds), and ones
// that other builds have for each of the constants they are given.
#if defined(EBB_SMALL)
#define EBB_CALLED_IF_SMALL __attribute__((noinline))
#define EBB_SHORT_INLINE __attribute__((noinline)) inline
#define EBB_INLINE_UNLESS_SMALL
#else
#define EBB_CALLED_IF_SMALL
#define EBB_SHORT_INLINE __attribute__((always_inline)) inline
#define EBB_INLINE_UNLESS_SMALL __attribute__((always_inline)) inline
#endif

} // namespace ebb
