// MachineTable: what core/interpret hands to the engine, so that code can be threaded below it.
#pragma once

namespace ebb {

struct MachineTable {
  /// The address that threaded code has for each Form; null in builds that cannot run threaded code.
  const void* const* handlers;
};

} // namespace ebb
