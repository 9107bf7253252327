// The command line of ebb.
//
// Options stand before FILE; what stands behind it belongs to the guest (for torture, options may
// also follow FILE, and the guest's arguments follow those or `--`). Nothing is copied: everything
// points into argv.
#pragma once

#include "error/build.h"
#include "tests/oom/shape.h"

#include <ebb/ebb.h>

#include <cstddef>
#include <cstdint>

namespace ebb::tool {

enum class Command : uint8_t { run, compile, inspect, torture };
enum class AllocatorKind : uint8_t { mimalloc, pool };

/// A part of argv.
struct Words {
  char* const* words = nullptr;
  size_t count = 0;
};

struct Options {
  static constexpr size_t env_max = 256;
  static constexpr size_t no_budget = SIZE_MAX;
  static constexpr uint64_t no_fuel = UINT64_MAX;

  Command command = Command::run;
  const char* file = nullptr;
  Words args;                    ///< Of the guest, without the program's name.
  const char* env[env_max] = {}; ///< Each KEY=VALUE.
  size_t env_count = 0;
  const char* invoke = nullptr;
  Words invoke_args;
  size_t budget = no_budget; ///< Of the store, in bytes.
  uint64_t fuel = no_fuel;
  bool stats = false;
  bool offsets = false; ///< Keep wasm offsets also in compact code.
  AllocatorKind allocator = AllocatorKind::mimalloc;
  size_t pool_bytes = 0;
  Config::Preparation preparation = Config::Preparation::at_load;
  bool compact = is_small_build;
  const char* output = nullptr; ///< Where compile writes to.
  bool wide = false;            ///< The profile that compile writes.
  bool strip = false;
  bool count_fuel = false;
  bool interruptible = false;
  bool json = false;
  oom::Shapes shapes;
  oom::Schedule schedule;
  uint64_t repeat = 0; ///< The one point to try, in shape `repeat_shape`; 0 for what is scheduled.
  oom::Shape repeat_shape;
  unsigned torture_seconds_max = 0; ///< For all runs of a torture; 0 for as long as they take.
  static constexpr unsigned no_timeout = 0;
  unsigned seconds_max = no_timeout; ///< For one run.
  unsigned jobs = 1;
};

/// Reads the command line. False if the program is to end with `status`: help was printed, or what
/// is wrong.
bool read_options(int argc, char** argv, Options& options, int& status);

} // namespace ebb::tool
