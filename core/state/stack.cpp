// The guest's stack: growing by moving.
//
// The block is resized first, which keeps its bytes, and then its parts are moved to where they
// belong in the larger one: references first, whose place lies above everything, then numbers,
// whose region starts later now.
#include "core/state/stack.h"

#include "core/state/store_state.h"

namespace ebb {
namespace {

constexpr size_t word = sizeof(uint64_t);

/// Slots and records of a block of `bytes`.
struct Shape {
  size_t records;
  size_t slots;
};

Shape shape_of(size_t bytes) {
  const size_t records = bytes / Stack::record_share / sizeof(CallRecord);
  const size_t record_bytes = (records * sizeof(CallRecord) + word - 1) / word * word;
  return {records, (bytes - record_bytes) / word};
}

bool fits(Shape shape, uint64_t records, uint64_t slots) {
  return records <= shape.records && slots <= shape.slots;
}

/// Lays a block out. `bytes` of it are used.
void lay_out(Stack& stack, Block block, size_t bytes) {
  const Shape shape = shape_of(bytes);
  uint8_t* start = static_cast<uint8_t*>(block.pointer);
  stack.block = block;
  stack.records = reinterpret_cast<CallRecord*>(start);
  stack.records_end = stack.records + shape.records;
  stack.numbers = reinterpret_cast<uint64_t*>(start + (bytes / word - shape.slots) * word);
  stack.end = stack.numbers + shape.slots;
}

/// The size to grow to, or 0 if there is none below the limit.
size_t grown_bytes(const Stack& stack, size_t most, uint64_t records, uint64_t slots) {
  if (!fits(shape_of(most), records, slots)) return 0;
  size_t bytes = stack.bytes() < Stack::bytes_initial ? Stack::bytes_initial : stack.bytes();
  if (stack.block) bytes = bytes > most / 2 ? most : bytes * 2;
  while (bytes < most && !fits(shape_of(bytes), records, slots))
    bytes = bytes > most / 2 ? most : bytes * 2;
  return bytes < most ? bytes : most;
}

/// Takes the block to `bytes`. `numbers` and `refs` are the slots in use in each region.
Result<void> grow_to(StoreState& store, size_t bytes, size_t numbers, size_t refs) {
  Stack& stack = store.stack;
  EBB_TRY(ask_limits(store, Growing::stack, stack.bytes(), bytes,
                     stack_bytes_max(store.engine.settings), 1));
  const Stack old = stack;
  const Result<Block> grown = old.block ? store.heap.resize(old.block, bytes, alignof(uint64_t))
                                        : store.heap.allocate(bytes, alignof(uint64_t));
  if (!grown.ok()) return refuse_by_heap(store, Resource::stack, bytes);
  const size_t numbers_at =
      static_cast<size_t>(old.numbers - reinterpret_cast<uint64_t*>(old.records));
  const size_t end_at = static_cast<size_t>(old.end - reinterpret_cast<uint64_t*>(old.records));
  size_t usable = grown.value().bytes / word * word;
  if (usable > stack_bytes_max(store.engine.settings))
    usable = stack_bytes_max(store.engine.settings);
  lay_out(stack, grown.value(), usable);
  const uint64_t* moved = static_cast<const uint64_t*>(stack.block.pointer);
  if (old.block) {
    memmove(stack.end - refs, moved + end_at - refs, refs * word);
    memmove(stack.numbers, moved + numbers_at, numbers * word);
  }
  // Verified code may read slots that it never wrote: it must not find there what others left in
  // this memory.
  memset(stack.numbers + numbers, 0,
         static_cast<size_t>(stack.end - stack.numbers - static_cast<ptrdiff_t>(numbers + refs)) *
             word);
  return {};
}

} // namespace

size_t stack_bytes_max(const EngineSettings& settings) {
  return settings.stack_bytes_max / word * word;
}

Result<size_t> stack_bytes_for(const Stack& stack, size_t bytes_max, uint64_t records,
                               uint64_t slots) {
  const Shape shape{static_cast<size_t>(stack.records_end - stack.records),
                    static_cast<size_t>(stack.end - stack.numbers)};
  if (fits(shape, records, slots)) return stack.bytes();
  const size_t bytes = grown_bytes(stack, bytes_max, records, slots);
  if (bytes == 0 || (stack.block && bytes <= stack.bytes())) return Error::call_stack_exhausted;
  return bytes;
}

Result<void> stack_reserve(StoreState& store, StackPosition& position, size_t numbers,
                           size_t refs) {
  Stack& stack = store.stack;
  const size_t records_used = static_cast<size_t>(position.record - stack.records);
  const size_t numbers_used = static_cast<size_t>(position.numbers - stack.numbers);
  const size_t refs_used = static_cast<size_t>(stack.end - position.refs);
  const uint64_t slots = uint64_t{numbers_used} + refs_used + numbers + refs;
  const uint64_t records = uint64_t{records_used} + Stack::records_reserved;
  const size_t bytes =
      EBB_TRY(stack_bytes_for(stack, stack_bytes_max(store.engine.settings), records, slots));
  if (bytes == stack.bytes()) return {};
  EBB_TRY(grow_to(store, bytes, numbers_used, refs_used));
  position = {stack.records + records_used, stack.numbers + numbers_used, stack.end - refs_used};
  return {};
}

Result<void> stack_prepare(StoreState& store) {
  const size_t bytes = stack_bytes_max(store.engine.settings);
  if (store.stack.bytes() >= bytes) return {};
  return grow_to(store, bytes, store.position.numbers, store.position.refs);
}

} // namespace ebb
