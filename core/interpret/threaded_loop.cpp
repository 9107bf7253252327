// Threaded code by one function, for compilers that do not guarantee tail calls.
#include "core/interpret/machine_state.h"
#include "core/interpret/numeric.h"
#include "core/interpret/registers.h"
#include "core/interpret/small_bulk.h"
#include "core/interpret/threaded_layout.h"
#include "core/state/instance_state.h"

#define EBB_FETCH(pc) (*reinterpret_cast<const void* const*>(pc))
#include "core/interpret/loop.inc"

namespace ebb {
namespace {

/// With a null machine, gives the handlers' addresses, which only this function can name.
__attribute__((noinline)) const void* const* run(Machine* machine, const uint8_t* pc,
                                                 uint64_t* fp) {
  static const void* const addresses[] = {
#define EBB_COMPACT_ENTRY(...) nullptr,
#include "core/bytecode/forms_compact.inc"
#include "core/bytecode/forms_threaded.inc"
      nullptr, // Form::count
#define EBB_METERED_ENTRY(d, a, b, c, name) &&metered_##name##_##d##a##b##c,
#include "core/bytecode/forms_metered.inc"
#undef EBB_METERED_ENTRY
#define EBB_METERED_ENTRY(d, a, b, c, name) &&polled_##name##_##d##a##b##c,
#include "core/bytecode/forms_metered.inc"
#define EBB_CHARGED_ENTRY(d, a, b, c, name) &&metered_##name##_##d##a##b##c,
#include "core/bytecode/forms_metered.inc"
  };
  static_assert(sizeof(addresses) / sizeof(void*) == static_cast<size_t>(Form::end));
  if (machine == nullptr) return addresses;
  Machine& m = *machine;
  uint8_t* mem = m.memory;
  uint64_t bound = m.memory_bound;
  const uint8_t* loop = m.values.loop;
  Word acc = m.values.acc, pin0 = m.values.pins[0];
  FloatRegister facc = m.values.facc, fpin0 = m.values.float_pins[0];
  EBB_DISPATCH();
#include "core/interpret/handlers.inc"
stop:
  m.pc = pc;
  m.fp = fp;
end:
  return nullptr;
}

} // namespace

const void* const* threaded_handlers() { return run(nullptr, nullptr, nullptr); }

Superinstructions threaded_superinstructions() { return {}; }

void run_threaded(Machine& m, const uint8_t* pc, uint64_t* fp) { run(&m, pc, fp); }

} // namespace ebb
