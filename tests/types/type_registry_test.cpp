#include "core/types/type_registry.h"
#include "tests/collections/collections_test.h"
#include "tests/needs.h"

#include <doctest/doctest.h>

#include <vector>

using namespace ebb;
using ebb::testing::PoolHeap;

namespace {

// A group with storage of its own.
struct Group {
  std::vector<SubTypeSpec> types;
  std::vector<ValType> values;
  std::vector<FieldType> fields;

  SubTypeSpec& structure(std::vector<FieldType> items) {
    SubTypeSpec spec;
    spec.kind = CompositeKind::struct_;
    spec.is_final = false;
    spec.first = static_cast<uint32_t>(fields.size());
    spec.item_count = static_cast<uint32_t>(items.size());
    fields.insert(fields.end(), items.begin(), items.end());
    types.push_back(spec);
    return types.back();
  }
  Result<TypeId> intern(TypeRegistry& registry, std::vector<TypeId>* all = nullptr) {
    std::vector<TypeId> ids(types.size());
    EBB_TRY(registry.intern({types, values, fields}, ids));
    if (all) *all = ids;
    return ids[0];
  }
};

void under(SubTypeSpec& spec, HeapType super) {
  spec.has_supertype = true;
  spec.supertype = super;
}

ValType ref_to(HeapType type) { return ValType::ref(type, true); }

void release_all(TypeRegistry& registry, const std::vector<TypeId>& ids) {
  for (TypeId id : ids)
    registry.release(id);
}

} // namespace

TEST_CASE("equal function types are one type") {
  PoolHeap base;
  {
    TypeRegistry registry(base.heap());
    const ValType values[] = {ValType::i32(), ValType::i64(), ValType::f32()};
    const TypeId a = registry.intern_function(values, 2).value();
    const TypeId b = registry.intern_function(values, 2).value();
    const TypeId c = registry.intern_function(values, 1).value();
    CHECK(a == b);
    CHECK(a != c);
    CHECK(registry.get(a).params().size() == 2);
    CHECK(registry.get(a).results()[0] == ValType::f32());
    CHECK(registry.get(c).results().size() == 2);
    CHECK(registry.group_count() == 2);
    registry.release(a);
    CHECK(registry.group_count() == 2);
    registry.release(b);
    CHECK(registry.group_count() == 1);
    registry.release(c);
    CHECK(base.heap().stats().used == 0);
  }
  CHECK(base.is_empty());
}

TEST_CASE("the tables of a registry go with its last type, and are counted no longer") {
  PoolHeap base;
  TypeRegistry registry(base.heap());
  const ValType values[] = {ValType::i32()};
  const TypeId id = registry.intern_function(values, 1).value();
  CHECK(registry.table_bytes() != 0);
  CHECK(registry.table_bytes() < base.heap().stats().used);
  registry.release(id);
  CHECK(registry.table_bytes() == 0);
  CHECK(base.heap().stats().used == 0);
}

TEST_CASE("recursive groups are compared by structure, not by the names of their own types" *
          needs_wasm_3()) {
  PoolHeap base;
  TypeRegistry registry(base.heap());
  Group recursive;
  recursive.structure({{ref_to(HeapType::recursive(0)), Packing::none, false}});
  const TypeId a = recursive.intern(registry).value();
  CHECK(recursive.intern(registry).value() == a);

  // A type that refers to that one from outside looks the same in bits once made, and is another.
  Group outside;
  outside.structure({{ref_to(HeapType::concrete(a)), Packing::none, false}});
  const TypeId b = outside.intern(registry).value();
  CHECK(a != b);
  CHECK(outside.intern(registry).value() == b);
  CHECK(recursive.intern(registry).value() == a);
  CHECK(registry.get(a).fields()[0].type == registry.get(b).fields()[0].type);
  CHECK(registry.group_count() == 2);
  release_all(registry, {a, a, a, b});
  CHECK(registry.group_count() == 2); // the other still refers to it
  registry.release(b);
  CHECK(registry.group_count() == 0);
  CHECK(base.heap().stats().used == 0);
}

TEST_CASE("subtyping looks into the list of supertypes" * needs_wasm_3()) {
  PoolHeap base;
  TypeRegistry registry(base.heap());
  Group chain;
  const FieldType field{ValType::i32(), Packing::none, false};
  chain.structure({});
  for (uint32_t i = 1; i < 64; ++i)
    under(chain.structure({field}), HeapType::recursive(i - 1));
  std::vector<TypeId> ids;
  REQUIRE(chain.intern(registry, &ids).ok());
  CHECK(registry.is_subtype(ids[63], ids[0]));
  CHECK(registry.is_subtype(ids[63], ids[62]));
  CHECK(registry.is_subtype(ids[5], ids[5]));
  CHECK(!registry.is_subtype(ids[4], ids[5]));
  CHECK(registry.matches_supertype(ids[40]));

  Group deeper;
  under(deeper.structure({field}), HeapType::concrete(ids[63]));
  CHECK(deeper.intern(registry).error() == Error::subtyping_too_deep);
  chain.structure({field});
  under(chain.types.back(), HeapType::recursive(63));
  CHECK(chain.intern(registry).error() == Error::subtyping_too_deep);

  const HeapType concrete = HeapType::concrete(ids[1]);
  CHECK(registry.is_subtype(concrete, HeapType(AbstractHeapType::struct_)));
  CHECK(registry.is_subtype(concrete, HeapType(AbstractHeapType::eq)));
  CHECK(registry.is_subtype(concrete, HeapType(AbstractHeapType::any)));
  CHECK(!registry.is_subtype(concrete, HeapType(AbstractHeapType::func)));
  CHECK(!registry.is_subtype(concrete, HeapType(AbstractHeapType::array)));
  CHECK(registry.is_subtype(HeapType(AbstractHeapType::none), concrete));
  CHECK(!registry.is_subtype(HeapType(AbstractHeapType::nofunc), concrete));
  CHECK(!registry.is_subtype(HeapType(AbstractHeapType::struct_), concrete));
  CHECK(registry.is_subtype(ValType::ref(concrete, false), ValType::ref(concrete, true)));
  CHECK(!registry.is_subtype(ValType::ref(concrete, true), ValType::ref(concrete, false)));
  CHECK(registry.top(concrete) == AbstractHeapType::any);
  release_all(registry, ids);
  CHECK(base.heap().stats().used == 0);
}

TEST_CASE("abstract heap types form four hierarchies") {
  using Abstract = AbstractHeapType;
  PoolHeap base;
  TypeRegistry registry(base.heap());
  const auto below = [&](Abstract a, Abstract b) {
    return registry.is_subtype(HeapType(a), HeapType(b));
  };
  CHECK(below(Abstract::i31, Abstract::eq));
  CHECK(below(Abstract::none, Abstract::i31));
  CHECK(below(Abstract::array, Abstract::any));
  CHECK(below(Abstract::noextern, Abstract::extern_));
  CHECK(below(Abstract::noexn, Abstract::exn));
  CHECK(below(Abstract::bottom, Abstract::nofunc));
  CHECK(!below(Abstract::any, Abstract::eq));
  CHECK(!below(Abstract::func, Abstract::any));
  CHECK(!below(Abstract::none, Abstract::func));
  CHECK(!below(Abstract::struct_, Abstract::array));
  CHECK(registry.top(Abstract::nofunc) == Abstract::func);
  CHECK(registry.top(Abstract::noexn) == Abstract::exn);
  CHECK(registry.top(Abstract::noextern) == Abstract::extern_);
}

TEST_CASE("a type must match the supertype that it declares" * needs_wasm_3()) {
  PoolHeap base;
  TypeRegistry registry(base.heap());
  const auto matches = [&](FieldType super_field, FieldType sub_field, bool is_final) {
    Group group;
    group.structure({super_field}).is_final = is_final;
    under(group.structure({sub_field, sub_field}), HeapType::recursive(0));
    std::vector<TypeId> ids;
    REQUIRE(group.intern(registry, &ids).ok());
    const bool result = registry.matches_supertype(ids[1]);
    release_all(registry, ids);
    return result;
  };
  const FieldType any{ValType::anyref(), Packing::none, false};
  const FieldType eq{ValType::eqref(), Packing::none, false};
  const FieldType mutable_any{ValType::anyref(), Packing::none, true};
  const FieldType mutable_eq{ValType::eqref(), Packing::none, true};
  const FieldType byte{ValType::i32(), Packing::i8, false};
  const FieldType word{ValType::i32(), Packing::none, false};
  CHECK(matches(any, eq, false));
  CHECK(!matches(eq, any, false));
  CHECK(!matches(any, eq, true));
  CHECK(!matches(mutable_any, mutable_eq, false));
  CHECK(matches(mutable_eq, mutable_eq, false));
  CHECK(!matches(word, byte, false));
  CHECK(!matches(any, mutable_any, false));
}

TEST_CASE("a long chain of groups is freed without recursion, and ids are used again" *
          needs_wasm_3()) {
  PoolHeap base(size_t{64} << 20);
  TypeRegistry registry(base.heap(), 12345);
  constexpr int length = 100000;
  uint32_t highest = 0;
  for (int round = 0; round < 2; ++round) {
    TypeId last;
    for (int i = 0; i < length; ++i) {
      Group group;
      group.structure(
          {{i == 0 ? ValType::i32() : ref_to(HeapType::concrete(last)), Packing::none, false}});
      const TypeId next = group.intern(registry).value();
      if (i != 0) registry.release(last);
      last = next;
      if (next.value > highest) highest = next.value;
    }
    CHECK(registry.group_count() == length);
    registry.release(last);
    CHECK(registry.group_count() == 0);
    CHECK(base.heap().stats().used == 0);
  }
  CHECK(highest < length);
}

namespace {

// Interns a group of two types above one that is there.
struct InternGroup {
  explicit InternGroup(oom::Test& test) : registry(test.heap()) {}
  ~InternGroup() {
    for (TypeId id : held)
      registry.release(id);
  }
  // As many types (20) and groups (16) as just fill the tables, so that the next one makes both
  // grow.
  Result<void> setup() {
    std::vector<ValType> values;
    for (int i = 0; i < 12; ++i) {
      held.push_back(EBB_TRY(registry.intern_function(values, 0)));
      values.push_back(ValType::i32());
    }
    for (const ValType type : {ValType::i32(), ValType::i64(), ValType::f32(), ValType::f64()}) {
      Group group;
      group.structure({{type, Packing::none, false}});
      group.structure({{type, Packing::none, true}});
      std::vector<TypeId> ids(2);
      EBB_TRY(registry.intern({group.types, group.values, group.fields}, ids));
      held.insert(held.end(), ids.begin(), ids.end());
    }
    return {};
  }
  Result<void> act() {
    Group group;
    group.structure({{ValType::i32(), Packing::none, true}});
    under(group.structure({{ValType::i32(), Packing::none, true}}), HeapType::recursive(0));
    std::vector<TypeId> ids(2);
    EBB_TRY(registry.intern({group.types, group.values, group.fields}, ids));
    held.insert(held.end(), ids.begin(), ids.end());
    return {};
  }
  uint64_t digest() const { return registry.group_count() * 100 + held.size(); }

  TypeRegistry registry;
  std::vector<TypeId> held;
};

} // namespace

TEST_CASE("interning survives every refusal") {
  const oom::Report report = oom::oom_test<InternGroup>("intern");
  CHECK(report.ok());
  CHECK(report.requests == 3);
}
