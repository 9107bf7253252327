// Box: one object on a Heap, owned by one pointer. Creating one can fail, everything else cannot.
#pragma once

#include "collections/heap.h"
#include "error/assert.h"

#include <new>
#include <utility>

namespace ebb {

template <class T> class Box {
public:
  Box() = default;
  Box(Box&& other) noexcept { swap(other); }
  Box& operator=(Box&& other) noexcept {
    Box moved(std::move(other));
    swap(moved);
    return *this;
  }
  Box(const Box&) = delete;
  Box& operator=(const Box&) = delete;
  ~Box() { reset(); }

  /// A new T(arguments…). Fails: out_of_memory. On failure: the arguments are unmoved.
  template <class... Arguments> static Result<Box> create(Heap& heap, Arguments&&... arguments) {
    const Block block = EBB_TRY(heap.allocate(sizeof(T), alignof(T)));
    Box box;
    box.heap_ = &heap;
    box.bytes_ = block.bytes;
    box.pointer_ = ::new (block.pointer) T(std::forward<Arguments>(arguments)...);
    return box;
  }

  explicit operator bool() const { return pointer_ != nullptr; }
  T* get() const { return pointer_; }
  T& operator*() const {
    EBB_ASSERT(pointer_);
    return *pointer_;
  }
  T* operator->() const {
    EBB_ASSERT(pointer_);
    return pointer_;
  }
  void reset() {
    if (!pointer_) return;
    T* pointer = std::exchange(pointer_, nullptr);
    pointer->~T();
    heap_->release({pointer, bytes_}, alignof(T));
  }
  void swap(Box& other) noexcept {
    std::swap(pointer_, other.pointer_);
    std::swap(heap_, other.heap_);
    std::swap(bytes_, other.bytes_);
  }

private:
  T* pointer_ = nullptr;
  Heap* heap_ = nullptr;
  size_t bytes_ = 0; // as given
};

} // namespace ebb
