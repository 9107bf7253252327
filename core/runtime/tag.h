// Tag: the identity and type of an exception.
#pragma once

#include "core/runtime/extern_type.h"
#include "core/runtime/handle.h"
#include "error/result.h"

namespace ebb {

class Tag : public Named {
public:
  using Named::Named;

  /// Fails: out_of_memory. On failure: the store is as it was.
  static Result<Tag> create(StoreRef store, std::span<const ValType> params);
  /// Fails: wrong_store, stale_handle.
  Result<FuncType> type(StoreRef store) const;
};

} // namespace ebb
