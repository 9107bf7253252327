// The platform of hosted builds: Linux system calls by way of libc functions that do not allocate.
#include "core/platform/platform.h"

#include <cerrno>
#include <climits>
#include <ctime>

#include <linux/futex.h>
#include <sched.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ebb {
namespace {

constexpr uint64_t second = 1'000'000'000;

clockid_t clock_of(PlatformClock clock) {
  return clock == PlatformClock::realtime ? CLOCK_REALTIME : CLOCK_MONOTONIC;
}

uint64_t nanoseconds_of(const timespec& time) {
  return static_cast<uint64_t>(time.tv_sec) * second + static_cast<uint64_t>(time.tv_nsec);
}

/// As much of a time as the type can hold; those who wait look again.
timespec timespec_of(uint64_t nanoseconds) {
  const uint64_t seconds = nanoseconds / second;
  timespec time;
  time.tv_sec = static_cast<time_t>(seconds < INT_MAX ? seconds : INT_MAX);
  time.tv_nsec = static_cast<decltype(time.tv_nsec)>(nanoseconds % second);
  return time;
}

PlatformIo outcome_of(int error) {
  if (error == EBADF) return PlatformIo::bad_descriptor;
  return error == EPIPE ? PlatformIo::broken_pipe : PlatformIo::failed;
}

} // namespace

bool platform_entropy(void* bytes, size_t count) {
  uint8_t* next = static_cast<uint8_t*>(bytes);
  while (count != 0) {
    const ssize_t got = getrandom(next, count, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    next += got;
    count -= static_cast<size_t>(got);
  }
  return true;
}

bool platform_now(PlatformClock clock, uint64_t* nanoseconds) {
  timespec time;
  if (clock_gettime(clock_of(clock), &time) != 0) return false;
  *nanoseconds = nanoseconds_of(time);
  return true;
}

bool platform_resolution(PlatformClock clock, uint64_t* nanoseconds) {
  timespec time;
  if (clock_getres(clock_of(clock), &time) != 0) return false;
  *nanoseconds = nanoseconds_of(time);
  return true;
}

PlatformIo platform_read(uint32_t descriptor, void* bytes, size_t count, size_t* done) {
  for (;;) {
    const ssize_t got = read(static_cast<int>(descriptor), bytes, count);
    if (got >= 0) {
      *done = static_cast<size_t>(got);
      return PlatformIo::done;
    }
    if (errno != EINTR) return outcome_of(errno);
  }
}

PlatformIo platform_write(uint32_t descriptor, const void* bytes, size_t count, size_t* done) {
  for (;;) {
    const ssize_t put = write(static_cast<int>(descriptor), bytes, count);
    if (put >= 0) {
      *done = static_cast<size_t>(put);
      return PlatformIo::done;
    }
    if (errno != EINTR) return outcome_of(errno);
  }
}

void platform_yield() { sched_yield(); }

void platform_sleep(uint64_t nanoseconds) {
  timespec left = timespec_of(nanoseconds);
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

bool platform_park(const uint32_t* word, uint32_t expected, uint64_t nanoseconds) {
  const timespec time = timespec_of(nanoseconds);
  const long result = syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected,
                              nanoseconds == UINT64_MAX ? nullptr : &time, nullptr, 0);
  return result == 0 || errno != ETIMEDOUT;
}

uint32_t platform_wake(const uint32_t* word, uint32_t count) {
  const long woken =
      syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE,
              count < INT_MAX ? static_cast<int>(count) : INT_MAX, nullptr, nullptr, 0);
  return woken < 0 ? 0 : static_cast<uint32_t>(woken);
}

} // namespace ebb
