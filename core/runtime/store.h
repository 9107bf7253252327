// Store: everything that guests own, under one budget. The unit of isolation; used by one thread at
// a time.
#pragma once

#include "collections/string.h"
#include "core/runtime/engine.h"
#include "core/runtime/handle.h"

namespace ebb {

struct StoreLimits {
  enum class Kind : uint8_t {
    limited, ///< Bytes come from the engine's heap as they are needed, up to the budget.
    reserved ///< The whole budget is taken when the store is made, and nothing else can take from
             ///< it.
  };
  /// What the store may hold, in bytes, itself included.
  size_t budget_bytes = Config::no_limit;
  Kind kind = Kind::limited;
};

/// A frame of the backtrace of the last call that trapped, the innermost first.
struct BacktraceFrame {
  Handle instance;
  uint32_t function = 0;    ///< In the module's function index space.
  uint64_t wasm_offset = 0; ///< Diagnostic::no_offset where not kept.
  StringView name;          ///< Empty where not kept.
};

class Store {
public:
  /// Fails: out_of_memory. On failure: the engine is as it was.
  static Result<Store> create(const Engine& engine, const StoreLimits& limits = {},
                              void* host_data = nullptr);

  Store(Store&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  Store& operator=(Store&& other) noexcept {
    Store moved(std::move(other));
    std::swap(state_, moved.state_);
    return *this;
  }
  /// As `close`, which must not be busy.
  ~Store();

  /// Frees everything now; the Store is empty afterwards. Fails: busy during one of its calls or
  /// while an Execution or a Root is there. On failure: nothing has changed.
  Result<void> close();

  void* host_data() const;
  /// What the store holds, itself included, in bytes given by the allocator.
  HeapStats stats() const;
  /// Of that, what lies behind linear memories.
  size_t linear_memory_bytes() const;

  /// What the last call on this store failed with.
  const Diagnostic& diagnostic() const;
  Error last_error() const;
  /// How deep the last trap was, and how many of its frames are kept.
  size_t trace_depth() const;
  size_t trace_count() const;
  BacktraceFrame trace(size_t index) const;
  /// Writes the kept frames, one a line, cut to fit and ended by a NUL. Returns the length without
  /// it. Never allocates.
  size_t render_backtrace(char* buffer, size_t bytes) const;

  /// Steps left, where the engine's configuration counts them.
  uint64_t fuel() const;
  void set_fuel(uint64_t steps);

  /// Takes the stack to its limit and tables to their declared maximum, and makes all functions of
  /// the store's instances ready, so that afterwards only growing asks for memory. Fails:
  /// out_of_memory, and as `Module::prepare`. On failure: what was done is kept as slack.
  Result<void> prepare();
  /// Frees what nothing reaches: released instances, external references. Fails: busy. Never
  /// allocates.
  Result<void> collect();

  StoreState& state() const { return *state_; }

private:
  explicit Store(StoreState* state) : state_(state) {}
  StoreState* state_;
};

inline StoreRef::StoreRef(Store& store) : state_(&store.state()) {}

} // namespace ebb
