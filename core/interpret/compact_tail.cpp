// Compact code by tail calls of four words, which every processor passes in registers: pc, fp, the
// machine and the accumulator. The first memory, its size and the accumulator for floating-point
// numbers are read from the machine where they are needed. README.md says when it is worth it.
//
// Needs a compiler that guarantees tail calls of plain
// functions: see interpret/meson.build.
#include "core/interpret/machine_state.h"
#include "core/interpret/numeric.h"
#include "core/interpret/registers.h"
#include "core/state/instance_state.h"

#define EBB_THREADED 0
#define EBB_HEAD 2
#define EBB_BYTES(operand_bytes) (EBB_HEAD + (operand_bytes))
#define EBB_BYTES_TARGET(operand_bytes) (EBB_HEAD + (operand_bytes) + 2)
#include "core/interpret/compact_policy.inc"

#define EBB_PARAMETERS const uint8_t *pc, uint64_t *fp, Machine &m, Word acc
#define EBB_ARGUMENTS pc, fp, m, acc
#define EBB_MEMORY m.memory
#define EBB_MEMORY_SIZE m.memory_size
#define EBB_FLOAT_ACC m.values.facc
#define EBB_RELOAD_MEMORY() static_cast<void>(0)

#define EBB_HANDLER(form) void form(EBB_PARAMETERS)
#define EBB_COLD_HANDLER(name) __attribute__((noinline)) EBB_HANDLER(name)
#define EBB_CONTINUE(name) [[clang::musttail]] return name(EBB_ARGUMENTS)
#define EBB_DISPATCH() EBB_CONTINUE(handlers[read_code<uint16_t>(pc)])
#define EBB_STOP() EBB_CONTINUE(stop)
#define EBB_END() return

namespace ebb {

namespace {

using Handler = void (*)(EBB_PARAMETERS);
extern const Handler handlers[];

// Handlers that stop use few of their parameters.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wunused-parameter"
EBB_COLD_HANDLER(stop) {
  m.pc = pc;
  m.fp = fp;
}
#include "core/interpret/handlers.inc"
#pragma clang diagnostic pop

#define EBB_FORM_ENTRY(d, a, b, c, name, ...) &name##_##d##a##b##c,
const Handler handlers[] = {
#include "core/bytecode/forms_compact.inc"
};
static_assert(sizeof(handlers) / sizeof(Handler) == static_cast<size_t>(Form::compact_count));

} // namespace

void run_compact(Machine& m, const uint8_t* pc, uint64_t* fp) {
  handlers[read_code<uint16_t>(pc)](pc, fp, m, m.values.acc);
}

} // namespace ebb
