#include "core/state/store_state.h"
#include "tests/runtime/runtime_test.h"

#include <vector>

using namespace ebb;
using namespace ebb::testing;

TEST_CASE("references of functions and of the host are told apart") {
  CHECK(!is_extern_ref(null_ref));
  CHECK(is_extern_ref(extern_ref_bits(0)));
  CHECK(extern_ref_index(extern_ref_bits(7)) == 7);
  CHECK(!is_extern_ref(FuncRef{1, 5}.bits()));
  CHECK(FuncRef::from_bits(extern_ref_bits(7)).is_null());
}

TEST_CASE("externs on the stack survive a sweep, others are reused") {
  World world;
  StoreState& state = world.store.state();
  StackPosition position{};
  REQUIRE(stack_reserve(state, position, 1, 8).ok());
  REQUIRE(externs_reserve(state, 40).ok());
  std::vector<RefBits> refs;
  for (uint64_t i = 0; i < 40; ++i)
    refs.push_back(externs_add(state, 1000 + i));
  *(state.stack.end - 1) = refs[3];
  *(state.stack.end - 2) = refs[39];
  state.position.refs = 2;
  const size_t size = state.externs.size();
  externs_sweep(state);
  CHECK(state.externs_free == size - 2);
  CHECK(state.externs[extern_ref_index(refs[39])] == 1039);
  REQUIRE(externs_reserve(state, size - 2).ok());
  CHECK(state.externs.size() == size);
  for (size_t i = 0; i < size - 2; ++i)
    static_cast<void>(externs_add(state, i));
  CHECK(state.externs[extern_ref_index(refs[3])] == 1003);
  CHECK(state.externs_free == 0);
  state.position.refs = 0;
}
