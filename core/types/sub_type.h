// Defined types as the registry keeps them: a composite type (function, structure or array) with
// its place in the subtyping forest.
//
// A SubType lives in its recursive group's block, does not move and does not change while anyone
// holds a reference to the group. Its supertypes are listed from the root down, so that whether one
// type is below another is a single look.
#pragma once

#include "core/types/features.h"
#include "core/types/val_type.h"

#include <cstddef>
#include <span>

namespace ebb {

struct TypeGroup;

enum class CompositeKind : uint8_t { func, struct_, array };

/// How a field is stored.
enum class Packing : uint8_t { none, i8, i16 };

struct FieldType {
  ValType type; ///< As operands see it: i32 for packed fields.
  Packing packing = Packing::none;
  bool is_mutable = false;

  constexpr bool is_packed() const { return packing != Packing::none; }
  constexpr bool operator==(const FieldType&) const = default;
};

static_assert(sizeof(FieldType) == 8);

class SubType {
public:
  CompositeKind kind() const { return has_feature(Feature::gc) ? kind_ : CompositeKind::func; }
  bool is_func() const { return kind() == CompositeKind::func; }
  bool is_struct() const { return kind() == CompositeKind::struct_; }
  bool is_array() const { return kind() == CompositeKind::array; }
  bool is_final() const { return is_final_; }
  TypeId id() const { return id_; }
  /// `no_type` where there is none.
  TypeId supertype() const {
    return !has_feature(Feature::gc) || depth_ == 0 ? no_type : supertypes_[depth_ - 1u];
  }
  /// All proper supertypes, the root first.
  std::span<const TypeId> supertypes() const { return {supertypes_, depth_}; }

  /// Its place in its recursive group, and how many types that has.
  uint32_t position() const { return position_; }
  uint32_t group_size() const;
  bool is_in_group_of(const SubType& other) const { return group_ == other.group_; }

  /// Whether all fields of a structure, or an array's elements, start with a value if none is
  /// given.
  bool is_defaultable() const { return is_defaultable_; }

  /// Of a function type.
  std::span<const ValType> params() const {
    EBB_ASSERT(is_func());
    return {static_cast<const ValType*>(items_), param_count_};
  }
  std::span<const ValType> results() const {
    EBB_ASSERT(is_func());
    return {static_cast<const ValType*>(items_) + param_count_, item_count_ - param_count_};
  }
  /// Parameters followed by results.
  std::span<const ValType> values() const {
    EBB_ASSERT(is_func());
    return {static_cast<const ValType*>(items_), item_count_};
  }
  /// Of a structure type.
  std::span<const FieldType> fields() const {
    EBB_ASSERT(!is_func());
    return {static_cast<const FieldType*>(items_), item_count_};
  }
  /// Of an array type.
  const FieldType& element() const {
    EBB_ASSERT(is_array());
    return *static_cast<const FieldType*>(items_);
  }

private:
  friend class TypeRegistry;
  const void* items_ = nullptr; // values of a function, fields of a structure or array
  const TypeId* supertypes_ = nullptr;
  TypeGroup* group_ = nullptr;
  uint32_t item_count_ = 0;
  uint32_t param_count_ = 0;
  uint32_t position_ = 0; // in the group
  TypeId id_;
  uint8_t depth_ = 0; // how many supertypes
  CompositeKind kind_ = CompositeKind::func;
  bool is_final_ = true;
  bool is_defaultable_ = true;
};

} // namespace ebb
