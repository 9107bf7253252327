// TableState: a table of references and what can be asked of it.
#pragma once

#include "collections/heap.h"
#include "core/state/func_ref.h"
#include "core/types/limits.h"

namespace ebb {

struct StoreState;

struct TableState {
  RefBits* elements = nullptr;
  uint64_t size = 0;
  uint64_t capacity = 0; ///< Elements that the block behind `elements` holds.
  size_t block_bytes = 0;
  TableType type;
  uint32_t owner = 0; ///< The instance in whose block this lies, and which of its own tables it is.
  uint32_t index = 0;
};

/// What table_allocate asks for, in bytes: nothing if that is 0. UINT64_MAX for more than the
/// implementation allows.
uint64_t table_initial_bytes(const TableType& type);

/// Gives a fresh table (type, owner set) its minimum size, filled with `initial`. The limits
/// callback is asked. Fails: out_of_memory (its cause in the store's diagnostic). On failure: it
/// has no elements.
Result<void> table_allocate(StoreState& store, TableState& table, RefBits initial);
/// Gives its elements back.
void table_free(StoreState& store, TableState& table);

/// Grows by `delta` elements of `initial`; the result is the old size.
/// Fails: out_of_memory (its cause in the store's diagnostic). On failure: the table is as it was.
Result<uint64_t> table_grow(StoreState& store, TableState& table, uint64_t delta, RefBits initial);

/// Makes room up to the declared maximum, where there is one within the implementation's limit, so
/// that growing requests no more memory. Fails: out_of_memory. On failure: the table is as it was.
Result<void> table_prepare(StoreState& store, TableState& table);

} // namespace ebb
