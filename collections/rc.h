// Rc: a shared pointer. Object and count lie in one block; the count is atomic, so handles may be
// copied and dropped in any thread, if the heap allows for threads. Copying and dropping never
// fail. The heap must outlive the object.
#pragma once

#include "collections/heap.h"
#include "error/assert.h"

#include <new>
#include <utility>

namespace ebb {

template <class T> class Rc {
public:
  Rc() = default;
  Rc(const Rc& other) noexcept : shared_(other.shared_) {
    if (!shared_) return;
    const uint32_t before = __atomic_fetch_add(&shared_->count, 1u, __ATOMIC_RELAXED);
    // Four billion handles do not fit into memory; a count that wrapped would be a bug worth
    // stopping for.
    if (before == UINT32_MAX) __builtin_trap();
  }
  Rc(Rc&& other) noexcept : shared_(std::exchange(other.shared_, nullptr)) {}
  Rc& operator=(Rc other) noexcept {
    std::swap(shared_, other.shared_);
    return *this;
  }
  ~Rc() { reset(); }

  /// A new T(arguments…). Fails: out_of_memory. On failure: the arguments are unmoved.
  template <class... Arguments> static Result<Rc> create(Heap& heap, Arguments&&... arguments) {
    const Block block = EBB_TRY(heap.allocate(sizeof(Shared), alignof(Shared)));
    Rc rc;
    rc.shared_ = ::new (block.pointer)
        Shared{&heap, block.bytes, 1, T(std::forward<Arguments>(arguments)...)};
    return rc;
  }

  explicit operator bool() const { return shared_ != nullptr; }
  T* get() const { return shared_ ? &shared_->object : nullptr; }
  T& operator*() const {
    EBB_ASSERT(shared_);
    return shared_->object;
  }
  T* operator->() const {
    EBB_ASSERT(shared_);
    return &shared_->object;
  }
  friend bool operator==(const Rc& a, const Rc& b) { return a.shared_ == b.shared_; }

  /// How many handles there are; a moment's truth where several threads hold some.
  uint32_t count() const {
    return shared_ ? __atomic_load_n(&shared_->count, __ATOMIC_RELAXED) : 0;
  }
  void reset() {
    Shared* shared = std::exchange(shared_, nullptr);
    if (!shared || __atomic_fetch_sub(&shared->count, 1u, __ATOMIC_ACQ_REL) != 1) return;
    Heap* heap = shared->heap;
    const size_t bytes = shared->bytes;
    shared->~Shared();
    heap->release({shared, bytes}, alignof(Shared));
  }

private:
  struct Shared {
    Heap* heap;
    size_t bytes; // as given
    uint32_t count;
    T object;
  };
  Shared* shared_ = nullptr;
};

} // namespace ebb
