// The machine: runs bytecode on a store's stack.
//
// An activation is one entry of the host into the guest. Its arguments are written in place, its
// results read in place, and between activations nothing of the machine lives on the native stack.
// Activations nest (a host function may call back) and are left in the reverse order.
#pragma once

#include "core/interpret/value_registers.h"
#include "core/state/store_state.h"

namespace ebb {

/// Handler addresses, constant; an engine keeps a pointer to it for threading.
const MachineTable& machine_table();

/// What a suspended run goes on with, beside its frames.
struct Pause {
  MachinePosition position;
  ValueRegisters values;
  uint64_t debt = 0;     ///< Fuel to be paid first.
  uint64_t progress = 0; ///< How much of a bulk operation is done.
  Error reason = Error::none;
};

struct Activation {
  FuncRef callee;
  MachinePosition base; ///< Where the store stood before; the callee's frame starts here.
  Pause pause;
  enum class State : uint8_t { ready, suspended, finished } state = State::ready;
};

/// Prepares a call of `callee`: checks the depth, makes room on the stack. Write the arguments
/// through `activation_numbers` and `activation_refs` before running. Fails: call_stack_exhausted,
/// out_of_memory. On failure: the store is as it was.
Result<Activation> machine_enter(StoreState& store, FuncRef callee);

/// Argument or result slots, good until the machine runs: number i is [i], reference i is [-1 - i].
uint64_t* activation_numbers(StoreState& store, const Activation& activation);
RefBits* activation_refs(StoreState& store, const Activation& activation);

/// Runs until the callee returns (Error::none: the results are in place), traps or fails (that
/// error; the store's diagnostic and trace are filled in), or is suspended (out_of_fuel,
/// interrupted or pending, with state `suspended`: may be run again, and a host function that was
/// pending is then called again).
Error machine_run(StoreState& store, Activation& activation);

/// Gives the activation's part of the stack back, in whatever state it is. Results are gone after
/// it.
void machine_leave(StoreState& store, Activation& activation);

/// Runs a constant function of `instance`'s module and gives the bits of its value, which is a
/// reference or a number.
/// Fails: out_of_memory, call_stack_exhausted.
Result<uint64_t> machine_constant(StoreState& store, InstanceState& instance,
                                  const Function& constant, bool is_ref);

} // namespace ebb
