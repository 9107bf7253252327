// HostRecord: what calls a host function back: the embedder's function, its context, and the code
// that turns slots into the arguments of its C++ type.
//
// `HostFunction::context` points to one, so they must not move: they come in chunks that live as
// long as the store.
#pragma once

#include "core/state/store_state.h"

namespace ebb {

struct HostRecord {
  void (*target)() = nullptr;
  void (*entry)() = nullptr; ///< Typed by core/runtime.
  void* context = nullptr;
  TypeId type; ///< Set by host_function.
  // Of a store's own records: which of the store's host functions it is, and the tree they are
  // found by.
  uint32_t index = 0;
  HostRecord* children[2] = {nullptr, nullptr};
};

struct HostRecordChunk {
  static constexpr size_t records_max = 8;
  HostRecordChunk* next;
  Block block;
  size_t count;
  HostRecord records[records_max];
};

/// The store's function for a record and type, one for equal ones. `function` is what the machine
/// calls. The store holds the type from then on. Fails: out_of_memory. On failure: nothing has
/// changed.
Result<FuncRef> host_function(StoreState& store, const HostRecord& record, TypeId type,
                              HostFunctionPointer function);
/// Whether the store has it already.
bool has_host_function(const StoreState& store, const HostRecord& record, TypeId type);
/// Adds a record to a tree that is nobody's, unless its equal is there already. False if so.
bool note_host_function(HostRecord*& tree, HostRecord& record);
/// What a full list of `size` functions grows to for `count` more.
constexpr size_t host_functions_grown(size_t size, size_t count) {
  return size + (count > size ? count : size);
}
/// Makes room for `count` more functions. A list that was outgrown is moved to `outgrown`.
/// Fails: out_of_memory. On failure: nothing has changed.
Result<void> host_functions_reserve(StoreState& store, size_t count, Vec<HostFunction>& outgrown);
/// Forgets the functions from `count` on, which nobody has a reference to, and puts an outgrown
/// list back.
void host_functions_truncate(StoreState& store, size_t count, Vec<HostFunction>& outgrown);
/// Frees the chunks.
void host_records_free(StoreState& store);

} // namespace ebb
