// Translation of one function from compact to threaded code, in one walk over its instructions.
//
// Compact code is portable and names slots, constants and the accumulator only; what the threaded
// machine has beyond them arises here:
//   - operands whose slot is that of a pin take the forms for pins (`choose`);
//   - instructions that only make a value for another one (constants, additions of constants) are
//     put off and become part of the one that reads it (`Deferred`);
//   - `x = x + k` and a branch on x become one instruction (`held_`);
//   - branches back to the start of an innermost loop go through a register (kind l);
//   - in code that is not metered, a branch over a far branch becomes one branch (`step_branch`).
//
// What may be put off follows from what the compiler promises about slots behind the locals: such a
// slot is read once after it was written, unless it has a constant, which may be read again until
// the next label, call or unconditional branch (core/bytecode/README.md). Code that breaks the
// promise computes something else, within the same bounds.
//
// The walk depends on nothing but the code, the labels in it and the loops; so the same walk finds,
// given an address in threaded code, the instruction that it came from, without memory of its own.
#pragma once

#include "collections/vec.h"
#include "core/artifact/module_image.h"
#include "core/bytecode/bytecode.h"
#include "core/bytecode/label.h"
#include "core/interpret/superinstructions.h"

namespace ebb {

/// Which slots are pinned: a home for each pin, which is its local's slot or, where a pin is not
/// used, one behind the frame.
struct Pins {
  uint16_t homes[int_pins + float_pins];
  uint8_t ints = 0;   ///< Used, the first ones.
  uint8_t floats = 0; ///< The same.

  bool any() const { return ints + floats != 0; }
};

/// An instruction on its way: compact code's, or one made here. Operands d, a, b, c.
struct Step {
  Form form = Form::count;      ///< If it is known and threaded code has it.
  Op op = Op::unreachable;      ///< As threaded code has it.
  Op code_op = Op::unreachable; ///< As it stands in compact code.
  Kinds kinds;
  uint32_t values[4] = {};
  uint32_t offset = 0; ///< Of a load or store.
  uint64_t wide = 0;   ///< Of the operand of kind w.
  const uint8_t* extra = nullptr;
  const uint8_t* next = nullptr; ///< Behind it, a br_table's targets included.
};

/// Takes the compact instruction at `at` apart. Forms and ops that only compact code has become
/// what threaded code has instead.
void take_apart(const uint8_t* at, Step& out);
inline Step take_apart(const uint8_t* at) {
  Step out;
  take_apart(at, out);
  return out;
}

/// Calls `function` with where each target of an instruction leads.
template <class Function> void for_each_target(const Step& in, Function function) {
  const Effect effect = op_info(in.code_op).effect;
  if (!has_target(effect) && effect != Effect::table_terminal) return;
  const uint32_t bytes = target_bytes(in.code_op);
  for (const uint8_t* field = in.extra + op_info(in.code_op).extra; field < in.next; field += bytes)
    function(field + target_distance(in.code_op, field));
}

inline Kind& kind_at(Kinds& kinds, int which) {
  static_assert(sizeof(Kinds) == 4 * sizeof(Kind));
  return reinterpret_cast<Kind*>(&kinds)[which];
}

/// Finds the labels of a function. Fails: out_of_memory. On failure: as on success, what the three
/// hold is scratch memory.
struct LabelSearch {
  Vec<Label>& labels;
  Vec<uint32_t>& positions; ///< As many entries afterwards, of any value.
  Vec<uint32_t>& bits;
};
Result<void> find_labels(const uint8_t* begin, const uint8_t* end, LabelSearch out);

/// The labels of the function that is walked through, in their order.
struct LabelList {
  const Label* labels = nullptr;
  /// Where each is in threaded code, once it has been reached; of one to come, where the last
  /// target is that leads there, or 0. Each such target has that of the one before.
  uint32_t* positions = nullptr;
  uint32_t count = 0;

  /// The place of the label at an offset, or, if there is none, of some other.
  uint32_t place_of(uint32_t offset) const {
    const uint32_t bits = offset / 2 << Label::shift | Label::marks;
    const Label* first = labels;
    // Without branches, which nobody could predict.
    for (uint32_t left = count; left > 1; left -= left / 2)
      first += first[left / 2].bits <= bits ? left / 2 : 0;
    return static_cast<uint32_t>(first - labels);
  }
};

/// What was chosen for forms with operands in pins, which is the same wherever they come. Entries
/// are found by hash; one that is zero, or was chosen for others, is replaced.
struct KnownChoices {
  static constexpr uint32_t bits = 10;
  static constexpr size_t count = size_t{1} << bits;
  /// A key: the form, whether it leads to the innermost loop, and the pins of its operands.
  static constexpr uint32_t form_mask = 0x1fff;
  static constexpr uint32_t to_loop = 0x2000;
  static constexpr uint32_t pins_shift = 14;
  static constexpr uint32_t place(uint32_t key) { return key * 0x9E3779B1u >> (32 - bits); }

  uint64_t* entries = nullptr; ///< As many as there is a count of, or none.
};

/// The form that an instruction takes, and what goes with it.
struct FormChoice {
  uint32_t form : 13;
  uint32_t is_exchanged : 1; ///< The first two operands changed places.
  uint32_t stores : 5;       ///< Pins that go home before.
  uint32_t loads : 5;        ///< Pins that come from home afterwards.
  /// The pin, plus one, that gets its value from the accumulator afterwards.
  uint32_t moved : 3;
  uint32_t unused : 5; ///< So that each bit is of a field.

  /// Whether nothing goes with it.
  bool is_alone() const { return (stores | loads | moved) == 0; }
  static FormChoice of(Form form) {
    return {static_cast<uint32_t>(form) & KnownChoices::form_mask, 0, 0, 0, 0, 0};
  }
};
static_assert(sizeof(FormChoice) == 4 &&
              static_cast<uint32_t>(Form::end) <= KnownChoices::form_mask);
static_assert(int_pins + float_pins <= 5);
/// The pins of an instruction's operands: for each three bits with the pin, plus one.
struct PinnedOperands {
  uint32_t bits = 0;

  bool any() const { return bits != 0; }
  uint32_t at(int operand) const { return bits >> 3 * operand & 7; }
  void set(int operand, uint32_t pin_plus_1) { bits |= pin_plus_1 << 3 * operand; }
};

/// What a walk finds out, and where it writes.
struct TranslationInput {
  const ModuleImage* image;
  const uint8_t* begin; ///< Compact code.
  const uint8_t* end;
  Pins pins;
  uint32_t params;          ///< Slots of parameters, the first of the frame.
  uint32_t first_temporary; ///< Slots from here on belong to no local.
  uint32_t frame_end;       ///< Behind the last slot, homes of pins without a local included.
  const void* const* handlers;
  Superinstructions superinstructions;
  KnownChoices known;
};

class Translation {
public:
  explicit Translation(const TranslationInput& input);

  /// Writes the code to `out` unless it might be more than `capacity` bytes, which `is_written`
  /// then says. Gives its size. The positions of labels are zero before.
  uint32_t write(const LabelList& labels, uint8_t* out, size_t capacity);
  bool is_written() const { return out_ != nullptr; }
  /// Finds the compact instruction that the code at `position` of the threaded code came from.
  const uint8_t* locate(const uint8_t* threaded, uint32_t position);

private:
  /// A value that was not computed yet.
  struct Deferred {
    bool is_constant; ///< Or a sum of a constant and something else.
    bool consumed;    ///< A constant that was read; its slot may be read again or be dead.
    bool has_slot;
    Kind source; ///< Of a sum: s, or a for the accumulator as it is.
    uint16_t slot;
    uint16_t from; ///< Source slot.
    uint64_t bits; ///< The constant, or what is added.
  };
  static constexpr int deferred_max = 6;
  static constexpr int none = -1;

  void walk();
  void enter_label(const uint8_t* at);
  void step(Step& in);
  // Most instructions.
  const uint8_t* step_quickly(const uint8_t* at, const FormShape& shape);
  const uint8_t* step_reading(const uint8_t* at, const FormShape& shape, const uint32_t* values);
  static Form form_with_addend(const FormInfo& info, Kind source);
  const uint8_t* step_branch(const uint8_t* at, const FormShape& shape, const uint32_t* values);
  bool is_wanted_soon(const uint8_t* next, uint64_t bits) const;
  void put_or_defer_constant(const uint8_t* at, const FormShape& shape);
  void put_constant(uint16_t slot, uint64_t bits);
  bool put_off_sum(const uint8_t* at, const FormShape& shape, const uint32_t* values);
  static bool may_be_held(const uint8_t* at, const FormShape& shape, const uint32_t* values);
  void put_branch(Form form, uint32_t slots, const uint32_t* values, const uint8_t* to);
  void put_whole(const uint8_t* at, const FormShape& shape, const uint32_t* values);
  void put_call(const uint8_t* extra);
  bool touches_deferred(uint32_t slots, const uint32_t* values) const;
  // Values that are put off.
  bool defer_sum(const Step& in);
  void add(const Deferred& value, bool is_in_acc);
  void add_sum(Deferred value);
  int find(Kind kind, uint32_t value) const;
  void remove(int which);
  void materialize(int which);
  void materialize_all();
  void drop_all();
  void resolve(Step& in);
  bool fold(Step& in, int operand, int which);
  bool fold_address(Step& in, int operand, const Deferred& value) const;
  bool fold_constant(Step& in, int operand, const Deferred& value) const;
  void before_write(const Step& in);
  void after(const Step& in);
  bool is_temporary(uint32_t slot) const { return slot >= in_.first_temporary; }
  // The instruction that is held back.
  bool hold(const Step& in);
  void release_held();
  bool fuse_held(Step& in);
  // Forms.
  PinnedOperands pinned_operands(uint32_t slots, const uint32_t* values) const;
  FormChoice choose(const Step& in) const;
  FormChoice choose(Form form, PinnedOperands pins, bool to_loop) const;
  FormChoice find_choice(uint32_t key, PinnedOperands pins) const;
  void with_floats(FormChoice& out) const;
  bool meets_fuel(const Step& in, const FormInfo& chosen) const;
  Form metered(const Step& in, const FormChoice& choice) const;
  void emit(const Step& in);
  void emit_enter(const Step& in);
  void emit_as_it_is(const Step& in);
  void put(const Step& in, const FormChoice& choice, Form form);
  void put_plainly(Form form, uint32_t slots, const uint32_t* values, uint32_t offset);
  void put_operands(const ThreadedShape& shape, const FormChoice& choice, const uint32_t* values);
  void put_simply(const FormChoice& choice, const uint32_t* values, uint32_t offset);
  void put_behind(const FormChoice& choice);
  struct JoinedHandler {
    const void* own;
    const void* super; ///< Or null.
    uint8_t* at;       ///< Where that goes.
  };
  JoinedHandler join(Form form, uint32_t position);
  void put_handler(Form form);
  void put_rest(const Step& in, Form form, const ThreadedShape& shape) const;
  void put_pins(uint32_t which, bool is_store);
  void put_pin(int pin, bool is_store);
  void put_move(int pin);
  void put_enter();
  void put_tail(uint8_t* at, const Step& in) const;
  void put_targets(const Step& in, uint32_t at);
  void put_target(const uint8_t* to, uint32_t at);
  void reach_label();
  bool leads_to_loop(const Step& in) const;
  static bool has_loop_form(Form form);
  bool loop_is_at(const uint8_t* at) const;
  bool locates_loop() const;
  bool label_is_at(const uint8_t* at);
  bool finds_label_at(const uint8_t* at);
  void find_next_label();
  uint32_t offset_of(const uint8_t* at) const { return static_cast<uint32_t>(at - in_.begin); }

  /// Lists of pins say slots in a byte.
  static constexpr uint32_t slots_listed = 256;

  const TranslationInput& in_;
  uint8_t pin_at_[slots_listed + 1]; ///< The pin of a slot, plus one; the last is that of others.
  bool has_labels_everywhere_ =
      false; ///< As far as is known: looking for them would take too long.
  LabelList labels_;
  uint32_t next_place_ = 0; ///< Of the next label, which is there.
  const uint8_t* next_label_ = nullptr;
  bool is_unmetered_ = false;
  uint8_t* out_ = nullptr; ///< Null while only positions are wanted.
  size_t capacity_ = 0;    ///< From there.
  uint32_t position_ = 0;
  uint32_t sequence_ = 0;    ///< What was written last, or the superinstruction that it is part of.
  uint32_t sequence_at_ = 0; ///< Where that begins.
  uint32_t sequence_end_ = UINT32_MAX; ///< And ends.
  Deferred deferred_[deferred_max];
  int deferred_count_ = 0;
  int acc_ = none; ///< The deferred value that the accumulator has, as far as the code goes.
  Step held_;
  bool holds_ = false;
  const uint8_t* loop_ = nullptr; ///< The innermost loop that began last.
  // To locate: labels of a part of the function, the code as it was written, what is looked for.
  static constexpr uint32_t window_bytes = 16 * 1024;
  uint8_t* window_ = nullptr;
  const uint8_t* window_begin_ = nullptr;
  const uint8_t* threaded_ = nullptr;
  uint32_t wanted_ = UINT32_MAX;
  const uint8_t* found_ = nullptr;
};

} // namespace ebb
