// Func: a function of a store, of the guest or of the host; Execution: a call in progress.
#pragma once

#include "core/runtime/extern_type.h"
#include "core/runtime/val.h"

#include <span>

namespace ebb {

class Execution;
struct HostFunc;
template <class Sig> class TypedFunc;

/// Names a function; as a reference, one that names nothing is null.
class Func : public Named {
public:
  using Named::Named;

  /// Puts a host function into a store. Equal ones (function, context, type) are one function. See
  /// host_func.h. Fails: out_of_memory. On failure: the store is as it was.
  static Result<Func> wrap(StoreRef store, const HostFunc& function);

  /// Fails: wrong_store, stale_handle.
  Result<FuncType> type(StoreRef store) const;
  /// Calls with as many values as the type has parameters and gives as many as it has results.
  /// Fails: wrong_store, stale_handle, argument_mismatch, result_mismatch, wrong_type: nothing has
  /// happened then; traps, host errors, out_of_memory: what guest code did stays done; results are
  /// untouched. So are out_of_fuel, interrupted and pending, which end this call: to go on after
  /// them, use `start`. In a host function cannot_suspend stands for those three.
  Result<void> call(StoreRef store, std::span<const Val> args, std::span<Val> results) const;
  /// A call of fixed C++ types; defined in typed_func.h.
  /// Fails: wrong_store, stale_handle, wrong_type when the function has another type.
  template <class Sig> Result<TypedFunc<Sig>> typed(StoreRef store) const;
  /// Prepares a call that can be suspended. `args` as for `call`.
  /// Fails: as `call` before anything has happened, call_stack_exhausted, out_of_memory.
  Result<Execution> start(StoreRef store, std::span<const Val> args) const;
};

namespace detail {

/// A call from the host while it is on a store's stack. Leaves it when it is destroyed.
class Call {
public:
  explicit Call(StoreState& store) : store_(&store) {}
  Call(Call&& other) noexcept;
  Call& operator=(Call&& other) noexcept;
  ~Call() { leave(); }

  /// Finds the function and makes room for the call and for `externs` external references among the
  /// arguments.
  Result<void> enter(const Func& func, size_t externs);
  /// Runs until it ends or is suspended.
  Error run();
  /// Runs a call that is not to be resumed: where it is suspended, it fails.
  Error run_to_end();
  void leave();
  /// Good until the store is used again.
  uint64_t* numbers() const;
  uint64_t* refs() const;
  StoreState& store() const { return *store_; }
  bool is_entered() const { return is_entered_; }
  /// Why it is suspended.
  Error reason() const;
  /// Whether nothing else was started on the store since and is still there.
  bool is_innermost() const;
  bool is_suspended() const;
  uint32_t type() const { return type_; }

private:
  void take(Call& other);
  StoreState* store_;
  Call* below_ = nullptr; // the call that was the innermost before
  uint32_t type_ = 0;
  bool is_entered_ = false;
  static constexpr bool is_64 = sizeof(void*) == 8;
  alignas(is_64 ? 16 : 8) unsigned char storage_[is_64 ? 256 : 176];
};

} // namespace detail

/// A call of a function that may be suspended between `run` and its end: because fuel is used up
/// (out_of_fuel), somebody asked for it (interrupted), or a host function is not ready (pending).
/// It must not outlive its store, and while it lives the store is busy; one that was started in a
/// host function ends with that function. Dropping it gives its part of the stack back, whatever
/// state it is in.
class Execution {
public:
  enum class State : uint8_t { ready, suspended, done, trapped };

  State state() const { return state_; }
  /// Starts, or goes on after a suspension. State `done`: the results can be read. `suspended` is
  /// no error; `reason` tells what to do before going on. Out of fuel: set_fuel; nothing that was
  /// paid is paid again, and a charge that was larger than what was left is paid off first.
  /// Interrupted: nothing. Pending: what the host function waits for; it is called again, with the
  /// same arguments. Fails: not_resumable (also if a later execution is still there, or if its host
  /// function has returned), traps, host errors, out_of_memory. After those the state is `trapped`.
  Result<State> run();
  Result<State> resume() { return run(); }
  /// While suspended: out_of_fuel, interrupted or pending. Else none.
  Error reason() const { return state_ == State::suspended ? call_.reason() : Error::none; }
  /// Fails: not_resumable if not done, result_mismatch.
  Result<void> results(std::span<Val> results);

private:
  friend class Func;
  explicit Execution(detail::Call&& call) : call_(std::move(call)) {}
  detail::Call call_;
  State state_ = State::ready;
};

inline Val Val::func(const Func& func) {
  Val val(Kind::func, 0);
  val.func_ = func.handle();
  return val;
}
inline Func Val::as_func() const {
  EBB_ASSERT(kind_ == Kind::func);
  return Func(func_);
}
inline bool Val::is_null() const {
  EBB_ASSERT(is_ref());
  return kind_ == Kind::func ? func_.is_null() : high_ == 0;
}

} // namespace ebb
