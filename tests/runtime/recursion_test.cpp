// Guests that recurse for ever, alone and by way of the host, on a thread with 64 KiB of stack.
#include "tests/needs.h"
#include "tests/runtime/runtime_test.h"

#include <climits>
#include <pthread.h>

using namespace ebb;
using namespace ebb::testing;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr size_t thread_stack_bytes = size_t{8} << 20;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr size_t thread_stack_bytes = size_t{8} << 20;
#else
constexpr size_t thread_stack_bytes = size_t{64} << 10;
#endif
#else
constexpr size_t thread_stack_bytes = size_t{64} << 10;
#endif

/// Runs a function of type Result<…>() on a thread with a small stack.
template <class Work> Error run_on_small_stack(Work& work) {
  struct Job {
    Work* work;
    Error error;
  } job{&work, Error::none};
  pthread_attr_t attributes;
  REQUIRE(pthread_attr_init(&attributes) == 0);
  const size_t least = static_cast<size_t>(PTHREAD_STACK_MIN);
  REQUIRE(pthread_attr_setstacksize(&attributes,
                                    thread_stack_bytes > least ? thread_stack_bytes : least) == 0);
  pthread_t thread;
  const auto run = [](void* data) -> void* {
    Job& mine = *static_cast<Job*>(data);
    mine.error = (*mine.work)().error();
    return nullptr;
  };
  REQUIRE(pthread_create(&thread, &attributes, run, &job) == 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  return job.error;
}

Error call_on_small_stack(World& world, const TypedFunc<int32_t(int32_t)>& func) {
  const auto work = [&] { return func.call(world.store, 0); };
  return run_on_small_stack(work);
}

Result<int32_t> call_back(Caller& caller, int32_t depth) {
  int32_t* deepest = static_cast<int32_t*>(caller.context());
  if (depth > *deepest) *deepest = depth;
  const Instance instance = EBB_TRY(caller.instance());
  const auto again = EBB_TRY(instance.get_typed_func<int32_t(int32_t)>(caller, "again"));
  return again.call(caller, depth + 1);
}

Result<void> call_back_untyped(Caller& caller, std::span<const Val> args, std::span<Val> results) {
  const Instance instance = EBB_TRY(caller.instance());
  const Func again = EBB_TRY(instance.get_func(caller, "again"));
  return again.call(caller, args, results);
}

Bytes module_that_calls_back() {
  ModuleBuilder builder;
  const uint32_t type = builder.type({testing::i32}, {testing::i32});
  builder.import_func("env", "host", type);
  builder.export_func("again", builder.func(type, local_get(0) + call(0)));
  return builder.build();
}

} // namespace

TEST_CASE("a guest that recurses for ever exhausts its own stack only" * needs_full_build()) {
  in_both_encodings([](const Config& config) {
    World world(config);
    ModuleBuilder builder;
    const uint32_t type = builder.type({testing::i32}, {testing::i32});
    builder.export_func("f", builder.func(type, local_get(0) + call(0)));
    const Instance instance = world.instantiate(builder.build());
    const auto func = world.typed<int32_t(int32_t)>(instance, "f");
    CHECK(call_on_small_stack(world, func) == Error::call_stack_exhausted);
    CHECK(world.store.trace_depth() > 1000);
    CHECK(world.store.stats().used < 1200 * 1024);
    CHECK(call_on_small_stack(world, func) == Error::call_stack_exhausted);
  });
}

TEST_CASE("guest and host that call each other for ever end at the host depth") {
  in_both_encodings([](const Config& config) {
    World world(config);
    int32_t deepest = 0;
    must(world.linker.define_func("env", "host", &call_back, &deepest));
    const Instance instance = world.instantiate(module_that_calls_back());
    const auto func = world.typed<int32_t(int32_t)>(instance, "again");
    CHECK(call_on_small_stack(world, func) == Error::call_stack_exhausted);
    CHECK(deepest == static_cast<int32_t>(config.host_depth_max) - 1);
    CHECK(call_on_small_stack(world, func) == Error::call_stack_exhausted);
  });
}

TEST_CASE("the same with untyped host functions") {
  in_both_encodings([](const Config& config) {
    World world(config);
    const ValType types[] = {ValType::i32()};
    must(world.linker.define_func("env", "host",
                                  HostFunc::untyped(types, types, &call_back_untyped)));
    const Instance instance = world.instantiate(module_that_calls_back());
    const auto func = world.typed<int32_t(int32_t)>(instance, "again");
    CHECK(call_on_small_stack(world, func) == Error::call_stack_exhausted);
  });
}

TEST_CASE("a stack that may not grow is out of memory, not exhausted") {
  in_both_encodings([](Config config) {
    config.limits.allow = [](void*, Growing what, uint64_t, uint64_t to, uint64_t) {
      return what != Growing::stack || to <= 8192;
    };
    World world(config);
    ModuleBuilder builder;
    const uint32_t type = builder.type({testing::i32}, {testing::i32});
    builder.export_func("f", builder.func(type, local_get(0) + call(0)));
    const Instance instance = world.instantiate(builder.build());
    CHECK(error_of(world.typed<int32_t(int32_t)>(instance, "f").call(world.store, 0)) ==
          Error::out_of_memory);
    CHECK(world.store.diagnostic().resource == Resource::stack);
    CHECK(world.store.diagnostic().cause == RefusalCause::limits_callback);
  });
}

TEST_CASE("deep nesting, a long body and a long constant load and run on a small stack" *
          needs_wasm_3()) {
  in_both_encodings([](const Config& config) {
    const Bytes add_one = i32_const(1) + Bytes{0x6a};
    const Bytes bodies[] = {
        // 100,000 nested blocks; a body of 10 MB; a constant of a megabyte.
        times(100000, {0x02, 0x40}) + times(100000, {0x0b}) + i32_const(7),
        i32_const(0) + times(3400000, add_one),
        Bytes{0x23, 0},
    };
    const int32_t expected[] = {7, 3400000, 350000};
    for (size_t i = 0; i < 3; ++i) {
      ModuleBuilder builder;
      const uint32_t type = builder.type({testing::i32}, {testing::i32});
      if (i == 2) builder.global(testing::i32, false, i32_const(0) + times(350000, add_one));
      builder.export_func("f", builder.func(type, bodies[i]));
      const Bytes module = builder.build();
      World world(config);
      int32_t result = 0;
      const auto work = [&]() -> Result<void> {
        const Module loaded = EBB_TRY(Module::load(world.engine, module));
        const Instance instance = EBB_TRY(world.linker.instantiate(world.store, loaded));
        const auto f = EBB_TRY(instance.get_typed_func<int32_t(int32_t)>(world.store, "f"));
        result = EBB_TRY(f.call(world.store, 0));
        return {};
      };
      CHECK(run_on_small_stack(work) == Error::none);
      CHECK(result == expected[i]);
    }
  });
}
