// Machine: the registers of a run that do not live in machine registers, and the operations that
// leave the handlers.
//
// Handlers keep pc, fp, the first memory and the accumulator in registers or local variables. What
// follows is theirs through a pointer. Functions below that return a frame pointer return null
// after they have set `error`.
#pragma once

#include "core/bytecode/bytecode.h"
#include "core/interpret/superinstructions.h"
#include "core/interpret/value_registers.h"
#include "core/state/store_state.h"

namespace ebb {

/// Where a call's outgoing values begin, and where it returns to.
struct CallSite {
  const uint8_t* pc;
  const uint8_t* return_pc;
  uint32_t outgoing;
  uint32_t outgoing_refs;
};

struct Machine {
  StoreState& store;
  InstanceState* instance = nullptr;
  // Of the instance's module: what compact code and what threaded code call.
  const Function* functions = nullptr;
  const ThreadedFunction* threaded = nullptr;
  const uint8_t* code = nullptr;
  const LazyFunction* lazy = nullptr; ///< Null where each function has one record.
  bool is_lazy = false;               ///< Whether functions may have to be made ready.
  /// Why it stopped. Near the front, where instructions that name it are shorter: each that may
  /// trap does.
  Error error = Error::none;
  /// Where the register for fuel is read from and written to. In code that is only interruptible it
  /// holds the address of the flag instead, so that each look takes one load.
  uint64_t* fuel = &store.fuel;
  uint64_t flag_address = reinterpret_cast<uintptr_t>(&store.interrupt);
  uint8_t* memory = nullptr; ///< First memory's base and size, as handlers reload them.
  uint64_t memory_size = 0;
  uint64_t memory_bound = 0;        ///< Accesses of any size may begin below this.
  uint32_t free_bulk = 0;           ///< Bulk work of so many bytes in this memory is not charged.
  CallRecord* record = nullptr;     ///< Next free record.
  CallRecord* record_end = nullptr; ///< A call needs to be below this; a few lie behind it.
  RefBits* rp = nullptr;            ///< Base of the frame's references: number i is rp[-1 - i].
  const uint8_t* pc = nullptr;      ///< Where to go on, or where the machine stopped.
  uint64_t* fp = nullptr;           ///< Where the machine stopped.
  ValueRegisters values;            ///< What it starts with, and what it had when suspended.
  uint64_t debt = 0;                ///< Fuel to be paid before going on.
  uint64_t progress = 0;            ///< How much of a bulk operation is done.
  bool called_host = false;         ///< The last `machine_call` has returned already.
  bool is_suspended = false;
  bool repeats = false; ///< Whether the instruction that suspended is to run once more.
  // What a call leaves to its slow way.
  CallSite site{};
  const void* callee = nullptr; ///< As calls of the encoding name it.
  uint64_t table_index = 0;
  uint32_t table = 0;
  TypeId expected_type;

  explicit Machine(StoreState& state) : store(state) {}
  /// Makes an instance the current one.
  void set_instance(InstanceState* next);
  /// Reads base and size of the first memory anew.
  void refresh_memory();
  /// Finds the end of the records anew, after the stack may have moved.
  void refresh_record_end() {
    record_end = store.stack.records_end - (Stack::records_reserved - 1);
  }
};

/// Makes room for a frame of a module's function that did not fit. Returns the caller's frame
/// pointer, which may have moved.
uint64_t* machine_grow(Machine& m, uint64_t* fp, const CallSite& site, const ModuleImage& module,
                       const Function& callee);

/// Prepares the function that has just been entered. Returns its frame pointer, `m.pc` is its first
/// instruction.
uint64_t* machine_prepare(Machine& m, uint64_t* fp);

/// The first instruction of a function.
const uint8_t* entry_of(const ModuleImage& image, const Function& function);

/// Calls a function of any instance or of the host. For a host function the call is over
/// (`called_host`); otherwise its frame is set up. `m.pc` is where to go on with the frame pointer
/// returned.
uint64_t* machine_call(Machine& m, uint64_t* fp, const CallSite& site, FuncRef callee);

/// The same in place of the running frame.
uint64_t* machine_tail_call(Machine& m, uint64_t* fp, const CallSite& site, FuncRef callee);

/// What call_indirect finds in a table, or null after setting `error`.
FuncRef machine_table_function(Machine& m, uint32_t table, uint64_t index, TypeId expected);

/// The function that call_ref finds in a reference, or null after setting `error`. References carry
/// no types in bytecode, so that whether it has the expected one is checked here.
FuncRef machine_ref_function(Machine& m, RefBits bits, TypeId expected);

/// Suspends the run where it cannot pay what comes next or was just done, or where it is
/// interrupted. What the fuel does not cover is its debt.
void machine_suspend(Machine& m, uint64_t cost);
/// What the upper word of the fuel must not be below: see StoreState::interrupt.
inline intptr_t machine_floor(const Machine& m) {
  return m.store.interrupt.load(std::memory_order_relaxed);
}

/// Pays `cost`. False if the run is to be suspended by `machine_suspend` instead. One comparison
/// for both reasons, because each round of a loop makes it.
inline bool machine_charge(const Machine& m, uint64_t cost) {
  StoreState& store = m.store;
  const int64_t left = static_cast<int64_t>(store.fuel - cost);
  constexpr int upper_bits = 64 - 8 * static_cast<int>(sizeof(intptr_t));
  if (__builtin_expect(static_cast<intptr_t>(left >> upper_bits) < machine_floor(m), 0))
    return false;
  store.fuel = static_cast<uint64_t>(left);
  return true;
}

/// Whether the run is to be suspended, where nothing is to be paid.
inline bool machine_is_interrupted(const Machine& m) { return machine_floor(m) != 0; }

/// Instructions on whole tables and memories, and accesses to memories other than the first. False
/// after setting `error`; if the run is to be suspended, `repeats` says where it goes on.
/// `operands` points to the operands in the code; slots are read and written in `fp`.
bool machine_table_op(Machine& m, Op op, const uint8_t* operands, uint64_t* fp);
bool machine_memory_op(Machine& m, Op op, const uint8_t* operands, uint64_t* fp);
bool machine_far_access(Machine& m, Op op, const uint8_t* operands, uint64_t* fp);

/// Runs from `pc` until the machine stops.
void run_compact(Machine& m, const uint8_t* pc, uint64_t* fp);
void run_threaded(Machine& m, const uint8_t* pc, uint64_t* fp);
const void* const* threaded_handlers();
Superinstructions threaded_superinstructions();

} // namespace ebb
