// What threading does for most instructions, and so in place: to look for a label, to read
// operands, to know which are pinned, to write them and the handler.
#pragma once

#include "core/bytecode/code_bytes.h"
#include "core/interpret/translation.h"

#include <bit>

namespace ebb {

inline constexpr uint32_t word = sizeof(void*);

constexpr uint32_t aligned(uint32_t bytes) { return (bytes + word - 1) / word * word; }

/// More than putting an instruction can take, with pins stored before and loaded behind it; the
/// targets of a br_table apart.
inline constexpr size_t put_bytes_max =
    128 + size_t{2} * (int_pins + float_pins) * aligned(word + 2);

/// The operands of the compact instruction at `at`, sign-extended, whether they are slots or
/// immediates: of a slot only the lower half counts.
inline void read_operands(const uint8_t* at, const FormShape& shape, uint32_t* values) {
  // An operand without bytes reads the opcode, which nobody looks at.
  for (int i = 0; i < 4; i++)
    values[i] = static_cast<uint32_t>(int32_t{read_code<int16_t>(at + shape.operands[i])});
}

/// Whether control may come to an instruction from elsewhere. In a function so long that looking
/// for its labels part by part would take too long, to every one.
inline bool Translation::label_is_at(const uint8_t* at) {
  if (has_labels_everywhere_) return true;
  return threaded_ != nullptr ? finds_label_at(at) : at == next_label_;
}

/// Goes on to the first label from `next_place_` on.
inline void Translation::find_next_label() {
  while (next_place_ < labels_.count && !labels_.labels[next_place_].is_target())
    next_place_++;
  next_label_ =
      next_place_ < labels_.count ? in_.begin + labels_.labels[next_place_].offset() : nullptr;
}

/// The pins of the operands that are slots: `slots` has a bit for each of them.
inline PinnedOperands Translation::pinned_operands(uint32_t slots, const uint32_t* values) const {
  // Without branches, which nobody could predict.
  constexpr uint16_t masks[16] = {0,     07,    070,   077,   0700,  0707,  0770,  0777,
                                  07000, 07007, 07070, 07077, 07700, 07707, 07770, 07777};
  PinnedOperands pins;
  for (int i = 0; i < 4; i++) {
    const uint32_t slot = values[i] & UINT16_MAX;
    pins.set(i, pin_at_[slot < slots_listed ? slot : slots_listed]);
  }
  pins.bits &= masks[slots];
  return pins;
}

inline FormChoice Translation::choose(Form form, PinnedOperands pins, bool to_loop) const {
  const uint32_t key = static_cast<uint32_t>(form) | (to_loop ? KnownChoices::to_loop : 0) |
                       pins.bits << KnownChoices::pins_shift;
  const uint32_t plain = std::bit_cast<uint32_t>(FormChoice::of(form));
  const bool is_plain = key == static_cast<uint32_t>(form);
  if (in_.known.entries == nullptr)
    return is_plain ? std::bit_cast<FormChoice>(plain) : find_choice(key, pins);
  // Whether there are pins is not to be branched on, since nobody could predict it.
  const uint64_t entry = in_.known.entries[KnownChoices::place(key)];
  const bool is_known = entry >> 32 == key;
  if (!(is_plain | is_known)) [[unlikely]]
    return find_choice(key, pins);
  return std::bit_cast<FormChoice>(is_plain ? plain : static_cast<uint32_t>(entry));
}

/// The handler of the instruction at a position, the present one. If it makes a superinstruction
/// with what comes directly before, that has its handler from now on.
[[gnu::always_inline]] inline Translation::JoinedHandler Translation::join(Form form,
                                                                           uint32_t position) {
  const void* const own = in_.handlers[static_cast<size_t>(form)];
  const Superinstructions& supers = in_.superinstructions;
  if (supers.count == 0) return {own, nullptr, nullptr};
  const uint32_t before = sequence_end_ == position ? sequence_ : Superinstructions::none;
  const uint32_t joined = supers.find(before, form);
  if (joined != Superinstructions::none) {
    sequence_ = joined;
    return {own, supers.handler(joined), out_ + sequence_at_};
  }
  sequence_ = static_cast<uint32_t>(form);
  sequence_at_ = position;
  return {own, nullptr, nullptr};
}

inline void Translation::put_handler(Form form) {
  uint8_t* const at = out_ + position_;
  const JoinedHandler joined = join(form, position_);
  write_code(at, joined.own);
  if (joined.super != nullptr) write_code(joined.at, joined.super);
}

/// Writes the operands of an instruction, before its handler and what lies behind them.
inline void Translation::put_operands(const ThreadedShape& shape, const FormChoice& choice,
                                      const uint32_t* values) {
  uint8_t* at = out_ + position_;
  // All as if they were immediates: the upper half of a slot is overwritten by what comes behind
  // it, and an operand without bytes by the handler.
  write_code(at + shape.operands[0], values[0]);
  write_code(at + shape.operands[1], values[choice.is_exchanged != 0 ? 2 : 1]);
  write_code(at + shape.operands[2], values[choice.is_exchanged != 0 ? 1 : 2]);
  write_code(at + shape.operands[3], values[3]);
}

/// Writes the address of a label at a position. One to come is a link of the list of its targets
/// until it is reached.
inline void Translation::put_target(const uint8_t* to, uint32_t at) {
  uint32_t& position = labels_.positions[labels_.place_of(offset_of(to))];
  if (to <= found_) return write_code<const uint8_t*>(out_ + at, out_ + position);
  write_code<uintptr_t>(out_ + at, position);
  position = at;
}

/// What goes with a choice behind the instruction.
inline void Translation::put_behind(const FormChoice& choice) {
  if (choice.moved != 0) put_move(static_cast<int>(choice.moved) - 1);
  if (choice.loads != 0) put_pins(choice.loads, false);
}

/// Writes an instruction that has operands and perhaps an offset, and nothing else, and that others
/// follow.
[[gnu::always_inline]] inline void
Translation::put_simply(const FormChoice& choice, const uint32_t* values, uint32_t offset) {
  // Bytes may be written anywhere, as far as the compiler knows: all is read before.
  const ThreadedShape shape = threaded_shapes[choice.form];
  const bool is_alone = choice.is_alone();
  if (position_ + put_bytes_max > capacity_) out_ = nullptr;
  if (!is_alone) put_pins(choice.stores, true);
  const uint32_t position = position_;
  if (out_ != nullptr) {
    const uint32_t first = values[choice.is_exchanged != 0 ? 2 : 1];
    const uint32_t second = values[choice.is_exchanged != 0 ? 1 : 2];
    const uint32_t result = values[0], third = values[3];
    const JoinedHandler joined = join(static_cast<Form>(choice.form), position);
    uint8_t* const at = out_ + position;
    __builtin_prefetch(at + 512, 1);
    // As in put_operands.
    write_code(at + shape.operands[0], result);
    write_code(at + shape.operands[1], first);
    write_code(at + shape.operands[2], second);
    write_code(at + shape.operands[3], third);
    // Where there is no place for one, the next instruction or nothing is.
    write_code(at + shape.extra, offset);
    write_code(at, joined.own);
    if (joined.super != nullptr) write_code(joined.at, joined.super);
  }
  position_ = sequence_end_ = position + shape.bytes;
  if (!is_alone) put_behind(choice);
}

} // namespace ebb
