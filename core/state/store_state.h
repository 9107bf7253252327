// StoreState: everything that belongs to one store, and the machine's registers while it runs.
//
// A store is used by one thread at a time. Its objects never move while they live: instances are
// blocks of their own, and a memory or table that an instance owns lies in its instance's block.
#pragma once

#include "collections/heap.h"
#include "collections/vec.h"
#include "core/state/engine_state.h"
#include "core/state/instance_state.h"
#include "core/state/stack.h"
#include "error/diagnostic.h"

#include <atomic>

namespace ebb {

struct Machine;
struct HostRecord;
struct HostRecordChunk;
namespace detail {
class Call;
}

/// What a host function gets: its context, the store, and its arguments in place. Number i is
/// numbers[i] (i32 in the low half, v128 takes two), reference i is refs[-1 - i]; results go to the
/// same places, from the first. The pointers are good until the function calls back into the store.
using HostFunctionPointer = Error (*)(void* context, StoreState& store, uint64_t* numbers,
                                      RefBits* refs);

struct HostFunction {
  HostFunctionPointer function = nullptr;
  void* context = nullptr;
  TypeId type;
  SlotCounts params;
  SlotCounts results;
};

/// A frame of a backtrace.
struct TraceFrame {
  uint32_t instance = 0;
  uint32_t function = 0;             ///< In the module's function index space.
  uint32_t wasm_offset = UINT32_MAX; ///< Offset in the module, where known.
};

/// The machine's position between instructions: what `Execution` keeps while suspended, in offsets
/// of the stack's block.
struct MachinePosition {
  const uint8_t* pc = nullptr;
  size_t numbers = 0; ///< fp as a slot count from Stack::numbers.
  size_t refs = 0;    ///< rp as a slot count below Stack::end.
  size_t records = 0; ///< Records in use.
  InstanceState* instance = nullptr;
};

struct StoreState {
  StoreState(EngineState& store_engine, size_t limit);
  StoreState(const StoreState&) = delete;
  StoreState& operator=(const StoreState&) = delete;
  /// Frees everything that the store owns. Nothing may be running on it.
  ~StoreState();

  EngineState& engine;
  uint64_t id = 0; ///< What handles carry; unique in the engine.
  // Near the front, where instructions that name them are shorter: all code that is metered does.
  static constexpr uint64_t fuel_max = uint64_t{1} << 62;
  /// What is left; counted only in modules compiled with fuel. While it runs, the machine may have
  /// it in a register.
  uint64_t fuel = fuel_max;
  /// What the upper word of the fuel must not be below: 0, or INTPTR_MAX if what runs next is to be
  /// suspended. The one field that other threads may write.
  std::atomic<intptr_t> interrupt{0};
  Heap heap;
  Stack stack;
  Vec<InstanceState*> instances; ///< By FuncRef::instance; [0] is never used, [1] is the host's.
  Vec<HostFunction> host_functions;
  Vec<uint64_t> externs;           ///< What external references stand for: the embedder's values.
  Vec<uint32_t> externs_used;      ///< A bit for each extern that is in use.
  uint32_t externs_free = 0;       ///< How many are not.
  uint32_t externs_next = 0;       ///< Where to look for the next one that is not.
  uint32_t instances_made = 0;     ///< How many there ever were; the last one's generation.
  HostRecord* host_tree = nullptr; ///< Records of `host_functions`, to be found by what they are.
  HostRecordChunk* host_records = nullptr; ///< What `HostFunction::context` points to.
  void* host_data = nullptr;
  Diagnostic diagnostic;

  // The machine while host code runs inside it, or between calls. Offsets, since the stack may
  // move.
  MachinePosition position; ///< Where the innermost activation stands; its numbers and refs are the
                            ///< first free ones.
  uint32_t host_depth = 0;  ///< Activations of the machine on the native stack.
  uint32_t suspended = 0;   ///< Executions that are suspended.
  uint32_t calls = 0;       ///< Calls from the host that are on the stack, suspended ones included.
  detail::Call* innermost_call = nullptr; ///< The list of those, of core/runtime.
  uint32_t roots = 0;                     ///< Roots that hold instances.
  uint32_t instance_gaps = 0;             ///< Free numbers below the end of `instances`.
  InstanceState host_instance;            ///< `instances[1]`.
  size_t self_bytes = 0;     ///< Of the block that this lies in, which `heap` does not count.
  uint64_t memory_bytes = 0; ///< Bytes of the heap that lie behind linear memories.
  uint64_t grows_refused =
      0; ///< Memories and tables that were not made or grown for want of memory.

  static constexpr size_t trace_frames_max = 12;
  TraceFrame trace[trace_frames_max];
  uint32_t trace_count = 0; ///< Frames stored.
  uint32_t trace_depth = 0; ///< Frames there were.
};

/// Notes in the store's diagnostic why something was not given, and returns out_of_memory.
Error refuse(StoreState& store, Resource resource, uint64_t bytes, RefusalCause cause,
             uint64_t limit);
/// The same for what the store's heap has just refused; returns out_of_memory too.
Error refuse_by_heap(StoreState& store, Resource resource, uint64_t bytes);
/// Asks the engine's limits callback. Fails: out_of_memory, with the cause in the diagnostic.
Result<void> ask_limits(StoreState& store, Growing what, uint64_t from, uint64_t to,
                        uint64_t maximum, uint64_t unit_bytes);

// External references. Values are the embedder's; entries are reclaimed once the guest cannot reach
// them.
/// Makes sure that `count` entries are free, by collecting before growing.
/// Fails: out_of_memory. On failure: nothing has changed that the guest could see.
Result<void> externs_reserve(StoreState& store, size_t count);
/// An entry for a value, after externs_reserve.
RefBits externs_add(StoreState& store, uint64_t value);
/// Frees the entries that no stack slot, table or global of the store has.
void externs_sweep(StoreState& store);

// Instances. A number in `instances` is given to one instance at a time; generations tell those
// apart.
/// Makes sure that a number is free, and returns it. A list that was outgrown is moved to
/// `outgrown`, from where instance_abandon can put it back. Fails: out_of_memory. On failure:
/// nothing has changed.
Result<uint32_t> instances_reserve(StoreState& store, Vec<InstanceState*>& outgrown);
/// The numbers that a list has room for when a store is made, and when one of `count` is full.
inline constexpr size_t instances_first = 2;
constexpr size_t instances_grown(size_t count) { return 2 * count; }
/// Enters an instance under the number that was reserved.
void instances_enter(StoreState& store, InstanceState& instance);
/// Frees an instance with what lies in its block. Its number becomes free.
void instance_free(StoreState& store, InstanceState& instance);
/// The same for one that nobody has a name of: the store is as if it had never been made.
void instance_abandon(StoreState& store, InstanceState& instance, Vec<InstanceState*>& outgrown);
/// Frees the instances that are released and that nothing reaches. Nothing may be running on the
/// store.
void instances_collect(StoreState& store);

} // namespace ebb
