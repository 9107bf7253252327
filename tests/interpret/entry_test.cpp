// Entries of functions clear the locals that may be read before they are set, perhaps some slots
// more, and nothing that anybody still needs: functions with many shapes of frame, called where
// other frames have been and close below the references of their callers.
#include "tests/runtime/runtime_test.h"

#include <doctest/doctest.h>

#include <string>

namespace ebb {
namespace {

using testing::Bytes;
using testing::ModuleBuilder;
using testing::operator+;
using testing::operator+=;

struct Shape {
  uint8_t params, set_first, ints, floats;
};

/// A body of (i32 depth, funcref, i64…) -> i64: the sum of its parameters and of all locals, which
/// nobody has set, and of what it returns with a lower depth, or the leaf where that is zero; a
/// thousand is added each time that the reference turns out to be null. Before it calls it writes
/// all of its locals.
Bytes recursive_body(const Shape& shape, uint32_t self, uint32_t leaf) {
  constexpr uint8_t depth = 0, reference = 1, first_param = 2;
  constexpr uint8_t i64_const = 0x42, f64_const = 0x44, get = 0x20, set = 0x21;
  const Bytes add_thousand_if_null = {get,  reference, 0xd1, 0xad, i64_const,
                                      0xe8, 0x07,      0x7e, 0x7c};
  const uint8_t locals = static_cast<uint8_t>(first_param + shape.params);
  const uint8_t ints = static_cast<uint8_t>(locals + shape.set_first);
  const uint8_t floats = static_cast<uint8_t>(ints + shape.ints);
  const uint8_t end = static_cast<uint8_t>(floats + shape.floats);
  Bytes code;
  for (uint8_t local = locals; local < ints; local++)
    code += Bytes{i64_const, 7, set, local};
  code += Bytes{i64_const, 0};
  for (uint8_t local = first_param; local < locals; local++)
    code += Bytes{get, local, 0x7c};
  for (uint8_t local = ints; local < floats; local++)
    code += Bytes{get, local, 0x7c};
  for (uint8_t local = floats; local < end; local++)
    code += Bytes{get, local, 0xbd, 0x7c};
  for (uint8_t local = locals; local < floats; local++)
    code += Bytes{i64_const, 0x7f, set, local};
  for (uint8_t local = floats; local < end; local++)
    code += Bytes{f64_const, 1, 2, 3, 4, 5, 6, 7, 8, set, local};
  code += add_thousand_if_null;
  code += Bytes{get, depth, 0x04, testing::i64}; // if
  code += Bytes{get, depth, 0x41, 1, 0x6b, get, reference};
  for (uint8_t local = first_param; local < locals; local++)
    code += Bytes{get, local};
  code += Bytes{0x10} + testing::leb(self);
  code += Bytes{0x05, 0x10} + testing::leb(leaf) + Bytes{0x0b, 0x7c}; // else, end, i64.add
  return code + add_thousand_if_null;
}

/// A body of () -> i64, whose frame ends close behind its locals: their sum.
Bytes leaf_body(const Shape& shape) {
  Bytes code = {0x20, 0};
  for (uint8_t local = 1; local < shape.ints; local++)
    code += Bytes{0x20, local, 0x7c};
  for (uint8_t i = 0; i < shape.floats; i++)
    code += Bytes{0x20, static_cast<uint8_t>(shape.ints + i), 0xbd, 0x7c};
  return code;
}

TEST_CASE("entries clear what may be read, and nothing else that counts") {
  constexpr uint8_t funcref = 0x70;
  std::vector<Shape> shapes;
  for (const uint8_t params : Bytes{0, 1, 3})
    for (const uint8_t set_first : Bytes{0, 6})
      for (uint8_t ints = 1; ints < 27; ints++)
        for (const uint8_t floats : Bytes{0, 1, 3})
          shapes.push_back({params, set_first, ints, floats});
  ModuleBuilder builder;
  const uint32_t run_type = builder.type({testing::i32}, {testing::i64});
  const uint32_t leaf_type = builder.type({}, {testing::i64});
  for (size_t i = 0; i < shapes.size(); i++) {
    const Shape& shape = shapes[i];
    Bytes types = {testing::i32, funcref};
    for (uint8_t param = 0; param < shape.params; param++)
      types += Bytes{testing::i64};
    const uint32_t leaf = static_cast<uint32_t>(3 * i), self = leaf + 1;
    builder.func(leaf_type, leaf_body(shape),
                 {2, shape.ints, testing::i64, shape.floats, testing::f64});
    builder.func(builder.type(types, {testing::i64}), recursive_body(shape, self, leaf),
                 {2, static_cast<uint8_t>(shape.set_first + shape.ints), testing::i64, shape.floats,
                  testing::f64});
    Bytes call = {0x20, 0, 0xd2};
    call += testing::leb(self);
    for (uint8_t param = 0; param < shape.params; param++)
      call += Bytes{0x42, static_cast<uint8_t>(param + 5)};
    builder.export_func(std::to_string(i),
                        builder.func(run_type, call + Bytes{0x10} + testing::leb(self)));
    builder.export_func("self" + std::to_string(i), self); // So that ref.func may name it.
  }
  const Bytes module = builder.build();
  testing::in_both_encodings([&](Config config) {
    for (const bool is_metered : {false, true}) {
      config.fuel = is_metered;
      config.stack_bytes_max = size_t{8} * 1024;
      testing::World world(config);
      if (is_metered) world.store.set_fuel(1'000'000'000);
      const Instance instance = world.instantiate(module);
      for (size_t i = 0; i < shapes.size(); i++) {
        CAPTURE(i);
        const auto run = world.typed<int64_t(int32_t)>(instance, std::to_string(i).c_str());
        int64_t sum = 0;
        for (uint8_t param = 0; param < shapes[i].params; param++)
          sum += param + 5;
        // Until the frames and the references meet.
        for (int32_t depth = 0;; depth++) {
          const Result<int64_t> found = run.call(world.store, depth);
          if (!found.ok()) {
            CHECK(found.error() == Error::call_stack_exhausted);
            CHECK(depth > 4);
            break;
          }
          CHECK(found.value() == sum * (depth + 1));
        }
      }
    }
  });
}

} // namespace
} // namespace ebb
