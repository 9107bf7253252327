// StoreState: everything that belongs to one store, and the machine's registers while it runs.
//
// A store is used by one thread at a time. Its objects never move while they live: instances are blocks of their own, and
// a memory or table that an instance owns lies in its instance's block.
#pragma once

#include "collections/heap.h"
#include "collections/vec.h"
#include "core/state/engine_state.h"
#include "core/state/instance_state.h"
#include "core/state/stack.h"
#include "error/diagnostic.h"

namespace ebb {

struct Machine;

/// What a host function gets: its context, the store, and its arguments in place. Number i is numbers[i] (i32 in the low
/// half, v128 takes two), reference i is refs[-1 - i]; results go to the same places, from the first. The pointers are
/// good until the function calls back into the store.
using HostFunctionPointer = Error (*)(void* context, StoreState& store, uint64_t* numbers, RefBits* refs);

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
  uint32_t function = 0;                     ///< In the module's function index space.
  uint32_t wasm_offset = UINT32_MAX;         ///< Offset in the module, where known.
};

/// The machine's position between instructions: what `Execution` keeps while suspended, in offsets of the stack's block.
struct MachinePosition {
  const uint8_t* pc = nullptr;
  size_t numbers = 0; ///< fp as a slot count from Stack::numbers.
  size_t refs = 0;    ///< rp as a slot count below Stack::end.
  size_t records = 0; ///< Records in use.
  InstanceState* instance = nullptr;
};

struct StoreState {
  StoreState(EngineState& engine, size_t limit);

  EngineState& engine;
  uint64_t id = 0; ///< What handles carry; unique in the engine.
  Heap heap;
  Stack stack;
  Vec<InstanceState*> instances; ///< By FuncRef::instance; [0] is never used, [1] is the host's.
  Vec<HostFunction> host_functions;
  Vec<uint64_t> externs;         ///< What external references stand for: the embedder's values.
  void* host_data = nullptr;
  Diagnostic diagnostic;

  // The machine while host code runs inside it, or between calls. Offsets, since the stack may move.
  MachinePosition position;      ///< Where the innermost activation stands; its numbers and refs are the first free ones.
  uint32_t host_depth = 0;       ///< Activations of the machine on the native stack.
  uint32_t suspended = 0;        ///< Executions that are suspended.
  uint64_t fuel = UINT64_MAX;    ///< Steps left; counted only in modules compiled with fuel.

  static constexpr size_t trace_frames_max = 16;
  TraceFrame trace[trace_frames_max];
  uint32_t trace_count = 0;      ///< Frames stored.
  uint32_t trace_depth = 0;      ///< Frames there were.
};

} // namespace ebb
