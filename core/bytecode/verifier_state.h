// What the verifier's two passes share. Included by them only.
//
// What is known at a point of the code:
//   - the accumulator: unset, an integer or a floating-point number;
//   - the height of references: those with a smaller index hold references or null. Beyond it a
//   call may have left anything,
//     numbers included, because a callee's numbers grow into what its caller does not pass.
// Where paths meet, the accumulator is what they agree on and the height is the smallest. A forward
// branch leaves both at its target before the target is reached. At the target of a backward branch
// the accumulator is unset, and the height is what the lowest call between target and branch
// leaves, which the branch checks when it is reached.
#pragma once

#include "collections/vec.h"
#include "core/bytecode/bytecode.h"
#include "core/bytecode/verifier.h"

namespace ebb {

/// What the accumulator has; also what is remembered at a branch's target, none meaning that there
/// is no branch.
enum class AccState : uint8_t { none, unset, integer, real };

/// How an instruction reads or writes the accumulator. The last two are moves, which take what
/// there is.
enum class AccType : uint8_t { int32, int64, float32, float64, any_int, any_float };

/// An instruction taken apart.
struct VerifiedInstruction {
  Op op;
  Effect effect;
  Kinds kinds;
  uint32_t values[4]; ///< Operands d, a, b, c.
  const uint8_t* extra;
  uint32_t at;
  uint32_t next;
  uint32_t targets_at; ///< Where the first of its targets lies.
  uint32_t target_count;
};

/// What a call names, and where its frame begins.
struct CallShape {
  std::span<const ValType> params;
  std::span<const ValType> results;
  SlotCounts param_slots;
  SlotCounts result_slots;
  uint32_t outgoing;
  uint32_t outgoing_refs;
};

class Verifier {
public:
  Verifier(const VerifyContext& context, const Function& record, std::span<const ValType> params,
           std::span<const ValType> results, bool is_constant, Heap& scratch)
      : context_(context), record_(record), params_(params), results_(results),
        param_refs_(slot_counts(params).refs), is_constant_(is_constant), marks_(scratch),
        heights_(scratch), calls_(scratch) {}

  Result<void> run();
  /// Where the instruction starts that was looked at last.
  uint32_t offset() const { return at_; }

private:
  static constexpr uint16_t no_height = UINT16_MAX;

  // verifier.cpp: the first pass.
  Result<void> decode(uint32_t at, VerifiedInstruction& out) const;
  Result<void> scan();
  Result<void> scan_target(const VerifiedInstruction& in, uint32_t target);
  Result<void> scan_call(const VerifiedInstruction& in);
  uint32_t lowest_call_since(uint32_t at) const;
  Result<uint32_t> target_of(const VerifiedInstruction& in, uint32_t which) const;
  bool is_start(uint32_t at) const { return (mark(at) & 1) != 0; }
  AccState branch_state(uint32_t at) const { return static_cast<AccState>(mark(at) >> 1); }
  void set_branch_state(uint32_t at, AccState state);
  uint8_t mark(uint32_t at) const {
    return static_cast<uint8_t>(marks_[at / 4] >> (at / 2 % 2 * 4) & 15);
  }
  void set_mark(uint32_t at, uint8_t mark);
  void lower_height(uint32_t at, uint32_t height);

  // verifier_rules.cpp: the second pass.
  Result<void> check();
  Result<void> arrive(const VerifiedInstruction& in);
  Result<void> check_entry(const VerifiedInstruction& in);
  Result<void> check_operands(const VerifiedInstruction& in);
  Result<void> check_numbers(uint32_t first, uint32_t count) const;
  Result<void> read_refs(uint32_t first, uint32_t count) const;
  Result<void> write_refs(uint32_t first, uint32_t count);
  Result<void> check_acc_operands(const VerifiedInstruction& in) const;
  AccType acc_type(const VerifiedInstruction& in, size_t operand) const;
  bool acc_type_is_real() const;
  void set_acc(AccType type);
  void apply_acc_effect(const VerifiedInstruction& in);
  Result<void> check_indices(const VerifiedInstruction& in) const;
  Result<void> check_global(const VerifiedInstruction& in) const;
  Result<void> check_table_operand(uint32_t operand) const;
  Result<void> check_memory_operand(uint32_t operand) const;
  Result<void> check_call(const VerifiedInstruction& in);
  Result<void> check_tail_call(const CallShape& call) const;
  Result<void> check_return(const VerifiedInstruction& in) const;
  Result<void> check_targets(const VerifiedInstruction& in);
  bool is_too_wide(AccType type) const {
    return !context_.wide && (type == AccType::int64 || type == AccType::float64);
  }
  bool is_single_number() const { return results_.size() == 1 && results_[0].is_num(); }

  // Both.
  Result<void> shape_of(const VerifiedInstruction& in, CallShape& out) const;
  Result<const SubType*> callee_type(const VerifiedInstruction& in) const;

  const VerifyContext& context_;
  const Function& record_;
  std::span<const ValType> params_;
  std::span<const ValType> results_;
  const uint32_t param_refs_;
  const bool is_constant_;
  const uint8_t* code_ = nullptr; ///< Of this function.
  uint32_t size_ = 0;

  struct CallHeight {
    uint32_t at;
    uint32_t height; ///< Of references after the call.
  };
  Vec<uint8_t> marks_; ///< Four bits for every two bytes: whether an instruction starts there, and
                       ///< branch_state.
  Vec<uint16_t> heights_; ///< For every two bytes the height that branches to there bring, if there
                          ///< are references.
  Vec<CallHeight>
      calls_; ///< Of the first pass: the calls so far without those that a later one is not above.

  uint32_t at_ = 0;
  uint32_t height_ = 0;
  uint32_t restore_ = 0; ///< What a call wants the next instruction to restore, or 0.
  AccState acc_ = AccState::unset;
  bool is_reachable_ = true;
  bool in_entry_ = true;
  bool has_fuel_ = false; ///< Whether the entry has counted.
};

} // namespace ebb
