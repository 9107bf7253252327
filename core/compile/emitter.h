// Emitter: writes compact bytecode and remembers the last instruction, which may still change.
//
// Destination patching lives here: an instruction whose result sits in the accumulator can be
// written anew with a slot as its destination as long as nothing came after it. Forward branches
// are threaded into a list through the fields of their targets until their label is bound.
//
// Targets of two bytes reach 64 KiB, and how far a forward branch will lead is not known when it is
// written. In reach `far` the opposite of each conditional branch jumps over one with a target of
// four bytes. A short function is written in reach `near`, and if that was not enough, which its
// end tells, once more in reach `far`; a long one in reach `far` at once.
#pragma once

#include "collections/vec.h"
#include "core/bytecode/bytecode.h"
#include "core/bytecode/label.h"
#include "error/build.h"

namespace ebb {

struct Operand {
  Kind kind = Kind::n;
  uint32_t value = 0; ///< Slot, or the bits of a sign-extended immediate, or half an offset.

  static Operand slot(uint32_t index) { return {Kind::s, index}; }
  static Operand acc() { return {Kind::a, 0}; }
  static Operand immediate(uint32_t bits) {
    return {static_cast<int32_t>(bits) == static_cast<int16_t>(bits) ? Kind::k : Kind::w, bits};
  }
  static Operand ref(uint32_t index) { return {Kind::r, index}; }
  static Operand none() { return {}; }
};

/// An instruction about to be written.
struct Draft {
  Op op = Op::unreachable;
  Form form =
      Form::count; ///< That of the op and kinds, if it was looked up and they still have it.
  Operand d, a, b, c;
  alignas(uint16_t) uint8_t extra[14] = {};

  EBB_CALLED_IF_SMALL Draft() {}
  Kinds kinds() const { return {d.kind, a.kind, b.kind, c.kind}; }
  void set_extra16(size_t at, uint32_t value);
  void set_extra32(size_t at, uint32_t value);
  void set_extra64(size_t at, uint64_t value);
};

/// How many bytes the targets of forward branches have: two or four.
enum class Reach : uint8_t { near, far };

/// The open branches to a label: the position of the last one's field, which leads to the others.
struct LabelFixups {
  static constexpr uint32_t none = UINT32_MAX;
  uint32_t head = none;
  bool is_empty() const { return head == none; }
};

class Emitter {
public:
  /// Labels are listed in `labels`, if that is not null.
  Emitter(Vec<uint8_t>& code, Vec<Label>* labels) : code_(code), labels_(labels) {}

  uint32_t position() const { return static_cast<uint32_t>(code_.size()); }

  /// Begins a function, whose branches have this reach.
  void begin(Reach reach) {
    reach_ = reach;
    is_too_short_ = false;
    start_ = position();
    if (labels_ != nullptr) labels_->clear();
    seal();
  }
  /// The function begins so many bytes later.
  void cut_start(uint32_t bytes);
  /// Whether a branch since then leads farther than it can.
  bool is_too_short() const { return is_too_short_; }
  void need_far() { is_too_short_ = true; }
  Reach reach() const { return reach_; }

  /// Writes an instruction whose form exists. Fails: out_of_memory. On failure: the code is as it
  /// was.
  Result<void> put(const Draft& draft) { return put_form(draft); }
  /// Writes an instruction of a form that has operands and perhaps two bytes behind them, and no
  /// target. Of its kinds only `b` may be w. Fails: out_of_memory. On failure: as `put`.
  Result<void> put_plain(Form form, uint32_t d, Operand a, Operand b, uint32_t extra);
  /// Writes a branch to a label that is not bound yet.
  Result<void> put_forward(const Draft& draft, LabelFixups& label);
  /// Writes a branch to an earlier position.
  Result<void> put_backward(const Draft& draft, uint32_t target);
  /// Writes a branch to a place behind a few instructions that come next; `land` says where it is.
  Result<uint32_t> put_over(const Draft& draft);
  Result<void> land(uint32_t over);
  /// Adds an entry of the targets of a br_table, or in reach `far` of a far_br_table.
  Result<void> put_table_forward(LabelFixups& label);
  Result<void> put_table_backward(uint32_t target);
  Result<void> put_bytes(const void* bytes, size_t count);
  /// Lets all branches of a label lead to here, and forgets what came before: control may come from
  /// elsewhere. Fails: out_of_memory.
  Result<void> bind(LabelFixups& label);
  /// Lists the start of a loop here, which is no label before `mark_loop` has said so. Gives its
  /// place in the list. Fails: out_of_memory.
  Result<uint32_t> list_loop() { return labels_ != nullptr ? list_label(0) : 0; }
  void mark_loop(uint32_t place, bool is_innermost);
  /// Control may come from elsewhere: the last instruction can no longer change, and nothing is
  /// known of slots.
  void seal() {
    keep_last();
    forget_constants();
  }

  /// Whether a slot has these bits, because a constant was written there and nothing since.
  bool has_constant(uint32_t slot, uint64_t bits) const;
  /// The last instruction wrote these bits to a slot.
  void note_constant(uint32_t slot, uint64_t bits);

  /// Whether the last instruction may still change, and leaves its result in the accumulator.
  bool last_gives_acc() const { return has_last() && last_info().kinds.d == Kind::a; }
  /// The same, and writes a slot.
  bool last_writes(uint32_t slot) const {
    return has_last() && last_info().kinds.d == Kind::s &&
           read_code<uint16_t>(code_.data() + last_start_ + destination_at) == slot;
  }
  Op last_op() const { return last_info().op; }
  /// Writes the last instruction, whose result is in the accumulator or a slot, anew with a slot as
  /// destination. False, and nothing has changed, if that form does not exist. Fails:
  /// out_of_memory.
  Result<bool> redirect_last(uint32_t slot);
  /// In reach `near`, makes the last instruction, which leaves its result in the accumulator, a
  /// branch that has the same operands, to a label that is not bound yet. Fails: out_of_memory. On
  /// failure: nothing has changed.
  Result<void> make_last_forward(Op branch, LabelFixups& label);
  /// The same to an earlier position. False, and nothing has changed, if that is too far.
  Result<bool> make_last_backward(Op branch, uint32_t target);
  /// Takes the last instruction back.
  Draft take_last();

private:
  static constexpr uint32_t no_last = UINT32_MAX;
  static constexpr uint32_t destination_at = 2; ///< Behind the form; other operands come later.
  static constexpr uint32_t no_slot = UINT32_MAX;
  struct Constant {
    uint32_t slot = no_slot;
    uint64_t bits = 0;
  };
  void keep_last() { last_start_ = no_last; }
  bool has_last() const { return last_start_ != no_last; }
  FormInfo last_info() const {
    EBB_ASSERT(has_last());
    return form_info(last_form_);
  }
  Draft read_last() const;
  Form branch_instead(Op branch) const;
  Result<bool> redirect_in_place(uint32_t slot);
  void forget_constants();
  void forget_slot(uint32_t slot);
  void forget_written(Op op, Operand destination);
  static Form form_of(const Draft& draft);
  Result<void> put_form(const Draft& draft);
  Result<void> put_field(uint32_t bytes);
  Result<void> put_far(const Draft& draft);
  void link(LabelFixups& label, uint32_t field);
  Result<void> list_target();
  Result<uint32_t> list_label(uint32_t marks);

  Vec<uint8_t>& code_;
  Vec<Label>* labels_;
  uint32_t start_ = 0; ///< Of the function.
  uint32_t last_start_ = no_last;
  Form last_form_ = Form::count;
  Constant constants_[4]; ///< Slots whose contents are known.
  uint32_t next_constant_ = 0;
  bool knows_constants_ = false; ///< Whether there may be one.
  Reach reach_ = Reach::near;
  bool is_too_short_ = false;
};

/// More than the bytes of any form without its target.
inline constexpr size_t form_bytes_max = 48;

[[gnu::always_inline]] inline Result<void> Emitter::put_plain(Form form, uint32_t d, Operand a,
                                                              Operand b, uint32_t extra) {
  uint8_t* at = EBB_TRY(code_.room_for(form_bytes_max));
  const FormShape& shape = form_shapes[static_cast<size_t>(form)];
  // What has no bytes is written where something else comes afterwards.
  write_code(at + shape.extra, static_cast<uint16_t>(extra));
  write_code(at + shape.operands[0], static_cast<uint16_t>(d));
  write_code(at + shape.operands[1], static_cast<uint16_t>(a.value));
  write_code(at + shape.operands[2], static_cast<uint16_t>(b.value));
  if (b.kind == Kind::w) write_code(at + shape.operands[2], b.value);
  write_code(at, static_cast<uint16_t>(form));
  if (knows_constants_ && (shape.slot_operands & 1) != 0) forget_slot(d);
  last_start_ = position();
  last_form_ = form;
  code_.take_room(shape.bytes);
  return {};
}

} // namespace ebb
