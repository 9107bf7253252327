// InstanceState: an instance as the machine sees it: arrays of what its indices name.
//
// Everything hangs off one block of the store's heap. The imported part of each array points to
// what other instances or the host own; the rest is owned by this instance's block.
#pragma once

#include "core/artifact/module_image.h"
#include "core/state/func_ref.h"
#include "core/state/memory_state.h"
#include "core/state/table_state.h"

namespace ebb {

struct StoreState;
struct HostFunction;

/// A global's value: numbers in `bits` (v128 in both words), a reference in `bits[0]`.
struct GlobalState {
  uint64_t bits[2] = {0, 0};
  GlobalType type;
  uint32_t owner =
      0; ///< The instance in whose block this lies, and which of its own globals it is.
  uint32_t index = 0;
};

/// A tag is its identity and its type.
struct TagState {
  TagType type;
  uint32_t owner = 0; ///< The instance in whose block this lies, and which of its own tags it is.
  uint32_t index = 0;
};

struct InstanceState {
  StoreState* store = nullptr;
  ModuleImage* module = nullptr; ///< Retained; null for the store's host functions.
  uint32_t id = 0;               ///< Its number in `StoreState::instances`, as in FuncRef.
  FuncRef* imported_functions = nullptr;
  MemoryState** memories = nullptr;
  TableState** tables = nullptr;
  GlobalState** globals = nullptr;
  TagState** tags = nullptr;
  /// One byte per segment, 1 once dropped (active and declared ones are dropped by instantiation).
  uint8_t* dropped_elems = nullptr;
  uint8_t* dropped_datas = nullptr;
  Block block; ///< What all of the above lies in.

  // How many of each there are, imported ones included, and how many of them are imported.
  uint32_t memory_count = 0;
  uint32_t table_count = 0;
  uint32_t global_count = 0;
  uint32_t tag_count = 0;
  uint32_t imported_function_count = 0;
  uint32_t imported_memory_count = 0;
  uint32_t imported_table_count = 0;
  uint32_t imported_global_count = 0;
  uint32_t imported_tag_count = 0;

  uint32_t generation = 0;       ///< Tells it apart from others that had its number.
  uint32_t roots = 0;            ///< How many Roots hold it.
  bool released = false;         ///< Whether the embedder gave its name up.
  bool marked = false;           ///< During collection: reached.
  InstanceState* next = nullptr; ///< During collection: the next whose parts are to be looked at.
};

/// The reference to function `index` of the instance's function index space.
FuncRef func_ref_of(const InstanceState& instance, uint32_t index);

/// The value of an element segment's item. Items that need running code are not among those that
/// load.
RefBits elem_item(const InstanceState& instance, const ElemDecl& elem, uint32_t item);

// Bulk operations of instances. Fail: out_of_bounds_memory_access or out_of_bounds_table_access, a
// trap. On failure: nothing was written. They allocate nothing. Each does the part of it that it is
// told; of a copy whose ranges overlap, the parts must be done in the order of `copies_backward`.
Result<void> memory_init(InstanceState&, uint32_t memory, uint32_t data, uint64_t to, uint32_t from,
                         uint32_t bytes, Part part = {});
Result<void> memory_copy(MemoryState& to, const MemoryState& from, uint64_t to_offset,
                         uint64_t from_offset, uint64_t bytes, Part part = {});
Result<void> memory_fill(MemoryState&, uint64_t offset, uint8_t value, uint64_t bytes,
                         Part part = {});
/// The element segment's items must be numbers already evaluated: see ModuleImage (function
/// references and constants) and `elem_item`.
Result<void> table_init(InstanceState&, uint32_t table, uint32_t elem, uint64_t to, uint32_t from,
                        uint32_t count, Part part = {});
Result<void> table_copy(TableState& to, const TableState& from, uint64_t to_offset,
                        uint64_t from_offset, uint64_t count, Part part = {});
Result<void> table_fill(TableState&, uint64_t offset, RefBits value, uint64_t count,
                        Part part = {});
/// Whether the last part of a copy comes first.
template <class Object>
bool copies_backward(const Object& to, const Object& from, uint64_t to_offset,
                     uint64_t from_offset) {
  return &to == &from && to_offset > from_offset;
}

} // namespace ebb
