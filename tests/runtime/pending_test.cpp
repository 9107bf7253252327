// Host functions that are not ready: called again until they are, from wherever they are called.
#include "tests/needs.h"
#include "tests/runtime/runtime_test.h"

#include <optional>

using namespace ebb;
using namespace ebb::testing;

namespace {

/// A host that is ready after a few calls.
struct Host {
  int pauses_left = 0;
  int calls = 0;
  int32_t last = 0;
  bool alternates = false; ///< Or at every other call.

  bool is_ready() {
    ++calls;
    return alternates ? calls % 2 == 0 : pauses_left-- <= 0;
  }
};

Result<int32_t> wait_for(Caller& caller, int32_t value) {
  Host& host = *static_cast<Host*>(caller.context());
  host.last = value;
  if (!host.is_ready()) return Error::pending;
  return value * 2;
}

Result<Values<ExternRef, double, ExternRef>> wait_for_refs(Caller& caller, ExternRef ref,
                                                           double value) {
  if (!static_cast<Host*>(caller.context())->is_ready()) return Error::pending;
  return Values<ExternRef, double, ExternRef>(ExternRef::of(ref.value + 1), value / 2, ref);
}

/// Uses the stack and the memory of the guest while it is not ready, so that both may move.
Result<void> disturb(Caller& caller, std::span<const Val> args, std::span<Val> results) {
  const Instance guest = EBB_TRY(caller.instance());
  const auto deep = EBB_TRY(guest.get_typed_func<int32_t(int32_t)>(caller, "deep"));
  EBB_TRY(deep.call(caller, 100));
  const Memory memory = EBB_TRY(caller.memory());
  EBB_TRY(memory.grow(caller, 1));
  if (!static_cast<Host*>(caller.context())->is_ready()) return Error::pending;
  results[0] = Val::i32(args[0].as_i32() + args[1].as_i32());
  return {};
}

constexpr uint8_t op_end = 0x0b;

Bytes waiting() {
  ModuleBuilder builder;
  const uint32_t one = builder.type({testing::i32}, {testing::i32});
  const uint32_t two = builder.type({testing::i32, testing::i32}, {testing::i32});
  const uint32_t refs =
      builder.type({externref, testing::f64}, {externref, testing::f64, externref});
  const uint32_t wait = builder.import_func("env", "wait", one);
  const uint32_t wait_refs = builder.import_func("env", "refs", refs);
  const uint32_t move = builder.import_func("env", "disturb", two);
  builder.memory({0, 1}).export_("memory", 2, 0).table({funcref, 0, 4});
  builder.export_func("plain",
                      builder.func(one, local_get(0) + call(wait) + i32_const(1) + Bytes{0x6a}));
  builder.export_func("tail", builder.func(one, local_get(0) + Bytes{0x12, 0}));
  // The index is computed where it is used: 3 - 2.
  builder.export_func("indirect", builder.func(one, local_get(0) + i32_const(3) + i32_const(2) +
                                                        Bytes{0x6b, 0x11} + leb(one) + Bytes{0} +
                                                        i32_const(1) + Bytes{0x6a}));
  builder.export_func("tail_indirect", builder.func(one, local_get(0) + i32_const(1) + Bytes{0x13} +
                                                             leb(one) + Bytes{0}));
  builder.export_func("ref", builder.func(one, local_get(0) + Bytes{0xd2, 0, 0x14} + leb(one)));
  builder.export_func("tail_ref",
                      builder.func(one, local_get(0) + Bytes{0xd2, 0, 0x15} + leb(one)));
  // sum of wait(i) for i in n … 1, which is kept in a local that is worth a register.
  builder.export_func("loop",
                      builder.func(one,
                                   Bytes{0x03, 0x40} + local_get(1) + local_get(0) + call(wait) +
                                       Bytes{0x6a, 0x21, 1} + local_get(0) + i32_const(1) +
                                       Bytes{0x6b, 0x22, 0, 0x0d, 0, op_end} + local_get(1),
                                   {1, 1, testing::i32}));
  builder.export_func("refs", builder.func(refs, local_get(0) + local_get(1) + call(wait_refs)));
  builder.export_func("disturbed", builder.func(one, local_get(0) + i32_const(5) + call(move) +
                                                         local_get(0) + Bytes{0x6a}));
  const uint32_t deep = 12;
  builder.export_func("deep", builder.func(one, local_get(0) + Bytes{0x45, 0x04, testing::i32} +
                                                    i32_const(0) + Bytes{0x05} + local_get(0) +
                                                    i32_const(1) + Bytes{0x6b} + call(deep) +
                                                    i32_const(1) + Bytes{0x6a, op_end}));
  builder.export_func("wait", wait);
  // The same sum, through a table, with its index in a local that is used more than all others.
  const Bytes index = local_get(2) + local_get(2) + local_get(2) + Bytes{0x71, 0x71};
  builder.export_func("indirect_loop",
                      builder.func(one,
                                   i32_const(1) + Bytes{0x21, 2, 0x03, 0x40} + index +
                                       Bytes{0x21, 2} + local_get(1) + local_get(0) + local_get(2) +
                                       Bytes{0x11} + leb(one) + Bytes{0, 0x6a, 0x21, 1} +
                                       local_get(0) + i32_const(1) +
                                       Bytes{0x6b, 0x22, 0, 0x0d, 0, op_end} + local_get(1),
                                   {1, 2, testing::i32}));
  const uint32_t ref_type = builder.type({externref}, {externref});
  builder.export_func("same", builder.func(ref_type, local_get(0)));
  builder.elem(Bytes{0} + i32_const(1) + Bytes{op_end, 1} + leb(wait));
  return builder.build();
}

/// Calls `plain` of another instance, once and in its own place.
Bytes outer() {
  ModuleBuilder builder;
  const uint32_t one = builder.type({testing::i32}, {testing::i32});
  const uint32_t plain = builder.import_func("inner", "plain", one);
  const uint32_t tail = builder.import_func("inner", "tail", one);
  builder.export_func("outer", builder.func(one, local_get(0) + call(plain) + call(tail) +
                                                     i32_const(3) + Bytes{0x6a}));
  builder.export_func("outer_tail", builder.func(one, local_get(0) + Bytes{0x12} + leb(tail)));
  return builder.build();
}

struct Guest : World {
  explicit Guest(const Config& config) : World(config) {
    static const ValType two[] = {ValType::i32(), ValType::i32()};
    must(linker.define_func("env", "wait", &wait_for, &host));
    must(linker.define_func("env", "refs", &wait_for_refs, &host));
    must(linker.define_func(
        "env", "disturb",
        HostFunc::untyped(two, std::span<const ValType>(two, 1), &disturb, &host)));
    instance = instantiate(waiting());
    must(linker.define_instance(store, "inner", instance));
    outside = instantiate(outer());
  }
  /// The result of a function that its host lets wait so many times at its first call.
  int32_t result_after(const Instance& of, StringView name, int32_t argument, int pauses) {
    host = {pauses, 0, 0, false};
    const Val args[] = {Val::i32(argument)};
    Execution execution = must(must(of.get_func(store, name)).start(store, args));
    for (int i = 0; i < pauses; ++i) {
      CHECK(must(execution.run()) == Execution::State::suspended);
      CHECK(execution.reason() == Error::pending);
      CHECK(host.last == argument);
      CHECK(host.calls == i + 1);
    }
    CHECK(must(execution.run()) == Execution::State::done);
    Val result[1];
    must(execution.results(result));
    return result[0].as_i32();
  }

  Host host;
  Instance instance;
  Instance outside;
};

} // namespace

TEST_CASE("a host function that is not ready is called again, however it was called" *
          needs_wasm_3()) {
  in_both_encodings([](const Config& config) {
    Guest guest(config);
    for (const int pauses : {0, 1, 3}) {
      CAPTURE(pauses);
      CHECK(guest.result_after(guest.instance, "plain", 20, pauses) == 41);
      CHECK(guest.result_after(guest.instance, "tail", 20, pauses) == 40);
      CHECK(guest.result_after(guest.instance, "indirect", 20, pauses) == 41);
      CHECK(guest.result_after(guest.instance, "tail_indirect", 20, pauses) == 40);
      CHECK(guest.result_after(guest.instance, "ref", 20, pauses) == 40);
      CHECK(guest.result_after(guest.instance, "tail_ref", 20, pauses) == 40);
      CHECK(guest.result_after(guest.instance, "wait", 20, pauses) == 40);
      CHECK(guest.result_after(guest.outside, "outer", 20, pauses) == 85);
      CHECK(guest.result_after(guest.outside, "outer_tail", 20, pauses) == 40);
    }
  });
}

TEST_CASE("what a loop keeps in registers survives waiting in each round" * needs_wasm_3()) {
  in_both_encodings([](const Config& config) {
    Guest guest(config);
    const Val args[] = {Val::i32(10)};
    guest.host.alternates = true;
    for (const char* name : {"loop", "indirect_loop"}) {
      const Func loop = must(guest.instance.get_func(guest.store, StringView(name, strlen(name))));
      Execution execution = must(loop.start(guest.store, args));
      int pauses = 0;
      while (must(execution.run()) == Execution::State::suspended)
        ++pauses;
      CHECK(pauses == 10);
      Val result[1];
      must(execution.results(result));
      CHECK(result[0].as_i32() == 110);
    }
  });
}

TEST_CASE("references are kept while a host function is not ready" * needs_wasm_3()) {
  in_both_encodings([](const Config& config) {
    Guest guest(config);
    guest.host.pauses_left = 2;
    const Val args[] = {Val::extern_ref(ExternRef::of(7)), Val::f64(9)};
    const Func refs = must(guest.instance.get_func(guest.store, "refs"));
    Execution execution = must(refs.start(guest.store, args));
    CHECK(must(execution.run()) == Execution::State::suspended);
    // So many references that those that nothing reaches must go.
    const auto same = guest.typed<ExternRef(ExternRef)>(guest.instance, "same");
    for (uint64_t i = 1000; i < 1200; ++i)
      REQUIRE(must(same.call(guest.store, ExternRef::of(i))).value == i);
    CHECK(must(execution.run()) == Execution::State::suspended);
    CHECK(must(execution.run()) == Execution::State::done);
    Val results[3];
    must(execution.results(results));
    CHECK(results[0].as_extern().value == 8);
    CHECK(results[1].as_f64() == 4.5);
    CHECK(results[2].as_extern().value == 7);
  });
}

TEST_CASE("stack and memory may move while a host function is not ready" * needs_wasm_3()) {
  in_both_encodings([](const Config& config) {
    Guest guest(config);
    guest.host.pauses_left = 2;
    const Val args[] = {Val::i32(30)};
    const Func disturbed = must(guest.instance.get_func(guest.store, "disturbed"));
    Execution execution = must(disturbed.start(guest.store, args));
    const auto deep = guest.typed<int32_t(int32_t)>(guest.instance, "deep");
    for (int i = 0; i < 2; ++i) {
      CHECK(must(execution.run()) == Execution::State::suspended);
      CHECK(must(deep.call(guest.store, 500 * (i + 1))) == 500 * (i + 1));
    }
    CHECK(must(execution.run()) == Execution::State::done);
    Val result[1];
    must(execution.results(result));
    CHECK(result[0].as_i32() == 65);
  });
}

TEST_CASE("a plain call of what is not ready ends, and so does an execution that is dropped" *
          needs_wasm_3()) {
  in_both_encodings([](const Config& config) {
    Guest guest(config);
    const auto plain = guest.typed<int32_t(int32_t)>(guest.instance, "plain");
    guest.host.pauses_left = 1;
    CHECK(error_of(plain.call(guest.store, 4)) == Error::pending);
    CHECK(must(plain.call(guest.store, 4)) == 9);
    guest.host.pauses_left = 1;
    {
      const Val args[] = {Val::i32(1)};
      const Func outer_func = must(guest.outside.get_func(guest.store, "outer"));
      Execution dropped = must(outer_func.start(guest.store, args));
      CHECK(must(dropped.run()) == Execution::State::suspended);
    }
    CHECK(must(plain.call(guest.store, 4)) == 9);
    must(guest.store.collect());
  });
}

// --- Executions in host functions.

namespace {

struct Kept {
  std::optional<Execution> execution;
  int mode = 0;
};

/// Starts an execution of the guest's `plain`, and keeps it beyond its own return.
Result<int32_t> keep_one(Caller& caller, int32_t value) {
  auto& kept = *static_cast<Kept*>(caller.context());
  const Instance guest = EBB_TRY(caller.instance());
  const Func inner = EBB_TRY(guest.get_func(caller, "inner"));
  const Val args[] = {Val::i32(value)};
  kept.execution.emplace(EBB_TRY(inner.start(caller, args)));
  const Execution::State state = EBB_TRY(kept.execution->run());
  if (kept.mode == 0) return state == Execution::State::suspended ? 1 : 0;
  // One that stays here may be suspended and resumed.
  Result<Execution::State> last = state;
  while (last.ok() && last.value() == Execution::State::suspended)
    last = kept.execution->run();
  if (!last.ok()) return last.error();
  Val result[1];
  EBB_TRY(kept.execution->results(result));
  return result[0].as_i32();
}

Bytes nesting() {
  ModuleBuilder builder;
  const uint32_t one = builder.type({testing::i32}, {testing::i32});
  const uint32_t wait = builder.import_func("env", "wait", one);
  const uint32_t keep = builder.import_func("env", "keep", one);
  builder.export_func("inner", builder.func(one, local_get(0) + call(wait)));
  builder.export_func("outer", builder.func(one, local_get(0) + call(keep) + local_get(0) +
                                                     call(wait) + Bytes{0x6a}));
  return builder.build();
}

} // namespace

TEST_CASE("an execution ends with the host function that started it") {
  in_both_encodings([](const Config& config) {
    World world(config);
    Host host;
    Kept kept;
    must(world.linker.define_func("env", "wait", &wait_for, &host));
    must(world.linker.define_func("env", "keep", &keep_one, &kept));
    const Instance instance = world.instantiate(nesting());
    const auto outer_func = world.typed<int32_t(int32_t)>(instance, "outer");
    host.pauses_left = 1;
    CHECK(must(outer_func.call(world.store, 20)) == 41);
    CHECK(error_of(kept.execution->resume()) == Error::not_resumable);
    Val result[1];
    CHECK(error_of(kept.execution->results(result)) == Error::not_resumable);
    kept.mode = 1;
    host.pauses_left = 3;
    CHECK(must(outer_func.call(world.store, 20)) == 80);
    CHECK(error_of(kept.execution->results(result)) == Error::not_resumable);
    must(world.store.close());
  });
}
