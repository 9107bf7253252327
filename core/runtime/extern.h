// Extern: a function, table, memory, global or tag, as modules import and export them.
#pragma once

#include "core/runtime/func.h"
#include "core/runtime/global.h"
#include "core/runtime/memory.h"
#include "core/runtime/table.h"
#include "core/runtime/tag.h"

namespace ebb {

class Extern : public Named {
public:
  Extern() = default;
  Extern(const Func& func) : Named(func), kind_(ExternKind::func) {}
  Extern(const Table& table) : Named(table), kind_(ExternKind::table) {}
  Extern(const Memory& memory) : Named(memory), kind_(ExternKind::memory) {}
  Extern(const Global& global) : Named(global), kind_(ExternKind::global) {}
  Extern(const Tag& tag) : Named(tag), kind_(ExternKind::tag) {}

  ExternKind kind() const { return kind_; }
  // Fail: wrong_kind.
  Result<Func> func() const { return as<Func>(ExternKind::func); }
  Result<Table> table() const { return as<Table>(ExternKind::table); }
  Result<Memory> memory() const { return as<Memory>(ExternKind::memory); }
  Result<Global> global() const { return as<Global>(ExternKind::global); }
  Result<Tag> tag() const { return as<Tag>(ExternKind::tag); }
  /// Fails: wrong_store, stale_handle.
  Result<ExternType> type(StoreRef store) const;

private:
  template <class T> Result<T> as(ExternKind kind) const {
    if (kind_ != kind) return Error::wrong_kind;
    return T(handle_);
  }
  ExternKind kind_ = ExternKind::func;
};

} // namespace ebb
