// Compact code, run in place by one function: opcodes index a table of label addresses, targets are
// distances.
#include "core/interpret/machine_state.h"
#include "core/interpret/numeric.h"
#include "core/interpret/registers.h"
#include "core/state/instance_state.h"

#define EBB_THREADED 0
#define EBB_HEAD 2
#define EBB_BYTES(operand_bytes) (EBB_HEAD + (operand_bytes))
#define EBB_BYTES_TARGET(operand_bytes) (EBB_HEAD + (operand_bytes) + 2)
#define EBB_TARGET(operand_bytes)                                                                  \
  (EBB_OPERAND(operand_bytes) + 2 * ptrdiff_t{read_code<int16_t>(EBB_OPERAND(operand_bytes))})
#define EBB_FAR_TARGET(operand_bytes)                                                              \
  (EBB_OPERAND(operand_bytes) + read_code<int32_t>(EBB_OPERAND(operand_bytes)))
#define EBB_TABLE_TARGET(operand_bytes, index) (table_target(EBB_OPERAND(operand_bytes), index))

// The tail of a call is the outgoing base alone, right before where it returns to.
#define EBB_CALL_BYTES(ops, extra) (EBB_HEAD + (ops) + (extra))
#define EBB_CALL_TAIL(return_pc) (read_code<uint16_t>((return_pc) - 2))
#define EBB_TAIL_OUTGOING(tail) (tail)
#define EBB_OUTGOING(ops, extra) EBB_U16((ops) + (extra) - 2)
#define EBB_OUTGOING_REFS(ops, extra) EBB_U16((ops) + (extra) - 4)
#define EBB_CALLEE(ops) ready_function(m, EBB_U32(ops))
#define EBB_NEAR_CALLEE(ops) ready_function(m, EBB_U16(ops))
#define EBB_CALLEE_AT(index) ready_function(m, index)
#define EBB_CALLEE_FUNCTION(callee) (callee)
#define EBB_CALLEE_TYPE(callee) (m.instance->module->type_of(*(callee)))
#define EBB_CALLEE_EXTENT(callee) ((callee)->extent)
#define EBB_CALLEE_ENTRY(callee)                                                                   \
  (!m.is_lazy ? m.code + (callee)->code_offset : lazy_entry(m, callee))
#define EBB_CALL_INDEX(ops, which) EBB_U32((ops) + 4 * (which))
#define EBB_CALL_TYPE(ops) (m.instance->module->decl.types[TypeIndex{EBB_U32(ops)}])
#define EBB_SPILL_PINS(tail)
#define EBB_FILL_PINS(tail)
#define EBB_ENTER_BYTES 4
#define EBB_ENTER_PINS()

#define EBB_FETCH(pc) (addresses[read_code<uint16_t>(pc)])
#include "core/interpret/loop.inc"

namespace ebb {
namespace {

/// A function as far as it is known: in a module that is prepared lazily there are two records of
/// each.
inline const Function* ready_function(const Machine& m, uint32_t index) {
  if (__builtin_expect(m.lazy == nullptr, 1)) return m.functions + index;
  const LazyFunction& lazy = m.lazy[index];
  return lazy.entry.load(std::memory_order_acquire) != nullptr ? &lazy.function
                                                               : m.functions + index;
}

__attribute__((noinline)) const uint8_t* lazy_entry(const Machine& m, const Function* callee) {
  return entry_of(*m.instance->module, *callee);
}

inline const uint8_t* table_target(const uint8_t* table, uint32_t index) {
  const uint8_t* field = table + size_t{2} * index;
  return field + 2 * ptrdiff_t{read_code<int16_t>(field)};
}

inline const uint8_t* far_table_target(const uint8_t* table, uint32_t index) {
  const uint8_t* field = table + size_t{4} * index;
  return field + read_code<int32_t>(field);
}

} // namespace

void run_compact(Machine& m, const uint8_t* pc, uint64_t* fp) {
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
