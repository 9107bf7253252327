// Marks memory that nobody may touch, in builds with AddressSanitizer; in others it is nothing.
//
// Who hands memory out of a buffer marks what is free in it, so that a use after release is found
// there as it is found with the system's allocator.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define EBB_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EBB_POISONS 1
#endif
#endif

#if defined(EBB_POISONS)
extern "C" void __asan_poison_memory_region(const volatile void*, size_t);
extern "C" void __asan_unpoison_memory_region(const volatile void*, size_t);
/// Of functions that keep their own bookkeeping in poisoned memory.
#define EBB_TOUCHES_POISONED __attribute__((no_sanitize("address")))
#else
#define EBB_TOUCHES_POISONED
#endif

namespace ebb {

inline void poison([[maybe_unused]] const void* pointer, [[maybe_unused]] size_t bytes) {
#if defined(EBB_POISONS)
  __asan_poison_memory_region(pointer, bytes);
#endif
}

inline void unpoison([[maybe_unused]] const void* pointer, [[maybe_unused]] size_t bytes) {
#if defined(EBB_POISONS)
  __asan_unpoison_memory_region(pointer, bytes);
#endif
}

} // namespace ebb
