// The adapter of mimalloc, run as usual and under `ulimit -v 32768`, where mimalloc itself cannot
// get a segment: small requests are served all the same, blocks keep their contents, and everything
// is given back.
#include "tools/mimalloc_allocator.h"

#include "collections/heap.h"
#include "collections/vec.h"

#include <cstdio>
#include <cstring>

using namespace ebb;

namespace {

int failures = 0;

void check(bool holds, const char* what) {
  if (holds) return;
  fprintf(stderr, "mimalloc_allocator_test: %s\n", what);
  ++failures;
}

struct Live {
  Block block;
  unsigned char mark;
};

bool is_intact(const Live& live, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) {
    if (static_cast<unsigned char*>(live.block.pointer)[i] != live.mark) return false;
  }
  return true;
}

void fill(Live& live) { memset(live.block.pointer, live.mark, live.block.bytes); }

void churn(Heap& heap) {
  static Live live[300];
  size_t count = 0;
  uint64_t state = 1;
  const auto random = [&state](uint64_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<size_t>((state >> 33) % below);
  };
  for (int step = 0; step < 60000; ++step) {
    if (count < 300 && random(2) == 0) {
      const size_t align = size_t{1} << random(8);
      const auto block = heap.allocate(random(40) == 0 ? random(200000) : random(600), align);
      check(block.ok(), "a small request was refused");
      if (!block.ok()) return;
      check(reinterpret_cast<uintptr_t>(block.value().pointer) % align == 0, "wrong alignment");
      live[count] = {block.value(), static_cast<unsigned char>(step)};
      fill(live[count++]);
    } else if (count != 0) {
      Live& one = live[random(count)];
      check(is_intact(one, one.block.bytes), "contents changed");
      const size_t bytes = one.block.bytes;
      if (random(3) == 0 && bytes < 20000) {
        const auto grown = heap.resize(one.block, bytes * 2, 1);
        check(grown.ok(), "a small growth was refused");
        if (!grown.ok()) return;
        one.block = grown.value();
        check(is_intact(one, bytes), "contents changed by a growth");
        fill(one);
      } else {
        heap.release(one.block, 1);
        one = live[--count];
      }
    }
  }
  while (count != 0)
    heap.release(live[--count].block, 1);
}

void use_pages(Heap& heap) {
  const size_t page = heap.page_bytes();
  auto reserved = heap.reserve_pages(16 * page);
  check(reserved.ok() && heap.commit_pages(reserved.value(), 4 * page).ok(), "pages were refused");
  char* bytes = static_cast<char*>(reserved.value());
  memset(bytes, 1, 4 * page);
  heap.decommit_pages(bytes, 4 * page);
  check(heap.commit_pages(bytes, 16 * page).ok(), "pages were refused again");
  check(bytes[0] == 0, "decommitted pages kept their contents");
  bytes[5] = 5;
  auto grown = heap.grow_pages(bytes, 16 * page, 64 * page);
  check(grown.ok(), "a growth of pages was refused");
  if (!grown.ok()) return heap.release_pages(bytes, 16 * page, 16 * page);
  bytes = static_cast<char*>(grown.value());
  check(bytes[5] == 5 && bytes[64 * page - 1] == 0, "growing changed the contents");
  heap.release_pages(bytes, 64 * page, 64 * page);
}

} // namespace

int main() {
  const Allocator allocator = mimalloc_allocator();
  Heap heap(allocator);
  churn(heap);
  use_pages(heap);
  check(!heap.allocate(size_t{1} << 50, 8).ok(), "an absurd request was served");
  check(heap.stats().used == 0, "something is still held");
  return failures == 0 ? 0 : 1;
}
