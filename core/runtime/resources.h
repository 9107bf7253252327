// ResourcesRequired: what instantiating a module takes, told without doing it.
//
// Figures are exact over the fixed pool (collections/pool.h), which gives whole granules: bytes of
// blocks as given, and requests as HeapStats counts them. They come from the functions by which
// instantiation itself lays things out. Left out is what a start function asks for beyond its own
// frame, since it is guest code. Over other allocators a block may be larger and linear memories
// may lie in pages; requests for blocks are the same.
#pragma once

#include "core/runtime/linker.h"

namespace ebb {

struct ResourcesRequired {
  struct Part {
    uint64_t bytes = 0;
    uint64_t requests = 0;
  };
  Part store;          ///< The store with its list of instances; nothing for a store that is there.
  Part instance;       ///< The instance's one block, and the growth of the store's list.
  Part host_functions; ///< What the store keeps of imported host functions.
  Part memories;       ///< Linear memories that the module defines, at their minimum.
  Part tables;         ///< The same of tables.
  Part stack;          ///< Room for the frames of initializers and of the start function.
  /// Of lists that are outgrown on the way: held until the end, and given back then.
  uint64_t outgrown_bytes = 0;

  /// The sum of the parts. Its bytes are the most that is held at any time, beyond what was held
  /// before.
  Part total() const;
  /// What is held afterwards, beyond what was held before, in bytes.
  uint64_t held_bytes() const { return total().bytes - outgrown_bytes; }
};

/// For a new store of the module's engine, itself included, in which the module is the first to be
/// instantiated. Every imported function counts as a host function of its own; where imports are
/// functions of guests, or one host function is imported twice, the part is smaller.
/// Fails: out_of_memory if a memory or table is larger than this host or the implementation allows,
/// call_stack_exhausted if Config::stack_bytes_max is too small. Allocates nothing.
Result<ResourcesRequired> resources_required(const Module& module);

/// For a store as it is now, with imports as they were found: what the next instantiation there
/// takes. Pieces of the store's heap that were not given by a pool make it inexact.
/// Fails: as above, wrong_engine, wrong_store, stale_handle; out_of_memory also for want of memory
/// of the engine's to tell host functions apart, which is given back before it returns. On failure:
/// nothing has changed.
Result<ResourcesRequired> resources_required(const InstancePre& pre, StoreRef store);

} // namespace ebb
