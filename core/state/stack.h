// Stack: the guest's stack, one block of the store that grows by moving.
//
// The block has two regions. The front holds control records, one for each call in progress, which
// no operand can name. Behind it numbers grow up and references grow down towards each other; a
// frame is a base in each, and a callee's two ranges start in its caller's outgoing numbers and
// outgoing references. Native code keeps offsets, never pointers, across anything that may grow the
// stack.
//
//     | records -> | numbers ->            <- references |
//     block        numbers_begin                        end
//
// Sizes: from `stack_bytes_initial` by doubling up to the configured `stack_bytes_max`.
#pragma once

#include "collections/heap.h"
#include "error/diagnostic.h"

#include <cstring>

namespace ebb {

struct EngineSettings;
struct Function;
struct InstanceState;
struct StoreState;

/// A call in progress: where its caller goes on, and what runs. For a call that left its instance a
/// second record lies on top whose `return_pc` is the machine's own code and whose `instance` is
/// the caller's.
struct CallRecord {
  const uint8_t* return_pc;
  union {
    const Function* function; ///< What this record's call runs.
    InstanceState* instance;  ///< Of a boundary record: whose instance to return to.
  };
};

struct Stack {
  static constexpr size_t bytes_initial = 512;
  /// The share of the block that control records get, as a divisor: frames of fewer than six slots
  /// are rare.
  static constexpr size_t record_share = 4;
  /// Free records that stack_reserve guarantees.
  static constexpr size_t records_reserved = 4;

  Block block;
  CallRecord* records = nullptr; ///< Start of the block.
  CallRecord* records_end = nullptr;
  uint64_t* numbers = nullptr; ///< Start of the numbers; also the end of the records' region.
  uint64_t* end = nullptr;     ///< End of the block: references lie below it.

  size_t bytes() const { return block.bytes; }
};

/// The size that the block must have to hold so many records and slots: what it has, if they fit.
/// Fails: call_stack_exhausted if that is more than `bytes_max`.
Result<size_t> stack_bytes_for(const Stack& stack, size_t bytes_max, uint64_t records,
                               uint64_t slots);
/// What stacks may become, in bytes.
size_t stack_bytes_max(const EngineSettings& settings);

/// Makes room for `numbers` more slots above `top`, `refs` more below `low`, and a few records;
/// moves the block if it must and then rewrites `top`, `low` and `record` (the position in each
/// region) to where they now are. Fails: call_stack_exhausted at `stack_bytes_max`, out_of_memory
/// when a growth below that is refused (cause in the store's diagnostic). On failure: the stack is
/// as it was.
struct StackPosition {
  CallRecord* record; ///< Next free record.
  uint64_t* numbers;  ///< First number slot that the new frame may use.
  uint64_t* refs;     ///< End of the new frame's references (they lie below).
};
Result<void> stack_reserve(StoreState& store, StackPosition& position, size_t numbers, size_t refs);

/// Takes the stack to its limit between calls, so that no call requests memory for it.
/// Fails: out_of_memory (cause in the store's diagnostic). On failure: the stack is as it was.
Result<void> stack_prepare(StoreState& store);

} // namespace ebb
