// HostFunc: a C++ function as a guest calls it: pointers and a context, never boxed.
//
// A typed host function is `Result<R> f(Caller&, Args...)`. Args and R are int32_t, uint32_t,
// int64_t, uint64_t, float, double, V128, Func (a nullable function reference), ExternRef, and for
// R also void and Values<...>. An untyped one is `Result<void> f(Caller&, std::span<const Val>
// args, std::span<Val> results)`, defined with its types beside it. An error that a host function
// returns ends the guest's call; no guest can catch it. One that is not ready yet returns
// Error::pending, before it has changed anything: it suspends the execution that called it, and is
// called again with the same arguments when that goes on.
#pragma once

#include "core/runtime/caller.h"
#include "core/runtime/slots.h"

namespace ebb {

using UntypedHostFunction = Result<void> (*)(Caller& caller, std::span<const Val> args,
                                             std::span<Val> results);

namespace detail {
/// Runs an untyped host function. Only programs that define one link it.
Error enter_untyped(void (*target)(), Caller& caller, const HostSlots& slots);
} // namespace detail

/// A host function with its type, before it is put into a linker or a store. The types are
/// borrowed.
struct HostFunc {
  using Target = void (*)();
  using Entry = Error (*)(Target target, Caller& caller, const detail::HostSlots& slots);

  Target target = nullptr;
  Entry entry = nullptr;
  void* context = nullptr;
  std::span<const ValType> params;
  std::span<const ValType> results;

  template <class R, class... Args>
  static HostFunc of(Result<R> (*function)(Caller&, Args...), void* context = nullptr) {
    return {reinterpret_cast<Target>(function), &enter<R, Args...>, context,
            detail::Sequence<Args...>::types(), detail::Returned<R>::Types::types()};
  }
  static HostFunc untyped(std::span<const ValType> params, std::span<const ValType> results,
                          UntypedHostFunction function, void* context = nullptr) {
    return {reinterpret_cast<Target>(function), &detail::enter_untyped, context, params, results};
  }

private:
  template <class R, class... Args>
  static Error enter(Target target, Caller& caller, const detail::HostSlots& slots) {
    const auto function = reinterpret_cast<Result<R> (*)(Caller&, Args...)>(target);
    return call<R, Args...>(function, caller, slots, std::index_sequence_for<Args...>());
  }
  template <class R, class... Args, size_t... I>
  static Error call(Result<R> (*function)(Caller&, Args...), Caller& caller,
                    const detail::HostSlots& slots, std::index_sequence<I...>) {
    using Params = detail::Sequence<Args...>;
    using Returned = detail::Returned<R>;
    StoreState& store = caller.state();
    [[maybe_unused]] const uint64_t* numbers = slots.numbers();
    [[maybe_unused]] const uint64_t* refs = slots.refs();
    const Result<R> result =
        function(caller, detail::Slot<Args>::load(store, numbers, refs, Params::places[I])...);
    if (!result.ok()) return result.error();
    if constexpr (!std::is_void_v<R>) {
      constexpr size_t externs = Returned::Types::externs;
      if constexpr (externs != 0) {
        const Result<void> reserved = detail::reserve_externs(store, externs);
        if (!reserved.ok()) return reserved.error();
      }
      return Returned::save(store, slots.numbers(), slots.refs(), result.value()).error();
    }
    return Error::none;
  }
};

} // namespace ebb
