// Val: a value as host and guest exchange it, with its type.
#pragma once

#include "core/runtime/handle.h"
#include "core/types/val_type.h"
#include "error/result.h"

#include <bit>

namespace ebb {

/// 128 bits, in the order of a linear memory.
struct V128 {
  uint64_t low = 0;
  uint64_t high = 0;
  bool operator==(const V128&) const = default;
};

/// A function of a store, by name; null as a reference when it names nothing. Its operations are in
/// func.h.
class Func;

/// What an external reference stands for: 64 bits of the embedder's, or null. The store keeps the
/// bits while the guest can reach them.
struct ExternRef {
  uint64_t value = 0;
  bool is_null = true;

  static constexpr ExternRef of(uint64_t value) { return {value, false}; }
  static constexpr ExternRef null() { return {}; }
  bool operator==(const ExternRef&) const = default;
};

class Val {
public:
  /// `none` is an i32 of 0 that a call overwrites. The other references can only be null for now,
  /// or an `any` that wraps an external reference.
  enum class Kind : uint8_t { i32, i64, f32, f64, v128, func, extern_, any, exn };

  constexpr Val() = default;
  static constexpr Val i32(int32_t value) { return Val(Kind::i32, static_cast<uint32_t>(value)); }
  static constexpr Val i64(int64_t value) { return Val(Kind::i64, static_cast<uint64_t>(value)); }
  static constexpr Val f32(float value) { return f32_bits(std::bit_cast<uint32_t>(value)); }
  static constexpr Val f64(double value) { return f64_bits(std::bit_cast<uint64_t>(value)); }
  static constexpr Val f32_bits(uint32_t bits) { return Val(Kind::f32, bits); }
  static constexpr Val f64_bits(uint64_t bits) { return Val(Kind::f64, bits); }
  static constexpr Val v128(V128 value) { return Val(Kind::v128, value.low, value.high); }
  static Val func(const Func& func);
  static constexpr Val extern_ref(ExternRef ref) {
    return Val(Kind::extern_, ref.value, ref.is_null ? 0 : 1);
  }
  static constexpr Val null_func() { return Val(Kind::func, 0); }
  static constexpr Val null_extern() { return Val(Kind::extern_, 0); }
  static constexpr Val null_any() { return Val(Kind::any, 0); }
  static constexpr Val null_exn() { return Val(Kind::exn, 0); }
  /// The null or zero of a type; for references that cannot be null, null all the same.
  static Val zero(ValType type);

  constexpr Kind kind() const { return kind_; }
  constexpr bool is_ref() const { return kind_ >= Kind::func; }
  /// Of a reference.
  bool is_null() const;

  // The value; asking for another kind than `kind` is a programming error.
  constexpr int32_t as_i32() const { return static_cast<int32_t>(checked(Kind::i32)); }
  constexpr int64_t as_i64() const { return static_cast<int64_t>(checked(Kind::i64)); }
  constexpr float as_f32() const { return std::bit_cast<float>(as_f32_bits()); }
  constexpr double as_f64() const { return std::bit_cast<double>(as_f64_bits()); }
  constexpr uint32_t as_f32_bits() const { return static_cast<uint32_t>(checked(Kind::f32)); }
  constexpr uint64_t as_f64_bits() const { return checked(Kind::f64); }
  constexpr V128 as_v128() const { return {checked(Kind::v128), high_}; }
  Func as_func() const;
  constexpr ExternRef as_extern() const {
    EBB_ASSERT(kind_ == Kind::extern_ || kind_ == Kind::any);
    return {low_, high_ == 0};
  }

private:
  friend struct ValAccess;
  constexpr explicit Val(Kind kind, uint64_t low, uint64_t high = 0)
      : kind_(kind), low_(low), high_(high) {}
  constexpr uint64_t checked([[maybe_unused]] Kind kind) const {
    EBB_ASSERT(kind_ == kind);
    return low_;
  }

  Kind kind_ = Kind::i32;
  uint64_t low_ = 0;
  uint64_t high_ = 0;
  Handle func_; // of functions
};

} // namespace ebb
