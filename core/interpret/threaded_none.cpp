// Builds without threaded code: compilers that neither guarantee tail calls nor compile one large
// function with computed jumps in reasonable time. They run compact code, which is what small
// targets want.
#include "core/interpret/machine_state.h"

namespace ebb {

const void* const* threaded_handlers() { return nullptr; }

Superinstructions threaded_superinstructions() { return {}; }

void run_threaded(Machine& m, const uint8_t* pc, uint64_t* fp) {
  static_cast<void>(pc);
  static_cast<void>(fp);
  EBB_ASSERT(false);
  m.error = Error::invalid_config;
}

} // namespace ebb
