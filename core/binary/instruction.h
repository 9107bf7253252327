// Instruction: one decoded instruction with its immediates, not yet checked against a module.
//
// Which fields mean something depends on the opcode's `Immediate`, see opcode.h; the others keep
// what an earlier instruction left there.
#pragma once

#include "core/binary/opcode.h"
#include "core/types/index.h"
#include "core/types/val_type.h"

namespace ebb {

/// The type of a block as it is written: empty, one result, or a function type.
struct BlockType {
  enum class Kind : uint8_t { empty, value, func };
  Kind kind = Kind::empty;
  ValType value;  ///< For Kind::value.
  TypeIndex type; ///< For Kind::func.
};

enum class CatchKind : uint8_t { catch_, catch_ref, catch_all, catch_all_ref };

/// A clause of try_table. The label counts from outside the try_table's own block.
struct CatchClause {
  CatchKind kind;
  TagIndex tag; ///< Meaningless for the catch-all kinds.
  LabelIndex label;
};

struct Instruction {
  Opcode op = Opcode::nop;
  uint32_t offset = 0; ///< Of the first byte of the opcode, in the module.
  uint32_t index = 0;
  uint32_t index2 = 0;
  uint64_t imm = 0;
  uint32_t align = 0;
  BlockType block_type;
  ValType type;
  ValType type2;
  uint8_t bytes[16] = {};
};

} // namespace ebb
