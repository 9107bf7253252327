// What functions do about fuel and interruption: where code looks at both, and what it charges.
//
// A *region* is code that begins with a `fuel` instruction, which charges for all of it at once:
// one for each instruction of the wasm that is not free (`block`, `loop`, `else`, `end`, `nop`),
// and one for entering the function or starting the loop's next round. Functions and loops begin
// regions, and so does code that is only reached by branches or lies behind a conditional one. Of
// the latter a few instructions are charged where the branch is, because a charge is an instruction
// too: up to `run_over_max` that a branch skips are paid for, and those up to the next one that
// takes no operands. No instruction runs unpaid: a
// region's start is on every way to its instructions. Behind a block, code belongs again to the
// region in which the block began.
//
// Code that can only be interrupted has the instructions of functions and loops, charging nothing.
#include "core/bytecode/code_bytes.h"
#include "core/compile/stack_inline.h"

namespace ebb {
namespace {

constexpr uint32_t charge_max = UINT16_MAX;
constexpr uint32_t run_over_max = 40;

bool is_free(Opcode op) {
  switch (op) {
  case Opcode::nop:
  case Opcode::block:
  case Opcode::loop:
  case Opcode::try_table:
  case Opcode::else_:
  case Opcode::end:
    return true;
  default:
    return false;
  }
}

/// Whether an instruction takes no operands, so that nothing is torn apart in front of it which the
/// compiler would join.
bool is_leaf(Opcode op) {
  switch (op) {
  case Opcode::local_get:
  case Opcode::global_get:
  case Opcode::i32_const:
  case Opcode::i64_const:
  case Opcode::f32_const:
  case Opcode::f64_const:
    return true;
  default:
    return false;
  }
}

} // namespace

/// Writes the instruction that a function or loop begins with, if it has one.
Result<void> FunctionCompiler::begin_metered() {
  if (options_.metering == Metering::none) return {};
  EBB_TRY(begin_region());
  if (counts_fuel_) charge();
  return {};
}

Result<void> FunctionCompiler::begin_region() {
  region_ = emitter_.position() + 2;
  run_over_ = 0;
  is_past_branch_ = is_at_label_ = false;
  Draft draft;
  draft.op = Op::fuel;
  return emit(draft);
}

void FunctionCompiler::charge() {
  uint8_t* field = output_.code.data() + region_;
  write_code(field, static_cast<uint16_t>(read_code<uint16_t>(field) + 1));
}

/// Whether a region must begin in front of an instruction that comes next and can be reached.
bool FunctionCompiler::region_is_due(Opcode op) const {
  if (is_free(op)) return false;
  if (is_past_branch_ && run_over_ >= run_over_max && (is_at_label_ || is_leaf(op))) return true;
  return read_code<uint16_t>(output_.code.data() + region_) == charge_max;
}

/// Charges for that instruction.
void FunctionCompiler::charge_for(Opcode op) {
  if (is_free(op)) return;
  is_at_label_ = false;
  if (is_past_branch_) run_over_++;
  charge();
}

/// Control may leave what is open, up to the block of this index.
void FunctionCompiler::note_exit(size_t block_index) {
  if (block_index < exit_) exit_ = block_index;
}

/// The same, and may also go on.
void FunctionCompiler::note_branch(size_t block_index) {
  note_exit(block_index);
  is_past_branch_ = true;
}

/// An arm of an if, or code behind a block, begins in the region in which the block began.
/// `is_certain` says that it is reached whenever the block is, but for exits.
void FunctionCompiler::rejoin_region(const Block& block, size_t block_index, bool is_certain) {
  if (exit_ >= block_index && is_certain) exit_ = SIZE_MAX;
  const bool is_past = exit_ != SIZE_MAX || !is_certain;
  if (!is_past)
    run_over_ = 0;
  else if (region_ != block.region)
    run_over_ = run_over_max;
  region_ = block.region;
  is_past_branch_ = is_past;
  is_at_label_ = true;
}

} // namespace ebb
