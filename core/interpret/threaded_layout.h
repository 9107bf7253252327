// How handlers find their way in threaded code: a handler address, operands, then word-aligned
// targets and call tails. Included by dispatch policies for threaded code only.
#pragma once

#include "core/bytecode/bytecode.h"
#include "core/bytecode/code_bytes.h"

#define EBB_THREADED 1
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

// The pins, as parameters and arguments; to and from their homes, and what a suspended run keeps.
#if EBB_INT_PINS == 3
#define EBB_INT_PIN_PARAMETERS Word pin0, Word pin1, Word pin2
#define EBB_INT_PIN_ARGUMENTS pin0, pin1, pin2
#define EBB_EACH_INT_PIN(X, ...)                                                                   \
  X(0, __VA_ARGS__);                                                                               \
  X(1, __VA_ARGS__);                                                                               \
  X(2, __VA_ARGS__)
#define EBB_SAVED_INT_PINS values.pins[0], values.pins[1], values.pins[2]
#elif EBB_INT_PINS == 2
#define EBB_INT_PIN_PARAMETERS Word pin0, Word pin1
#define EBB_INT_PIN_ARGUMENTS pin0, pin1
#define EBB_EACH_INT_PIN(X, ...)                                                                   \
  X(0, __VA_ARGS__);                                                                               \
  X(1, __VA_ARGS__)
#define EBB_SAVED_INT_PINS values.pins[0], values.pins[1]
#else
#define EBB_INT_PIN_PARAMETERS Word pin0
#define EBB_INT_PIN_ARGUMENTS pin0
#define EBB_EACH_INT_PIN(X, ...) X(0, __VA_ARGS__)
#define EBB_SAVED_INT_PINS values.pins[0]
#endif
#if EBB_FLOAT_PINS == 2
#define EBB_FLOAT_PIN_PARAMETERS FloatRegister fpin0, FloatRegister fpin1
#define EBB_FLOAT_PIN_ARGUMENTS fpin0, fpin1
#define EBB_EACH_FLOAT_PIN(X, ...)                                                                 \
  X(0, __VA_ARGS__);                                                                               \
  X(1, __VA_ARGS__)
#define EBB_SAVED_FLOAT_PINS values.float_pins[0], values.float_pins[1]
#else
#define EBB_FLOAT_PIN_PARAMETERS FloatRegister fpin0
#define EBB_FLOAT_PIN_ARGUMENTS fpin0
#define EBB_EACH_FLOAT_PIN(X, ...) X(0, __VA_ARGS__)
#define EBB_SAVED_FLOAT_PINS values.float_pins[0]
#endif
#define EBB_PIN_PARAMETERS EBB_INT_PIN_PARAMETERS, EBB_FLOAT_PIN_PARAMETERS
#define EBB_PIN_ARGUMENTS EBB_INT_PIN_ARGUMENTS, EBB_FLOAT_PIN_ARGUMENTS
#define EBB_SAVED_PINS EBB_SAVED_INT_PINS, EBB_SAVED_FLOAT_PINS
#define EBB_SAVE_PIN(i, ...) m.values.pins[i] = pin##i
#define EBB_SAVE_FLOAT_PIN(i, ...) m.values.float_pins[i] = fpin##i
#define EBB_SAVE_PINS()                                                                            \
  EBB_EACH_INT_PIN(EBB_SAVE_PIN, 0);                                                               \
  EBB_EACH_FLOAT_PIN(EBB_SAVE_FLOAT_PIN, 0)
#define EBB_SPILL_PIN(i, tail) write_slot<Word>(fp + (tail).homes[i], pin##i)
#define EBB_SPILL_PINS(tail) EBB_EACH_INT_PIN(EBB_SPILL_PIN, tail)
#define EBB_FILL_PIN(i, tail) pin##i = read_slot<Word>(fp + (tail).homes[i])
#define EBB_FILL_PINS(tail) EBB_EACH_INT_PIN(EBB_FILL_PIN, tail)
#define EBB_ENTER_INT(i, at) pin##i = read_slot<Word>(&EBB_SLOT((at) + 2 * (i)))
#define EBB_ENTER_INTS(at) EBB_EACH_INT_PIN(EBB_ENTER_INT, at)
#define EBB_ENTER_FLOAT(i, at)                                                                     \
  fpin##i = FloatLane<f64>::make(read_slot<f64>(&EBB_SLOT((at) + 2 * (i))))
#define EBB_ENTER_PINS(at)                                                                         \
  EBB_ENTER_INTS(at);                                                                              \
  EBB_EACH_FLOAT_PIN(EBB_ENTER_FLOAT, (at) + 2 * EBB_INT_PINS)
// Behind what they clear, entries have the homes of the pins, or of those of integers.
#define EBB_INTS_BYTES (sizeof(uint16_t) * EBB_INT_PINS)
#define EBB_PINS_BYTES (sizeof(uint16_t) * (EBB_INT_PINS + EBB_FLOAT_PINS))
