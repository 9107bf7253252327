#include "core/types/val_type.h"

#include <doctest/doctest.h>

using namespace ebb;

TEST_CASE("value types keep what they are made of") {
  CHECK(ValType::i32().kind() == ValKind::i32);
  CHECK(ValType::f64().is_num());
  CHECK(!ValType::v128().is_num());
  CHECK(ValType::v128().is_v128());
  CHECK(ValType().is_bottom());
  CHECK(ValType::funcref().is_nullable());
  CHECK(ValType::funcref().heap_type() == HeapType(AbstractHeapType::func));
  const ValType concrete = ValType::ref(HeapType::concrete(TypeId{(1u << 26) - 1}), false);
  CHECK(concrete.is_ref());
  CHECK(!concrete.is_nullable());
  CHECK(!concrete.is_defaultable());
  CHECK(concrete.heap_type().is_concrete());
  CHECK(concrete.heap_type().type_id().value == (1u << 26) - 1);
  CHECK(concrete.with_nullable(true).is_defaultable());
  CHECK(concrete.with_nullable(true) != concrete);
  const HeapType recursive = HeapType::recursive(7);
  CHECK(recursive.is_recursive());
  CHECK(!recursive.is_concrete());
  CHECK(!recursive.is_abstract());
  CHECK(ValType::ref(recursive, true).heap_type().position() == 7);
}
