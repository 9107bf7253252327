// Values of the interface in the slots of the machine, in tables and in globals.
#include "core/runtime/runtime_state.h"

namespace ebb {
namespace {

/// The kind of value that holds references of a hierarchy.
Val::Kind kind_of_top(AbstractHeapType top) {
  switch (top) {
  case AbstractHeapType::func:
    return Val::Kind::func;
  case AbstractHeapType::extern_:
    return Val::Kind::extern_;
  case AbstractHeapType::exn:
    return Val::Kind::exn;
  default:
    return Val::Kind::any;
  }
}

Val::Kind kind_of(const StoreState& store, ValType type) {
  switch (type.kind()) {
  case ValKind::i64:
    return Val::Kind::i64;
  case ValKind::f32:
    return Val::Kind::f32;
  case ValKind::f64:
    return Val::Kind::f64;
  case ValKind::v128:
    return Val::Kind::v128;
  case ValKind::ref:
    return kind_of_top(store.engine.types.top(type.heap_type()));
  default:
    return Val::Kind::i32;
  }
}

} // namespace

/// Looks into values.
struct ValAccess {
  static Val make(Val::Kind kind, uint64_t low, uint64_t high = 0) { return Val(kind, low, high); }
  static uint64_t low(const Val& val) { return val.low_; }
  static uint64_t high(const Val& val) { return val.high_; }
};

Val Val::zero(ValType type) {
  switch (type.kind()) {
  case ValKind::i64:
    return i64(0);
  case ValKind::f32:
    return f32_bits(0);
  case ValKind::f64:
    return f64_bits(0);
  case ValKind::v128:
    return v128({});
  case ValKind::ref:
    break;
  default:
    return i32(0);
  }
  const HeapType heap_type = type.heap_type();
  if (!heap_type.is_abstract()) return null_func();
  switch (heap_type.abstract()) {
  case AbstractHeapType::func:
  case AbstractHeapType::nofunc:
    return null_func();
  case AbstractHeapType::extern_:
  case AbstractHeapType::noextern:
    return null_extern();
  case AbstractHeapType::exn:
  case AbstractHeapType::noexn:
    return null_exn();
  default:
    return null_any();
  }
}

Result<void> check_val(const StoreState& store, const Val& val, ValType type) {
  if (val.kind() != kind_of(store, type)) return Error::wrong_type;
  if (!type.is_ref()) return {};
  if (val.is_null()) return type.is_nullable() ? Result<void>() : Error::wrong_type;
  HeapType heap_type = AbstractHeapType::extern_;
  if (val.kind() == Val::Kind::func) {
    const FuncRef ref = EBB_TRY(find_func(store, val.as_func().handle()));
    heap_type = HeapType::concrete(type_of(store, ref));
  } else if (val.kind() == Val::Kind::any) {
    heap_type = AbstractHeapType::any;
  }
  if (!store.engine.types.is_subtype(heap_type, type.heap_type())) return Error::wrong_type;
  return {};
}

size_t externs_of(std::span<const Val> vals) {
  size_t count = 0;
  for (const Val& val : vals)
    count += externs_of(val);
  return count;
}

RefBits ref_bits(StoreState& store, const Val& val) {
  if (val.is_null()) return null_ref;
  if (val.kind() == Val::Kind::func) {
    const Handle handle = val.as_func().handle();
    return FuncRef{handle.instance, handle.index}.bits();
  }
  return externs_add(store, ValAccess::low(val));
}

Val val_of_ref(const StoreState& store, RefBits bits, ValType type) {
  const Val::Kind kind = kind_of(store, type);
  if (bits == null_ref) {
    return kind == Val::Kind::func ? Val::null_func() : ValAccess::make(kind, 0);
  }
  if (kind == Val::Kind::func) return Val::func(func_of(store, FuncRef::from_bits(bits)));
  // Verified code keeps references apart from numbers, not one kind of reference from another.
  if (!is_extern_ref(bits)) return ValAccess::make(kind, 0);
  return ValAccess::make(kind, store.externs[extern_ref_index(bits)], 1);
}

void write_slots(StoreState& store, std::span<const ValType> types, std::span<const Val> vals,
                 uint64_t* numbers, RefBits* refs) {
  for (size_t i = 0; i < types.size(); ++i) {
    const Val& val = vals[i];
    if (types[i].is_ref()) {
      *--refs = ref_bits(store, val);
    } else {
      *numbers++ = ValAccess::low(val);
      if (types[i].is_v128()) *numbers++ = ValAccess::high(val);
    }
  }
}

void read_slots(const StoreState& store, std::span<const ValType> types, std::span<Val> vals,
                const uint64_t* numbers, const RefBits* refs) {
  for (size_t i = 0; i < types.size(); ++i) {
    if (types[i].is_ref()) {
      vals[i] = val_of_ref(store, *--refs, types[i]);
      continue;
    }
    const uint64_t low = *numbers++;
    const uint64_t high = types[i].is_v128() ? *numbers++ : 0;
    const Val::Kind kind = kind_of(store, types[i]);
    const bool is_half = kind == Val::Kind::i32 || kind == Val::Kind::f32;
    vals[i] = ValAccess::make(kind, is_half ? static_cast<uint32_t>(low) : low, high);
  }
}

namespace detail {

Result<void> reserve_externs(StoreState& store, size_t count) {
  return noted(store, externs_reserve(store, count));
}

uint64_t extern_to_bits(StoreState& store, ExternRef ref) {
  return ref.is_null ? null_ref : externs_add(store, ref.value);
}

ExternRef extern_from_bits(StoreState& store, uint64_t bits) {
  if (!is_extern_ref(bits)) return ExternRef::null();
  return ExternRef::of(store.externs[extern_ref_index(bits)]);
}

Result<uint64_t> func_to_bits(StoreState& store, const Func& func) {
  if (func.is_null()) return null_ref;
  const Result<FuncRef> ref = find_func(store, func.handle());
  if (!ref.ok()) return note(store, ref.error());
  return ref.value().bits();
}

Func func_from_bits(StoreState& store, uint64_t bits) {
  return bits == null_ref ? Func() : func_of(store, FuncRef::from_bits(bits));
}

} // namespace detail
} // namespace ebb
