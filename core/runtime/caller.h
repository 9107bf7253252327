// Caller: what a host function sees of the call that it serves.
#pragma once

#include "core/runtime/extern.h"
#include "core/runtime/instance.h"
#include "error/diagnostic.h"

namespace ebb {

class Caller {
public:
  Caller(StoreState& store, void* context) : store_(&store), context_(context) {}
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  /// What was given when the function was defined.
  void* context() const { return context_; }
  /// What was given when the store was made.
  void* host_data() const;
  /// The instance that called. Fails: unknown_export when the embedder called the function
  /// directly.
  Result<Instance> instance() const;
  /// An export of the calling instance. Fails: unknown_export, out_of_memory.
  Result<Extern> get_export(StringView name) const;
  /// The calling instance's exported memory. Fails: unknown_export, wrong_kind.
  Result<Memory> memory(StringView name = "memory") const;
  /// The details of what this host function is about to fail with, or of what failed in it.
  Diagnostic& diagnostic() const;
  /// Whether somebody interrupts this store; for host functions that take long, which may give up
  /// with Error::pending or Error::interrupted.
  bool is_interrupted() const;
  /// Ends the guest with an exit code: `return caller.exit(2);`.
  Error exit(int32_t code) const;

  StoreState& state() const { return *store_; }

private:
  StoreState* store_;
  void* context_;
};

inline StoreRef::StoreRef(Caller& caller) : state_(&caller.state()) {}

} // namespace ebb
