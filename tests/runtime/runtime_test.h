// What the tests of the runtime share: an allocator that must end empty, engines in both encodings,
// a guest that can do a bit of everything.
#pragma once

#include "tests/runtime/module_builder.h"

#include <ebb/ebb.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <doctest/doctest.h>
#include <sys/mman.h>

namespace ebb::testing {

/// malloc and mmap, counted.
class SystemMemory {
public:
  SystemMemory() {
    pages_ = {4096, &reserve_pages, &commit_pages, &decommit_pages, &grow_pages, &release_pages};
    allocator_ = {this, &allocate, &resize, &release, &pages_};
  }
  SystemMemory(const SystemMemory&) = delete;
  SystemMemory& operator=(const SystemMemory&) = delete;
  ~SystemMemory() { CHECK(held() == 0); }

  const Allocator& allocator() const { return allocator_; }
  int64_t held() const { return held_.load(); }

private:
  static std::atomic<int64_t>& held_of(void* context) {
    return static_cast<SystemMemory*>(context)->held_;
  }
  static Block allocate(void* context, size_t bytes, size_t align, bool zeroed) {
    void* pointer = aligned_alloc(align < 16 ? 16 : align, (bytes + 15) / 16 * 16);
    if (pointer == nullptr) return {};
    if (zeroed) memset(pointer, 0, bytes);
    held_of(context) += static_cast<int64_t>(bytes);
    return {pointer, bytes};
  }
  static Block resize(void* context, void* pointer, size_t old_bytes, size_t new_bytes,
                      size_t align, bool may_move) {
    if (new_bytes <= old_bytes) {
      held_of(context) -= static_cast<int64_t>(old_bytes - new_bytes);
      return {pointer, new_bytes};
    }
    if (!may_move) return {};
    const Block block = allocate(context, new_bytes, align, false);
    if (!block) return {};
    memcpy(block.pointer, pointer, old_bytes);
    release(context, pointer, old_bytes, align);
    return block;
  }
  static void release(void* context, void* pointer, size_t bytes, size_t) {
    held_of(context) -= static_cast<int64_t>(bytes);
    free(pointer);
  }
  static void* reserve_pages(void* context, size_t bytes) {
    void* pages = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) return nullptr;
    held_of(context) += static_cast<int64_t>(bytes);
    return pages;
  }
  static bool commit_pages(void*, void* pointer, size_t bytes) {
    return mprotect(pointer, bytes, PROT_READ | PROT_WRITE) == 0;
  }
  static void decommit_pages(void*, void* pointer, size_t bytes) {
    madvise(pointer, bytes, MADV_DONTNEED);
  }
  static void* grow_pages(void* context, void* pointer, size_t old_bytes, size_t new_bytes) {
    void* pages = mremap(pointer, old_bytes, new_bytes, MREMAP_MAYMOVE);
    if (pages == MAP_FAILED) return nullptr;
    held_of(context) += static_cast<int64_t>(new_bytes - old_bytes);
    return pages;
  }
  static void release_pages(void* context, void* pointer, size_t bytes) {
    munmap(pointer, bytes);
    held_of(context) -= static_cast<int64_t>(bytes);
  }

  PageAllocator pages_;
  Allocator allocator_;
  std::atomic<int64_t> held_{0};
};

/// The value of a Result that must be good.
template <class T> T must(Result<T>&& result) {
  REQUIRE_MESSAGE(result.ok(), error_name(result.error()));
  return static_cast<Result<T>&&>(result).value();
}
inline void must(Result<void>&& result) {
  REQUIRE_MESSAGE(result.ok(), error_name(result.error()));
}
template <class T> Error error_of(const Result<T>& result) { return result.error(); }

/// An engine of fixed seed over memory of its own, with a linker and a store.
struct World {
  explicit World(Config config = {}, StoreLimits limits = {})
      : engine(must(Engine::create(with_allocator(config, memory)))),
        linker(must(Linker::create(engine))), store(must(Store::create(engine, limits))) {}

  static Config with_allocator(Config config, const SystemMemory& memory) {
    config.allocator = &memory.allocator();
    config.fixed_seed = true;
    return config;
  }
  Module load(const Bytes& bytes) {
    Diagnostic diagnostic;
    Result<Module> module = Module::load(engine, bytes, &diagnostic);
    char text[300];
    render(diagnostic, text, sizeof(text));
    REQUIRE_MESSAGE(module.ok(), text);
    return std::move(module).value();
  }
  Instance instantiate(const Bytes& bytes) {
    Result<Instance> instance = linker.instantiate(store, load(bytes));
    char text[300];
    render(store.diagnostic(), text, sizeof(text));
    REQUIRE_MESSAGE(instance.ok(), text);
    return instance.value();
  }
  template <class Sig> TypedFunc<Sig> typed(const Instance& instance, StringView name) {
    return must(instance.get_typed_func<Sig>(store, name));
  }

  SystemMemory memory;
  Engine engine;
  Linker linker;
  Store store;
};

inline Config config_of(Config::Encoding encoding) {
  Config config;
  config.encoding = encoding;
  return config;
}

/// Runs a test's body once for each encoding.
template <class Body> void in_both_encodings(Body&& body_of_test) {
  for (const Config::Encoding encoding : {Config::Encoding::compact, Config::Encoding::threaded}) {
    if (is_small_build && encoding == Config::Encoding::threaded) continue;
    CAPTURE(static_cast<int>(encoding));
    body_of_test(config_of(encoding));
  }
}

} // namespace ebb::testing
