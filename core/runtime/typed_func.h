// TypedFunc: a function whose C++ types were checked once, called without arrays of values.
#pragma once

#include "core/runtime/slots.h"

namespace ebb {

namespace detail {
/// Fails: wrong_store, stale_handle, wrong_type.
Result<void> check_type(StoreState& store, const Func& func, std::span<const ValType> params,
                        std::span<const ValType> results);
} // namespace detail

/// `TypedFunc<int32_t(int32_t, int32_t)>`, from `Func::typed`. Types as in host_func.h.
template <class R, class... Args> class TypedFunc<R(Args...)> {
public:
  const Func& func() const { return func_; }

  /// Fails: wrong_store, stale_handle; traps, host errors, out_of_memory; out_of_fuel, interrupted,
  /// pending or cannot_suspend, as `Func::call`. On failure: what guest code did stays done; before
  /// it ran, the store is as it was.
  Result<R> call(StoreRef store, Args... args) const {
    using Params = detail::Sequence<Args...>;
    detail::Call call(store.state());
    EBB_TRY(call.enter(func_, Params::externs));
    EBB_TRY(Params::store(store.state(), call.numbers(), call.refs(), args...));
    const Error error = call.run_to_end();
    if (error != Error::none) return error;
    if constexpr (std::is_void_v<R>) {
      return {};
    } else {
      return detail::Returned<R>::load(store.state(), call.numbers(), call.refs());
    }
  }

private:
  friend class Func;
  explicit TypedFunc(const Func& func) : func_(func) {}
  Func func_;
};

template <class Sig> struct FuncSignature;
template <class R, class... Args> struct FuncSignature<R(Args...)> {
  static constexpr auto params() { return detail::Sequence<Args...>::types(); }
  static constexpr auto results() { return detail::Returned<R>::Types::types(); }
};

template <class Sig> Result<TypedFunc<Sig>> Func::typed(StoreRef store) const {
  using Signature = FuncSignature<Sig>;
  EBB_TRY(detail::check_type(store.state(), *this, Signature::params(), Signature::results()));
  return TypedFunc<Sig>(*this);
}

} // namespace ebb
