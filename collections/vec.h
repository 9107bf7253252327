// Vec: a growable array on a Heap.
//
// Only reserving, growing and copying can fail, and then the Vec is as it was. Arguments may be
// elements of the Vec itself; an argument passed by && is moved from only on success. A growth is
// one request: when twice the room is refused, asking for less would hide a failure from whoever
// counts them.
//
// It is small because there are many: 24 bytes, of which the block's size takes four, so a Vec
// holds less than 4 GiB. Trivially copyable elements grow by Heap::resize, often in place; others
// are moved one by one, which must not throw.
#pragma once

#include "collections/heap.h"
#include "collections/wire_count.h"
#include "error/assert.h"
#include "error/build.h"

#include <cstring>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace ebb {

/// The untyped part of Vec, compiled once.
struct VecBlock {
  /// Blocks may be given a quarter larger than asked; asking for no more than this keeps every size
  /// in 32 bits.
  static constexpr size_t bytes_max = 0xc0000000u;

  /// The bytes to ask for when a Vec of `bytes` needs `needed`: twice as many, or half as many
  /// again for large ones. Fails: out_of_memory if no Vec can have as many as needed.
  static Result<size_t> grown_bytes(size_t bytes, uint64_t needed, size_t item_bytes);
  /// Changes the block to at least `wanted` bytes, keeping its contents; `data` may be null.
  /// Fails: out_of_memory. On failure: nothing has changed.
  static Result<void> resize(Heap& heap, void** data, uint32_t* bytes, uint64_t wanted,
                             size_t align);

  /// The fields of a Vec of anything.
  struct Fields {
    Heap* heap;
    void* data;
    uint32_t size;
    uint32_t bytes;
  };
  /// What Vec does for elements that are copied by their bytes, in small builds, where code that is
  /// there once is worth more than code that knows the size. Fail as there.
  static Result<void> append(Fields& vec, const void* items, size_t count, size_t item_bytes,
                             size_t align);
  static Result<void> grow_for(Fields& vec, size_t count, size_t item_bytes, size_t align);
  static Result<void> reserve_exact(Fields& vec, size_t count, size_t item_bytes, size_t align);
  static void shrink_to_fit(Fields& vec, size_t item_bytes, size_t align);
};

template <class T> class Vec {
public:
  static_assert(std::is_nothrow_move_constructible_v<T> && !std::is_reference_v<T>);
  static constexpr bool is_trivial = std::is_trivially_copyable_v<T>;
  /// Bytes lie at even addresses too: bytecode is read by halfwords.
  static constexpr size_t align = alignof(T) < 2 ? 2 : alignof(T);
  static constexpr bool is_shared = is_small_build && is_trivial;

  explicit Vec(Heap& heap) : heap_(&heap) {}
  Vec(Vec&& other) noexcept
      : heap_(other.heap_), data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)), bytes_(std::exchange(other.bytes_, 0)) {}
  Vec& operator=(Vec&& other) noexcept {
    if (this == &other) return *this;
    destroy();
    heap_ = other.heap_;
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    bytes_ = std::exchange(other.bytes_, 0);
    return *this;
  }
  Vec(const Vec&) = delete;
  Vec& operator=(const Vec&) = delete;
  ~Vec() { destroy(); }

  /// A Vec of copies of `items`. Fails: out_of_memory.
  static Result<Vec> copy(Heap& heap, std::span<const T> items) {
    Vec vec(heap);
    if (!items.empty()) {
      EBB_TRY(vec.reserve_exact(items.size()));
      EBB_TRY(vec.append(items));
    }
    return vec;
  }

  /// A Vec that looks at elements which lie elsewhere and outlive it. It can be read, moved and
  /// destroyed, and nothing else.
  static Vec view(Heap& heap, std::span<const T> items)
    requires is_trivial
  {
    EBB_ASSERT(items.size() <= UINT32_MAX);
    Vec vec(heap);
    vec.data_ = const_cast<T*>(items.data());
    vec.size_ = static_cast<uint32_t>(items.size());
    return vec;
  }

  Heap& heap() const { return *heap_; }
  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  size_t capacity() const { return bytes_ / sizeof(T); }
  bool is_empty() const { return size_ == 0; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  std::span<T> span() { return {data_, size_}; }
  std::span<const T> span() const { return {data_, size_}; }
  T& operator[](size_t index) {
    EBB_ASSERT(index < size_);
    return data_[index];
  }
  const T& operator[](size_t index) const {
    EBB_ASSERT(index < size_);
    return data_[index];
  }
  T& back() { return (*this)[size_t{size_} - 1]; }
  const T& back() const { return (*this)[size_t{size_} - 1]; }

  /// Appends one. Fails: out_of_memory. On failure: Vec and argument are as they were.
  Result<void> push(const T& item) {
    if constexpr (is_shared) return append(&item, 1);
    if (has_room()) [[likely]] {
      EBB_ASK_ANYWAY(*heap_);
      construct(size_, item);
      ++size_;
      return {};
    }
    return grow_and_push(item);
  }
  Result<void> push(T&& item) {
    if constexpr (is_shared) return append(&item, 1);
    if (has_room()) [[likely]] {
      EBB_ASK_ANYWAY(*heap_);
      construct(size_, std::move(item));
      ++size_;
      return {};
    }
    return grow_and_push(std::move(item));
  }
  /// Appends one for which room was reserved; cannot fail.
  void push_reserved(T item) {
    EBB_ASSERT(has_room());
    construct(size_, std::move(item));
    ++size_;
  }
  /// Appends copies; `items` may be part of this Vec. Fails: out_of_memory. On failure: nothing has
  /// changed.
  Result<void> append(std::span<const T> items) { return append(items.data(), items.size()); }
  Result<void> append(const T* items, size_t count) {
    if constexpr (is_shared) {
      return VecBlock::append(fields(), items, count, sizeof(T), align);
    }
    if (count == 0) return {};
    const bool is_own = items >= data_ && items < data_ + size_;
    const size_t own_index = is_own ? static_cast<size_t>(items - data_) : 0;
    EBB_TRY(grow_for(count));
    if (is_own) items = data_ + own_index;
    if constexpr (is_trivial) {
      memcpy(static_cast<void*>(data_ + size_), items, count * sizeof(T));
    } else {
      for (size_t i = 0; i < count; ++i)
        construct(size_ + i, items[i]);
    }
    size_ += static_cast<uint32_t>(count);
    return {};
  }
  /// Makes room for `count` more and says where to write them; `take_room` then makes elements of
  /// some. Fails: out_of_memory. On failure: nothing has changed.
  Result<T*> room_for(size_t count)
    requires is_trivial
  {
    if (capacity() - size_ >= count) [[likely]] {
      EBB_ASK_ANYWAY(*heap_);
      return data_ + size_;
    }
    EBB_TRY(grow_for(count));
    return data_ + size_;
  }
  void take_room(size_t count) {
    EBB_ASSERT(count <= capacity() - size_);
    size_ += static_cast<uint32_t>(count);
  }
  /// Puts one before the element at `index`, or at the end. Fails: out_of_memory. On failure:
  /// nothing has changed.
  Result<void> insert(size_t index, const T& item) {
    EBB_TRY(push(item));
    rotate_last_to(index);
    return {};
  }
  Result<void> insert(size_t index, T&& item) {
    EBB_TRY(push(std::move(item)));
    rotate_last_to(index);
    return {};
  }

  /// Makes room for `count` elements in all, as growth does. Fails: out_of_memory. On failure:
  /// nothing has changed.
  Result<void> reserve(size_t count) {
    return count <= size_ ? Result<void>() : grow_for(count - size_);
  }
  /// Makes room for `count` elements in all and no more. Fails: out_of_memory. On failure: nothing
  /// has changed.
  Result<void> reserve_exact(size_t count) {
    if constexpr (is_shared) {
      return VecBlock::reserve_exact(fields(), count, sizeof(T), align);
    }
    if (count <= capacity()) {
      if (count != 0) EBB_ASK_ANYWAY(*heap_);
      return {};
    }
    if (count > UINT32_MAX) return Error::out_of_memory;
    return set_block(uint64_t{count} * sizeof(T));
  }
  /// Makes room for what a binary claims to contain, as far as it can be there.
  /// Fails: out_of_memory. On failure: nothing has changed.
  Result<void> reserve_wire(WireCount count, size_t item_bytes_min) {
    return reserve_exact(size_ + count.limit(item_bytes_min));
  }
  /// Makes it `count` elements long; new ones are value-initialised. Fails: out_of_memory. On
  /// failure: nothing has changed.
  Result<void> resize(size_t count) {
    if (count <= size_) {
      truncate(count);
      return {};
    }
    EBB_TRY(reserve_exact(count));
    if constexpr (is_trivial && std::is_trivially_default_constructible_v<T>) {
      memset(static_cast<void*>(data_ + size_), 0, (count - size_) * sizeof(T));
    } else {
      for (size_t i = size_; i < count; ++i)
        ::new (static_cast<void*>(data_ + i)) T();
    }
    size_ = static_cast<uint32_t>(count);
    return {};
  }

  T pop() {
    T item = std::move(back());
    truncate(size_t{size_} - 1);
    return item;
  }
  /// Takes an element out and puts the last one in its place.
  T remove_swap(size_t index) {
    T item = std::move((*this)[index]);
    if (index + 1 != size_) data_[index] = std::move(back());
    truncate(size_t{size_} - 1);
    return item;
  }
  /// Takes an element out and moves those behind it down.
  T remove(size_t index) {
    T item = std::move((*this)[index]);
    for (size_t i = index + 1; i < size_; ++i)
      data_[i - 1] = std::move(data_[i]);
    truncate(size_t{size_} - 1);
    return item;
  }
  void truncate(size_t count) {
    EBB_ASSERT(count <= size_);
    if constexpr (!std::is_trivially_destructible_v<T>) {
      while (size_ > count)
        data_[--size_].~T();
    }
    size_ = static_cast<uint32_t>(count);
  }
  void clear() { truncate(0); }
  /// Gives back what the elements do not need. Cannot fail.
  void shrink_to_fit() {
    if (size_ == 0) return destroy();
    if (is_view()) return;
    if constexpr (is_small_build) {
      return VecBlock::shrink_to_fit(fields(), sizeof(T), align);
    }
    const size_t needed = size_ * sizeof(T);
    if (needed == bytes_) return;
    // NOLINTNEXTLINE(ebb-unread-result): to shrink a block always succeeds
    const Block shrunk = heap_->resize({data_, bytes_}, needed, align).value();
    bytes_ = static_cast<uint32_t>(shrunk.bytes);
  }

private:
  bool is_view() const { return bytes_ == 0 && data_ != nullptr; }
  bool has_room() const { return (uint64_t{size_} + 1) * sizeof(T) <= bytes_; }
  template <class U> void construct(size_t index, U&& item) {
    ::new (static_cast<void*>(data_ + index)) T(std::forward<U>(item));
  }

  /// Small items go by value: one whose address is taken would live in memory in the caller's loop.
  template <class U> Result<void> grow_and_push(U&& item) {
    if constexpr (is_trivial && sizeof(T) <= 2 * sizeof(void*)) {
      return push_value(item);
    } else {
      return push_growing(std::forward<U>(item));
    }
  }
  __attribute__((noinline)) Result<void> push_value(T item) { return push_growing(item); }
  template <class U> __attribute__((noinline)) Result<void> push_growing(U&& item) {
    if constexpr (is_trivial) {
      const T held = item; // the argument may lie in the block that is about to move
      EBB_TRY(grow_for(1));
      construct(size_, held);
    } else {
      const size_t bytes =
          EBB_TRY(VecBlock::grown_bytes(bytes_, (uint64_t{size_} + 1) * sizeof(T), sizeof(T)));
      const Block block = EBB_TRY(heap_->allocate(bytes, align));
      ::new (static_cast<void*>(static_cast<T*>(block.pointer) + size_)) T(std::forward<U>(item));
      move_into(block);
    }
    ++size_;
    return {};
  }

  /// Only the untyped functions use it, which are compiled apart.
  VecBlock::Fields& fields() { return *reinterpret_cast<VecBlock::Fields*>(this); }

  Result<void> grow_for(size_t count) {
    if constexpr (is_shared) {
      return VecBlock::grow_for(fields(), count, sizeof(T), align);
    }
    const uint64_t needed = (uint64_t{size_} + count) * sizeof(T);
    if (count > UINT32_MAX) return Error::out_of_memory;
    if (needed <= bytes_) {
      EBB_ASK_ANYWAY(*heap_);
      return {};
    }
    return set_block(EBB_TRY(VecBlock::grown_bytes(bytes_, needed, sizeof(T))));
  }

  Result<void> set_block(uint64_t bytes) {
    EBB_ASSERT(!is_view());
    if (bytes > VecBlock::bytes_max) return Error::out_of_memory;
    if constexpr (is_trivial) {
      void* data = data_;
      EBB_TRY(VecBlock::resize(*heap_, &data, &bytes_, bytes, align));
      data_ = static_cast<T*>(data);
    } else {
      move_into(EBB_TRY(heap_->allocate(static_cast<size_t>(bytes), align)));
    }
    return {};
  }

  void move_into(Block block) {
    T* data = static_cast<T*>(block.pointer);
    for (size_t i = 0; i < size_; ++i) {
      ::new (static_cast<void*>(data + i)) T(std::move(data_[i]));
      data_[i].~T();
    }
    if (data_) heap_->release({data_, bytes_}, align);
    data_ = data;
    bytes_ = static_cast<uint32_t>(block.bytes);
  }

  void rotate_last_to(size_t index) {
    EBB_ASSERT(index < size_);
    if (index + 1 == size_) return;
    T last = std::move(back());
    if constexpr (is_trivial) {
      memmove(static_cast<void*>(data_ + index + 1), data_ + index,
              (size_ - 1 - index) * sizeof(T));
    } else {
      for (size_t i = size_t{size_} - 1; i > index; --i)
        data_[i] = std::move(data_[i - 1]);
    }
    data_[index] = std::move(last);
  }

  void destroy() {
    truncate(0);
    if (bytes_ != 0) heap_->release({data_, bytes_}, align);
    data_ = nullptr;
    bytes_ = 0;
  }

  Heap* heap_;
  T* data_ = nullptr;
  uint32_t size_ = 0;
  uint32_t bytes_ = 0; // of the block, as given
};

static_assert(sizeof(Vec<char>) <= 24 && sizeof(Vec<char>) == sizeof(VecBlock::Fields));

} // namespace ebb
