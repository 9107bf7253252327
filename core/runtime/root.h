// Root: keeps what a name names alive, for as long as the Root lives.
#pragma once

#include "core/runtime/handle.h"
#include "error/result.h"

#include <utility>

namespace ebb {

namespace detail {
/// Fails: wrong_store, stale_handle.
Result<void> root_instance(StoreState& store, const Handle& handle);
void unroot_instance(StoreState& store, const Handle& handle);
} // namespace detail

/// `T` is Instance, Func, Memory, Table, Global or Tag. A Root must go before its store, which is
/// busy until then.
template <class T> class Root {
public:
  /// Fails: wrong_store, stale_handle.
  static Result<Root> create(StoreRef store, const T& value) {
    EBB_TRY(detail::root_instance(store.state(), value.handle()));
    return Root(store.state(), value);
  }
  Root(Root&& other) noexcept
      : store_(std::exchange(other.store_, nullptr)), value_(other.value_) {}
  Root& operator=(Root&& other) noexcept {
    Root moved(std::move(other));
    std::swap(store_, moved.store_);
    std::swap(value_, moved.value_);
    return *this;
  }
  ~Root() {
    if (store_) detail::unroot_instance(*store_, value_.handle());
  }
  const T& get() const { return value_; }
  const T& operator*() const { return value_; }
  const T* operator->() const { return &value_; }

private:
  Root(StoreState& store, const T& value) : store_(&store), value_(value) {}
  StoreState* store_;
  T value_;
};

} // namespace ebb
