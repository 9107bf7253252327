// How C++ values lie in slots: what TypedFunc and typed host functions are made of. Nothing here is
// called by users, but Values is what a function with several results returns.
//
// Numbers take slots upwards from the first, references downwards; v128 takes two slots of numbers.
#pragma once

#include "core/runtime/func.h"

#include <cstring>
#include <type_traits>
#include <utility>

namespace ebb {

/// Several results of a typed function: `Values<int32_t, float>(1, 2.0f)`, `values.get<0>()`.
template <class... Ts> struct Values;
template <> struct Values<> {};
template <class Head, class... Tail> struct Values<Head, Tail...> {
  Head head;
  [[no_unique_address]] Values<Tail...> tail;

  constexpr Values() = default;
  constexpr Values(Head first, Tail... others) : head(first), tail(others...) {}
  template <size_t index> constexpr auto get() const {
    if constexpr (index == 0) {
      return head;
    } else {
      return tail.template get<index - 1>();
    }
  }
};

namespace detail {

Result<void> reserve_externs(StoreState& store, size_t count);
uint64_t extern_to_bits(StoreState& store, ExternRef ref); ///< After reserve_externs.
ExternRef extern_from_bits(StoreState& store, uint64_t bits);
Result<uint64_t> func_to_bits(StoreState& store, const Func& func);
Func func_from_bits(StoreState& store, uint64_t bits);

/// Where a value's slot is, in numbers or in references.
struct Place {
  uint16_t number = 0;
  uint16_t ref = 0;
};

/// A value type of the interface: its wasm type, the numbers and references that it takes, and how
/// it is read and written. `store` may fail only where `checks` says so.
template <class T> struct Slot;

template <class T, ValType (*wasm_type)()> struct NumberSlot {
  static constexpr ValType type() { return wasm_type(); }
  static constexpr uint16_t numbers = sizeof(T) > 8 ? 2 : 1;
  static constexpr uint16_t refs = 0;
  static constexpr size_t externs = 0;
  static T load(StoreState&, const uint64_t* number_slots, const uint64_t*, Place place) {
    T value;
    memcpy(&value, low_part(number_slots + place.number), sizeof(T));
    return value;
  }
  static Result<void> store(StoreState&, uint64_t* number_slots, uint64_t*, Place place, T value) {
    number_slots[place.number] = 0;
    memcpy(const_cast<unsigned char*>(low_part(number_slots + place.number)), &value, sizeof(T));
    return {};
  }

private:
  static const unsigned char* low_part(const uint64_t* slot) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(slot);
    return std::endian::native == std::endian::little || sizeof(T) >= 8 ? bytes
                                                                        : bytes + 8 - sizeof(T);
  }
};
template <> struct Slot<int32_t> : NumberSlot<int32_t, &ValType::i32> {};
template <> struct Slot<uint32_t> : NumberSlot<uint32_t, &ValType::i32> {};
template <> struct Slot<int64_t> : NumberSlot<int64_t, &ValType::i64> {};
template <> struct Slot<uint64_t> : NumberSlot<uint64_t, &ValType::i64> {};
template <> struct Slot<float> : NumberSlot<float, &ValType::f32> {};
template <> struct Slot<double> : NumberSlot<double, &ValType::f64> {};
template <> struct Slot<V128> : NumberSlot<V128, &ValType::v128> {};

template <> struct Slot<Func> {
  static constexpr ValType type() { return ValType::funcref(); }
  static constexpr uint16_t numbers = 0;
  static constexpr uint16_t refs = 1;
  static constexpr size_t externs = 0;
  static Func load(StoreState& store, const uint64_t*, const uint64_t* ref_slots, Place place) {
    return func_from_bits(store, *(ref_slots - 1 - place.ref));
  }
  static Result<void> store(StoreState& store, uint64_t*, uint64_t* ref_slots, Place place,
                            Func value) {
    *(ref_slots - 1 - place.ref) = EBB_TRY(func_to_bits(store, value));
    return {};
  }
};

template <> struct Slot<ExternRef> {
  static constexpr ValType type() { return ValType::externref(); }
  static constexpr uint16_t numbers = 0;
  static constexpr uint16_t refs = 1;
  static constexpr size_t externs = 1;
  static ExternRef load(StoreState& store, const uint64_t*, const uint64_t* ref_slots,
                        Place place) {
    return extern_from_bits(store, *(ref_slots - 1 - place.ref));
  }
  static Result<void> store(StoreState& store, uint64_t*, uint64_t* ref_slots, Place place,
                            ExternRef value) {
    *(ref_slots - 1 - place.ref) = extern_to_bits(store, value);
    return {};
  }
};

/// A plain array, which <array> is too much for.
template <class T, size_t count> struct Array {
  T items[count == 0 ? 1 : count] = {};
  constexpr const T& operator[](size_t index) const { return items[index]; }
  static constexpr size_t size() { return count; }
};

/// A sequence of value types: parameters or results.
template <class... Ts> struct Sequence {
  static constexpr size_t externs = (size_t{0} + ... + Slot<Ts>::externs);

  static constexpr Array<Place, sizeof...(Ts)> make_places() {
    Array<Place, sizeof...(Ts)> found;
    Place next;
    [[maybe_unused]] size_t i = 0;
    ((found.items[i++] = next, next.number = static_cast<uint16_t>(next.number + Slot<Ts>::numbers),
      next.ref = static_cast<uint16_t>(next.ref + Slot<Ts>::refs)),
     ...);
    return found;
  }
  static constexpr Array<Place, sizeof...(Ts)> places = make_places();
  static constexpr Array<ValType, sizeof...(Ts)> type_array{{Slot<Ts>::type()...}};
  static constexpr std::span<const ValType> types() { return {type_array.items, sizeof...(Ts)}; }

  static Result<void> store(StoreState& store, uint64_t* numbers, uint64_t* refs, Ts... values) {
    return store_each(std::index_sequence_for<Ts...>(), store, numbers, refs, values...);
  }

private:
  template <size_t... I>
  static Result<void> store_each(std::index_sequence<I...>, [[maybe_unused]] StoreState& store,
                                 [[maybe_unused]] uint64_t* numbers,
                                 [[maybe_unused]] uint64_t* refs, Ts... values) {
    Result<void> result;
    static_cast<void>(
        ((result = Slot<Ts>::store(store, numbers, refs, places[I], values), result.ok()) && ...));
    return result;
  }
};

/// What a typed function gives: nothing, one value, or Values.
template <class R> struct Returned {
  using Types = Sequence<R>;
  static R load(StoreState& store, const uint64_t* numbers, const uint64_t* refs) {
    return Slot<R>::load(store, numbers, refs, Place());
  }
  static Result<void> save(StoreState& store, uint64_t* numbers, uint64_t* refs, R value) {
    return Types::store(store, numbers, refs, value);
  }
};
template <> struct Returned<void> {
  using Types = Sequence<>;
};
template <class... Ts> struct Returned<Values<Ts...>> {
  using Types = Sequence<Ts...>;
  static Values<Ts...> load(StoreState& store, const uint64_t* numbers, const uint64_t* refs) {
    return load_each(std::index_sequence_for<Ts...>(), store, numbers, refs);
  }
  static Result<void> save(StoreState& store, uint64_t* numbers, uint64_t* refs,
                           const Values<Ts...>& values) {
    return save_each(std::index_sequence_for<Ts...>(), store, numbers, refs, values);
  }

private:
  template <size_t... I>
  static Values<Ts...> load_each(std::index_sequence<I...>, StoreState& store,
                                 const uint64_t* numbers, const uint64_t* refs) {
    return Values<Ts...>(Slot<Ts>::load(store, numbers, refs, Types::places[I])...);
  }
  template <size_t... I>
  static Result<void> save_each(std::index_sequence<I...>, StoreState& store, uint64_t* numbers,
                                uint64_t* refs, const Values<Ts...>& values) {
    return Types::store(store, numbers, refs, values.template get<I>()...);
  }
};

/// The arguments of a call of the host, found again after the stack moved.
struct HostSlots {
  StoreState* store;
  size_t numbers_at; ///< Slots from the start of the stack's numbers.
  size_t refs_at;    ///< Slots below the stack's end.
  uint32_t type;     ///< The function's, in the engine's registry.
  uint64_t* numbers() const;
  uint64_t* refs() const;
};

} // namespace detail
} // namespace ebb
