// HashMap: an open-addressing hash table on a Heap.
//
// One control byte per slot, seven bits of the hash in it, compared a group at a time
// (hash_group.h). Groups are probed in triangular steps until one with an empty slot; at most seven
// eighths of the slots are used, so there is one. A removed item leaves its slot empty if its group
// has another empty one (then no probe ever went past it), else marked as deleted; when marks have
// used up the room, the table is put in order in place, without a request.
//
// Lookup comes before growth: finding, overwriting and removing never fail. A growth is one
// request, after which nothing can fail; keys and values are moved from only then, and may refer
// into the map itself. References to values are valid until the next insertion of a new key. The
// object takes 32 bytes.
#pragma once

#include "collections/hash.h"
#include "collections/hash_group.h"
#include "collections/heap.h"
#include "error/assert.h"

#include <new>
#include <type_traits>
#include <utility>

namespace ebb {

template <class Key, class Value, class Hasher = Hash<Key>> class HashMap {
public:
  struct Entry {
    Key key;
    [[no_unique_address]] Value value;
  };
  struct Insertion {
    Value* value;
    bool is_new;
  };
  static_assert(alignof(Entry) <= 16);
  static_assert(std::is_nothrow_move_constructible_v<Key> &&
                std::is_nothrow_move_constructible_v<Value>);
  static constexpr uint32_t slots_max = uint32_t{1} << 30;

  explicit HashMap(Heap& heap, Hasher hasher = Hasher()) : heap_(&heap), hasher_(hasher) {}
  HashMap(HashMap&& other) noexcept
      : heap_(other.heap_), controls_(std::exchange(other.controls_, no_controls())),
        size_(std::exchange(other.size_, 0)), mask_(std::exchange(other.mask_, 0)),
        hasher_(other.hasher_) {}
  HashMap& operator=(HashMap&& other) noexcept {
    if (this == &other) return *this;
    destroy();
    heap_ = other.heap_;
    controls_ = std::exchange(other.controls_, no_controls());
    size_ = std::exchange(other.size_, 0);
    mask_ = std::exchange(other.mask_, 0);
    hasher_ = other.hasher_;
    return *this;
  }
  HashMap(const HashMap&) = delete;
  HashMap& operator=(const HashMap&) = delete;
  ~HashMap() { destroy(); }

  Heap& heap() const { return *heap_; }
  size_t size() const { return size_; }
  bool is_empty() const { return size_ == 0; }
  /// Slots that it has; it grows when seven eighths are used.
  size_t slot_count() const { return has_table() ? size_t{mask_} + 1 : 0; }

  /// The value of a key, or null. `key` may be of any type that the hasher takes and that compares
  /// with Key.
  template <class K> Value* find(const K& key) {
    Entry* entry = find_entry(key, hasher_(key));
    return entry ? &entry->value : nullptr;
  }
  template <class K> const Value* find(const K& key) const {
    const Entry* entry = find_entry(key, hasher_(key));
    return entry ? &entry->value : nullptr;
  }
  template <class K> bool contains(const K& key) const { return find(key) != nullptr; }

  /// Adds a key unless it is there, and says where its value is and whether it is new.
  /// Fails: out_of_memory, only for a new key. On failure: map and arguments are as they were.
  template <class K, class V> Result<Insertion> insert(K&& key, V&& value) {
    const uint64_t hash = hasher_(key);
    if (Entry* entry = find_entry(key, hash)) return Insertion{&entry->value, false};
    return insert_new(hash, std::forward<K>(key), std::forward<V>(value));
  }
  /// Adds a key or gives it another value. Fails: out_of_memory, only for a new key. On failure:
  /// map and arguments are as they were.
  template <class K, class V> Result<void> set(K&& key, V&& value) {
    const uint64_t hash = hasher_(key);
    if (Entry* entry = find_entry(key, hash)) {
      entry->value = std::forward<V>(value);
      return {};
    }
    static_cast<void>(EBB_TRY(insert_new(hash, std::forward<K>(key), std::forward<V>(value))));
    return {};
  }
  /// Takes a key out; false if it is not there.
  template <class K> bool remove(const K& key) {
    Entry* entry = find_entry(key, hasher_(key));
    if (!entry) return false;
    entry->~Entry();
    const size_t slot = static_cast<size_t>(entry - entries());
    const bool has_other_empty{
        HashGroup(controls_ + (slot & ~(HashGroup::width - 1))).match_empty()};
    controls_[slot] = has_other_empty ? control::empty : control::deleted;
    if (has_other_empty) ++head().room;
    --size_;
    return true;
  }
  /// Makes room for `count` items in all. Fails: out_of_memory. On failure: nothing has changed.
  Result<void> reserve(size_t count) {
    if (count <= size_ || (has_table() && count - size_ <= head().room)) return {};
    return grow_to(EBB_TRY(slots_for(count)));
  }
  void clear() {
    destroy_entries();
    size_ = 0;
    if (has_table()) reset_controls(controls_, mask_);
  }

  template <bool is_const> class Iterator {
  public:
    using Map = std::conditional_t<is_const, const HashMap, HashMap>;
    using Item = std::conditional_t<is_const, const Entry, Entry>;
    Iterator(Map* map, size_t slot) : map_(map), slot_(slot) { skip(); }
    Item& operator*() const { return map_->entries()[slot_]; }
    Item* operator->() const { return &map_->entries()[slot_]; }
    Iterator& operator++() {
      ++slot_;
      skip();
      return *this;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.slot_ == b.slot_; }

  private:
    void skip() {
      while (slot_ < map_->slot_count() && !control::is_full(map_->controls_[slot_]))
        ++slot_;
    }
    Map* map_;
    size_t slot_;
  };
  /// Entries in an order that depends on the hasher's seed. Keys must not be changed.
  Iterator<false> begin() { return {this, 0}; }
  Iterator<false> end() { return {this, slot_count()}; }
  Iterator<true> begin() const { return {this, 0}; }
  Iterator<true> end() const { return {this, slot_count()}; }

  /// Walks the table and says whether its invariants hold. For tests.
  bool check() const {
    if (!has_table()) return size_ == 0 && mask_ == 0;
    size_t full = 0;
    size_t deleted = 0;
    for (size_t slot = 0; slot <= mask_; ++slot) {
      if (controls_[slot] == control::deleted) ++deleted;
      if (!control::is_full(controls_[slot])) continue;
      ++full;
      const uint64_t hash = hasher_(entries()[slot].key);
      if (find_entry(entries()[slot].key, hash) != &entries()[slot]) return false;
    }
    return full == size_ && full + deleted + head().room == room_of(size_t{mask_} + 1);
  }

private:
  static uint8_t* no_controls() { return const_cast<uint8_t*>(empty_hash_controls); }
  static size_t room_of(size_t slots) { return slots < 8 ? slots - 1 : slots - slots / 8; }
  static size_t control_bytes(size_t slots) {
    return slots < HashGroup::width ? HashGroup::width : slots;
  }
  static uint8_t tag_of(uint64_t hash) { return static_cast<uint8_t>(hash & 0x7f); }
  static size_t start_of(uint64_t hash, size_t mask) {
    return static_cast<size_t>(hash >> 7) & mask & ~(HashGroup::width - 1);
  }
  static Result<size_t> slots_for(size_t count) {
    size_t slots = 4;
    while (room_of(slots) < count) {
      if (slots >= slots_max) return Error::out_of_memory;
      slots *= 2;
    }
    return slots;
  }
  static Entry* entries_of(uint8_t* controls, size_t mask) {
    constexpr size_t align = alignof(Entry);
    const size_t bytes = (control_bytes(mask + 1) + align - 1) & ~(align - 1);
    return reinterpret_cast<Entry*>(controls + bytes);
  }
  static HashTableHead& head_of(uint8_t* controls) {
    return *reinterpret_cast<HashTableHead*>(controls - hash_head_bytes);
  }
  static void reset_controls(uint8_t* controls, size_t mask) {
    memset(controls, control::empty, mask + 1);
    head_of(controls).room = static_cast<uint32_t>(room_of(mask + 1));
  }

  bool has_table() const { return controls_ != no_controls(); }
  HashTableHead& head() const { return head_of(controls_); }
  Entry* entries() { return entries_of(controls_, mask_); }
  const Entry* entries() const { return entries_of(controls_, mask_); }

  template <class K> Entry* find_entry(const K& key, uint64_t hash) {
    return const_cast<Entry*>(std::as_const(*this).find_entry(key, hash));
  }
  template <class K> const Entry* find_entry(const K& key, uint64_t hash) const {
    const Entry* items = entries();
    size_t start = start_of(hash, mask_);
    for (size_t step = HashGroup::width;; step += HashGroup::width) {
      const HashGroup group(controls_ + start);
      for (auto match = group.match(tag_of(hash)); match; match.drop_first()) {
        const Entry& entry = items[start + match.first()];
        if (entry.key == key) [[likely]]
          return &entry;
      }
      if (group.match_empty()) [[likely]]
        return nullptr;
      start = (start + step) & mask_ & ~(HashGroup::width - 1);
    }
  }
  /// The first slot that can take an item of this hash. There is one.
  static size_t free_slot(const uint8_t* controls, size_t mask, uint64_t hash) {
    size_t start = start_of(hash, mask);
    for (size_t step = HashGroup::width;; step += HashGroup::width) {
      if (const auto free = HashGroup(controls + start).match_free()) return start + free.first();
      start = (start + step) & mask & ~(HashGroup::width - 1);
    }
  }
  template <class K, class V>
  static Entry* put(uint8_t* controls, size_t mask, size_t slot, uint64_t hash, K&& key,
                    V&& value) {
    if (controls[slot] == control::empty) --head_of(controls).room;
    controls[slot] = tag_of(hash);
    Entry* entry = entries_of(controls, mask) + slot;
    return ::new (static_cast<void*>(entry)) Entry{std::forward<K>(key), std::forward<V>(value)};
  }

  template <class K, class V> Result<Insertion> insert_new(uint64_t hash, K&& key, V&& value) {
    if (has_table()) [[likely]] {
      const size_t slot = free_slot(controls_, mask_, hash);
      if (head().room != 0 || controls_[slot] == control::deleted) [[likely]] {
        EBB_ASK_ANYWAY(*heap_);
        ++size_;
        return Insertion{
            &put(controls_, mask_, slot, hash, std::forward<K>(key), std::forward<V>(value))->value,
            true};
      }
    }
    return insert_crowded(hash, std::forward<K>(key), std::forward<V>(value));
  }
  /// There is no room left: more than half of it taken by deleted items means putting in order,
  /// else growing.
  template <class K, class V>
  __attribute__((noinline)) Result<Insertion> insert_crowded(uint64_t hash, K&& key, V&& value) {
    if (has_table() && size_ <= room_of(size_t{mask_} + 1) / 2) {
      Key held_key(std::forward<K>(key));
      Value held_value(std::forward<V>(value));
      put_in_order();
      ++size_;
      const size_t slot = free_slot(controls_, mask_, hash);
      return Insertion{
          &put(controls_, mask_, slot, hash, std::move(held_key), std::move(held_value))->value,
          true};
    }
    const size_t slots = has_table() ? (size_t{mask_} + 1) * 2 : 4;
    uint8_t* table = EBB_TRY(new_table(slots));
    // The new item first: its key and value may lie in the table that is about to go.
    Entry* entry = put(table, slots - 1, free_slot(table, slots - 1, hash), hash,
                       std::forward<K>(key), std::forward<V>(value));
    move_to(table, slots);
    ++size_;
    return Insertion{&entry->value, true};
  }

  Result<uint8_t*> new_table(size_t slots) {
    if (slots > slots_max) return Error::out_of_memory;
    const size_t before = hash_head_bytes;
    constexpr size_t align = alignof(Entry);
    const size_t controls = (control_bytes(slots) + align - 1) & ~(align - 1);
    if (slots > (SIZE_MAX / 2 - before - controls) / sizeof(Entry)) return Error::out_of_memory;
    const Block block = EBB_TRY(heap_->allocate(before + controls + slots * sizeof(Entry), 16));
    uint8_t* table = static_cast<uint8_t*>(block.pointer) + before;
    ::new (block.pointer) HashTableHead{block.bytes, 0};
    memset(table, control::absent, control_bytes(slots));
    reset_controls(table, slots - 1);
    return table;
  }
  Result<void> grow_to(size_t slots) {
    uint8_t* table = EBB_TRY(new_table(slots));
    move_to(table, slots);
    return {};
  }
  /// Moves all items to another table and makes it the map's.
  void move_to(uint8_t* table, size_t slots) {
    if (has_table()) {
      Entry* items = entries();
      for (size_t start = 0; start <= mask_; start += HashGroup::width) {
        for (auto full = HashGroup(controls_ + start).match_full(); full; full.drop_first()) {
          Entry& item = items[start + full.first()];
          const uint64_t hash = hasher_(item.key);
          put(table, slots - 1, free_slot(table, slots - 1, hash), hash, std::move(item.key),
              std::move(item.value));
          item.~Entry();
        }
      }
      release_table();
    }
    controls_ = table;
    mask_ = static_cast<uint32_t>(slots - 1);
  }
  /// Puts every item where a fresh table would have it and drops the marks of deleted ones. Items
  /// not yet placed are marked as deleted meanwhile; one that has to go where another unplaced one
  /// lies changes places with it.
  void put_in_order() {
    for (size_t slot = 0; slot <= mask_; ++slot) {
      controls_[slot] = control::is_full(controls_[slot]) ? control::deleted : control::empty;
    }
    Entry* items = entries();
    for (size_t slot = 0; slot <= mask_; ++slot) {
      while (controls_[slot] == control::deleted) {
        const uint64_t hash = hasher_(items[slot].key);
        const size_t target = free_slot(controls_, mask_, hash);
        const bool is_same_group = (target ^ slot) < HashGroup::width &&
                                   target / HashGroup::width == slot / HashGroup::width;
        if (is_same_group) {
          controls_[slot] = tag_of(hash);
        } else if (controls_[target] == control::empty) {
          controls_[target] = tag_of(hash);
          ::new (static_cast<void*>(items + target)) Entry(std::move(items[slot]));
          items[slot].~Entry();
          controls_[slot] = control::empty;
        } else {
          controls_[target] = tag_of(hash);
          Entry held(std::move(items[slot]));
          items[slot].~Entry();
          ::new (static_cast<void*>(items + slot)) Entry(std::move(items[target]));
          items[target].~Entry();
          ::new (static_cast<void*>(items + target)) Entry(std::move(held));
        }
      }
    }
    head().room = static_cast<uint32_t>(room_of(size_t{mask_} + 1) - size_);
  }

  void destroy_entries() {
    if constexpr (!std::is_trivially_destructible_v<Entry>) {
      for (auto& entry : *this)
        entry.~Entry();
    }
  }
  void release_table() { heap_->release({controls_ - hash_head_bytes, head().block_bytes}, 16); }
  void destroy() {
    if (!has_table()) return;
    destroy_entries();
    release_table();
    controls_ = no_controls();
    size_ = 0;
    mask_ = 0;
  }

  Heap* heap_;
  uint8_t* controls_ = no_controls();
  uint32_t size_ = 0;
  uint32_t mask_ = 0; // slots - 1
  [[no_unique_address]] Hasher hasher_;
};

static_assert(sizeof(HashMap<uint64_t, uint32_t>) <= 32);

} // namespace ebb
