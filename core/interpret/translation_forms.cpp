// Forms and bytes: which form with pins an instruction takes, and how it lies in threaded code.
#include "core/bytecode/code_bytes.h"
#include "core/bytecode/ops.h"
#include "core/interpret/translation_inline.h"

namespace ebb {

namespace {

/// The kind of a pin.
Kind kind_of(int pin) {
  constexpr Kind kinds[] = {Kind::p, Kind::q, Kind::v};
  const int first_float = static_cast<int>(int_pins);
  return kinds[pin < first_float ? pin : pin - first_float];
}

constexpr bool is_float_pin(int pin) { return pin >= static_cast<int>(int_pins); }

} // namespace

/// Whether a branch may take the register of the innermost loop for its target.
bool Translation::leads_to_loop(const Step& in) const {
  if (loop_ == nullptr || !has_target(op_info(in.op).effect)) return false;
  const uint8_t* field = in.next - target_bytes(in.code_op);
  if (field + target_distance(in.code_op, field) != loop_) return false;
  Kinds kinds = in.kinds;
  kinds.d = Kind::l;
  return find_threaded_form(in.op, kinds) != Form::count;
}

/// Whether a branch has a form that leads to the innermost loop.
bool Translation::has_loop_form(Form form) {
  FormInfo info = form_info(form);
  info.kinds.d = Kind::l;
  return find_threaded_form(info.op, info.kinds) != Form::count;
}

namespace {

/// The form in which the operands of `mask` are pins and others are in their slots, the first two
/// exchanged if that helps. A result that is to be in a pin may come from the accumulator.
bool try_form(const FormInfo& wanted, PinnedOperands pins, uint32_t mask, FormChoice& out) {
  Kinds kinds = wanted.kinds;
  for (int i = 0; i < 4; i++)
    if ((mask >> i & 1) != 0) kind_at(kinds, i) = kind_of(static_cast<int>(pins.at(i)) - 1);
  const Effect effect = op_info(wanted.op).effect;
  const bool is_result = effect == Effect::acc_int || effect == Effect::acc_float;
  const Op exchanged = ebb::exchanged(wanted.op);
  for (const bool from_acc : {false, true}) {
    if (from_acc && (pins.at(0) == 0 || (mask & 1) != 0 || !is_result)) return false;
    if (from_acc) kinds.d = Kind::a;
    Form form = find_threaded_form(wanted.op, kinds);
    const bool is_exchanged = form == Form::count && exchanged != Op::count;
    if (is_exchanged) form = find_threaded_form(exchanged, {kinds.d, kinds.b, kinds.a, kinds.c});
    if (form == Form::count) continue;
    out = FormChoice::of(form);
    out.is_exchanged = is_exchanged;
    out.moved = from_acc ? pins.at(0) & 7 : 0;
    return true;
  }
  return false;
}

/// Fewer and fewer operands in pins; with none, the form is one of compact code or made for this.
FormChoice choose_pinned(const FormInfo& wanted, PinnedOperands pins) {
  uint32_t pinned = 0;
  for (int i = 0; i < 4; i++)
    pinned |= (pins.at(i) != 0 ? 1u : 0u) << i;
  FormChoice out{};
  uint32_t mask = pinned;
  for (; !try_form(wanted, pins, mask, out); mask = (mask - 1) & pinned)
    EBB_ASSERT(mask != 0);
  for (int i = 0; i < 4; i++) {
    if (((pinned & ~mask) >> i & 1) == 0) continue;
    const uint32_t pin = 1u << (pins.at(i) - 1);
    if (i != 0)
      out.stores |= pin & 31;
    else if (out.moved == 0)
      out.loads |= pin & 31;
  }
  return out;
}

} // namespace

inline FormChoice Translation::choose(const Step& in) const {
  const bool to_loop = leads_to_loop(in);
  FormChoice choice{};
  if (in.form != Form::count) {
    const uint32_t slots = threaded_shapes[static_cast<size_t>(in.form)].slot_operands;
    choice = choose(in.form, pinned_operands(slots, in.values), to_loop);
  } else {
    Kinds kinds = in.kinds;
    uint32_t slots = 0;
    for (int i = 0; i < 4; i++)
      slots |= (kind_at(kinds, i) == Kind::s ? 1u : 0u) << i;
    if (to_loop) kinds.d = Kind::l;
    choice = choose_pinned({in.op, kinds}, pinned_operands(slots, in.values));
  }
  with_floats(choice);
  return choice;
}

/// Finds the choice for a form some of whose operands are in pins, or which leads to the innermost
/// loop, and keeps it.
FormChoice Translation::find_choice(uint32_t key, PinnedOperands pins) const {
  FormInfo info = form_info(static_cast<Form>(key & KnownChoices::form_mask));
  if ((key & KnownChoices::to_loop) != 0) info.kinds.d = Kind::l;
  const FormChoice choice = choose_pinned(info, pins);
  if (in_.known.entries != nullptr)
    in_.known.entries[KnownChoices::place(key)] =
        uint64_t{key} << 32 | std::bit_cast<uint32_t>(choice);
  return choice;
}

/// Calls take integer pins home themselves, and the others have this done.
void Translation::with_floats(FormChoice& out) const {
  if (in_.pins.floats == 0) return;
  if (op_info(form_info(static_cast<Form>(out.form)).op).effect != Effect::call) return;
  const uint32_t floats = ((1u << in_.pins.floats) - 1) << int_pins;
  out.stores |= floats & 31;
  out.loads |= floats & 31;
}

/// Whether control comes to a `fuel` next, and to nothing else.
bool Translation::meets_fuel(const Step& in, const FormInfo& chosen) const {
  const auto fuel_is_at = [](const uint8_t* at) {
    return read_code<uint16_t>(at) == static_cast<uint16_t>(Form::fuel_nnnn);
  };
  if (chosen.op == Op::loop) return fuel_is_at(in.next);
  if (chosen.kinds.d == Kind::l) return fuel_is_at(loop_);
  // Elsewhere an innermost loop begins with its own instruction.
  if (op_info(chosen.op).effect == Effect::enter)
    return fuel_is_at(in.next) && !loop_is_at(in.next);
  const Effect effect = op_info(chosen.op).effect;
  if (!has_target(effect) && effect != Effect::table_terminal) return false;
  bool all = true;
  for_each_target(in, [&](const uint8_t* to) { all = all && fuel_is_at(to) && !loop_is_at(to); });
  return all;
}

/// The form in which an instruction does what code that is metered has to do.
Form Translation::metered(const Step& in, const FormChoice& choice) const {
  const Metering metering = in_.image->metering;
  // All kinds of a form take the same room, so that it does not matter which one is laid out.
  const Form form = static_cast<Form>(choice.form);
  if (metering == Metering::none || out_ == nullptr) return form;
  const FormInfo chosen = form_info(form);
  const bool is_metered = chosen.op == Op::fuel || meets_fuel(in, chosen);
  return is_metered ? metered_form(form, metering) : form;
}

void Translation::emit(const Step& in) {
  if (in.op == Op::enter) return emit_enter(in);
  emit_as_it_is(in);
}

/// What clears a frame's slots in rounds of eight: the first slot, and how many rounds. They may be
/// more than those named, and begin before, but are neither parameters nor behind the frame. No
/// rounds if there is no such room.
struct Eights {
  uint16_t first = 0;
  uint16_t rounds = 0;

  static Eights of(const TranslationInput& in, const Step& enter) {
    const uint32_t first = read_code<uint16_t>(enter.extra);
    const uint32_t count = read_code<uint16_t>(enter.extra + 2);
    const uint32_t slots = (count + 7) / 8 * 8;
    if (in.params + slots > in.frame_end) return {};
    const uint32_t last_first = in.frame_end - slots;
    return {static_cast<uint16_t>(first < last_first ? first : last_first),
            static_cast<uint16_t>(slots / 8)};
  }
};

/// Entries have forms by how much they clear, and one that does nothing is left out. Slots behind
/// the locals, and two homes behind the frame, may be cleared too.
void Translation::emit_enter(const Step& in) {
  const uint32_t count = read_code<uint16_t>(in.extra + 2);
  if (count == 0 && !in_.pins.any()) return;
  Step out = in;
  if (count <= 4 && in_.pins.floats == 0) {
    constexpr Form forms[] = {Form::enter_ints_nnnn, Form::enter_clear_2_nnnn,
                              Form::enter_clear_4_nnnn};
    out.form = forms[(count + 1) / 2];
  } else if (Eights::of(in_, in).rounds != 0) {
    out.form = Form::enter_clear_8_nnnn;
  }
  if (out.form != Form::count) out.op = form_info(out.form).op;
  emit_as_it_is(out);
}

void Translation::emit_as_it_is(const Step& in) {
  const FormChoice choice = choose(in);
  put(in, choice, metered(in, choice));
}

void Translation::put_pin(int pin, bool is_store) {
  Kinds kinds;
  (is_store ? kinds.a : kinds.d) = Kind::s;
  (is_store ? kinds.b : kinds.a) = kind_of(pin);
  Op op = is_store ? Op::pin_int_store : Op::pin_int_load;
  if (is_float_pin(pin)) op = is_store ? Op::pin_float_store : Op::pin_float_load;
  if (out_ != nullptr) {
    put_handler(find_threaded_form(op, kinds));
    write_code(out_ + position_ + word, in_.pins.homes[pin]);
  }
  position_ += aligned(word + 2);
  sequence_end_ = position_;
}

void Translation::put_move(int pin) {
  const Op op = is_float_pin(pin) ? Op::move_float : Op::move;
  const Form form = find_threaded_form(op, {kind_of(pin), Kind::a, Kind::n, Kind::n});
  if (out_ != nullptr) put_handler(form);
  position_ += word;
  sequence_end_ = position_;
}

/// Pins are loaded by enter; a function that has none, because it declares no local, gets one.
void Translation::put_enter() {
  if (!in_.pins.any()) return;
  const uint8_t* at = in_.begin;
  Step in = take_apart(at);
  // References are cleared before.
  if (in.op == Op::enter_refs) in = take_apart(in.next);
  if (in.op == Op::enter) return;
  Step enter;
  enter.op = Op::enter;
  alignas(uint16_t) static constexpr uint8_t no_locals[6] = {};
  enter.extra = no_locals;
  enter.next = at;
  emit(enter);
}

namespace {

/// How many slots a tail call moves.
uint16_t moved_by_tail_call(SlotCounts params) {
  return params.refs == 0 ? params.numbers : tail_call_any;
}

} // namespace

/// The tail of a call, from what the compact form has behind its operands.
void Translation::put_tail(uint8_t* at, const Step& in) const {
  const ModuleImage& image = *in_.image;
  const uint32_t extra = op_info(in.op).extra;
  ThreadedCallTail tail{};
  tail.outgoing = read_code<uint16_t>(in.extra + extra - 2);
  memcpy(tail.homes, in_.pins.homes, sizeof(tail.homes));
  if (extra >= 8) tail.outgoing_refs = read_code<uint16_t>(in.extra + extra - 4);
  const uint32_t first = extra >= 8   ? read_code<uint32_t>(in.extra)
                         : extra >= 4 ? read_code<uint16_t>(in.extra)
                                      : 0;
  switch (in.op) {
  case Op::call:
  case Op::call_refs:
    tail.function = image.threaded_functions + first;
    break;
  case Op::return_call:
    tail.homes[0] = moved_by_tail_call(image.params_of(image.functions[first]));
    tail.function = image.threaded_functions + first;
    break;
  case Op::call_indirect:
  case Op::return_call_indirect: {
    const uint32_t table = read_code<uint32_t>(in.extra + 4);
    const bool refs = in.op == Op::call_indirect && tail.outgoing_refs != 0;
    const SubType& type = image.decl.types.get(TypeIndex{first});
    if (in.op == Op::return_call_indirect)
      tail.homes[0] = moved_by_tail_call(slot_counts(type.params()));
    tail.operand =
        image.decl.types[TypeIndex{first}].value | uint64_t{table | (refs ? passes_refs : 0)} << 32;
    break;
  }
  case Op::call_ref:
  case Op::return_call_ref:
    tail.operand = image.decl.types[TypeIndex{first}].value;
    break;
  default:
    tail.operand = first;
    break;
  }
  memcpy(at, &tail, sizeof(tail));
}

/// Writes the addresses to which a branch or table leads at a position.
void Translation::put_targets(const Step& in, uint32_t at) {
  const uint8_t* field = in.extra + op_info(in.code_op).extra;
  for (; field < in.next; field += target_bytes(in.code_op)) {
    put_target(field + target_distance(in.code_op, field), at);
    at += word;
  }
}

/// Here is the next label: all targets that lead to it say so now.
void Translation::reach_label() {
  uint32_t& position = labels_.positions[next_place_];
  for (uint32_t at = position; at != 0;) {
    const uint32_t before = static_cast<uint32_t>(read_code<uintptr_t>(out_ + at));
    write_code<const uint8_t*>(out_ + at, out_ + position_);
    at = before;
  }
  position = position_;
}

/// Writes what plain instructions do not have: operands of kind w, extra bytes, tails and tables.
void Translation::put_rest(const Step& in, Form form, const ThreadedShape& shape) const {
  uint8_t* at = out_ + position_;
  const FormInfo chosen = form_info(form);
  Kinds kinds = chosen.kinds;
  for (int i = 0; i < 4; i++)
    if (kind_at(kinds, i) == Kind::w) write_code(at + shape.operands[i], in.wide);
  const OpInfo& info = op_info(chosen.op);
  uint8_t* extra = at + shape.extra;
  if (is_call(info.effect)) return put_tail(at + shape.bytes - sizeof(ThreadedCallTail), in);
  if (info.effect == Effect::table_terminal)
    return write_code(extra, static_cast<uint32_t>(table_targets(in.code_op, in.extra) - 1));
  if (is_memory_access(chosen.op)) return;
  if (chosen.op == Op::fuel) return write_code(extra, uintptr_t{read_code<uint16_t>(in.extra)});
  if (chosen.op == Op::enter_clear_8) {
    const Eights eights = Eights::of(in_, in);
    write_code(extra, eights.first);
    write_code(extra + 2, eights.rounds);
  } else if (info.extra != 0) {
    memcpy(extra, in.extra, info.extra);
  }
  if (chosen.op >= Op::enter_ints && chosen.op <= Op::enter_clear_4)
    memcpy(extra + info.extra, in_.pins.homes, size_t{2} * int_pins);
  if (chosen.op == Op::enter || chosen.op == Op::enter_clear_8)
    memcpy(extra + info.extra, in_.pins.homes, sizeof(in_.pins.homes));
}

void Translation::put_pins(uint32_t which, bool is_store) {
  for (int pin = 0; which != 0; pin++, which >>= 1)
    if ((which & 1) != 0) put_pin(pin, is_store);
}

/// Writes an instruction; its handler is that of `form`, which is the chosen one or does more.
void Translation::put(const Step& in, const FormChoice& choice, Form form) {
  const ThreadedShape& shape = threaded_shapes[choice.form];
  uint32_t table_bytes = 0;
  if (in.op == Op::br_table)
    table_bytes = word * static_cast<uint32_t>(table_targets(in.code_op, in.extra));
  if (position_ + put_bytes_max + table_bytes > capacity_) out_ = nullptr;
  if (choice.stores != 0) put_pins(choice.stores, true);
  const uint32_t targets_at = position_ + shape.bytes;
  const bool has_targets = shape.has_target || table_bytes != 0;
  if (out_ != nullptr) {
    put_operands(shape, choice, in.values);
    if (shape.has_offset) write_code(out_ + position_ + shape.extra, in.offset);
    if (!shape.is_plain) put_rest(in, static_cast<Form>(choice.form), shape);
    put_handler(form);
    if (has_targets) put_targets(in, targets_at);
  }
  position_ = targets_at + (shape.has_target ? word : 0) + table_bytes;
  sequence_end_ = position_;
  put_behind(choice);
}

} // namespace ebb
