// Opcode: every instruction of WebAssembly 3.0, numbered by the rows of opcodes.def. Those that the
// build leaves out have names, too, but no encoding and no row in any table.
#pragma once

#include "core/types/features.h"

#include <cstddef>
#include <cstdint>

namespace ebb {

enum class Opcode : uint16_t {
#define EBB_OPCODE(name, prefix, code, mnemonic, immediate, signature, feature) name,
#include "core/binary/opcodes.def"
#ifdef EBB_SMALL
#include "core/binary/opcodes_gc.def"
#include "core/binary/opcodes_simd.def"
#endif
#undef EBB_OPCODE
};

inline constexpr size_t opcode_count = 0
#define EBB_OPCODE(name, prefix, code, mnemonic, immediate, signature, feature) +1
#include "core/binary/opcodes.def"
#undef EBB_OPCODE
    ;

/// What follows an opcode, and the fields of `Instruction` that it fills.
enum class Immediate : uint8_t {
  none,
  block,         ///< block_type
  try_table,     ///< block_type; catch clauses go to the reader's scratch
  label,         ///< index
  br_table,      ///< index = number of labels without the default; they go to the reader's scratch
  func,          ///< index
  type,          ///< index
  type_table,    ///< index = type, index2 = table
  types,         ///< type: the only type of a select
  local,         ///< index
  global,        ///< index
  table,         ///< index
  table_table,   ///< index = destination, index2 = source
  elem,          ///< index
  elem_table,    ///< index = segment, index2 = table
  data,          ///< index
  data_memory,   ///< index2 = segment, index = memory
  memory,        ///< index
  memory_memory, ///< index = destination, index2 = source
  tag,           ///< index
  heap_type,     ///< type: ref.null's result; the target of ref.test and ref.cast
  type_field,    ///< index = type, index2 = field
  type_count,    ///< index = type, index2 = number of elements
  type_data,     ///< index = type, index2 = segment
  type_elem,     ///< index = type, index2 = segment
  type_type,     ///< index = destination type, index2 = source type
  cast_label,    ///< index = label, type = from, type2 = to
  i32,           ///< imm, zero-extended
  i64,           ///< imm
  f32,           ///< imm: the bits
  f64,           ///< imm: the bits
  v128,          ///< bytes
  shuffle,       ///< bytes: lane indices
  lane2,         ///< index2 = lane; likewise those below
  lane4,
  lane8,
  lane16,
  mem8, ///< align (a binary logarithm), index = memory, imm = offset; likewise those below
  mem16,
  mem32,
  mem64,
  mem128,
  mem8_lane, ///< as mem8, and index2 = lane; likewise those below
  mem16_lane,
  mem32_lane,
  mem64_lane,
};

struct OpcodeInfo {
  uint16_t code;
  uint8_t prefix; ///< 0 where there is none
  Immediate immediate;
  Feature feature;
};

const OpcodeInfo& opcode_info(Opcode opcode);
const char* opcode_mnemonic(Opcode opcode);

/// What no instruction is; lookups give it for bytes that encode none.
inline constexpr Opcode no_opcode = static_cast<Opcode>(UINT16_MAX);

/// The instruction with a one-byte opcode, or `no_opcode`.
Opcode plain_opcode(uint8_t code);
inline bool is_opcode_prefix(uint8_t code) { return code >= 0xfb && code <= 0xfd; }
/// Whether all instructions with a prefix belong to features that the build leaves out.
inline bool is_prefix_left_out(uint8_t code) {
  return (code == 0xfb && !has_feature(Feature::gc)) ||
         (code == 0xfd && !has_feature(Feature::simd));
}
/// The instruction with a prefix and an opcode, or `no_opcode`.
Opcode prefixed_opcode(uint8_t prefix, uint32_t code);

} // namespace ebb
