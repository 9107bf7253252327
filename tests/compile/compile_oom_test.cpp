// Compilation with requests refused, over code that brings each of the compiler's ways about, and
// frames that are as large as they may be.
#include "tests/needs.h"
#include "tests/runtime/runtime_scenarios.h"

#include <vector>

using namespace ebb;
using namespace ebb::testing;

namespace {

constexpr uint8_t add = 0x6a;
constexpr uint8_t drop = 0x1a;
constexpr uint8_t end = 0x0b;

/// A sum, which is in the accumulator then.
Bytes sum() { return local_get(0) + local_get(0) + Bytes{add}; }

/// Instructions with a value below them that waits in the accumulator, and with constants, vectors
/// and references where others mostly have locals.
Bytes waiting_values() {
  ModuleBuilder m;
  const uint32_t type = m.type({testing::i32}, {testing::i32});
  const uint32_t refs = m.type({externref, v128}, {});
  const uint32_t many = m.type({}, {testing::i32, testing::i32});
  m.memory({0, 1}).memory({0, 1}).memory({4, 1}).table({funcref, 0, 1}).table({externref, 0, 1});
  m.global(v128, true, Bytes{0xfd, 0x0c} + Bytes(16, 1)).global(externref, true, {0xd0, externref});
  m.global(testing::i32, true, i32_const(0));
  const Bytes passive_elem = {1, 0, 0};
  m.elem(passive_elem).data({1, 1, 9});
  const std::vector<Bytes> with_sum = {
      {0xfc, 13, 0},                                                         // elem.drop
      {0xfc, 9, 0},                                                          // data.drop
      {0x3f, 0, drop},                                                       // memory.size
      {0xfc, 16, 0, drop},                                                   // table.size
      i32_const(0) + Bytes{0x40, 0, drop},                                   // memory.grow
      i32_const(0) + Bytes{0x25, 0, drop},                                   // table.get
      i32_const(0) + sum() + Bytes{0x36, 2} + leb(70000),                    // store, far offset
      sum() + sum() + Bytes{0x36, 0x42, 1, 0},                               // store to memory 1
      i64_const(0) + sum() + Bytes{0x36, 0x42, 2, 0},                        // the same, 64 bits
      sum() + Bytes{0x28, 0x42, 1, 0, drop},                                 // load from memory 1
      i32_const(3) + Bytes{0x28, 2} + leb(70000) + Bytes{drop},              // load, far offset
      i32_const(-1) + Bytes{0x28, 2} + leb(70000) + Bytes{drop},             // the same, beyond
      i32_const(-1) + sum() + Bytes{0x36, 2} + leb(70000),                   //
      i32_const(5) + i32_const(6) + i32_const(7) + Bytes{0x1b, drop},        // select
      sum() + sum() + sum() + Bytes{0x1b, drop},                             //
      sum() + Bytes{0x24, 2},                                                // global.set
      {0x23, 0, 0x24, 0},                                                    // v128 globals
      {0x23, 1, 0x24, 1},                                                    // reference globals
      {0x10, 2, drop, drop},                                                 // call
      sum() + Bytes{0x04, 0x40, end},                                        // if
      Bytes{0x02, testing::i32} + sum() + sum() + Bytes{0x0d, 0, end, drop}, // br_if with a value
      i32_const(0) + i32_const(0) + i32_const(0) + Bytes{0xfc, 10, 0, 0},    // memory.copy
      i32_const(0) + i32_const(0) + i32_const(0) + Bytes{0xfc, 14, 0, 0},    // table.copy
      {0xd0, externref, 0xd1, drop},                                         // ref.is_null
      Bytes{0x02, 0x40} + local_get(0) + Bytes{0x0d, 0} +                    // br_if, and enough
          times(40, local_get(0) + Bytes{drop}) + Bytes{end},                // for fuel of its own
      i32_const(7) + sum() + Bytes{0x6d, drop},                              // i32.div_s
      i32_const(-1) + i64_const(1LL << 40) + Bytes{0x37, 3} + leb(70000),    // i64.store
      local_get(0) + i64_const(1LL << 40) + Bytes{0x37, 3, 0},               //
      local_get(0) + i32_const(0) + Bytes{0x36, 0x42, 1, 0},                 // store to memory 1
  };
  Bytes code;
  for (const Bytes& instruction : with_sum)
    code += sum() + instruction + Bytes{drop};
  m.func(type, code + sum(), {1, 1, testing::i64});
  // Vectors and references, chosen between by a constant, a sum and a local.
  Bytes choices;
  for (const Bytes& condition : {i32_const(1), i32_const(2) + Bytes{0x45}, Bytes{0x20, 2}}) {
    choices += local_get(0) + local_get(0) + condition + Bytes{0x1c, 1, externref, drop};
    choices += local_get(1) + local_get(1) + condition + Bytes{0x1c, 1, v128, drop};
    choices += local_get(2) + Bytes{0x45} + local_get(1) + Bytes{drop, drop};
  }
  m.func(refs, choices, {1, 1, testing::i32});
  m.func(many, i32_const(1) + i32_const(2));
  return m.build();
}

/// Branches over more code than a short distance reaches, both ways.
Bytes far_branches() {
  ModuleBuilder m;
  const uint32_t type = m.type({testing::i32}, {});
  Bytes filler;
  for (int i = 0; i < 14000; ++i)
    filler += local_get(0) + i32_const(i) + Bytes{add, 0x21, 0};
  const Bytes branches = local_get(0) + Bytes{0x0d, 0} + local_get(0) + Bytes{0x45, 0x0d, 0} +
                         local_get(0) + Bytes{0x04, 0x40, 0x0c, 1, end};
  m.func(type, Bytes{0x02, 0x40} + branches + filler + Bytes{end});
  m.func(type, Bytes{0x03, 0x40} + filler + branches + Bytes{end});
  return m.build();
}

/// More globals than a short index reaches.
Bytes far_globals() {
  ModuleBuilder m;
  const uint32_t type = m.type({}, {testing::i32});
  for (int i = 0; i < 65537; ++i)
    m.global(testing::i32, true, {0x41, 0});
  const Bytes last = leb(65536);
  m.func(type, i32_const(1) + Bytes{0x24} + last + Bytes{0x23} + last);
  return m.build();
}

/// Code behind branches that is so long that it is charged for by itself.
Bytes behind_branches() {
  ModuleBuilder m;
  const uint32_t type = m.type({testing::i32}, {});
  const Bytes branch{0x20, 0, 0x0d, 0};
  const Bytes sets{0x20, 0, 0x21, 0};
  m.func(type, times(20, branch + times(60, sets)));
  return m.build();
}

template <Bytes (*module)(), bool fuel> struct Compile {
  explicit Compile(oom::Test& test) : allocator(test.allocator()), bytes(module()) {}
  Result<void> setup() {
    Config config = config_of(Config::Encoding::compact);
    config.allocator = &allocator;
    config.fixed_seed = true;
    config.fuel = fuel;
    config.keep_offsets = true;
    return keep(engine, Engine::create(config));
  }
  Result<void> act() { return keep(loaded, Module::load(*engine, bytes)); }
  uint64_t digest() const { return loaded ? oom::digest(*loaded) : 0; }

  const Allocator& allocator;
  Bytes bytes;
  std::optional<Engine> engine;
  std::optional<Module> loaded;
};

/// Of large modules, a few requests of each place in the code.
oom::Options sampled() {
  oom::Options options;
  REQUIRE(oom::read_schedule("2", options.schedule));
  return options;
}

/// What loading says to a function of so many locals of 8 bytes, with `code` under as many
/// constants as make the frame one slot short of its limit.
Error load_at_limit(const Bytes& code, uint32_t results) {
  World world;
  ModuleBuilder m;
  const uint32_t many = m.type({}, Bytes(3, testing::i32));
  const uint32_t none = m.type({}, {});
  m.memory({0, 1}).global(testing::i32, true, i32_const(0));
  m.func(many, times(3, i32_const(1)));
  constexpr uint32_t locals = 45000;
  const uint32_t operands = 65000 - 1 - locals;
  m.func(none, times(operands, i32_const(1)) + code + Bytes(operands + results, drop),
         Bytes{1} + leb(locals) + Bytes{testing::i64});
  return Module::load(world.engine, m.build()).error();
}

} // namespace

TEST_CASE("compilation survives every refusal, whatever waits in the accumulator" *
          needs_wasm_3()) {
  const oom::Report plain = oom::oom_test<Compile<waiting_values, false>>("compile");
  CHECK(plain.ok());
  CHECK(plain.requests > 20);
  CHECK(oom::oom_test<Compile<waiting_values, true>>("compile with fuel").ok());
  CHECK(oom::oom_test<Compile<behind_branches, true>>("compile behind branches with fuel").ok());
}

TEST_CASE("compilation of large functions and modules survives refusals") {
  const oom::Report branches =
      oom::oom_test<Compile<far_branches, false>>("compile far branches", sampled());
  CHECK(branches.ok());
  CHECK(branches.points > 4);
  CHECK(oom::oom_test<Compile<far_globals, false>>("compile far globals", sampled()).ok());
}

TEST_CASE("a frame is no larger than its limit, whatever makes it so" * needs_wasm_3()) {
  const Bytes one = i32_const(1);
  const Bytes call_many = call(0);
  const Bytes memory_size = {0x3f, 0};
  const Bytes global_get = {0x23, 0};
  const Bytes local_tee = {0x20, 0, 0xa7};
  CHECK(load_at_limit({}, 0) == Error::none);
  CHECK(load_at_limit(one, 1) == Error::none);
  CHECK(load_at_limit(one + one, 2) == Error::frame_too_large);
  CHECK(load_at_limit(call_many, 3) == Error::frame_too_large);
  CHECK(load_at_limit(memory_size, 1) == Error::none);
  CHECK(load_at_limit(one + memory_size, 2) == Error::frame_too_large);
  CHECK(load_at_limit(global_get, 1) == Error::none);
  CHECK(load_at_limit(one + global_get, 2) == Error::frame_too_large);
  CHECK(load_at_limit(one + local_tee, 2) == Error::frame_too_large);
  World world;
  {
    // Results need room although nothing reaches the end.
    ModuleBuilder m;
    m.func(m.type({}, {testing::i32, externref, externref, externref}), {0x00},
           Bytes{1} + leb(32499) + Bytes{v128});
    CHECK(error_of(Module::load(world.engine, m.build())) == Error::frame_too_large);
  }
  ModuleBuilder m;
  m.func(m.type({}, {}), {}, Bytes{1} + leb(40000) + Bytes{v128});
  CHECK(error_of(Module::load(world.engine, m.build())) == Error::frame_too_large);
}

TEST_CASE("an initializer of a table that is not executed is refused when its module is loaded" *
          needs_wasm_3()) {
  World world;
  const Bytes i31 = {0x41, 1, 0xfb, 0x1c, end};
  const Bytes table = Bytes{0x40, 0, 0x64, 0x6c, 0, 1} + i31;
  Diagnostic diagnostic;
  CHECK(error_of(Module::load(world.engine, header() + section(4, list({table})), &diagnostic)) ==
        Error::unsupported_gc);
}
