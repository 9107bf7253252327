// Subtyping: the relation of the specification's chapter on matching, over canonical types.
#include "core/types/type_registry.h"

#include <initializer_list>

namespace ebb {
namespace {

using Abstract = AbstractHeapType;

constexpr uint32_t bit(Abstract type) { return 1u << static_cast<unsigned>(type); }

constexpr uint32_t any_bit = bit(Abstract::any);
constexpr uint32_t eq_bits = bit(Abstract::eq) | any_bit;
constexpr uint32_t struct_bits = bit(Abstract::struct_) | eq_bits;
constexpr uint32_t array_bits = bit(Abstract::array) | eq_bits;
constexpr uint32_t i31_bits = bit(Abstract::i31) | eq_bits;

// For each abstract heap type those above it, itself included, by the order of the enumeration.
constexpr uint32_t abstract_supertypes[] = {
    any_bit,
    eq_bits,
    i31_bits,
    struct_bits,
    array_bits,
    bit(Abstract::none) | struct_bits | array_bits | i31_bits,
    bit(Abstract::func),
    bit(Abstract::nofunc) | bit(Abstract::func),
    bit(Abstract::extern_),
    bit(Abstract::noextern) | bit(Abstract::extern_),
    bit(Abstract::exn),
    bit(Abstract::noexn) | bit(Abstract::exn),
    UINT32_MAX,
};
static_assert(sizeof(abstract_supertypes) / sizeof(uint32_t) ==
              static_cast<size_t>(Abstract::bottom) + 1);

constexpr bool is_above(Abstract super, Abstract sub) {
  return (abstract_supertypes[static_cast<size_t>(sub)] & bit(super)) != 0;
}

constexpr Abstract abstract_of(CompositeKind kind) {
  switch (kind) {
  case CompositeKind::func:
    return Abstract::func;
  case CompositeKind::struct_:
    return Abstract::struct_;
  case CompositeKind::array:
    return Abstract::array;
  }
  EBB_UNREACHABLE();
}

} // namespace

bool TypeRegistry::is_subtype(HeapType sub, HeapType super) const {
  if (sub == super) return true;
  if (sub.is_concrete() && super.is_concrete()) return is_subtype(sub.type_id(), super.type_id());
  if (super.is_abstract()) {
    const Abstract below =
        sub.is_abstract() ? sub.abstract() : abstract_of(get(sub.type_id()).kind());
    return is_above(super.abstract(), below);
  }
  // Only the bottom of its hierarchy is an abstract type below a concrete one.
  switch (sub.abstract()) {
  case Abstract::none:
    return !get(super.type_id()).is_func();
  case Abstract::nofunc:
    return get(super.type_id()).is_func();
  case Abstract::bottom:
    return true;
  default:
    return false;
  }
}

bool TypeRegistry::is_subtype(std::span<const ValType> sub, std::span<const ValType> super) const {
  if (sub.size() != super.size()) return false;
  for (size_t i = 0; i < sub.size(); ++i) {
    if (!is_subtype(sub[i], super[i])) return false;
  }
  return true;
}

bool TypeRegistry::is_subtype(const FieldType& sub, const FieldType& super) const {
  if (sub.is_mutable != super.is_mutable || sub.packing != super.packing) return false;
  if (!is_subtype(sub.type, super.type)) return false;
  return !sub.is_mutable || is_subtype(super.type, sub.type);
}

bool TypeRegistry::matches_supertype(TypeId id) const {
  if (!has_feature(Feature::gc)) return true;
  const SubType& sub = get(id);
  if (sub.supertype().is_none()) return true;
  const SubType& super = get(sub.supertype());
  if (super.is_final() || super.kind() != sub.kind()) return false;
  switch (sub.kind()) {
  case CompositeKind::func:
    return is_subtype(super.params(), sub.params()) && is_subtype(sub.results(), super.results());
  case CompositeKind::array:
    return is_subtype(sub.element(), super.element());
  case CompositeKind::struct_:
    if (sub.fields().size() < super.fields().size()) return false;
    for (size_t i = 0; i < super.fields().size(); ++i) {
      if (!is_subtype(sub.fields()[i], super.fields()[i])) return false;
    }
    return true;
  }
  EBB_UNREACHABLE();
}

AbstractHeapType TypeRegistry::top(HeapType type) const {
  const Abstract abstract =
      type.is_abstract() ? type.abstract() : abstract_of(get(type.type_id()).kind());
  for (Abstract top : {Abstract::any, Abstract::func, Abstract::extern_}) {
    if (is_above(top, abstract)) return top;
  }
  return Abstract::exn;
}

} // namespace ebb
