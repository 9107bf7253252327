#include "core/validate/type_reader.h"

namespace ebb {
namespace {

constexpr uint8_t ref_null_code = 0x63;
constexpr uint8_t ref_code = 0x64;
constexpr uint8_t empty_block_code = 0x40;

struct AbstractCode {
  uint8_t code;
  AbstractHeapType type;
  Feature feature;
};

constexpr AbstractCode abstract_codes[] = {
    {0x69, AbstractHeapType::exn, Feature::exceptions},
    {0x6a, AbstractHeapType::array, Feature::gc},
    {0x6b, AbstractHeapType::struct_, Feature::gc},
    {0x6c, AbstractHeapType::i31, Feature::gc},
    {0x6d, AbstractHeapType::eq, Feature::gc},
    {0x6e, AbstractHeapType::any, Feature::gc},
    {0x6f, AbstractHeapType::extern_, Feature::reference_types},
    {0x70, AbstractHeapType::func, Feature::mvp}, // the element type of tables from the start
    {0x71, AbstractHeapType::none, Feature::gc},
    {0x72, AbstractHeapType::noextern, Feature::gc},
    {0x73, AbstractHeapType::nofunc, Feature::gc},
    {0x74, AbstractHeapType::noexn, Feature::exceptions},
};

constexpr uint8_t first_abstract_code = 0x69;
constexpr size_t abstract_code_count = sizeof(abstract_codes) / sizeof(abstract_codes[0]);

} // namespace

Result<HeapType> TypeReader::resolve(uint64_t index) const {
  const uint64_t known = types_.size();
  if (index < known) {
    return HeapType::concrete(types_[TypeIndex{static_cast<uint32_t>(index)}]);
  }
  if (index - known >= group_count_) return Error::unknown_type;
  return HeapType::recursive(static_cast<uint32_t>(index - known));
}

Result<HeapType> TypeReader::type_use(Reader& reader) const {
  return resolve(EBB_TRY(reader.u32()));
}

Result<HeapType> TypeReader::abstract_heap_type(uint8_t code, Error malformed) const {
  const size_t row = static_cast<size_t>(code) - first_abstract_code;
  if (code < first_abstract_code || row >= abstract_code_count) return malformed;
  EBB_ASSERT(abstract_codes[row].code == code);
  EBB_TRY(need(abstract_codes[row].feature));
  return HeapType(abstract_codes[row].type);
}

Result<HeapType> TypeReader::heap_type(Reader& reader) const {
  const int64_t code = EBB_TRY(reader.s33());
  if (code >= 0) {
    EBB_TRY(need(Feature::function_references));
    return resolve(static_cast<uint64_t>(code));
  }
  // The abstract types are negative numbers of one byte.
  if (code < -64) return Error::malformed_heap_type;
  return abstract_heap_type(static_cast<uint8_t>(code & 0x7f), Error::malformed_heap_type);
}

Result<ValType> TypeReader::ref_type(Reader& reader) const {
  const uint8_t code = EBB_TRY(reader.u8());
  if (code == ref_code || code == ref_null_code) {
    EBB_TRY(need(Feature::function_references));
    return ValType::ref(EBB_TRY(heap_type(reader)), code == ref_null_code);
  }
  return ValType::ref(EBB_TRY(abstract_heap_type(code, Error::malformed_reference_type)), true);
}

Result<ValType> TypeReader::val_type(Reader& reader) const {
  const uint8_t code = EBB_TRY(reader.peek());
  ValType type;
  switch (code) {
  case 0x7f:
    type = ValType::i32();
    break;
  case 0x7e:
    type = ValType::i64();
    break;
  case 0x7d:
    type = ValType::f32();
    break;
  case 0x7c:
    type = ValType::f64();
    break;
  case 0x7b:
    EBB_TRY(need(Feature::simd));
    type = ValType::v128();
    break;
  default:
    if (code != ref_code && code != ref_null_code &&
        (code < first_abstract_code || code >= first_abstract_code + abstract_code_count)) {
      return Error::malformed_value_type;
    }
    EBB_TRY(need(Feature::reference_types));
    return ref_type(reader);
  }
  reader.take();
  return type;
}

Result<bool> TypeReader::mutability(Reader& reader) const {
  const uint8_t code = EBB_TRY(reader.u8());
  if (code > 1) return Error::malformed_mutability;
  return code == 1;
}

Result<FieldType> TypeReader::field_type(Reader& reader) const {
  FieldType field;
  const uint8_t code = EBB_TRY(reader.peek());
  if (code == 0x78 || code == 0x77) {
    field.packing = code == 0x78 ? Packing::i8 : Packing::i16;
    field.type = ValType::i32();
    reader.take();
  } else {
    field.type = EBB_TRY(val_type(reader));
  }
  field.is_mutable = EBB_TRY(mutability(reader));
  return field;
}

Result<BlockType> TypeReader::block_type(Reader& reader) const {
  BlockType type;
  const uint8_t code = EBB_TRY(reader.peek());
  if (code == empty_block_code) {
    reader.take();
    return type;
  }
  // A negative number of one byte is a value type, anything else a type index.
  if ((code & 0xc0) == 0x40) {
    type.kind = BlockType::Kind::value;
    type.value = EBB_TRY(val_type(reader));
    return type;
  }
  const int64_t index = EBB_TRY(reader.s33());
  if (index < 0) return Error::malformed_value_type;
  EBB_TRY(need(Feature::multi_value));
  if (static_cast<uint64_t>(index) >= types_.size()) return Error::unknown_type;
  type.kind = BlockType::Kind::func;
  type.type = TypeIndex{static_cast<uint32_t>(index)};
  return type;
}

} // namespace ebb
