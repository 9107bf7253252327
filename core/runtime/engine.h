// Engine: what modules and stores share: settings, canonical types, the heap above theirs.
#pragma once

#include "collections/heap.h"
#include "core/runtime/config.h"
#include "error/diagnostic.h"

namespace ebb {

struct EngineState;

/// A counted reference to an engine; threads may share one.
class Engine {
public:
  /// Fails: invalid_config, out_of_memory. On failure: nothing is held.
  static Result<Engine> create(const Config& config, Diagnostic* diagnostic = nullptr);

  Engine(Engine&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  Engine& operator=(Engine&& other) noexcept {
    Engine moved(std::move(other));
    std::swap(state_, moved.state_);
    return *this;
  }
  ~Engine();

  /// Another reference to the same engine. Cannot fail.
  Engine clone() const;
  /// What the engine holds: itself, its modules and its stores.
  HeapStats stats() const;

  EngineState& state() const { return *state_; }

private:
  friend class Module;
  friend class Store;
  friend class Linker;
  explicit Engine(EngineState* state) : state_(state) {}
  EngineState* state_;
};

} // namespace ebb
