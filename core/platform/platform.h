// What differs between hosts and is not memory: time, entropy, the standard streams, waiting.
//
// Each host links one implementation; posix.cpp is that of hosted builds, and a board supplies its
// own. None of these allocates, and all may be called by several threads.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ebb {

/// Fills `bytes` with numbers that nobody can predict. False if there are none to be had.
bool platform_entropy(void* bytes, size_t count);

enum class PlatformClock : uint8_t { realtime, monotonic };

/// Nanoseconds since 1970, or since some moment. False if there is no such clock.
bool platform_now(PlatformClock clock, uint64_t* nanoseconds);
bool platform_resolution(PlatformClock clock, uint64_t* nanoseconds);

/// What a stream did.
enum class PlatformIo : uint8_t { done, bad_descriptor, broken_pipe, failed };

/// Reads or writes some bytes of standard stream 0, 1 or 2 and says how many; 0 read is the end.
PlatformIo platform_read(uint32_t descriptor, void* bytes, size_t count, size_t* done);
PlatformIo platform_write(uint32_t descriptor, const void* bytes, size_t count, size_t* done);

/// Lets other threads run.
void platform_yield();
void platform_sleep(uint64_t nanoseconds);

/// Sleeps while `*word` is `expected`, until woken or until `nanoseconds` are over (UINT64_MAX: for
/// ever). May return early for no reason. False if the time is over.
bool platform_park(const uint32_t* word, uint32_t expected, uint64_t nanoseconds);
/// Wakes up to `count` of those parked on `word`, and says how many.
uint32_t platform_wake(const uint32_t* word, uint32_t count);

} // namespace ebb
