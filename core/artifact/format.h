// The format of precompiled modules (.ebb): header, sections and flags. README.md describes every
// byte.
//
// Everything is little-endian, of fixed size and without pointers. Sections lie one behind the
// other in the order of their ids, each at a multiple of 4 bytes, so that where one begins follows
// from the sizes of those before it and none can overlap another. What running needs often
// (functions, code, names, data) is used where it lies.
#pragma once

#include "core/artifact/module_image.h"
#include "core/bytecode/code_bytes.h"
#include "core/types/implementation_limits.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace ebb::artifact {

inline constexpr uint8_t magic[4] = {0x00, 'e', 'b', 'b'};
inline constexpr uint32_t version = 1;
/// Sections and the file itself begin at multiples of this.
inline constexpr uint32_t alignment = 4;

enum class SectionId : uint8_t {
  none,
  types,          ///< LEB128 numbers: recursive groups.
  imports,        ///< ImportDecl, in place.
  imported_types, ///< Words: the type indices of imported functions, in place.
  functions,      ///< Function, in place.
  constants,      ///< Function, in place: initializers that are code.
  tables,         ///< TableRecord.
  memories,       ///< MemoryRecord.
  tags,           ///< Words: type indices.
  globals,        ///< GlobalRecord.
  exports,        ///< ExportDecl, in place, by name.
  elems,          ///< ElemRecord.
  elem_functions, ///< Words: function indices, in place.
  elem_inits,     ///< InitRecord.
  datas,          ///< DataRecord.
  strings,        ///< Bytes: names of imports and exports.
  vectors,        ///< 16 bytes each: initial values of v128 globals.
  data,           ///< Bytes: contents of data segments.
  code,           ///< Compact bytecode.
  names,          ///< The contents of the module's name section. Optional.
  offset_ranges,  ///< OffsetRange of each function, in place. Optional.
  offset_map,     ///< LEB128 deltas. Optional.
  count,
};
inline constexpr size_t section_id_count = static_cast<size_t>(SectionId::count);

enum class Profile : uint8_t {
  narrow, ///< The accumulator holds 32 bits; runs everywhere.
  wide,   ///< The accumulator holds 64 bits.
};

/// The code counts fuel.
inline constexpr uint8_t flag_fuel = 1;
/// The code counts nothing, and can be interrupted.
inline constexpr uint8_t flag_interruptible = 2;
inline constexpr uint8_t flags_known = flag_fuel | flag_interruptible;

constexpr uint8_t flags_of(Metering metering) {
  return metering == Metering::fuel           ? flag_fuel
         : metering == Metering::interruption ? flag_interruptible
                                              : 0;
}
constexpr Metering metering_of(uint8_t flags) {
  return flags == flag_fuel            ? Metering::fuel
         : flags == flag_interruptible ? Metering::interruption
                                       : Metering::none;
}

struct Header {
  uint8_t magic[4];
  uint32_t version;
  uint32_t bytecode; ///< `bytecode_fingerprint()` of the build that wrote it.
  uint8_t profile;
  uint8_t flags;
  uint16_t section_count;
  uint32_t features; ///< FeatureSet::bits() of what the module uses.
  uint32_t file_bytes;
  uint32_t start;      ///< Function index, or 2^32 - 1.
  uint32_t extent_max; ///< The most slots that a frame reserves.
};
static_assert(sizeof(Header) == 32);

/// Read and written as a whole, since nothing of it is aligned.
struct __attribute__((packed)) SectionEntry {
  uint8_t id;
  uint32_t bytes; ///< Without the padding behind it.
};
static_assert(sizeof(SectionEntry) == 5);

/// An initial value, whose type is known from where it is.
struct InitRecord {
  uint32_t kind; ///< Init::Kind.
  uint32_t low;  ///< Bits, an index, or of ref_null its type word.
  uint32_t high;
};
static_assert(sizeof(InitRecord) == 12);

// The first number of a type: kind (2 bits), flags, parameters of a function (10 bits), items:
// parameters and results together, or fields (14 bits). A group of more than one type begins with a
// number that has their count and the top bit.
inline constexpr uint32_t type_kind_mask = 3;
inline constexpr uint32_t type_is_final = 4;
inline constexpr uint32_t type_has_supertype = 8;
inline constexpr uint32_t type_params_shift = 4;
inline constexpr uint32_t type_params_mask = 0x3ff;
inline constexpr uint32_t type_items_shift = 14;
inline constexpr uint32_t type_items_mask = 0x3fff;
inline constexpr uint32_t group_bit = 1u << 31;
static_assert(::ebb::limits::params_max <= type_params_mask &&
              ::ebb::limits::params_max + ::ebb::limits::results_max <= type_items_mask &&
              ::ebb::limits::struct_fields_max <= type_items_mask);

// Flags of limits.
inline constexpr uint32_t limits_has_max = 1;
inline constexpr uint32_t limits_is_64 = 2;
inline constexpr uint32_t limits_is_shared = 4;

struct LimitsRecord {
  uint32_t min[2]; ///< Low half first.
  uint32_t max[2];
};

struct TableRecord {
  uint32_t element; ///< A type word.
  uint32_t flags;
  LimitsRecord limits;
  InitRecord init;
};
static_assert(sizeof(TableRecord) == 36);

struct MemoryRecord {
  uint16_t flags;
  uint16_t page_shift;
  LimitsRecord limits;
};
static_assert(sizeof(MemoryRecord) == 20);

struct GlobalRecord {
  uint32_t type;
  uint32_t is_mutable;
  InitRecord init;
};
static_assert(sizeof(GlobalRecord) == 20);

struct ElemRecord {
  uint32_t mode; ///< SegmentMode, elem_has_inits, and the table from `elem_table_shift` on.
  uint32_t type;
  uint32_t count; ///< Items, which follow those of the segment before.
  InitRecord offset;
};
static_assert(sizeof(ElemRecord) == 24);
inline constexpr uint32_t elem_mode_mask = 3;
inline constexpr uint32_t elem_has_inits = 4; ///< The items are in `elem_inits`.
inline constexpr uint32_t elem_table_shift = 3;

struct DataRecord {
  uint16_t mode;
  uint16_t memory;
  uint32_t bytes; ///< Which follow those of the segment before.
  InitRecord offset;
};
static_assert(sizeof(DataRecord) == 20 && ::ebb::limits::memories_max <= UINT16_MAX);

// Used in place.
static_assert(sizeof(ImportDecl) == 24 && offsetof(ImportDecl, index) == 16 &&
              offsetof(ImportDecl, kind) == 20);
static_assert(sizeof(ExportDecl) == 16 && offsetof(ExportDecl, index) == 8 &&
              offsetof(ExportDecl, kind) == 12);
static_assert(sizeof(Function) == 16 && sizeof(OffsetRange) == 12 && sizeof(FuncIndex) == 4);

// What the words of types rely on: the bits of a value type, with type indices of the module in
// place of canonical ids.
static_assert(static_cast<int>(ValKind::i32) == 0 && static_cast<int>(ValKind::ref) == 5);
static_assert(static_cast<int>(AbstractHeapType::any) == 0 &&
              static_cast<int>(AbstractHeapType::noexn) == 11);

/// Names the instruction table: code of another one is refused.
uint32_t bytecode_fingerprint();

constexpr uint32_t aligned(uint32_t bytes) {
  return (bytes + alignment - 1) / alignment * alignment;
}

/// Where the first section begins.
constexpr uint32_t table_end(uint32_t sections) {
  return aligned(static_cast<uint32_t>(sizeof(Header) + sections * sizeof(SectionEntry)));
}

/// Whether bytes begin as a precompiled module does.
inline bool is_artifact(std::span<const uint8_t> bytes) {
  return bytes.size() >= sizeof(magic) && memcmp(bytes.data(), magic, sizeof(magic)) == 0;
}

/// Bytes of the items of a section, or 1.
uint32_t item_bytes(SectionId id);
const char* section_name(SectionId id);

} // namespace ebb::artifact
