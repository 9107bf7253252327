// Global: a global variable of a store.
#pragma once

#include "core/runtime/val.h"
#include "core/types/limits.h"

namespace ebb {

class Global : public Named {
public:
  using Named::Named;

  /// Fails: wrong_type, out_of_memory. On failure: the store is as it was.
  static Result<Global> create(StoreRef store, const GlobalType& type, const Val& initial);

  // All of these fail: wrong_store, stale_handle.
  Result<GlobalType> type(StoreRef store) const;
  Result<Val> get(StoreRef store) const;
  /// Fails: global_not_mutable, wrong_type, out_of_memory (external references). On failure:
  /// nothing has changed.
  Result<void> set(StoreRef store, const Val& value) const;
};

} // namespace ebb
