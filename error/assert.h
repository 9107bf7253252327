// EBB_ASSERT: a statement about Ebb's own code that holds whatever the input is. It is checked in
// debug builds and in builds with -Dassertions=true, and stops the program there; release builds
// compile it away.
#pragma once

#if defined(EBB_ASSERTIONS)
#define EBB_ASSERT(condition)                                                                      \
  (__builtin_expect(static_cast<bool>(condition), 1) ? static_cast<void>(0) : __builtin_trap())
#else
#define EBB_ASSERT(condition) static_cast<void>(sizeof((condition) ? 1 : 0))
#endif

/// A place that control cannot reach.
#if defined(EBB_ASSERTIONS)
#define EBB_UNREACHABLE() __builtin_trap()
#else
#define EBB_UNREACHABLE() __builtin_unreachable()
#endif
