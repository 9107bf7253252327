// Threaded code by tail calls: each handler is a function that ends in a jump to the next.
//
// What the machine keeps in registers are the handlers' parameters; `preserve_none` lets all of
// them be registers and makes handlers save nothing. Needs a compiler that guarantees tail calls:
// see interpret/meson.build.
#include "core/interpret/machine_state.h"
#include "core/interpret/numeric.h"
#include "core/interpret/registers.h"
#include "core/interpret/small_bulk.h"
#include "core/interpret/threaded_layout.h"
#include "core/state/instance_state.h"

namespace ebb {
namespace {

#define EBB_HANDLER_CALL __attribute__((preserve_none))
#define EBB_PARAMETERS                                                                             \
  const uint8_t *pc, uint64_t *fp, uint8_t *mem, uint64_t bound, Machine &m, const uint8_t *loop,  \
      Word acc, FloatRegister facc, EBB_PIN_PARAMETERS, uint64_t fuel
#define EBB_ARGUMENTS pc, fp, mem, bound, m, loop, acc, facc, EBB_PIN_ARGUMENTS, fuel

using Handler = EBB_HANDLER_CALL void (*)(EBB_PARAMETERS);

/// Takes a cost off the fuel. Says whether it could be paid, and the run may go on.
inline bool pay(const Machine& m, uint64_t& fuel, uint64_t cost) {
  fuel -= cost;
  return static_cast<int64_t>(fuel) >= machine_floor(m);
}

#define EBB_HANDLER(form) EBB_HANDLER_CALL void form(EBB_PARAMETERS)
#define EBB_COLD_HANDLER(name) __attribute__((noinline)) EBB_HANDLER_CALL void name(EBB_PARAMETERS)
#define EBB_CONTINUE(name) [[clang::musttail]] return name(EBB_ARGUMENTS)
#define EBB_DISPATCH()                                                                             \
  [[clang::musttail]] return (*reinterpret_cast<const Handler*>(pc))(EBB_ARGUMENTS)
#define EBB_NEXT(operand_bytes)                                                                    \
  pc += EBB_BYTES(operand_bytes);                                                                  \
  EBB_DISPATCH()
#define EBB_NEXT_TARGET(operand_bytes)                                                             \
  pc += EBB_BYTES_TARGET(operand_bytes);                                                           \
  EBB_DISPATCH()
#define EBB_STOP() EBB_CONTINUE(stop)
#define EBB_END() return
#define EBB_SAVE_FUEL() m.store.fuel = fuel
#define EBB_LOAD_FUEL() fuel = m.store.fuel
#define EBB_PAY(cost) pay(m, fuel, cost)
#define EBB_TAKE_BACK(cost)                                                                        \
  fuel += (cost);                                                                                  \
  EBB_SAVE_FUEL()

// Handlers that stop use few of their parameters.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wunused-parameter"
EBB_COLD_HANDLER(stop) {
  m.pc = pc;
  m.fp = fp;
  EBB_SAVE_FUEL();
}
#include "core/interpret/handlers.inc"
#pragma clang diagnostic pop

#define EBB_FORM_ENTRY(d, a, b, c, name, ...) reinterpret_cast<const void*>(&name##_##d##a##b##c),
const void* const handler_addresses[] = {
#define EBB_COMPACT_ENTRY(...) nullptr,
#include "core/bytecode/forms_compact.inc"
#include "core/bytecode/forms_threaded.inc"
    nullptr, // Form::count
#define EBB_METERED_ENTRY(d, a, b, c, name)                                                        \
  reinterpret_cast<const void*>(&metered_##name##_##d##a##b##c),
#include "core/bytecode/forms_metered.inc"
#undef EBB_METERED_ENTRY
#define EBB_METERED_ENTRY(d, a, b, c, name)                                                        \
  reinterpret_cast<const void*>(&polled_##name##_##d##a##b##c),
#include "core/bytecode/forms_metered.inc"
#define EBB_CHARGED_ENTRY(d, a, b, c, name)                                                        \
  reinterpret_cast<const void*>(&metered_##name##_##d##a##b##c),
#include "core/bytecode/forms_metered.inc"
};
static_assert(sizeof(handler_addresses) / sizeof(void*) == static_cast<size_t>(Form::end));

/// A frame of its own between the machine's callers and code that preserves no register.
__attribute__((noinline)) void enter(Machine& m, const uint8_t* pc, uint64_t* fp) {
  const ValueRegisters& values = m.values;
  (*reinterpret_cast<const Handler*>(pc))(pc, fp, m.memory, m.memory_bound, m, values.loop,
                                          values.acc, values.facc, EBB_SAVED_PINS, m.store.fuel);
}

} // namespace

const void* const* threaded_handlers() { return handler_addresses; }

void run_threaded(Machine& m, const uint8_t* pc, uint64_t* fp) { enter(m, pc, fp); }

} // namespace ebb
