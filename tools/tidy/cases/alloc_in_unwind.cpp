// Memory that is requested while something is given back or undone.
#include "collections/heap.h"
#include "collections/vec.h"
#include "error/result.h"

#include <cstdlib>
#include <utility>

namespace {

using ebb::Error;
using ebb::Result;

/// Writes down what happened. Fails: out_of_memory.
Result<void> log_it(int what);
/// Fails: unknown_type.
Result<void> check(int what);
void tidy_up();

Result<void> log_by(ebb::Vec<int>& log, int what) { return log.push(what); }
void try_log(ebb::Vec<int>& log) {
  const Result<void> done = log_by(log, 1);
  // NOLINTNEXTLINE(ebb-swallowed-oom): this file is about requests
  if (!done.ok()) tidy_up();
}

// --- What must be found.

class Logs {
public:
  explicit Logs(ebb::Heap& heap) : log_(heap) {}
  Logs(Logs&& other) noexcept : log_(std::move(other.log_)) {
    try_log(log_); // expect: ebb-alloc-in-unwind
  }
  ~Logs() {
    try_log(log_); // expect: ebb-alloc-in-unwind
  }
  void clear() {
    try_log(log_); // expect: ebb-alloc-in-unwind
    log_.clear();
  }
  void release_all() {
    if (!log_.reserve(10).ok()) return; // expect: ebb-alloc-in-unwind, ebb-swallowed-oom
  }

private:
  ebb::Vec<int> log_;
};

struct ByMalloc {
  ~ByMalloc() {
    free(malloc(1)); // expect: ebb-alloc-in-unwind, ebb-infallible-allocation
  }
};

struct ByAllocator {
  const ebb::Allocator& allocator;
  ~ByAllocator() {
    allocator.allocate(allocator.context, 1, 1, false); // expect: ebb-alloc-in-unwind
  }
};

template <class T> struct InTemplate {
  ebb::Vec<T>& items;
  ~InTemplate() {
    tidy_up();
    if (!items.push(T()).ok()) tidy_up(); // expect: ebb-alloc-in-unwind, ebb-swallowed-oom
  }
};

void instantiate(ebb::Vec<int>& items) { const InTemplate<int> guard{items}; }

Result<void> rollback(ebb::Heap& heap, ebb::Vec<int>& log) {
  const Result<ebb::Block> block = heap.allocate(10, 1);
  if (!block.ok()) {
    try_log(log); // expect: ebb-alloc-in-unwind
    return block.error();
  }
  const Result<void> done = log.push(1);
  if (done.ok()) return {}; // expect: ebb-swallowed-oom
  EBB_TRY(log_it(2)); // expect: ebb-alloc-in-unwind
  heap.release(block.value(), 1);
  return done;
}

Result<ebb::Block> second_try(ebb::Heap& heap) {
  Result<ebb::Block> block = heap.allocate(100, 1);
  if (!block.ok()) block = heap.allocate(10, 1); // expect: ebb-alloc-in-unwind, ebb-swallowed-oom
  return block;
}

// --- What must not.

class Quiet {
public:
  explicit Quiet(ebb::Heap& heap) : items_(heap) {}
  Quiet(Quiet&& other) noexcept : items_(std::move(other.items_)) {}
  ~Quiet() { items_.clear(); }
  void release() {
    if (!check(1).ok()) tidy_up();
    while (!items_.is_empty())
      items_.pop();
  }
  Result<void> release_later(int what) { return items_.push(what); }

private:
  ebb::Vec<int> items_;
};

Result<void> undo_and_return(ebb::Heap& heap, ebb::Vec<int>& log) {
  const Result<ebb::Block> block = heap.allocate(10, 1);
  if (!block.ok()) {
    tidy_up();
    return block.error();
  }
  const Result<void> done = log.push(1);
  if (!done.ok()) heap.release(block.value(), 1);
  return done;
}

Result<void> after_the_failure(ebb::Vec<int>& log) {
  {
    const Result<void> done = log.push(1);
    if (!done.ok()) return done;
  }
  return log.push(2);
}

Result<void> not_found_so_make_it(ebb::Vec<int>& log) {
  const Result<void> found = check(1);
  if (!found.ok()) return log.push(1);
  return {};
}

Result<void> by_reason(ebb::Heap& heap) {
  const Result<void*> grown = heap.grow_pages(nullptr, 1, 2);
  // NOLINTBEGIN(ebb-alloc-in-unwind,ebb-swallowed-oom): a move takes over from growth in place
  if (grown.ok()) return {};
  const Result<void*> moved = heap.reserve_pages(2);
  // NOLINTEND(ebb-alloc-in-unwind,ebb-swallowed-oom)
  return moved.ok() ? Result<void>() : Result<void>(Error::out_of_memory);
}

struct NeverCalled {
  ebb::Vec<int>& log;
  ~NeverCalled() {
    const auto later = [this] { try_log(log); };
    static_cast<void>(later);
  }
};

} // namespace
