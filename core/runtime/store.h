// Store: everything that guests own, under one budget. The unit of isolation; used by one thread at
// a time.
#pragma once

#include "collections/string.h"
#include "core/runtime/engine.h"
#include "core/runtime/handle.h"

#include <atomic>

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

/// Stops a store's guest from another thread, or from a signal or interrupt handler: at the next
/// loop, call or 64 KiB of bulk work, in code that was compiled with Config::interruption or
/// Config::fuel. An execution is suspended then, and a plain call fails with `interrupted`. If
/// nothing runs, what runs next is stopped. Interrupting again before that changes nothing.
class InterruptHandle {
public:
  void interrupt() const { flag_->store(INTPTR_MAX, std::memory_order_relaxed); }
  /// Whether nothing was stopped yet since then; for host functions that take long.
  bool is_interrupted() const { return flag_->load(std::memory_order_relaxed) != 0; }

private:
  friend class Store;
  friend class Caller;
  using Flag = std::atomic<intptr_t>;
  static_assert(Flag::is_always_lock_free);
  explicit InterruptHandle(Flag& flag) : flag_(&flag) {}
  Flag* flag_;
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

  /// What is left of the fuel, where the engine's configuration has code count it; at first as good
  /// as endless. Every wasm instruction costs 1, but `block`, `loop`, `else`, `end` and `nop`;
  /// entering a function and each round of a loop cost 1 more, and so do each 64 bytes, or each
  /// element of a table, that a bulk or growing instruction works on. Code is charged for in
  /// stretches when they begin, with some 40 instructions at most that a branch may skip. More than
  /// 2^62 is taken for that much.
  uint64_t fuel() const;
  void set_fuel(uint64_t units);

  /// A way to interrupt what runs on this store, from anywhere; good until the store is closed.
  InterruptHandle interrupt_handle() const;
  /// Takes an interruption back that nothing has met yet.
  void clear_interrupt();

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
