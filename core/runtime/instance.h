// Instance: a module that was given its imports, in a store.
#pragma once

#include "collections/string.h"
#include "core/runtime/extern.h"
#include "core/runtime/typed_func.h"

namespace ebb {

class Module;

struct ExportedExtern {
  StringView name;
  Extern value;
};

class Instance : public Named {
public:
  using Named::Named;

  /// Instantiates with one Extern for each import, in order, without a linker.
  /// Fails: argument_mismatch for another number of imports; otherwise as Linker::instantiate.
  static Result<Instance> create(StoreRef store, const Module& module,
                                 std::span<const Extern> imports);

  // All of these fail: wrong_store, stale_handle.
  Result<size_t> export_count(StoreRef store) const;
  /// `index` counts as the module's exports do. Fails: out_of_range.
  Result<ExportedExtern> export_at(StoreRef store, size_t index) const;
  /// Fails: unknown_export.
  Result<Extern> get_export(StoreRef store, StringView name) const;
  // Fail: unknown_export, wrong_kind.
  Result<Func> get_func(StoreRef store, StringView name) const;
  Result<Memory> get_memory(StoreRef store, StringView name) const;
  Result<Table> get_table(StoreRef store, StringView name) const;
  Result<Global> get_global(StoreRef store, StringView name) const;
  /// Fails: unknown_export, wrong_kind, wrong_type.
  template <class Sig>
  Result<TypedFunc<Sig>> get_typed_func(StoreRef store, StringView name) const {
    return EBB_TRY(get_func(store, name)).template typed<Sig>(store);
  }
  /// Gives up this name and all that lead to the instance: it goes as soon as no other instance,
  /// table, global or Root reaches it, and names of it are stale from now on or from then. Fails:
  /// busy while a call is on the store.
  Result<void> release(StoreRef store) const;
};

} // namespace ebb
