#include "tests/runtime/runtime_test.h"

using namespace ebb;
using namespace ebb::testing;

namespace {

TableType table_of(ValType element, uint64_t min, uint64_t max) {
  TableType type;
  type.element = element;
  type.limits = {.min = min, .max = max, .has_max = true};
  return type;
}

Result<int32_t> one(Caller&) { return 1; }

} // namespace

TEST_CASE("tables hold references and grow up to their maximum") {
  World world;
  const Func func = must(Func::wrap(world.store, HostFunc::of(&one)));
  const Table table =
      must(Table::create(world.store, table_of(ValType::funcref(), 2, 4), Val::null_func()));
  CHECK(must(table.get(world.store, 0)).is_null());
  must(table.set(world.store, 1, Val::func(func)));
  CHECK(must(table.get(world.store, 1)).as_func() == func);
  CHECK(error_of(table.set(world.store, 2, Val::func(func))) == Error::out_of_range);
  CHECK(error_of(table.set(world.store, 0, Val::null_extern())) == Error::wrong_type);
  CHECK(must(table.grow(world.store, 2, Val::func(func))) == 2);
  CHECK(must(table.get(world.store, 3)).as_func() == func);
  CHECK(error_of(table.grow(world.store, 1, Val::func(func))) == Error::out_of_memory);
  CHECK(world.store.diagnostic().cause == RefusalCause::declared_maximum);
  CHECK(must(table.size(world.store)) == 4);
}

TEST_CASE("external references come back as they were while something holds them") {
  World world;
  const Table table = must(Table::create(world.store, table_of(ValType::externref(), 3, 3),
                                         Val::extern_ref(ExternRef::of(7))));
  const Global global = must(
      Global::create(world.store, {ValType::externref(), true}, Val::extern_ref(ExternRef::of(8))));
  must(table.set(world.store, 1, Val::extern_ref(ExternRef::of(9))));
  // Far more than there is room for: what is overwritten is reclaimed.
  const HeapStats before = world.store.stats();
  for (uint64_t i = 0; i < 100000; ++i)
    must(table.set(world.store, 2, Val::extern_ref(ExternRef::of(i))));
  CHECK(world.store.stats().used <= before.used + 1024);
  CHECK(must(table.get(world.store, 0)).as_extern().value == 7);
  CHECK(must(table.get(world.store, 1)).as_extern().value == 9);
  CHECK(must(table.get(world.store, 2)).as_extern().value == 99999);
  CHECK(must(global.get(world.store)).as_extern().value == 8);
}

TEST_CASE("globals keep their type and mutability") {
  World world;
  const Global fixed = must(Global::create(world.store, {ValType::i64(), false}, Val::i64(-5)));
  CHECK(must(fixed.get(world.store)).as_i64() == -5);
  CHECK(error_of(fixed.set(world.store, Val::i64(1))) == Error::global_not_mutable);
  const Global changing = must(Global::create(world.store, {ValType::f32(), true}, Val::f32(0.5f)));
  CHECK(error_of(changing.set(world.store, Val::i32(1))) == Error::wrong_type);
  must(changing.set(world.store, Val::f32(2.5f)));
  CHECK(must(changing.get(world.store)).as_f32() == 2.5f);
  const Global wide = must(Global::create(world.store, {ValType::v128(), true}, Val::v128({1, 2})));
  CHECK(must(wide.get(world.store)).as_v128() == V128{1, 2});
  CHECK(error_of(Global::create(world.store, {ValType::i32(), true}, Val::i64(1))) ==
        Error::wrong_type);
}

TEST_CASE("tags have a type, and equal ones are different tags") {
  World world;
  const ValType params[] = {ValType::i32()};
  const Tag first = must(Tag::create(world.store, params));
  const Tag second = must(Tag::create(world.store, params));
  CHECK(first != second);
  CHECK(must(first.type(world.store)).params.size() == 1);
}
