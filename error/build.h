// What the whole build was made for; see the option `small` of meson. A constant instead of a
// macro, so that what a small build leaves out is still compiled, and folded away.
#pragma once

namespace ebb {

#if defined(EBB_SMALL)
inline constexpr bool is_small_build = true;
#else
inline constexpr bool is_small_build = false;
#endif

} // namespace ebb
