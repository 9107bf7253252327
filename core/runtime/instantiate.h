// Instantiation: from a module and what its imports are to an instance.
#pragma once

#include "core/runtime/runtime_state.h"

namespace ebb {

/// What stands behind an import: a host function for any store, or something of one store.
struct Definition {
  explicit Definition(const HostRecord& host)
      : record(host), kind(ExternKind::func), is_host(true) {}
  explicit Definition(const Extern& value)
      : handle(value.handle()), kind(value.kind()), is_host(false) {}

  union {
    HostRecord record; ///< Its `type` is held by whoever has the definition.
    Handle handle;
  };
  ExternKind kind;
  bool is_host;

  /// Of what is not a host function.
  Extern value() const;
};

/// Whether a type that something has fits the type that an import asks for, names aside.
bool func_matches(const TypeRegistry& types, TypeId actual, TypeId wanted);

/// Everything that Linker::instantiate and InstancePre::instantiate promise. `imports` are as many
/// as the module has.
Result<Instance> instantiate(StoreState& store, ModuleImage& image,
                             std::span<const Definition> imports);

/// Room on the stack for whatever initializers and the start function need for their own frames,
/// so that running out of it is found before anything is written. What the start function calls is
/// guest code that has run.
struct FirstFrames {
  size_t numbers = 0;
  size_t refs = 0;
  bool needed = false;
};
/// `imported_start` is what an imported start function is, if that is a guest's.
FirstFrames first_frames(const ModuleImage& image, const Function* imported_start);
/// A function as compiled, or null if it is the host's.
const Function* guest_function(const StoreState& store, FuncRef function);

/// What new memories of a store lie in.
MemoryBacking default_backing(const StoreState& store);

/// A failure of linking, with the import's names in the diagnostic, if there is one.
Error link_error(Diagnostic* diagnostic, Error error, const ModuleImage& image,
                 const ImportDecl& import);

} // namespace ebb
