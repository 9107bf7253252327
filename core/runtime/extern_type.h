// ExternType: the type of an import or export.
#pragma once

#include "core/types/limits.h"

#include <span>

namespace ebb {

/// A function's parameters and results. A view: good while the module, or the store of the
/// function, is there.
struct FuncType {
  std::span<const ValType> params;
  std::span<const ValType> results;
};

/// Only the part that `kind` names has a meaning.
struct ExternType {
  ExternKind kind = ExternKind::func;
  FuncType func; ///< Of functions; of tags, what an exception carries.
  TableType table;
  MemoryType memory;
  GlobalType global;
};

} // namespace ebb
