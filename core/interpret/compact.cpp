// Compact code, run in place by one function: opcodes index a table of label addresses, targets are
// distances.

// With checks of alignment at each slot this one function takes clang ten minutes; the handlers of
// threaded code, which are the same, have them.
#ifdef __clang__
#pragma clang attribute push(__attribute__((no_sanitize("alignment"))), apply_to = function)
#endif

#include "core/interpret/machine_state.h"
#include "core/interpret/numeric.h"
#include "core/interpret/registers.h"
#include "core/state/instance_state.h"

#define EBB_THREADED 0
#define EBB_HEAD 2
#define EBB_BYTES(operand_bytes) (EBB_HEAD + (operand_bytes))
#define EBB_BYTES_TARGET(operand_bytes) (EBB_HEAD + (operand_bytes) + 2)
#include "core/interpret/compact_policy.inc"

#define EBB_FETCH(pc) (addresses[read_code<uint16_t>(pc)])
#include "core/interpret/loop.inc"

namespace ebb {

// At the start of a cache line: where its handlers lie in one decides a tenth of the speed.
__attribute__((aligned(64))) void run_compact(Machine& m, const uint8_t* pc, uint64_t* fp) {
  static const void* const addresses[] = {
#include "core/bytecode/forms_compact.inc"
  };
  static_assert(sizeof(addresses) / sizeof(void*) == static_cast<size_t>(Form::compact_count));
  uint8_t* mem = m.memory;
  uint64_t size = m.memory_size;
  Word acc = m.values.acc;
  FloatRegister facc = m.values.facc;
  EBB_DISPATCH();
#include "core/interpret/handlers.inc"
stop:
  m.pc = pc;
  m.fp = fp;
end:
  return;
}

} // namespace ebb

#ifdef __clang__
#pragma clang attribute pop
#endif
