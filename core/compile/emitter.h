// Emitter: writes compact bytecode and remembers the last instruction, which may still change.
//
// Destination patching lives here: an instruction whose result sits in the accumulator can be
// written anew with a slot as its destination as long as nothing came after it. Branch targets are
// 4-byte distances from the field itself; forward ones are threaded into a list through those
// fields until their label is bound.
#pragma once

#include "collections/vec.h"
#include "core/bytecode/bytecode.h"

namespace ebb {

struct Operand {
  Kind kind = Kind::n;
  uint32_t value = 0; ///< Slot, or the bits of a sign-extended immediate.

  static Operand slot(uint32_t index) { return {Kind::s, index}; }
  static Operand acc() { return {Kind::a, 0}; }
  static Operand immediate(uint32_t bits) { return {Kind::k, bits}; }
  static Operand ref(uint32_t index) { return {Kind::r, index}; }
  static Operand none() { return {}; }
};

/// An instruction about to be written.
struct Draft {
  Op op = Op::unreachable;
  Operand d, a, b, c;
  uint8_t extra[14] = {};

  Kinds kinds() const { return {d.kind, a.kind, b.kind, c.kind}; }
  void set_extra16(size_t at, uint32_t value);
  void set_extra32(size_t at, uint32_t value);
  void set_extra64(size_t at, uint64_t value);
};

/// The open branches to a label: the position of the last one's field, which leads to the others.
struct LabelFixups {
  static constexpr uint32_t none = UINT32_MAX;
  uint32_t head = none;
  bool is_empty() const { return head == none; }
};

class Emitter {
public:
  explicit Emitter(Vec<uint8_t>& code) : code_(code) {}

  uint32_t position() const { return static_cast<uint32_t>(code_.size()); }

  /// Writes an instruction whose form exists. Fails: out_of_memory. On failure: the code is as it
  /// was.
  Result<void> put(const Draft& draft);
  /// Writes a branch to a label that is not bound yet.
  Result<void> put_forward(const Draft& draft, LabelFixups& label);
  /// Writes a branch to an earlier position.
  Result<void> put_backward(const Draft& draft, uint32_t target);
  /// Adds an entry of a br_table's targets.
  Result<void> put_table_forward(LabelFixups& label);
  Result<void> put_table_backward(uint32_t target);
  Result<void> put_bytes(const void* bytes, size_t count);
  /// Lets all branches of a label lead to here, and forgets what came before: control may come from
  /// elsewhere.
  void bind(LabelFixups& label);
  /// The last instruction can no longer change.
  void seal() { last_start_ = no_last; }

  /// The last instruction if it may still change, else null.
  const Draft* last() const { return last_start_ == no_last ? nullptr : &last_; }
  /// Writes the last instruction, whose result is in the accumulator, anew with a slot as
  /// destination. False, and nothing has changed, if that form does not exist. Fails:
  /// out_of_memory.
  Result<bool> redirect_last(uint32_t slot);
  /// Takes the last instruction back.
  Draft take_last();

private:
  static constexpr uint32_t no_last = UINT32_MAX;
  Result<void> put_form(Form form, const Draft& draft, bool with_target);

  Vec<uint8_t>& code_;
  Draft last_;
  uint32_t last_start_ = no_last;
};

} // namespace ebb
