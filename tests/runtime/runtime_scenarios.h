// What the tests of refused requests are made of: a guest that has one of everything, and the way
// to it, step by step.
#pragma once

#include "tests/oom/oom.h"
#include "tests/oom/state_digest.h"
#include "tests/runtime/runtime_test.h"

#include <optional>

namespace ebb::testing {

template <class T> Result<void> keep(std::optional<T>& place, Result<T>&& result) {
  if (!result.ok()) return result.error();
  place.emplace(std::move(result).value());
  return {};
}

inline Result<int32_t> host_add(Caller& caller, int32_t a, int32_t b) {
  if (caller.context() != nullptr) ++*static_cast<int*>(caller.context());
  return a + b;
}
inline Result<ExternRef> host_ref(Caller&, int32_t number) {
  return ExternRef::of(static_cast<uint64_t>(number));
}

/// A guest that has one of everything.
inline Bytes rich_guest() {
  ModuleBuilder builder;
  const uint32_t add = builder.type({testing::i32, testing::i32}, {testing::i32});
  const uint32_t ref = builder.type({testing::i32}, {externref});
  const uint32_t one = builder.type({testing::i32}, {testing::i32});
  const uint32_t none = builder.type({}, {});
  builder.import_func("env", "add", add);
  builder.import_func("env", "ref", ref);
  builder.memory({1, 1, 4}).memory({0, 0}).table({funcref, 0, 3}).table({externref, 1, 2, 64});
  builder.global(testing::i32, true, i32_const(3) + i32_const(4) + Bytes{0x6a});
  const uint32_t start = builder.func(none, i32_const(1) + i32_const(2) + call(0) + Bytes{0x24, 0});
  // Recurses as deep as its argument says.
  const uint32_t deep =
      builder.func(one, local_get(0) + Bytes{0x45, 0x04, testing::i32} + i32_const(0) +
                            Bytes{0x05} + local_get(0) + i32_const(1) + Bytes{0x6b} + call(3) +
                            i32_const(1) + Bytes{0x6a, 0x0b});
  const uint32_t grow = builder.func(one, local_get(0) + Bytes{0x40, 0});
  const uint32_t grow_table =
      builder.func(one, Bytes{0xd0, externref} + local_get(0) + Bytes{0xfc, 15, 1});
  const uint32_t trap = builder.func(one, local_get(0) + call(3) + Bytes{0x1a, 0x00});
  const uint32_t refs = builder.func(ref, local_get(0) + call(1));
  builder.start(start).export_func("deep", deep).export_func("grow", grow);
  builder.export_func("grow_table", grow_table).export_func("trap", trap);
  builder.export_func("refs", refs).export_("memory", 2, 0).export_("global", 3, 0);
  builder.elem(Bytes{0} + i32_const(0) + Bytes{0x0b, 2} + leb(deep) + leb(0));
  builder.data(Bytes{0} + i32_const(8) + Bytes{0x0b} + sized({1, 2, 3}));
  return builder.build();
}

/// What the scenarios are made of, step by step.
template <Config::Encoding encoding> struct Base {
  explicit Base(oom::Test& test) : Base(test.allocator()) {}
  explicit Base(const Allocator& below) : allocator(below), bytes(rich_guest()) {}

  Config config() const {
    Config made;
    made.allocator = &allocator;
    made.fixed_seed = true;
    made.encoding = encoding;
    return made;
  }
  Result<void> make_engine() { return keep(engine, Engine::create(config())); }
  Result<void> make_linker() {
    EBB_TRY(make_engine());
    return keep(linker, Linker::create(*engine));
  }
  Result<void> make_pre() {
    EBB_TRY(make_linker());
    EBB_TRY(linker->define_func("env", "add", &host_add));
    EBB_TRY(linker->define_func("env", "ref", &host_ref));
    EBB_TRY(keep(module, Module::load(*engine, bytes)));
    return keep(pre, linker->instantiate_pre(*module));
  }
  Result<void> make_store() {
    EBB_TRY(make_pre());
    return keep(store, Store::create(*engine));
  }
  Result<void> make_instance() {
    EBB_TRY(make_store());
    return keep(instance, pre->instantiate(*store));
  }
  Result<int32_t> call_guest(StringView name, int32_t argument) {
    const auto func = EBB_TRY(instance->template get_typed_func<int32_t(int32_t)>(*store, name));
    return func.call(*store, argument);
  }
  Result<void> setup() { return {}; }
  uint64_t digest() const { return 0; }
  /// All that there is, for what failed operations leave.
  uint64_t state() const {
    uint64_t state = engine ? oom::digest(*engine) : 0;
    if (linker) state = oom::mix(state, oom::digest(*linker));
    if (!store) return state;
    state = oom::mix(oom::mix(state, oom::digest(*store)), oom::activity_digest(*store));
    return oom::mix(state, oom::contents_digest(*store));
  }

  Allocator allocator;
  Bytes bytes;
  std::optional<Engine> engine;
  std::optional<Linker> linker;
  std::optional<Module> module;
  std::optional<InstancePre> pre;
  std::optional<Store> store;
  std::optional<Instance> instance;
};

/// Tests a scenario in both encodings.
template <template <Config::Encoding> class Scenario>
void refuse_each(const char* name, const oom::Options& options = {}) {
  CHECK(oom::oom_test<Scenario<Config::Encoding::compact>>(name, options).ok());
  if (is_small_build) return;
  CHECK(oom::oom_test<Scenario<Config::Encoding::threaded>>(name, options).ok());
}

} // namespace ebb::testing
