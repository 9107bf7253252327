// Threaded code, whose forms name pins or do without, computes what compact code does: random bodies
// of every plain instruction, whose operands and results are local variables that are used much or
// little, constants and values of other instructions.
#include "tests/runtime/runtime_test.h"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

namespace ebb {
namespace {

using testing::Bytes;
using testing::ModuleBuilder;

/// The instructions of a type: the first and last opcodes of those with two operands, with one, and
/// of comparisons; loads and stores.
struct Instructions {
  uint8_t type, const_opcode;
  uint8_t binary[2], unary[2], compare[2];
  std::vector<uint8_t> loads, stores;
};

const Instructions all_types[] = {
    {testing::i32, 0x41, {0x6a, 0x78}, {0x67, 0x69}, {0x46, 0x4f}, {0x28, 0x2c, 0x2d, 0x2e, 0x2f},
     {0x36, 0x3a, 0x3b}},
    {testing::i64, 0x42, {0x7c, 0x8a}, {0x79, 0x7b}, {0x51, 0x5a},
     {0x29, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35}, {0x37, 0x3c, 0x3d, 0x3e}},
    // Without copysign, which looks at the sign of a NaN.
    {testing::f32, 0x43, {0x92, 0x97}, {0x8b, 0x91}, {0x5b, 0x60}, {0x2a}, {0x38}},
    {testing::f64, 0x44, {0xa0, 0xa5}, {0x99, 0x9f}, {0x61, 0x66}, {0x2b}, {0x39}},
};

/// Bodies of (i32 address, T, T, T, T) -> i64.
class Bodies {
public:
  static constexpr uint8_t address = 0, first = 1, values = 4, rounds = 5;

  Bodies(const Instructions& of, uint32_t seed) : of_(of), random_(seed) {}

  Bytes make() {
    code_.clear();
    favorite_ = pick(values);
    second_ = pick(values);
    add({0x41, 3, 0x21, rounds, 0x03, 0x40}); // Three rounds of a loop.
    for (uint32_t left = 12; left > 0; left--)
      put_statement();
    // rounds + -1 and a branch on it
    add({0x20, rounds, 0x41, 0x7f, 0x6a, 0x22, rounds, 0x0d, 0, 0x0b});
    add({0x20, address, 0xad}); // i64.extend_i32_u
    for (uint8_t i = 0; i < values; i++)
      put_bits(static_cast<uint8_t>(first + i));
    return code_;
  }

private:
  uint32_t pick(uint32_t below) { return static_cast<uint32_t>(random_() >> 4) % below; }
  uint8_t one_of(const std::vector<uint8_t>& opcodes) {
    return opcodes[pick(static_cast<uint32_t>(opcodes.size()))];
  }
  uint8_t between(const uint8_t (&range)[2]) {
    return static_cast<uint8_t>(range[0] + pick(range[1] - range[0] + 1u));
  }
  void add(const Bytes& bytes) { code_.insert(code_.end(), bytes.begin(), bytes.end()); }

  uint8_t some_local() {
    const uint32_t which = pick(8);
    return static_cast<uint8_t>(first + (which < 3 ? favorite_ : which < 6 ? second_ : pick(values)));
  }

  void put_constant(bool is_divisor) {
    add({of_.const_opcode});
    if (of_.type == testing::i32 || of_.type == testing::i64) {
      const int64_t wide = of_.type == testing::i64 ? int64_t{0x123456789} : int64_t{0x12345};
      const int64_t some[] = {1, 3, 7, 64, 255, 1000, wide};
      add(testing::sleb(some[pick(7)] * (is_divisor || pick(3) != 0 ? 1 : -1)));
      return;
    }
    const double number = 0.75 * (1 + pick(5)) - 2;
    uint8_t bytes[8];
    const float narrow = static_cast<float>(number);
    const bool is_narrow = of_.type == testing::f32;
    memcpy(bytes, is_narrow ? static_cast<const void*>(&narrow) : &number, is_narrow ? 4 : 8);
    for (uint32_t i = 0; i < (is_narrow ? 4u : 8u); i++)
      add({bytes[i]});
  }

  void put_operand(uint32_t depth) {
    const uint32_t which = pick(10);
    if (which < 6 || depth == 0) return add({0x20, some_local()});
    if (which < 8) return put_constant(false);
    put_value(depth - 1);
  }

  static bool divides(uint8_t opcode) {
    return (opcode >= 0x6d && opcode <= 0x70) || (opcode >= 0x7f && opcode <= 0x82);
  }

  void put_binary(uint32_t depth, uint8_t opcode) {
    put_operand(depth);
    if (divides(opcode))
      put_constant(true);
    else
      put_operand(depth);
    add({opcode});
  }

  /// An address, and the offset of what is there.
  void put_address() {
    add({0x20, address});
    if (pick(3) == 0) add({0x41, 8, 0x6a}); // plus 8
  }
  void put_offset() { add({0, static_cast<uint8_t>(pick(2) * 16)}); }

  void put_value(uint32_t depth) {
    switch (pick(8)) {
    case 0:
      put_operand(depth);
      return add({between(of_.unary)});
    case 1:
      put_address();
      add({one_of(of_.loads)});
      return put_offset();
    case 2:
      put_operand(depth);
      put_operand(depth);
      put_condition(depth);
      return add({0x1b}); // select
    default:
      return put_binary(depth, between(of_.binary));
    }
  }

  void put_condition(uint32_t depth) {
    if (pick(4) == 0) return add({0x20, address, 0x41, 8, 0x71}); // address & 8
    put_binary(depth, between(of_.compare));
  }

  void put_statement() {
    switch (pick(9)) {
    case 0:
      put_address();
      put_operand(1);
      add({one_of(of_.stores)});
      return put_offset();
    case 1: // address = (address + 8) & 0xf8
      return add({0x20, address, 0x41, 8, 0x6a, 0x41, 0xf8, 0x01, 0x71, 0x21, address});
    case 2:
    case 3: // Over a statement, where something holds.
      add({0x02, 0x40});
      put_condition(1);
      add({0x0d, 0});
      put_value(1);
      return add({0x21, some_local(), 0x0b});
    case 4:
      return add({0x20, some_local(), 0x21, some_local()});
    case 5:
      put_constant(false);
      return add({0x21, some_local()});
    default:
      put_value(2);
      return add({0x21, some_local()});
    }
  }

  /// Adds a local's bits to the result; those of all NaNs are the same, since which one is computed
  /// is not specified.
  void put_bits(uint8_t local) {
    add({0x42, 31, 0x7e}); // i64.const, mul
    add({0x20, local});
    if (of_.type == testing::i32) add({0xad});
    if (of_.type == testing::f32) add({0xbc, 0xad, 0x20, local, 0x20, local, 0x5b, 0xad, 0x7e});
    if (of_.type == testing::f64) add({0xbd, 0x20, local, 0x20, local, 0x61, 0xad, 0x7e});
    add({0x7c});
  }

  const Instructions& of_;
  std::minstd_rand random_;
  uint32_t favorite_ = 0, second_ = 0;
  Bytes code_;
};

enum class Way : uint8_t { plain, interruption, fuel };

template <class T> struct Runs {
  const Bytes& module;
  uint32_t functions;

  std::vector<int64_t> results(Config::Encoding encoding, Way way) const {
    Config config = testing::config_of(encoding);
    config.fuel = way == Way::fuel;
    config.interruption = way == Way::interruption;
    testing::World world(config);
    if (way == Way::fuel) world.store.set_fuel(1'000'000'000);
    const Instance instance = world.instantiate(module);
    std::vector<int64_t> found;
    for (uint32_t i = 0; i < functions; i++) {
      const auto run =
          world.typed<int64_t(int32_t, T, T, T, T)>(instance, std::to_string(i).c_str());
      found.push_back(testing::must(run.call(world.store, 16, static_cast<T>(3),
                                             static_cast<T>(-70000), static_cast<T>(9),
                                             static_cast<T>(1))));
    }
    return found;
  }
};

template <class T> void check(const Instructions& of) {
  constexpr uint32_t functions = 400;
  CAPTURE(static_cast<int>(of.type));
  ModuleBuilder builder;
  const uint32_t type =
      builder.type({testing::i32, of.type, of.type, of.type, of.type}, {testing::i64});
  builder.memory({0, 1});
  for (uint32_t i = 0; i < functions; i++)
    builder.export_func(std::to_string(i),
                        builder.func(type, Bodies(of, i + 1).make(), {1, 1, testing::i32}));
  const Bytes module = builder.build();
  const Runs<T> runs{module, functions};
  const std::vector<int64_t> expected = runs.results(Config::Encoding::compact, Way::plain);
  for (const Way way : {Way::plain, Way::interruption, Way::fuel}) {
    CAPTURE(static_cast<int>(way));
    const std::vector<int64_t> found = runs.results(Config::Encoding::threaded, way);
    for (uint32_t i = 0; i < functions; i++) {
      CAPTURE(i);
      CHECK(found[i] == expected[i]);
    }
  }
}

TEST_CASE("operands and results in pins, or with no form for that, are those of compact code") {
  check<int32_t>(all_types[0]);
  check<int64_t>(all_types[1]);
  check<float>(all_types[2]);
  check<double>(all_types[3]);
}

} // namespace
} // namespace ebb
