// Construction of what stores share.
#include "core/state/engine_state.h"

namespace ebb {

EngineState::EngineState(const Allocator& allocator, const EngineSettings& new_settings)
    : heap(allocator, new_settings.engine_bytes_max, Heap::Threads::many), settings(new_settings),
      types(heap, new_settings.seed), hash_seed(new_settings.seed) {}

} // namespace ebb
