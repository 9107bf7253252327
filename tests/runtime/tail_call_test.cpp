// Calls in place of the running frame: deep, across instances, and into frames that do not fit.
#include "tests/needs.h"
#include "tests/runtime/runtime_test.h"

using namespace ebb;
using namespace ebb::testing;

namespace {

constexpr uint8_t add = 0x6a, sub = 0x6b, eqz = 0x45;
Bytes return_call(uint32_t index) { return Bytes{0x12} + leb(index); }
Bytes global_get(uint32_t index) { return Bytes{0x23} + leb(index); }
Bytes if_else(const Bytes& condition, const Bytes& first, const Bytes& second) {
  return condition + Bytes{0x04, testing::i32} + first + Bytes{0x05} + second + Bytes{0x0b};
}

/// f(n) = n + n + n + 100, through functions of more and fewer parameters than their callers.
Bytes library() {
  ModuleBuilder builder;
  builder.global(testing::i32, false, i32_const(100));
  const uint32_t one = builder.type({testing::i32}, {testing::i32});
  const uint32_t three = builder.type({testing::i32, testing::i32, testing::i32}, {testing::i32});
  builder.export_func(
      "f", builder.func(one, local_get(0) + local_get(0) + local_get(0) + return_call(1)));
  builder.func(three, local_get(0) + local_get(1) + Bytes{add} + local_get(2) + Bytes{add} +
                          return_call(2));
  builder.func(one, local_get(0) + global_get(0) + Bytes{add});
  return builder.build();
}

/// sum(n, s) = s + n + (n - 1) + … + 1, by two functions in turn; each also has locals, which must
/// be zero.
Bytes counting() {
  ModuleBuilder builder;
  const uint32_t two = builder.type({testing::i32, testing::i32}, {testing::i32});
  const uint32_t three = builder.type({testing::i32, testing::i32, testing::i32}, {testing::i32});
  const Bytes less = local_get(0) + i32_const(1) + Bytes{sub};
  const Bytes more = local_get(1) + local_get(0) + Bytes{add};
  builder.export_func("sum", builder.func(two,
                                          if_else(local_get(0) + Bytes{eqz},
                                                  local_get(1) + local_get(2) + Bytes{add},
                                                  less + more + i32_const(7) + return_call(1)),
                                          {1, 1, testing::i32}));
  builder.func(three,
               if_else(local_get(0) + Bytes{eqz}, local_get(1) + local_get(3) + Bytes{add},
                       less + more + return_call(0)),
               {1, 2, testing::i32});
  return builder.build();
}

/// The same through a table, from 0 as in `counting`: sum, its helper, a function of another type,
/// an imported one of the right type, and nothing. "at" calls what is at an index in place of
/// itself.
Bytes counting_by_table() {
  ModuleBuilder builder;
  const uint32_t two = builder.type({testing::i32, testing::i32}, {testing::i32});
  const uint32_t three = builder.type({testing::i32, testing::i32, testing::i32}, {testing::i32});
  const uint32_t foreign = builder.import_func("lib", "sum", two);
  const auto indirect = [](uint32_t type, uint8_t index) {
    return i32_const(index) + Bytes{0x13} + leb(type) + Bytes{0};
  };
  const Bytes less = local_get(0) + i32_const(1) + Bytes{sub};
  const Bytes more = local_get(1) + local_get(0) + Bytes{add};
  const uint32_t sum =
      builder.func(two,
                   if_else(local_get(0) + Bytes{eqz}, local_get(1) + local_get(2) + Bytes{add},
                           less + more + i32_const(7) + indirect(three, 1)),
                   {1, 1, testing::i32});
  const uint32_t helper =
      builder.func(three,
                   if_else(local_get(0) + Bytes{eqz}, local_get(1) + local_get(3) + Bytes{add},
                           less + more + indirect(two, 0)),
                   {1, 2, testing::i32});
  const uint32_t at = builder.func(three, local_get(0) + local_get(1) + local_get(2) + Bytes{0x13} +
                                              leb(two) + Bytes{0});
  builder.export_func("sum", sum);
  builder.export_func("at", at);
  builder.table({funcref, 0, 5});
  builder.elem(Bytes{0} + i32_const(0) + Bytes{0x0b, 4} + leb(sum) + leb(helper) + leb(at) +
               leb(foreign));
  return builder.build();
}

} // namespace

TEST_CASE("tail calls through a table use no stack, and trap like calls" * needs_wasm_3()) {
  in_both_encodings([](const Config& config) {
    Config small = config;
    small.stack_bytes_max = 16 * 1024;
    World world(small);
    must(world.linker.define_instance(world.store, "lib", world.instantiate(counting())));
    const Instance instance = world.instantiate(counting_by_table());
    const auto sum = world.typed<int32_t(int32_t, int32_t)>(instance, "sum");
    CHECK(must(sum.call(world.store, 1000, 5)) == 5 + 500 * 1001);
    CHECK(must(sum.call(world.store, 100001, 0)) == static_cast<int32_t>(100001ll * 50001));
    const auto at = world.typed<int32_t(int32_t, int32_t, int32_t)>(instance, "at");
    CHECK(must(at.call(world.store, 4, 1, 0)) == 11);
    CHECK(must(at.call(world.store, 4, 1, 3)) == 11);
    CHECK(error_of(at.call(world.store, 4, 1, 1)) == Error::indirect_call_type_mismatch);
    CHECK(error_of(at.call(world.store, 4, 1, 4)) == Error::uninitialized_element);
    CHECK(error_of(at.call(world.store, 4, 1, 5)) == Error::undefined_element);
    CHECK(error_of(at.call(world.store, 4, 1, -1)) == Error::undefined_element);
    CHECK(must(at.call(world.store, 4, 1, 0)) == 11);
  });
}

TEST_CASE("tail calls use no stack, however deep" * needs_wasm_3()) {
  in_both_encodings([](const Config& config) {
    Config small = config;
    small.stack_bytes_max = 16 * 1024;
    World world(small);
    const Instance instance = world.instantiate(counting());
    const auto sum = world.typed<int32_t(int32_t, int32_t)>(instance, "sum");
    CHECK(must(sum.call(world.store, 1000, 5)) == 5 + 500 * 1001);
    CHECK(must(sum.call(world.store, 100001, 0)) == static_cast<int32_t>(100001ll * 50001));
  });
}

TEST_CASE("a tail call in a function that another instance called returns there" * needs_wasm_3()) {
  in_both_encodings([](const Config& config) {
    World world(config);
    must(world.linker.define_instance(world.store, "lib", world.instantiate(library())));
    ModuleBuilder builder;
    const uint32_t one = builder.type({testing::i32}, {testing::i32});
    builder.import_func("lib", "f", one);
    builder.global(testing::i32, false, i32_const(7));
    const Bytes through = local_get(0) + call(0) + global_get(0) + Bytes{add};
    builder.export_func("call", builder.func(one, through));
    builder.export_func("leave", builder.func(one, local_get(0) + return_call(0)));
    builder.export_func("both",
                        builder.func(one, local_get(0) + call(2) + global_get(0) + Bytes{add}));
    const Instance instance = world.instantiate(builder.build());
    const auto run = [&](const char* name) {
      return must(world.typed<int32_t(int32_t)>(instance, name).call(world.store, 1));
    };
    CHECK(run("call") == 3 + 100 + 7);
    CHECK(run("leave") == 3 + 100);
    CHECK(run("both") == 3 + 100 + 7);
  });
}

TEST_CASE("a tail call to a frame that does not fit is refused, and the next call succeeds" *
          needs_wasm_3()) {
  in_both_encodings([](const Config& config) {
    Config small = config;
    small.stack_bytes_max = 16 * 1024;
    World world(small);
    ModuleBuilder builder;
    const uint32_t one = builder.type({testing::i32}, {testing::i32});
    const Bytes many = Bytes{1} + leb(6000) + Bytes{testing::i32};
    builder.func(one, local_get(0), many);
    builder.export_func("large", builder.func(one, local_get(0) + return_call(0)));
    builder.export_func("small", builder.func(one, local_get(0) + return_call(3)));
    builder.func(one, local_get(0) + local_get(0) + Bytes{add});
    const Instance instance = world.instantiate(builder.build());
    const auto large = world.typed<int32_t(int32_t)>(instance, "large");
    const auto near = world.typed<int32_t(int32_t)>(instance, "small");
    for (int i = 0; i < 3; i++) {
      CHECK(error_of(large.call(world.store, 1)) == Error::call_stack_exhausted);
      CHECK(must(near.call(world.store, 21)) == 42);
    }
  });
}
