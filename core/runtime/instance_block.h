// The one block of an instance: its state, arrays and whatever it owns, one behind the other.
#pragma once

#include "core/runtime/runtime_state.h"

namespace ebb {

/// How many of everything an instance has. Those of memories to tags count imported ones too.
struct InstanceCounts {
  uint32_t imported_functions = 0;
  uint32_t memories = 0;
  uint32_t imported_memories = 0;
  uint32_t tables = 0;
  uint32_t imported_tables = 0;
  uint32_t globals = 0;
  uint32_t imported_globals = 0;
  uint32_t tags = 0;
  uint32_t imported_tags = 0;
  uint32_t elems = 0;
  uint32_t datas = 0;
};

InstanceCounts instance_counts(const ModuleDecl& decl);
/// What the block of such an instance asks for.
uint64_t instance_bytes(const InstanceCounts& counts);

/// Makes an instance and enters it into the store, its own memories to tags in their initial state
/// and imports unset. `instance_abandon` undoes it, with what is in `outgrown` then.
/// Fails: out_of_memory. On failure: the store is as it was.
Result<InstanceState*> make_instance(StoreState& store, const InstanceCounts& counts,
                                     Vec<InstanceState*>& outgrown);

} // namespace ebb
