// Value types in four bytes: what an operand, a local, a global or an element can be.
//
// Concrete reference types name a canonical type of the engine's TypeRegistry, so that two value
// types are the same type if and only if their bits are equal. While a recursive group is being
// read, its own types have no canonical name yet; a heap type then holds the position in the group
// (`is_recursive`). Such types exist only inside a `RecGroup`.
#pragma once

#include "error/assert.h"

#include <cstdint>

namespace ebb {

/// The canonical name of a defined type within one TypeRegistry; equal types have equal ids.
struct TypeId {
  uint32_t value = UINT32_MAX;
  constexpr TypeId() = default;
  constexpr explicit TypeId(uint32_t id) : value(id) {}
  constexpr bool operator==(const TypeId&) const = default;
  constexpr bool is_none() const { return value == UINT32_MAX; }
};

inline constexpr TypeId no_type{};

/// The heap types that are not defined by a module.
enum class AbstractHeapType : uint8_t {
  any,
  eq,
  i31,
  struct_,
  array,
  none,
  func,
  nofunc,
  extern_,
  noextern,
  exn,
  noexn,
  bottom, ///< Below all others; arises in unreachable code only.
};

/// What a reference refers to: an abstract heap type or a defined type.
class HeapType {
public:
  static constexpr uint32_t type_id_count_max = 1u << 26;

  constexpr HeapType() = default;
  constexpr HeapType(AbstractHeapType abstract) : bits_(static_cast<uint32_t>(abstract)) {}
  static constexpr HeapType concrete(TypeId id) {
    EBB_ASSERT(id.value < type_id_count_max);
    return from_bits(concrete_bit | id.value);
  }
  /// The type at a position of the recursive group that is being built.
  static constexpr HeapType recursive(uint32_t position) {
    EBB_ASSERT(position < type_id_count_max);
    return from_bits(recursive_bit | position);
  }

  constexpr bool is_abstract() const { return (bits_ & (concrete_bit | recursive_bit)) == 0; }
  constexpr bool is_concrete() const { return (bits_ & concrete_bit) != 0; }
  constexpr bool is_recursive() const { return (bits_ & recursive_bit) != 0; }
  constexpr AbstractHeapType abstract() const {
    EBB_ASSERT(is_abstract());
    return static_cast<AbstractHeapType>(bits_);
  }
  constexpr TypeId type_id() const {
    EBB_ASSERT(is_concrete());
    return TypeId{bits_ & ~concrete_bit};
  }
  constexpr uint32_t position() const {
    EBB_ASSERT(is_recursive());
    return bits_ & ~recursive_bit;
  }
  constexpr bool operator==(const HeapType&) const = default;

  constexpr uint32_t bits() const { return bits_; }
  static constexpr HeapType from_bits(uint32_t bits) {
    HeapType type;
    type.bits_ = bits;
    return type;
  }

private:
  static constexpr uint32_t concrete_bit = 1u << 26;
  static constexpr uint32_t recursive_bit = 1u << 27;
  uint32_t bits_ = 0; // 28 bits: abstract kind, or a flag and an id or a position
};

enum class ValKind : uint8_t { i32, i64, f32, f64, v128, ref, bottom };

class ValType {
public:
  /// The bottom type.
  constexpr ValType() : bits_(static_cast<uint32_t>(ValKind::bottom)) {}

  static constexpr ValType i32() { return ValType(ValKind::i32); }
  static constexpr ValType i64() { return ValType(ValKind::i64); }
  static constexpr ValType f32() { return ValType(ValKind::f32); }
  static constexpr ValType f64() { return ValType(ValKind::f64); }
  /// The type of a kind of numbers.
  static constexpr ValType number(ValKind kind) {
    EBB_ASSERT(kind <= ValKind::f64);
    return ValType(kind);
  }
  static constexpr ValType v128() { return ValType(ValKind::v128); }
  /// The type of an operand that unreachable code leaves open.
  static constexpr ValType bottom() { return ValType(ValKind::bottom); }
  static constexpr ValType ref(HeapType heap_type, bool nullable) {
    ValType type(ValKind::ref);
    type.bits_ |= (nullable ? nullable_bit : 0) | heap_type.bits() << heap_shift;
    return type;
  }
  static constexpr ValType funcref() { return ref(AbstractHeapType::func, true); }
  static constexpr ValType externref() { return ref(AbstractHeapType::extern_, true); }
  static constexpr ValType exnref() { return ref(AbstractHeapType::exn, true); }
  static constexpr ValType anyref() { return ref(AbstractHeapType::any, true); }
  static constexpr ValType eqref() { return ref(AbstractHeapType::eq, true); }
  static constexpr ValType i31ref() { return ref(AbstractHeapType::i31, true); }
  static constexpr ValType structref() { return ref(AbstractHeapType::struct_, true); }
  static constexpr ValType arrayref() { return ref(AbstractHeapType::array, true); }

  constexpr ValKind kind() const { return static_cast<ValKind>(bits_ & kind_mask); }
  constexpr bool is_ref() const { return kind() == ValKind::ref; }
  constexpr bool is_num() const { return kind() <= ValKind::f64; }
  constexpr bool is_v128() const { return kind() == ValKind::v128; }
  constexpr bool is_bottom() const { return kind() == ValKind::bottom; }
  constexpr bool is_nullable() const { return (bits_ & nullable_bit) != 0; }
  /// Whether locals and fields of this type start with a value: all types but references that
  /// cannot be null.
  constexpr bool is_defaultable() const { return !is_ref() || is_nullable(); }
  constexpr HeapType heap_type() const {
    EBB_ASSERT(is_ref());
    return HeapType::from_bits(bits_ >> heap_shift);
  }
  /// The same reference type with null taken out or put in.
  constexpr ValType with_nullable(bool nullable) const { return ref(heap_type(), nullable); }

  constexpr bool operator==(const ValType&) const = default;
  constexpr uint32_t bits() const { return bits_; }

private:
  static constexpr uint32_t kind_mask = 7;
  static constexpr uint32_t nullable_bit = 8;
  static constexpr uint32_t heap_shift = 4;
  constexpr explicit ValType(ValKind kind) : bits_(static_cast<uint32_t>(kind)) {}
  uint32_t bits_; // 3 bits kind, 1 bit nullable, 28 bits heap type
};

static_assert(sizeof(ValType) == 4);

} // namespace ebb
