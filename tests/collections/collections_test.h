// What the tests of collections share: a heap over malloc that must end empty, and a type that must
// be moved with care.
#pragma once

#include "collections/heap.h"
#include "collections/pool.h"
#include "tests/oom/oom.h"

#include <cstdlib>
#include <random>
#include <vector>

namespace ebb::testing {

/// A heap over a pool in memory of malloc, so that the sanitizers see the edges of it.
class PoolHeap {
public:
  explicit PoolHeap(size_t bytes = size_t{8} << 20, size_t limit = Heap::no_limit)
      : memory_(malloc(bytes)), pool_(Pool::create(memory_, bytes)), allocator_(pool_->allocator()),
        heap_(allocator_, limit) {}
  PoolHeap(const PoolHeap&) = delete;
  PoolHeap& operator=(const PoolHeap&) = delete;
  ~PoolHeap() { free(memory_); }

  Pool& pool() { return *pool_; }
  Heap& heap() { return heap_; }
  const Allocator& allocator() const { return allocator_; }
  bool is_empty() const {
    return heap_.stats().used == 0 && pool_->free_bytes() == pool_->capacity() && pool_->check();
  }

private:
  void* memory_;
  Pool* pool_;
  Allocator allocator_;
  Heap heap_;
};

/// Owns a block, so that a lost or doubled one is noticed; its number says which it is.
class Token {
public:
  Token(Heap& heap, int number)
      : heap_(&heap), block_(heap.allocate(8, 8).value_or(Block())), number_(number) {}
  Token(Token&& other) noexcept
      : heap_(other.heap_), block_(std::exchange(other.block_, Block())),
        number_(std::exchange(other.number_, -1)) {}
  Token& operator=(Token&& other) noexcept {
    if (this == &other) return *this;
    heap_->release(block_, 8);
    heap_ = other.heap_;
    block_ = std::exchange(other.block_, Block());
    number_ = std::exchange(other.number_, -1);
    return *this;
  }
  Token(const Token&) = delete;
  Token& operator=(const Token&) = delete;
  ~Token() { heap_->release(block_, 8); }

  int number() const { return number_; }

private:
  Heap* heap_;
  Block block_;
  int number_;
};

} // namespace ebb::testing
