// Handle: the name of something that a store owns: {store, instance, generation, index in it}.
//
// Names are trivially copyable and root nothing. A name of something that is gone is a
// `stale_handle`, one used with another store is `wrong_store`. A default-constructed one names
// nothing; it is `stale_handle` wherever it is used, and as a function reference it is null.
#pragma once

#include <cstdint>

namespace ebb {

struct StoreState;

struct Handle {
  uint64_t store = 0;      ///< Never 0 for something that exists.
  uint32_t instance = 0;   ///< Who owns it, as in FuncRef.
  uint32_t generation = 0; ///< Of the instance.
  uint32_t index = 0;      ///< Among what that instance defines of its kind.

  bool is_null() const { return store == 0; }
  bool operator==(const Handle&) const = default;
};

class Store;
class Caller;

/// A store as operations take it: a `Store` or, inside a host function, its `Caller`.
class StoreRef {
public:
  StoreRef(Store& store);
  StoreRef(Caller& caller);
  explicit StoreRef(StoreState& state) : state_(&state) {}
  StoreState& state() const { return *state_; }

private:
  StoreState* state_;
};

/// What all names of things in stores have in common.
class Named {
public:
  Named() = default;
  explicit Named(const Handle& handle) : handle_(handle) {}
  bool is_null() const { return handle_.is_null(); }
  const Handle& handle() const { return handle_; }
  bool operator==(const Named&) const = default;

protected:
  Handle handle_;
};

} // namespace ebb
