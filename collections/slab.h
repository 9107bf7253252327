// Slab: numbered slots with generations, for things that are named by handles.
//
// A handle is an index and the slot's generation when the thing was put in; after its removal the
// handle finds nothing, whoever has the slot since. A generation is odd while its slot is taken; a
// slot whose generations are used up is retired, so a handle is never right by accident. Slots move
// when the slab grows: hold handles, not pointers.
#pragma once

#include "collections/vec.h"

namespace ebb {

struct SlabHandle {
  uint32_t index = 0;
  uint32_t generation = 0; ///< 0 names nothing.
  friend bool operator==(SlabHandle a, SlabHandle b) {
    return a.index == b.index && a.generation == b.generation;
  }
};

template <class T> class Slab {
public:
  explicit Slab(Heap& heap) : slots_(heap) {}

  size_t size() const { return size_; }
  bool is_empty() const { return size_ == 0; }
  /// Fails: out_of_memory. On failure: Slab and argument are as they were.
  Result<SlabHandle> insert(T&& item) { return insert_item(std::move(item)); }
  Result<SlabHandle> insert(const T& item) { return insert_item(item); }
  /// The thing that a handle names, or null if it is gone.
  T* get(SlabHandle handle) {
    if (handle.index >= slots_.size()) return nullptr;
    Slot& slot = slots_[handle.index];
    return slot.generation == handle.generation && slot.is_taken() ? &slot.item : nullptr;
  }
  const T* get(SlabHandle handle) const { return const_cast<Slab*>(this)->get(handle); }
  /// Destroys what a handle names; false if it is gone already.
  bool remove(SlabHandle handle) {
    T* item = get(handle);
    if (!item) return false;
    Slot& slot = slots_[handle.index];
    item->~T();
    --size_;
    slot.generation += 1;
    slot.next_free = none;
    if (slot.generation == last_generation) return true; // retired
    slot.next_free = first_free_;
    first_free_ = handle.index;
    return true;
  }
  /// Makes room for `count` things in all. Fails: out_of_memory. On failure: nothing has changed.
  Result<void> reserve(size_t count) {
    return count <= size_ ? Result<void>() : slots_.reserve(slots_.size() + (count - size_));
  }
  /// Calls `visit(SlabHandle, T&)` for everything, in order of index. `visit` may remove what it is
  /// given.
  template <class Visit> void for_each(Visit visit) {
    for (size_t i = 0; i < slots_.size(); ++i) {
      if (!slots_[i].is_taken()) continue;
      visit(SlabHandle{static_cast<uint32_t>(i), slots_[i].generation}, slots_[i].item);
    }
  }

private:
  static constexpr uint32_t none = UINT32_MAX;
  static constexpr uint32_t last_generation = UINT32_MAX - 1; // even: free for ever

  struct Slot {
    union {
      T item;
      uint32_t next_free;
    };
    uint32_t generation;

    bool is_taken() const { return generation & 1; }
    template <class U> explicit Slot(U&& thing) : item(std::forward<U>(thing)), generation(1) {}
    Slot(Slot&& other) noexcept : next_free(none), generation(other.generation) {
      if (is_taken()) {
        ::new (static_cast<void*>(&item)) T(std::move(other.item));
      } else {
        next_free = other.next_free;
      }
    }
    ~Slot() {
      if (is_taken()) item.~T();
    }
  };

  template <class U> Result<SlabHandle> insert_item(U&& item) {
    auto* source = &item;
    if (first_free_ == none) {
      // Growing moves the slots, and the argument may lie in one of them.
      const uintptr_t base = reinterpret_cast<uintptr_t>(slots_.data());
      const uintptr_t offset = reinterpret_cast<uintptr_t>(source) - base;
      const bool is_own = offset < slots_.size() * sizeof(Slot);
      EBB_TRY(slots_.reserve(slots_.size() + 1));
      if (is_own) {
        source =
            reinterpret_cast<decltype(source)>(reinterpret_cast<uintptr_t>(slots_.data()) + offset);
      }
      slots_.push_reserved(Slot(static_cast<U&&>(*source)));
      ++size_;
      return SlabHandle{static_cast<uint32_t>(slots_.size() - 1), 1};
    }
    const uint32_t index = first_free_;
    Slot& slot = slots_[index];
    first_free_ = slot.next_free;
    ::new (static_cast<void*>(&slot.item)) T(static_cast<U&&>(*source));
    slot.generation += 1;
    ++size_;
    return SlabHandle{index, slot.generation};
  }

  Vec<Slot> slots_;
  uint32_t first_free_ = none;
  uint32_t size_ = 0;
};

} // namespace ebb
