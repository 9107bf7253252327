// WASI preview 1 for programs that use arguments, environment, standard streams, clocks, random
// numbers and exit. The rest answers with the errno of a host that has no files.
//
// Everything that WASI reads from or writes to the world goes through WasiHooks, so that a run can
// be recorded and replayed. Nothing here allocates.
#pragma once

#include "core/runtime/linker.h"

namespace ebb {

enum class WasiClock : uint8_t { realtime, monotonic };

/// What WASI asks of its surroundings. Errors are WASI's errno values (0 is success).
struct WasiHooks {
  void* context = nullptr;
  /// Nanoseconds.
  uint16_t (*clock_now)(void* context, WasiClock clock, uint64_t* nanoseconds) = nullptr;
  uint16_t (*clock_resolution)(void* context, WasiClock clock, uint64_t* nanoseconds) = nullptr;
  uint16_t (*random)(void* context, uint8_t* bytes, size_t count) = nullptr;
  /// `descriptor` is 0, 1 or 2.
  uint16_t (*read)(void* context, uint32_t descriptor, uint8_t* bytes, size_t count,
                   size_t* done) = nullptr;
  uint16_t (*write)(void* context, uint32_t descriptor, const uint8_t* bytes, size_t count,
                    size_t* done) = nullptr;
  /// Waits.
  uint16_t (*sleep)(void* context, uint64_t nanoseconds) = nullptr;
  uint16_t (*yield)(void* context) = nullptr;
};

/// The hooks of the platform: its clocks, entropy and descriptors 0 to 2.
const WasiHooks& wasi_platform_hooks();

/// What one guest sees; owned by the embedder, and there as long as guests that were given it.
struct WasiContext {
  std::span<const StringView> args;        ///< The program's name first.
  std::span<const StringView> environment; ///< NAME=VALUE.
  WasiHooks hooks = wasi_platform_hooks();
  bool closed[3] = {false, false, false}; ///< Standard streams that the guest closed.
};

/// Defines all functions of `wasi_snapshot_preview1`. Guests end with Error::exit, and the code in
/// the diagnostic. Fails: duplicate_definition, out_of_memory. On failure: some of them are
/// defined.
Result<void> wasi_add_to_linker(Linker& linker, WasiContext* context);

} // namespace ebb
