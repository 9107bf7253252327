#include "core/state/store_state.h"
#include "tests/runtime/runtime_test.h"

using namespace ebb;
using namespace ebb::testing;

namespace {

StackPosition position_of(const Stack& stack, size_t records, size_t numbers, size_t refs) {
  return {stack.records + records, stack.numbers + numbers, stack.end - refs};
}

} // namespace

TEST_CASE("a stack grows by moving and keeps records, numbers and references") {
  World world;
  StoreState& state = world.store.state();
  Stack& stack = state.stack;
  StackPosition position{};
  REQUIRE(stack_reserve(state, position, 10, 10).ok());
  CHECK(stack.bytes() >= Stack::bytes_initial);
  CHECK(reinterpret_cast<uintptr_t>(stack.numbers) % 8 == 0);
  for (size_t round = 0; round < 8; ++round) {
    const size_t records = static_cast<size_t>(stack.records_end - stack.records) - 4;
    const size_t slots = static_cast<size_t>(stack.end - stack.numbers);
    const size_t numbers = slots / 2;
    const size_t refs = slots - numbers;
    for (size_t i = 0; i < records; ++i)
      stack.records[i].return_pc = reinterpret_cast<const uint8_t*>(i + 1);
    for (size_t i = 0; i < numbers; ++i)
      stack.numbers[i] = i;
    for (size_t i = 1; i <= refs; ++i)
      *(stack.end - i) = ~uint64_t{i};
    position = position_of(stack, records, numbers, refs);
    const size_t before = stack.bytes();
    REQUIRE(stack_reserve(state, position, 1, 1).ok());
    CHECK(stack.bytes() > before);
    CHECK(position.record == stack.records + records);
    CHECK(position.numbers == stack.numbers + numbers);
    CHECK(position.refs == stack.end - refs);
    bool is_kept = true;
    for (size_t i = 0; i < records; ++i)
      is_kept &= stack.records[i].return_pc == reinterpret_cast<const uint8_t*>(i + 1);
    for (size_t i = 0; i < numbers; ++i)
      is_kept &= stack.numbers[i] == i;
    for (size_t i = 1; i <= refs; ++i)
      is_kept &= *(stack.end - i) == ~uint64_t{i};
    CHECK(is_kept);
  }
}

TEST_CASE("a stack ends at its limit exactly") {
  Config config;
  config.stack_bytes_max = 10000;
  World world(config);
  StoreState& state = world.store.state();
  StackPosition position{};
  REQUIRE(stack_reserve(state, position, 1, 0).ok());
  const auto reserve = [&](size_t numbers, size_t refs) {
    StackPosition from = position_of(state.stack, 0, 0, 0);
    return stack_reserve(state, from, numbers, refs).error();
  };
  CHECK(reserve(5000, 5000) == Error::call_stack_exhausted);
  CHECK(reserve(900, 0) == Error::none);
  CHECK(state.stack.bytes() == 10000);
  CHECK(reserve(400, 500) == Error::none);
  CHECK(reserve(500, 500) == Error::call_stack_exhausted);
  CHECK(reserve(SIZE_MAX / 2, SIZE_MAX / 2) == Error::call_stack_exhausted);
}
