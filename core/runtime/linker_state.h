// What a linker holds: definitions by their two names, which lie in one block behind the key.
#pragma once

#include "collections/hash_map.h"
#include "core/runtime/instantiate.h"

namespace ebb {
namespace detail {

struct Names {
  StringView module;
  StringView name;
};

/// The two names, one behind the other.
struct NamesKey {
  Block text;
  size_t module_bytes;
  size_t name_bytes;
  Names names() const {
    const char* bytes = static_cast<const char*>(text.pointer);
    return {{bytes, module_bytes}, {bytes + module_bytes, name_bytes}};
  }
};

inline bool operator==(const NamesKey& key, const Names& names) {
  return key.names().module == names.module && key.names().name == names.name;
}
inline bool operator==(const NamesKey& a, const NamesKey& b) { return a == b.names(); }

struct HashNames {
  uint64_t seed;
  uint64_t operator()(const Names& names) const {
    return hash_bytes(names.name.data, names.name.size,
                      hash_bytes(names.module.data, names.module.size, seed));
  }
  uint64_t operator()(const NamesKey& key) const { return (*this)(key.names()); }
};

using Definitions = HashMap<NamesKey, Definition, HashNames>;

} // namespace detail

struct LinkerState {
  explicit LinkerState(EngineState& state)
      : engine(state), definitions(state.heap, detail::HashNames{state.hash_seed}) {}
  EngineState& engine;
  detail::Definitions definitions;
  Block block;
  bool shadowing = false;
};

} // namespace ebb
