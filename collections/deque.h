// Deque: a queue with two ends on a Heap, a ring in one block. Only pushing and reserving can fail,
// and then it is as it was; a growth is one request. Arguments may be elements of the Deque and are
// moved from only on success.
#pragma once

#include "collections/vec.h"

namespace ebb {

template <class T> class Deque {
public:
  static_assert(std::is_nothrow_move_constructible_v<T>);

  explicit Deque(Heap& heap) : heap_(&heap) {}
  Deque(Deque&& other) noexcept : heap_(other.heap_) { take(other); }
  Deque& operator=(Deque&& other) noexcept {
    if (this == &other) return *this;
    destroy();
    heap_ = other.heap_;
    take(other);
    return *this;
  }
  Deque(const Deque&) = delete;
  Deque& operator=(const Deque&) = delete;
  ~Deque() { destroy(); }

  Heap& heap() const { return *heap_; }
  size_t size() const { return size_; }
  size_t capacity() const { return bytes_ / sizeof(T); }
  bool is_empty() const { return size_ == 0; }
  /// Counted from the front.
  T& operator[](size_t index) {
    EBB_ASSERT(index < size_);
    return *slot(index);
  }
  const T& operator[](size_t index) const {
    EBB_ASSERT(index < size_);
    return *slot(index);
  }
  T& front() { return (*this)[0]; }
  T& back() { return (*this)[size_t{size_} - 1]; }

  /// Fails: out_of_memory. On failure: Deque and argument are as they were.
  Result<void> push_back(const T& item) { return push(size_, item); }
  Result<void> push_back(T&& item) { return push(size_, std::move(item)); }
  Result<void> push_front(const T& item) { return push(front_gap, item); }
  Result<void> push_front(T&& item) { return push(front_gap, std::move(item)); }
  T pop_back() {
    T item = std::move(back());
    back().~T();
    --size_;
    return item;
  }
  T pop_front() {
    T item = std::move(front());
    front().~T();
    head_ = size_t{head_} + 1 == capacity() ? 0 : head_ + 1;
    --size_;
    return item;
  }
  /// Makes room for `count` elements in all. Fails: out_of_memory. On failure: nothing has changed.
  Result<void> reserve(size_t count) {
    if (count <= capacity()) return {};
    const Block block = EBB_TRY(new_block(count));
    move_to(block, 0);
    return {};
  }
  void clear() {
    for (size_t i = 0; i < size_; ++i)
      slot(i)->~T();
    size_ = 0;
    head_ = 0;
  }

private:
  static constexpr size_t front_gap = SIZE_MAX;

  T* slot(size_t index) const {
    const size_t room = capacity();
    const size_t place = size_t{head_} + index;
    return data_ + (place < room ? place : place - room);
  }
  Result<Block> new_block(uint64_t count) {
    const uint64_t needed = count <= UINT32_MAX ? count * sizeof(T) : UINT64_MAX;
    const size_t bytes = EBB_TRY(VecBlock::grown_bytes(bytes_, needed, sizeof(T)));
    return heap_->allocate(bytes, alignof(T));
  }
  /// Moves all to the start of another block, leaving `gap` slots free before the first.
  void move_to(Block block, size_t gap) {
    T* data = static_cast<T*>(block.pointer);
    for (size_t i = 0; i < size_; ++i) {
      ::new (static_cast<void*>(data + gap + i)) T(std::move(*slot(i)));
      slot(i)->~T();
    }
    if (data_) heap_->release({data_, bytes_}, alignof(T));
    data_ = data;
    bytes_ = static_cast<uint32_t>(block.bytes);
    head_ = 0;
  }
  template <class U> Result<void> push(size_t at, U&& item) {
    const bool is_front = at == front_gap;
    if (size_ == capacity()) {
      const Block block = EBB_TRY(new_block(uint64_t{size_} + 1));
      T* fresh = static_cast<T*>(block.pointer) + (is_front ? 0 : size_);
      ::new (static_cast<void*>(fresh)) T(std::forward<U>(item));
      move_to(block, is_front ? 1 : 0);
    } else {
      const uint32_t last = static_cast<uint32_t>(capacity() - 1);
      const uint32_t new_head = is_front ? (head_ == 0 ? last : head_ - 1) : head_;
      T* fresh = is_front ? data_ + new_head : slot(size_);
      ::new (static_cast<void*>(fresh)) T(std::forward<U>(item));
      head_ = new_head;
    }
    ++size_;
    return {};
  }
  void take(Deque& other) {
    data_ = std::exchange(other.data_, nullptr);
    head_ = std::exchange(other.head_, 0);
    size_ = std::exchange(other.size_, 0);
    bytes_ = std::exchange(other.bytes_, 0);
  }
  void destroy() {
    clear();
    if (data_) heap_->release({data_, bytes_}, alignof(T));
    data_ = nullptr;
    bytes_ = 0;
  }

  Heap* heap_;
  T* data_ = nullptr;
  uint32_t head_ = 0;
  uint32_t size_ = 0;
  uint32_t bytes_ = 0; // of the block, as given
};

static_assert(sizeof(Deque<char>) <= 32);

} // namespace ebb
