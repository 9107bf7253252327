// Recording: what a guest saw of the world and what it wrote, so that every run of a torture sees
// the same and is compared with the first.
//
// The first run asks the platform and keeps clocks and random numbers; later runs are given those.
// A run that was told of a failure may ask for more than was kept: it gets made-up values, the same
// in each run. Output is kept in the first run and compared in later ones; standard input is empty.
#pragma once

#include "core/wasi/wasi.h"
#include "tools/ebb/pages.h"

namespace ebb::tool {

class Recording {
public:
  WasiHooks hooks();

  /// Ends the first run; what follows is replayed. False if the system had no memory to record in.
  bool stop_recording();
  /// Begins a replay.
  void rewind();
  /// Whether the replay wrote exactly what the first run wrote.
  bool is_output_same() const;

private:
  // Bytes that the first run appends and later ones read again.
  struct Track {
    Pages pages;
    size_t size = 0;
    size_t position = 0;

    bool append(const void* bytes, size_t count);
    /// What is left of the track, at most `count`.
    size_t take(void* bytes, size_t count);
    /// Whether the next bytes of the track are these.
    bool matches(const void* bytes, size_t count);
  };

  uint16_t clock(bool is_resolution, WasiClock clock, uint64_t* nanoseconds);
  uint16_t random(uint8_t* bytes, size_t count);
  uint16_t write(uint32_t descriptor, const uint8_t* bytes, size_t count);

  Track clocks_;
  Track random_;
  Track output_[2];
  bool replaying_ = false;
  bool is_output_same_ = true;
  bool failed_ = false;
  uint64_t made_up_ = 0;
};

} // namespace ebb::tool
