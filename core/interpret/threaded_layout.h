// How handlers find their way in threaded code: a handler address, operands, then word-aligned
// targets and call tails. Included by dispatch policies for threaded code only.
#pragma once

#include "core/bytecode/bytecode.h"
#include "core/bytecode/code_bytes.h"

#define EBB_PINNED 1
#define EBB_HEAD sizeof(void*)
#define EBB_ALIGNED(bytes) ((EBB_HEAD + (bytes) + sizeof(void*) - 1) & ~(sizeof(void*) - 1))
#define EBB_BYTES(operand_bytes) EBB_ALIGNED(operand_bytes)
#define EBB_BYTES_TARGET(operand_bytes) (EBB_ALIGNED(operand_bytes) + sizeof(void*))
#define EBB_TARGET(operand_bytes)                                                                  \
  (*reinterpret_cast<const uint8_t* const*>(pc + EBB_ALIGNED(operand_bytes)))
#define EBB_TABLE_TARGET(operand_bytes, index)                                                     \
  (reinterpret_cast<const uint8_t* const*>(pc + EBB_ALIGNED(operand_bytes))[index])

#define EBB_CALL_BYTES(ops, extra) (EBB_ALIGNED(ops) + sizeof(ThreadedCallTail))
#define EBB_CALL_TAIL(return_pc)                                                                   \
  (*reinterpret_cast<const ThreadedCallTail*>((return_pc) - sizeof(ThreadedCallTail)))
#define EBB_TAIL_OUTGOING(tail) ((tail).outgoing)
#define EBB_OWN_TAIL(ops) (*reinterpret_cast<const ThreadedCallTail*>(pc + EBB_ALIGNED(ops)))
#define EBB_OUTGOING(ops, extra) (EBB_OWN_TAIL(ops).outgoing)
#define EBB_OUTGOING_REFS(ops, extra) (EBB_OWN_TAIL(ops).outgoing_refs)
#define EBB_CALLEE(ops) (static_cast<const ThreadedFunction*>(EBB_OWN_TAIL(ops).function))
#define EBB_NEAR_CALLEE(ops) EBB_CALLEE(ops)
#define EBB_CALLEE_AT(index) (m.threaded + (index))
// The entry is read first: see ThreadedFunction.
#define EBB_CALLEE_ENTRY(callee) __atomic_load_n(&(callee)->entry, __ATOMIC_ACQUIRE)
#define EBB_CALLEE_FUNCTION(callee) __atomic_load_n(&(callee)->function, __ATOMIC_RELAXED)
#define EBB_CALLEE_EXTENT(callee) __atomic_load_n(&(callee)->extent, __ATOMIC_RELAXED)
#define EBB_CALLEE_TYPE(callee) ((callee)->type)
#define EBB_CALL_INDEX(ops, which)                                                                 \
  (static_cast<uint32_t>(EBB_OWN_TAIL(ops).operand >> (32 * (which))))
#define EBB_CALL_TYPE(ops) (TypeId{EBB_CALL_INDEX(ops, 0)})

#define EBB_SPILL_PINS(tail)                                                                       \
  fp[(tail).home_int] = pin;                                                                       \
  write_slot<f64>(fp + (tail).home_float, FloatLane<f64>::get(fpin))
#define EBB_FILL_PINS(tail)                                                                        \
  pin = read_slot<Word>(fp + (tail).home_int);                                                     \
  fpin = FloatLane<f64>::make(read_slot<f64>(fp + (tail).home_float))
// Behind its two operands, enter has the homes of the pins.
#define EBB_ENTER_BYTES 8
#define EBB_ENTER_PINS()                                                                           \
  pin = read_slot<Word>(&EBB_SLOT(4));                                                             \
  fpin = FloatLane<f64>::make(read_slot<f64>(&EBB_SLOT(6)))
