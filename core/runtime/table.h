// Table: a table of references of a store.
#pragma once

#include "core/runtime/val.h"
#include "core/types/limits.h"

namespace ebb {

class Table : public Named {
public:
  using Named::Named;

  /// A table of its minimum size, filled with `initial`.
  /// Fails: out_of_memory, wrong_type, invalid_config for limits that no table can have. On
  /// failure: the store is as it was.
  static Result<Table> create(StoreRef store, const TableType& type, const Val& initial);

  // All of these fail: wrong_store, stale_handle.
  /// With the current size as minimum.
  Result<TableType> type(StoreRef store) const;
  Result<uint64_t> size(StoreRef store) const;
  /// Fails: out_of_range.
  Result<Val> get(StoreRef store, uint64_t index) const;
  /// Fails: out_of_range, wrong_type, out_of_memory (external references). On failure: nothing has
  /// changed.
  Result<void> set(StoreRef store, uint64_t index, const Val& value) const;
  /// Grows by `delta` elements of `initial` and gives the old size. Fails: wrong_type,
  /// out_of_memory; who refused is in the store's diagnostic. On failure: the table is as it was.
  Result<uint64_t> grow(StoreRef store, uint64_t delta, const Val& initial) const;
};

} // namespace ebb
