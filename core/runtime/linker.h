// Linker: definitions by module and name, and instantiation with them. InstancePre: a module whose
// imports are found.
#pragma once

#include "core/runtime/host_func.h"
#include "core/runtime/module.h"
#include "core/runtime/store.h"

namespace ebb {

struct LinkerState;
struct InstancePreState;
struct Definition;

/// A counted reference to a module with its imports resolved, ready to be instantiated any number
/// of times.
class InstancePre {
public:
  InstancePre(InstancePre&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  InstancePre& operator=(InstancePre&& other) noexcept {
    InstancePre moved(std::move(other));
    std::swap(state_, moved.state_);
    return *this;
  }
  ~InstancePre();
  /// Another reference. Cannot fail.
  InstancePre clone() const;
  const Module& module() const;

  /// Allocates everything, evaluates initializers, writes segments, runs the start function.
  /// Fails: wrong_engine, wrong_store, stale_handle, incompatible_import_type, out_of_memory: the
  /// store is as it was; traps of segments, and whatever the start function fails with: what was
  /// written stays, and the instance lives while something reaches it.
  Result<Instance> instantiate(StoreRef store) const;

  /// What its imports are. For the library's own use.
  std::span<const Definition> definitions() const;

private:
  friend class Linker;
  explicit InstancePre(InstancePreState* state) : state_(state) {}
  InstancePreState* state_;
};

/// One of several functions to be defined together.
struct NamedHostFunc {
  StringView name;
  HostFunc function;
};

class Linker {
public:
  /// Fails: out_of_memory.
  static Result<Linker> create(const Engine& engine);

  Linker(Linker&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  Linker& operator=(Linker&& other) noexcept {
    Linker moved(std::move(other));
    std::swap(state_, moved.state_);
    return *this;
  }
  ~Linker();

  /// Whether a later definition may replace an earlier one of the same names; otherwise that is
  /// duplicate_definition.
  Linker& allow_shadowing(bool allow);

  // Definitions. Fail: duplicate_definition, out_of_memory. On failure: the linker is as it was.
  /// A host function for any store of the engine: `define_func("env", "log", &log, &logger)`; see
  /// host_func.h.
  template <class R, class... Args>
  Result<void> define_func(StringView module, StringView name,
                           Result<R> (*function)(Caller&, Args...), void* context = nullptr) {
    return define_func(module, name, HostFunc::of(function, context));
  }
  Result<void> define_func(StringView module, StringView name, const HostFunc& function);
  /// Several at once: all of them or none.
  Result<void> define_funcs(StringView module, std::span<const NamedHostFunc> functions);
  /// Something of a store. What needs it can only be instantiated in that store. Fails also:
  /// wrong_store, stale_handle.
  Result<void> define(StoreRef store, StringView module, StringView name, const Extern& value);
  /// All exports of an instance. Fails also: wrong_store, stale_handle.
  Result<void> define_instance(StoreRef store, StringView module, const Instance& instance);

  /// A definition, as it is in `store`. Fails: unknown_import, wrong_store, stale_handle,
  /// out_of_memory.
  Result<Extern> get(StoreRef store, StringView module, StringView name) const;

  /// Finds all imports. Fails: unknown_import, incompatible_import_type for host functions (the
  /// names are in the diagnostic), wrong_engine, out_of_memory.
  Result<InstancePre> instantiate_pre(const Module& module, Diagnostic* diagnostic = nullptr) const;
  /// Both steps; details are in the store's diagnostic.
  Result<Instance> instantiate(StoreRef store, const Module& module) const;

  LinkerState& state() const { return *state_; }

private:
  explicit Linker(LinkerState* state) : state_(state) {}
  LinkerState* state_;
};

} // namespace ebb
