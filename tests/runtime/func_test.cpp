#include "tests/needs.h"
#include "tests/runtime/runtime_test.h"

using namespace ebb;
using namespace ebb::testing;

namespace {

Bytes arithmetic() {
  ModuleBuilder builder;
  const uint32_t two = builder.type({testing::i32, testing::i32}, {testing::i32});
  const uint32_t mixed = builder.type({testing::i64, testing::f32, testing::f64}, {testing::f64});
  const uint32_t swap = builder.type({testing::i32, testing::i64}, {testing::i64, testing::i32});
  const uint32_t fac = builder.type({testing::i64}, {testing::i64});
  builder.export_func("add", builder.func(two, local_get(0) + local_get(1) + Bytes{0x6a}));
  builder.export_func("div", builder.func(two, local_get(0) + local_get(1) + Bytes{0x6d}));
  // (f64.add (f64.convert_i64_s 0) (f64.mul (f64.promote_f32 1) 2))
  builder.export_func("mixed",
                      builder.func(mixed, local_get(0) + Bytes{0xb9} + local_get(1) + Bytes{0xbb} +
                                              local_get(2) + Bytes{0xa2, 0xa0}));
  builder.export_func("swap", builder.func(swap, local_get(1) + local_get(0)));
  // (if (i64.eqz n) (then 1) (else n * fac(n - 1)))
  builder.export_func("fac", builder.func(fac, local_get(0) + Bytes{0x50, 0x04, testing::i64} +
                                                   i64_const(1) + Bytes{0x05} + local_get(0) +
                                                   local_get(0) + i64_const(1) + Bytes{0x7d} +
                                                   call(4) + Bytes{0x7e, 0x0b}));
  return builder.build();
}

Result<int32_t> host_sum(Caller& caller, int32_t a, int64_t b, float c, double d) {
  int32_t* calls = static_cast<int32_t*>(caller.context());
  ++*calls;
  return a + static_cast<int32_t>(b) + static_cast<int32_t>(c) + static_cast<int32_t>(d);
}
Result<Values<int64_t, int32_t>> host_swap(Caller&, int32_t a, int64_t b) {
  return Values<int64_t, int32_t>(b, a);
}
Result<void> host_fail(Caller&) { return Error::host_failure; }
Result<ExternRef> host_next(Caller&, ExternRef ref) {
  return ref.is_null ? ref : ExternRef::of(ref.value + 1);
}

} // namespace

TEST_CASE("typed and untyped calls give the same results") {
  in_both_encodings([](const Config& config) {
    World world(config);
    const Instance instance = world.instantiate(arithmetic());
    CHECK(must(world.typed<int32_t(int32_t, int32_t)>(instance, "add").call(world.store, 2, 40)) ==
          42);
    CHECK(must(world.typed<double(int64_t, float, double)>(instance, "mixed")
                   .call(world.store, -3, 1.5f, 4.0)) == 3.0);
    CHECK(must(world.typed<int64_t(int64_t)>(instance, "fac").call(world.store, 20)) ==
          2432902008176640000);
    const auto swapped =
        must(world.typed<Values<int64_t, int32_t>(int32_t, int64_t)>(instance, "swap")
                 .call(world.store, 7, int64_t{1} << 40));
    CHECK(swapped.get<0>() == int64_t{1} << 40);
    CHECK(swapped.get<1>() == 7);

    const Func mixed = must(instance.get_func(world.store, "mixed"));
    const Val args[] = {Val::i64(-3), Val::f32(1.5f), Val::f64(4)};
    Val results[1];
    must(mixed.call(world.store, args, results));
    CHECK(results[0].as_f64() == 3.0);
    const FuncType type = must(mixed.type(world.store));
    CHECK(type.params.size() == 3);
    CHECK(type.params[1] == ValType::f32());
    CHECK(type.results[0] == ValType::f64());
  });
}

TEST_CASE("calls with wrong arguments are refused and change nothing") {
  World world;
  const Instance instance = world.instantiate(arithmetic());
  const Func add = must(instance.get_func(world.store, "add"));
  const Val two[] = {Val::i32(1), Val::i64(2)};
  const Val one[] = {Val::i32(1)};
  Val result[1];
  CHECK(error_of(add.call(world.store, two, result)) == Error::wrong_type);
  CHECK(error_of(add.call(world.store, one, result)) == Error::argument_mismatch);
  CHECK(error_of(add.call(world.store, two, {})) == Error::result_mismatch);
  CHECK(error_of(add.typed<int64_t(int32_t, int32_t)>(world.store)) == Error::wrong_type);
  CHECK(world.store.last_error() == Error::wrong_type);
  CHECK(error_of(instance.get_func(world.store, "none")) == Error::unknown_export);
  CHECK(error_of(instance.get_memory(world.store, "add")) == Error::wrong_kind);
  CHECK(error_of(Func().call(world.store, one, result)) == Error::stale_handle);
  Store other = must(Store::create(world.engine));
  CHECK(error_of(add.call(other, one, result)) == Error::wrong_store);
}

TEST_CASE("traps carry their code and a backtrace, and the store goes on" * needs_full_build()) {
  in_both_encodings([](Config config) {
    config.keep_offsets = true;
    config.keep_names = true;
    World world(config);
    ModuleBuilder builder;
    const uint32_t type = builder.type({testing::i32}, {testing::i32});
    builder.func(type, i32_const(1) + local_get(0) + Bytes{0x6d});
    builder.export_func("outer", builder.func(type, local_get(0) + call(0)));
    builder.custom("name", Bytes{1} + sized(leb(1) + leb(0) + name("inner")));
    const Instance instance = world.instantiate(builder.build());
    const auto outer = world.typed<int32_t(int32_t)>(instance, "outer");
    CHECK(error_of(outer.call(world.store, 0)) == Error::integer_divide_by_zero);
    CHECK(world.store.last_error() == Error::integer_divide_by_zero);
    REQUIRE(world.store.trace_count() == 2);
    CHECK(world.store.trace_depth() == 2);
    CHECK(world.store.trace(0).function == 0);
    CHECK(world.store.trace(0).name == "inner");
    CHECK(world.store.trace(0).wasm_offset != Diagnostic::no_offset);
    CHECK(world.store.trace(1).function == 1);
    CHECK(world.store.trace(1).name.is_empty());
    char text[200];
    world.store.render_backtrace(text, sizeof(text));
    CHECK(strstr(text, "#0 inner (function 0) at offset 0x") != nullptr);
    CHECK(strstr(text, "#1 function 1") != nullptr);
    CHECK(must(outer.call(world.store, 1)) == 1);
    CHECK(world.store.trace_count() == 0);
  });
}

TEST_CASE("a name section that is cut off anywhere has the names before the cut") {
  const Bytes other = Bytes{0} + sized(name("module"));
  const Bytes names = Bytes{1} + sized(leb(2) + leb(0) + name("first") + leb(1) + name("second"));
  Config config;
  config.keep_names = true;
  const auto function_names = [&](const Bytes& contents, Bytes& first, Bytes& second) {
    World world(config);
    ModuleBuilder builder;
    const uint32_t type = builder.type({}, {});
    builder.func(type, {});
    builder.func(type, {});
    const Module module = world.load(builder.custom("name", contents).build());
    const StringView one = module.function_name(0);
    const StringView two = module.function_name(1);
    first = Bytes(one.begin(), one.end());
    second = Bytes(two.begin(), two.end());
  };
  const Bytes whole = other + names;
  // The subsection's length is that of the whole one, or of what is left.
  for (const bool agrees : {false, true}) {
    for (size_t size = 0; size < whole.size(); ++size) {
      CAPTURE(size);
      Bytes contents(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
      const size_t header_bytes = other.size() + 2;
      if (agrees) {
        if (size < header_bytes) continue;
        contents[header_bytes - 1] = static_cast<uint8_t>(size - header_bytes);
      }
      Bytes first, second;
      function_names(contents, first, second);
      const bool has_first = agrees && size >= header_bytes + 1 + 1 + name("first").size();
      CHECK((has_first ? first == Bytes({'f', 'i', 'r', 's', 't'}) : first.empty()));
      CHECK(second.empty());
    }
  }
  Bytes first, second;
  function_names(whole, first, second);
  CHECK(first == Bytes({'f', 'i', 'r', 's', 't'}));
  CHECK(second == Bytes({'s', 'e', 'c', 'o', 'n', 'd'}));
}

TEST_CASE("host functions get arguments and give results of every type") {
  in_both_encodings([](const Config& config) {
    World world(config);
    int32_t calls = 0;
    must(world.linker.define_func("env", "sum", &host_sum, &calls));
    must(world.linker.define_func("env", "swap", &host_swap));
    must(world.linker.define_func("env", "fail", &host_fail));
    must(world.linker.define_func("env", "next", &host_next));
    ModuleBuilder builder;
    const uint32_t sum =
        builder.type({testing::i32, testing::i64, testing::f32, testing::f64}, {testing::i32});
    const uint32_t swap = builder.type({testing::i32, testing::i64}, {testing::i64, testing::i32});
    const uint32_t fail = builder.type({}, {});
    const uint32_t next = builder.type({externref}, {externref});
    builder.import_func("env", "sum", sum);
    builder.import_func("env", "swap", swap);
    builder.import_func("env", "fail", fail);
    builder.import_func("env", "next", next);
    builder.export_func("sum", builder.func(sum, local_get(0) + local_get(1) + local_get(2) +
                                                     local_get(3) + call(0)));
    builder.export_func("swap", builder.func(swap, local_get(0) + local_get(1) + call(1)));
    builder.export_func("fail", builder.func(fail, call(2)));
    builder.export_func("next", builder.func(next, local_get(0) + call(3) + call(3)));
    builder.export_func("imported", 0);
    const Instance instance = world.instantiate(builder.build());
    const auto guest = world.typed<int32_t(int32_t, int64_t, float, double)>(instance, "sum");
    CHECK(must(guest.call(world.store, 1, 20, 300.0f, 4000.0)) == 4321);
    const auto direct = world.typed<int32_t(int32_t, int64_t, float, double)>(instance, "imported");
    CHECK(must(direct.call(world.store, 1, 1, 1, 1)) == 4);
    CHECK(calls == 2);
    const auto swapped =
        must(world.typed<Values<int64_t, int32_t>(int32_t, int64_t)>(instance, "swap")
                 .call(world.store, 5, -6));
    CHECK(swapped.get<0>() == -6);
    CHECK(swapped.get<1>() == 5);
    CHECK(error_of(world.typed<void()>(instance, "fail").call(world.store)) == Error::host_failure);
    const auto refs = world.typed<ExternRef(ExternRef)>(instance, "next");
    CHECK(must(refs.call(world.store, ExternRef::of(~uint64_t{0} - 2))).value == ~uint64_t{0});
    CHECK(must(refs.call(world.store, ExternRef::null())).is_null);
    for (uint64_t i = 0; i < 1000; ++i)
      CHECK(must(refs.call(world.store, ExternRef::of(i))).value == i + 2);
  });
}

TEST_CASE("untyped host functions, wrapped into a store") {
  World world;
  const ValType params[] = {ValType::i32(), ValType::externref(), ValType::i64()};
  const ValType results[] = {ValType::i64(), ValType::externref()};
  const UntypedHostFunction function = [](Caller&, std::span<const Val> args,
                                          std::span<Val> out) -> Result<void> {
    out[0] = Val::i64(args[0].as_i32() + args[2].as_i64());
    out[1] = args[1];
    return {};
  };
  const Func func = must(Func::wrap(world.store, HostFunc::untyped(params, results, function)));
  const Val args[] = {Val::i32(1), Val::extern_ref(ExternRef::of(99)), Val::i64(2)};
  Val out[2];
  must(func.call(world.store, args, out));
  CHECK(out[0].as_i64() == 3);
  CHECK(out[1].as_extern().value == 99);
  CHECK(must(Func::wrap(world.store, HostFunc::untyped(params, results, function))) == func);

  const UntypedHostFunction wrong = [](Caller&, std::span<const Val>,
                                       std::span<Val> out_of_wrong) -> Result<void> {
    out_of_wrong[0] = Val::i32(0);
    return {};
  };
  const Func bad = must(Func::wrap(world.store, HostFunc::untyped(params, results, wrong)));
  CHECK(error_of(bad.call(world.store, args, out)) == Error::wrong_type);
}

TEST_CASE("a store is busy while one of its calls runs") {
  World world;
  struct Context {
    Store* store;
    Instance instance;
    Error close = Error::none;
    Error release = Error::none;
  } context{&world.store, {}};
  Result<void> (*const close)(Caller&) = [](Caller& caller) -> Result<void> {
    Context& seen = *static_cast<Context*>(caller.context());
    seen.close = seen.store->close().error();
    seen.release = seen.instance.release(caller).error();
    return {};
  };
  must(world.linker.define_func("env", "close", close, &context));
  ModuleBuilder builder;
  const uint32_t type = builder.type({}, {});
  builder.import_func("env", "close", type);
  builder.export_func("run", builder.func(type, call(0)));
  context.instance = world.instantiate(builder.build());
  must(world.typed<void()>(context.instance, "run").call(world.store));
  CHECK(context.close == Error::busy);
  CHECK(context.release == Error::busy);
  must(world.store.close());
}
