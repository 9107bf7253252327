// What the whole build was made for; see the option `small` of meson. A constant instead of a
// macro, so that what a small build leaves out is still compiled, and folded away.
#pragma once

namespace ebb {

#if defined(EBB_SMALL)
inline constexpr bool is_small_build = true;
#else
inline constexpr bool is_small_build = false;
#endif

// A short function that many call, where code that is there once is worth more than a saved call.
#if defined(EBB_SMALL)
#define EBB_CALLED_IF_SMALL __attribute__((noinline))
#else
#define EBB_CALLED_IF_SMALL
#endif

} // namespace ebb
