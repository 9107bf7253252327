// TypeReader: value, reference and heap types as they are written in a module.
//
// Type indices are resolved to canonical types at once. While a recursive group is being read,
// indices of its own types become positions in the group.
#pragma once

#include "core/binary/instruction.h"
#include "core/validate/module_decl.h"

namespace ebb {

class TypeReader {
public:
  /// `features` are on; those that types need are added to `used`. All must outlive the reader of
  /// types.
  TypeReader(const TypeList& types, FeatureSet features, FeatureSet& used)
      : types_(types), features_(features), used_(used) {}

  /// Type indices from the number of types on are those of a group of `count`, until it is over.
  void begin_group(uint32_t count) { group_count_ = count; }
  void end_group() { group_count_ = 0; }

  /// All fail with unexpected_end, LEB128 errors, malformed types, unknown_type, feature_disabled;
  /// the byte reader may then have moved.
  Result<ValType> val_type(Reader& reader) const;
  Result<ValType> ref_type(Reader& reader) const;
  Result<HeapType> heap_type(Reader& reader) const;
  /// A field's type: a value type or a packed one, and its mutability.
  Result<FieldType> field_type(Reader& reader) const;
  Result<bool> mutability(Reader& reader) const;
  Result<BlockType> block_type(Reader& reader) const;
  /// A type index, as a type. Fails besides: unknown_type.
  Result<HeapType> type_use(Reader& reader) const;

  /// Whether a feature that is needed is on; if so, the module uses it.
  bool use(Feature feature) const {
    if (!features_.has(feature)) return false;
    used_.set(feature);
    return true;
  }

  /// Fails: feature_disabled.
  Result<void> need(Feature feature) const {
    if (!use(feature)) return Error::feature_disabled;
    return {};
  }

private:
  Result<HeapType> resolve(uint64_t index) const;
  Result<HeapType> abstract_heap_type(uint8_t code, Error malformed) const;

  const TypeList& types_;
  FeatureSet features_;
  FeatureSet& used_;
  uint32_t group_count_ = 0;
};

} // namespace ebb
