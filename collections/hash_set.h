// HashSet: keys without values; see HashMap for what it promises.
#pragma once

#include "collections/hash_map.h"

namespace ebb {

template <class Key, class Hasher = Hash<Key>> class HashSet {
  struct Nothing {};
  using Map = HashMap<Key, Nothing, Hasher>;

public:
  explicit HashSet(Heap& heap, Hasher hasher = Hasher()) : map_(heap, hasher) {}

  size_t size() const { return map_.size(); }
  bool is_empty() const { return map_.is_empty(); }
  template <class K> bool contains(const K& key) const { return map_.contains(key); }
  /// Adds a key; the answer says whether it is new. Fails: out_of_memory, only for a new key. On
  /// failure: set and argument are as they were.
  template <class K> Result<bool> insert(K&& key) {
    return EBB_TRY(map_.insert(std::forward<K>(key), Nothing())).is_new;
  }
  /// Takes a key out; false if it is not there.
  template <class K> bool remove(const K& key) { return map_.remove(key); }
  /// Makes room for `count` keys in all. Fails: out_of_memory. On failure: nothing has changed.
  Result<void> reserve(size_t count) { return map_.reserve(count); }
  void clear() { map_.clear(); }
  bool check() const { return map_.check(); }

  /// Calls `visit(const Key&)` for every key, in an order that depends on the hasher's seed.
  template <class Visit> void for_each(Visit visit) const {
    for (const auto& entry : map_)
      visit(entry.key);
  }

private:
  Map map_;
};

} // namespace ebb
