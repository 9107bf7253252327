// See recording.h.
#include "tools/ebb/recording.h"

#include <cstring>

namespace ebb::tool {
namespace {

constexpr uint16_t success = 0;
constexpr uint16_t errno_badf = 8;
constexpr uint64_t made_up_tick = 1000000; // a millisecond

} // namespace

bool Recording::Track::append(const void* bytes, size_t count) {
  if (count == 0) return true;
  if (count > SIZE_MAX / 4 - size) return false;
  if (size + count > pages.size() && !pages.grow((size + count) * 2)) return false;
  std::memcpy(pages.bytes() + size, bytes, count);
  size += count;
  return true;
}

size_t Recording::Track::take(void* bytes, size_t count) {
  const size_t left = size - position;
  if (count > left) count = left;
  if (count != 0) std::memcpy(bytes, pages.bytes() + position, count);
  position += count;
  return count;
}

bool Recording::Track::matches(const void* bytes, size_t count) {
  if (count > size - position) return false;
  const bool same = count == 0 || std::memcmp(pages.bytes() + position, bytes, count) == 0;
  position += count;
  return same;
}

bool Recording::stop_recording() {
  replaying_ = true;
  return !failed_;
}

void Recording::rewind() {
  clocks_.position = 0;
  random_.position = 0;
  for (Track& track : output_)
    track.position = 0;
  is_output_same_ = true;
  made_up_ = 0;
}

bool Recording::is_output_same() const {
  if (!is_output_same_) return false;
  for (const Track& track : output_)
    if (track.position != track.size) return false;
  return true;
}

uint16_t Recording::clock(bool is_resolution, WasiClock clock, uint64_t* nanoseconds) {
  if (replaying_) {
    if (clocks_.take(nanoseconds, sizeof *nanoseconds) != sizeof *nanoseconds)
      *nanoseconds = is_resolution ? 1 : made_up_ += made_up_tick;
    return success;
  }
  const WasiHooks& platform = wasi_platform_hooks();
  const auto ask = is_resolution ? platform.clock_resolution : platform.clock_now;
  const uint16_t error = ask(platform.context, clock, nanoseconds);
  if (error != success) return error;
  if (!clocks_.append(nanoseconds, sizeof *nanoseconds)) failed_ = true;
  return success;
}

uint16_t Recording::random(uint8_t* bytes, size_t count) {
  if (replaying_) {
    for (size_t done = random_.take(bytes, count); done < count; ++done) {
      made_up_ = made_up_ * 6364136223846793005u + 1442695040888963407u;
      bytes[done] = static_cast<uint8_t>(made_up_ >> 56);
    }
    return success;
  }
  const WasiHooks& platform = wasi_platform_hooks();
  const uint16_t error = platform.random(platform.context, bytes, count);
  if (error != success) return error;
  if (!random_.append(bytes, count)) failed_ = true;
  return success;
}

uint16_t Recording::write(uint32_t descriptor, const uint8_t* bytes, size_t count) {
  if (descriptor != 1 && descriptor != 2) return errno_badf;
  Track& track = output_[descriptor - 1];
  if (!replaying_) {
    if (!track.append(bytes, count)) failed_ = true;
  } else if (!track.matches(bytes, count)) {
    is_output_same_ = false;
  }
  return success;
}

WasiHooks Recording::hooks() {
  WasiHooks hooks;
  hooks.context = this;
  hooks.clock_now = [](void* self, WasiClock clock, uint64_t* nanoseconds) {
    return static_cast<Recording*>(self)->clock(false, clock, nanoseconds);
  };
  hooks.clock_resolution = [](void* self, WasiClock clock, uint64_t* nanoseconds) {
    return static_cast<Recording*>(self)->clock(true, clock, nanoseconds);
  };
  hooks.random = [](void* self, uint8_t* bytes, size_t count) {
    return static_cast<Recording*>(self)->random(bytes, count);
  };
  hooks.read = [](void*, uint32_t, uint8_t*, size_t, size_t* done) {
    *done = 0;
    return success;
  };
  hooks.write = [](void* self, uint32_t descriptor, const uint8_t* bytes, size_t count,
                   size_t* done) {
    *done = count;
    return static_cast<Recording*>(self)->write(descriptor, bytes, count);
  };
  hooks.sleep = [](void* self, uint64_t nanoseconds) {
    if (static_cast<Recording*>(self)->replaying_) return success;
    const WasiHooks& platform = wasi_platform_hooks();
    return platform.sleep(platform.context, nanoseconds);
  };
  hooks.yield = [](void*) { return success; };
  return hooks;
}

} // namespace ebb::tool
