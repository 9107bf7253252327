// What two bytes in the code cannot say: branches, offsets, immediates and indices that lead far.
// Every module runs in both encodings, compiled here and precompiled.
#include "tests/artifact/artifacts.h"
#include "tests/needs.h"

using namespace ebb;
using namespace ebb::testing;

namespace {

/// Instantiates a module as .wasm and as .ebb of each profile, in each encoding, and hands it over.
template <class Body> void in_all_ways(const Bytes& wasm, Body&& check) {
  in_both_encodings([&](Config config) {
    World world(config);
    check(world, world.instantiate(wasm));
    for (const CompileSettings::Profile profile :
         {CompileSettings::Profile::narrow, CompileSettings::Profile::wide}) {
      if (profile == CompileSettings::Profile::wide && sizeof(void*) < 8) continue;
      CompileSettings settings;
      settings.profile = profile;
      const Aligned bytes(compiled(world.engine, wasm, settings));
      World other(config);
      const Module module = must(Module::load_borrowed(other.engine, bytes.span()));
      check(other, must(other.linker.instantiate(other.store, module)));
    }
  });
}

/// Some 80 KiB of code that changes an i32 local.
constexpr int filler_rounds = 5000;
Bytes filler(uint32_t local) {
  Bytes code;
  for (int i = 0; i < filler_rounds; ++i)
    code += local_get(local) + i32_const(7) + Bytes{0x6c} + i32_const(i) + Bytes{0x6a, 0x21} +
            leb(local);
  return code;
}
uint32_t filled(uint32_t value) {
  for (int i = 0; i < filler_rounds; ++i)
    value = value * 7 + static_cast<uint32_t>(i);
  return value;
}

/// What the function of the first test computes.
uint32_t walked(uint32_t which) {
  uint32_t value = 0;
  for (int round = 0; round < 3; ++round) {
    const bool to_end = which == 1 || which == 3;
    const bool to_middle = which == 0 || which == 2;
    if (to_end) continue;
    if (!to_middle) value = filled(value);
    value = filled(value + 1000);
  }
  return value;
}

} // namespace

TEST_CASE("branches lead as far as a function is long") {
  ModuleBuilder m;
  m.type({i32}, {i32});
  // loop, block $end, block $middle: a br_if to each, and a br_table to either or the next line.
  const Bytes code = Bytes{0x03, 0x40, 0x02, 0x40, 0x02, 0x40} + local_get(0) +
                     Bytes{0x45, 0x0d, 0} + local_get(0) + i32_const(1) + Bytes{0x46, 0x0d, 1} +
                     Bytes{0x02, 0x40} + local_get(0) + i32_const(2) +
                     Bytes{0x6b, 0x0e, 2, 1, 2, 0, 0x0b} + filler(1) + Bytes{0x0b} + local_get(1) +
                     i32_const(1000) + Bytes{0x6a, 0x21, 1} + filler(1) + Bytes{0x0b} +
                     local_get(2) + i32_const(1) + Bytes{0x6a, 0x22, 2} + i32_const(3) +
                     Bytes{0x49, 0x0d, 0, 0x0b} + local_get(1);
  m.export_func("walk", m.func(0, code, {1, 2, i32}));
  in_all_ways(m.build(), [](World& world, const Instance& instance) {
    auto walk = world.typed<int32_t(int32_t)>(instance, "walk");
    for (uint32_t which = 0; which < 6; ++which)
      CHECK(static_cast<uint32_t>(must(walk.call(world.store, static_cast<int32_t>(which)))) ==
            walked(which));
  });
}

TEST_CASE("values are carried far, and null is tested there" * needs_wasm_3()) {
  ModuleBuilder m;
  m.type({i32}, {i32});
  m.type({i32, externref}, {i32});
  // block (result i32): what br_if carries lies above another value, so that it must be moved.
  const Bytes code = Bytes{0x02, i32} + i32_const(9) + i32_const(5) + local_get(0) +
                     Bytes{0x0d, 0, 0x1a, 0x1a, 0x02, 0x40} + local_get(1) + Bytes{0xd5, 0, 0x1a} +
                     filler(2) + Bytes{0x0b} + filler(2) + local_get(2) + Bytes{0x0b};
  const uint32_t inner = m.func(1, code, {1, 1, i32});
  m.export_func("null", m.func(0, local_get(0) + Bytes{0xd0, externref} + call(inner)));
  m.table({externref, 0, 1});
  in_all_ways(m.build(), [](World& world, const Instance& instance) {
    auto null = world.typed<int32_t(int32_t)>(instance, "null");
    CHECK(must(null.call(world.store, 1)) == 5);
    CHECK(static_cast<uint32_t>(must(null.call(world.store, 0))) == filled(0));
  });
}

TEST_CASE("loads and stores reach offsets of four bytes") {
  constexpr uint32_t far = 70000;
  const auto access = [](uint8_t opcode, uint32_t offset) {
    return Bytes{opcode, 0} + leb(offset);
  };
  const auto type_of = [](uint8_t opcode) {
    constexpr uint8_t loads[] = {i32, i64, f32, f64, i32, i32, i32,
                                 i32, i64, i64, i64, i64, i64, i64};
    constexpr uint8_t stores[] = {i32, i64, f32, f64, i32, i32, i64, i64, i64};
    return opcode < 0x36 ? loads[opcode - 0x28] : stores[opcode - 0x36];
  };
  const auto as_i64 = [](uint8_t type) {
    return type == i32   ? Bytes{0xad}
           : type == f32 ? Bytes{0xbc, 0xad}
           : type == f64 ? Bytes{0xbd}
                         : Bytes{};
  };
  const auto from_i64 = [](uint8_t type) {
    return type == i32   ? Bytes{0xa7}
           : type == f32 ? Bytes{0xa7, 0xbe}
           : type == f64 ? Bytes{0xbf}
                         : Bytes{};
  };
  ModuleBuilder m;
  m.memory({1, 2, 2});
  m.type({i32}, {i64});
  m.type({i32, i64}, {});
  std::string name = "l  ";
  for (uint8_t op = 0x28; op < 0x36; ++op) {
    const Bytes convert = as_i64(type_of(op));
    name[2] = static_cast<char>(op);
    name[1] = 'f'; // the address in a local, then from a sum, then far without an offset
    m.export_func(name, m.func(0, local_get(0) + access(op, far) + convert));
    name[1] = 's';
    m.export_func(
        name, m.func(0, local_get(0) + i32_const(8) + Bytes{0x6a} + access(op, far - 8) + convert));
    name[1] = 'n';
    m.export_func(name,
                  m.func(0, local_get(0) + i32_const(far) + Bytes{0x6a} + access(op, 0) + convert));
    name[1] = 'c'; // a constant address
    m.export_func(name, m.func(0, i32_const(16) + access(op, far) + convert));
    name[1] = 'o'; // beyond 4 GiB
    m.export_func(name, m.func(0, i32_const(-1) + access(op, 4) + convert));
  }
  name[0] = 's';
  for (uint8_t op = 0x36; op < 0x3f; ++op) {
    const Bytes value = local_get(1) + from_i64(type_of(op));
    name[2] = static_cast<char>(op);
    name[1] = 'f';
    m.export_func(name, m.func(1, local_get(0) + value + access(op, far)));
    name[1] = 's';
    m.export_func(
        name, m.func(1, local_get(0) + i32_const(8) + Bytes{0x6a} + value + access(op, far - 8)));
    name[1] = 'n';
    m.export_func(name,
                  m.func(1, local_get(0) + i32_const(far) + Bytes{0x6a} + value + access(op, 0)));
    name[1] = 'c';
    m.export_func(name, m.func(1, i32_const(16) + value + access(op, far)));
    name[1] = 'o';
    m.export_func(name, m.func(1, i32_const(-1) + value + access(op, 4)));
  }
  in_all_ways(m.build(), [](World& world, const Instance& instance) {
    std::string call = "   ";
    const auto load = [&](char which, char op, int32_t at) {
      call[0] = 'l', call[1] = which, call[2] = op;
      return world.typed<int64_t(int32_t)>(instance, call.c_str()).call(world.store, at);
    };
    const auto store = [&](char which, char op, int32_t at, int64_t value) {
      call[0] = 's', call[1] = which, call[2] = op;
      return world.typed<void(int32_t, int64_t)>(instance, call.c_str())
          .call(world.store, at, value);
    };
    constexpr int64_t pattern = 0x3ff1f2f3f4a5a6a7;
    for (char op = 0x36; op < 0x3f; ++op) {
      CAPTURE(int{op});
      // What is written near is what is written in each of the other ways.
      const auto written = [&](char which) {
        must(store('n', 0x37, 16, pattern));
        must(store(which, op, 16, ~pattern));
        return must(load('n', 0x29, 16));
      };
      const int64_t expected = written('n');
      CHECK(expected != pattern);
      for (const char which : {'f', 's', 'c'})
        CHECK(written(which) == expected);
      for (const int32_t beyond : {int32_t{131072 - far}, -1})
        CHECK(error_of(store('f', op, beyond, 0)) == Error::out_of_bounds_memory_access);
      CHECK(error_of(store('o', op, 0, 0)) == Error::out_of_bounds_memory_access);
    }
    must(store('n', 0x37, 16, pattern));
    for (char op = 0x28; op < 0x36; ++op) {
      CAPTURE(int{op});
      const int64_t expected = must(load('n', op, 16));
      CHECK(expected != 0);
      for (const char which : {'f', 's', 'c'})
        CHECK(must(load(which, op, 16)) == expected);
      CHECK(error_of(load('f', op, 131072 - far)) == Error::out_of_bounds_memory_access);
      CHECK(error_of(load('f', op, -1)) == Error::out_of_bounds_memory_access);
      CHECK(error_of(load('o', op, 0)) == Error::out_of_bounds_memory_access);
    }
  });
}

TEST_CASE("globals and functions are named beyond 65536") {
  constexpr uint32_t many = 65540;
  ModuleBuilder m;
  m.type({i32}, {i32});
  for (uint32_t i = 0; i < many; ++i)
    m.global(i % 2 == 0 ? i32 : i64, true, i % 2 == 0 ? i32_const(5) : i64_const(int64_t{1} << 40));
  for (uint32_t i = 0; i < many; ++i)
    m.func(0, local_get(0) + i32_const(static_cast<int32_t>(i)) + Bytes{0x6a});
  const uint32_t near = 65534, far = 65538;
  const auto get = [](uint32_t index) { return Bytes{0x23} + leb(index); };
  const auto set = [](uint32_t index) { return Bytes{0x24} + leb(index); };
  Bytes code;
  for (const uint32_t at : {near, far}) {
    code += get(at) + local_get(0) + Bytes{0x6a} + set(at);
    code += get(at + 1) + i64_const(3) + Bytes{0x7c} + set(at + 1);
  }
  code += get(far) + get(far + 1) + i64_const(38) + Bytes{0x88, 0xa7, 0x6a};
  code += get(near) + get(near + 1) + i64_const(38) + Bytes{0x88, 0xa7, 0x6a, 0x6a};
  m.export_func("globals", m.func(0, code));
  m.export_func("calls", m.func(0, local_get(0) + call(near) + call(far)));
  in_all_ways(m.build(), [&](World& world, const Instance& instance) {
    auto globals = world.typed<int32_t(int32_t)>(instance, "globals");
    CHECK(must(globals.call(world.store, 10)) == 2 * (5 + 10 + 4));
    CHECK(must(globals.call(world.store, 1)) == 2 * (5 + 11 + 4));
    auto calls = world.typed<int32_t(int32_t)>(instance, "calls");
    CHECK(must(calls.call(world.store, 3)) == static_cast<int32_t>(3 + near + far));
  });
}

TEST_CASE("immediates of every size") {
  // The instructions that have immediates of four bytes, and a branch on each comparison.
  constexpr uint8_t ops[] = {0x6a, 0x6c, 0x71, 0x72, 0x73, 0x6b, 0x74, 0x46, 0x47,
                             0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f};
  constexpr int32_t values[] = {0,      1,     -1,    32767,      32768,     -32768,
                                -32769, 65535, 65536, 0x12345678, INT32_MIN, INT32_MAX};
  ModuleBuilder m;
  m.type({i32}, {i32});
  m.type({i32, i32}, {i32});
  std::string name = "  ";
  for (const uint8_t op : ops) {
    name[0] = static_cast<char>(op);
    name[1] = 'x';
    m.export_func(name, m.func(1, local_get(0) + local_get(1) + Bytes{op}));
    name[1] = 'a';
    for (const int32_t value : values) {
      // The operand in a local, then in the accumulator; the result where it is wanted, and tested.
      const Bytes sum = local_get(0) + i32_const(0) + Bytes{0x6a};
      m.export_func(name, m.func(0, local_get(0) + i32_const(value) + Bytes{op} + sum +
                                        i32_const(value) + Bytes{op, 0x6a} + local_get(0) +
                                        i32_const(value) + Bytes{op, 0x04, i32} + i32_const(70000) +
                                        Bytes{0x05} + i32_const(-70000) + Bytes{0x0b, 0x6a}));
      ++name[1];
    }
  }
  in_all_ways(m.build(), [&](World& world, const Instance& instance) {
    std::string call = "  ";
    for (const uint8_t op : ops) {
      call[0] = static_cast<char>(op);
      call[1] = 'x';
      auto plain = world.typed<int32_t(int32_t, int32_t)>(instance, call.c_str());
      call[1] = 'a';
      for (const int32_t value : values) {
        auto with = world.typed<int32_t(int32_t)>(instance, call.c_str());
        for (const int32_t x : {0, 5, -7, 40000, value}) {
          const uint32_t once = static_cast<uint32_t>(must(plain.call(world.store, x, value)));
          const uint32_t expected = 2 * once + (once != 0 ? 70000u : 0u - 70000u);
          CHECK(static_cast<uint32_t>(must(with.call(world.store, x))) == expected);
        }
        ++call[1];
      }
    }
  });
}
