// The hooks of WASI over the platform.
#include "core/platform/platform.h"
#include "core/wasi/wasi.h"

namespace ebb {
namespace {

constexpr uint16_t success = 0;
constexpr uint16_t errno_badf = 8;
constexpr uint16_t errno_io = 29;
constexpr uint16_t errno_notsup = 58;
constexpr uint16_t errno_pipe = 64;

PlatformClock clock_of(WasiClock clock) {
  return clock == WasiClock::realtime ? PlatformClock::realtime : PlatformClock::monotonic;
}

uint16_t errno_of(PlatformIo outcome) {
  switch (outcome) {
  case PlatformIo::done:
    return success;
  case PlatformIo::bad_descriptor:
    return errno_badf;
  case PlatformIo::broken_pipe:
    return errno_pipe;
  case PlatformIo::failed:
    break;
  }
  return errno_io;
}

uint16_t now(void*, WasiClock clock, uint64_t* nanoseconds) {
  return platform_now(clock_of(clock), nanoseconds) ? success : errno_notsup;
}

uint16_t resolution(void*, WasiClock clock, uint64_t* nanoseconds) {
  return platform_resolution(clock_of(clock), nanoseconds) ? success : errno_notsup;
}

uint16_t random(void*, uint8_t* bytes, size_t count) {
  return platform_entropy(bytes, count) ? success : errno_io;
}

uint16_t read(void*, uint32_t descriptor, uint8_t* bytes, size_t count, size_t* done) {
  return errno_of(platform_read(descriptor, bytes, count, done));
}

uint16_t write(void*, uint32_t descriptor, const uint8_t* bytes, size_t count, size_t* done) {
  return errno_of(platform_write(descriptor, bytes, count, done));
}

uint16_t sleep(void*, uint64_t nanoseconds) {
  platform_sleep(nanoseconds);
  return success;
}

uint16_t yield(void*) {
  platform_yield();
  return success;
}

constexpr WasiHooks platform_hooks = {.context = nullptr,
                                      .clock_now = &now,
                                      .clock_resolution = &resolution,
                                      .random = &random,
                                      .read = &read,
                                      .write = &write,
                                      .sleep = &sleep,
                                      .yield = &yield};

} // namespace

const WasiHooks& wasi_platform_hooks() { return platform_hooks; }

} // namespace ebb
