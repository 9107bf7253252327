#include "core/types/type_registry.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

using namespace ebb;

namespace {

Block allocate(void*, size_t bytes, size_t, bool zeroed) {
  return {zeroed ? calloc(1, bytes) : malloc(bytes), bytes};
}
Block resize(void*, void*, size_t, size_t, size_t, bool) { return {}; }
void release(void*, void* pointer, size_t, size_t) { free(pointer); }

} // namespace

TEST_CASE("threads that load and drop the same types share them") {
  Allocator allocator;
  allocator.allocate = allocate;
  allocator.resize = resize;
  allocator.release = release;
  Heap heap(allocator, Heap::no_limit, Heap::Threads::many);
  {
    TypeRegistry registry(heap);
    const auto work = [&registry](size_t salt) {
      const std::vector<ValType> values(40, ValType::i64());
      for (size_t round = 0; round < 2000; ++round) {
        const size_t params = (round * 7 + salt) % values.size();
        const Result<TypeId> made = registry.intern_function(values, params);
        if (!made || registry.get(made.value()).params().size() != params) abort();
        registry.retain(made.value());
        if (!registry.is_subtype(made.value(), made.value())) abort();
        registry.release(made.value());
        registry.release(made.value());
      }
    };
    std::thread other(work, 0);
    work(3);
    other.join();
    CHECK(registry.group_count() == 0);
  }
  CHECK(heap.stats().used == 0);
}
