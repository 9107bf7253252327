// Forms and bytes: which form with pins an instruction takes, and how it lies in threaded code.
#include "core/bytecode/code_bytes.h"
#include "core/bytecode/ops.h"
#include "core/interpret/translation.h"

namespace ebb {

namespace {

constexpr uint32_t word = sizeof(void*);

constexpr uint32_t aligned(uint32_t bytes) { return (bytes + word - 1) / word * word; }

/// Bytes of an operand of a kind in threaded code.
constexpr uint32_t threaded_bytes(Kind kind) {
  // n, s, a, k, r, p, w, h and the rest.
  constexpr uint8_t bytes[] = {0, 2, 0, 4, 2, 0, 8, 0, 0, 0, 0};
  return bytes[static_cast<size_t>(kind)];
}
static_assert(threaded_bytes(Kind::s) == 2 && threaded_bytes(Kind::r) == 2 &&
              threaded_bytes(Kind::k) == 4 && threaded_bytes(Kind::w) == 8);

/// The kind of a pin.
Kind kind_of(int pin) {
  constexpr Kind kinds[] = {Kind::p, Kind::q, Kind::v};
  const int first_float = static_cast<int>(int_pins);
  return kinds[pin < first_float ? pin : pin - first_float];
}

constexpr bool is_float_pin(int pin) { return pin >= static_cast<int>(int_pins); }

/// Loads and stores have an offset unless an addend that wraps is in its place.
bool has_offset(Op op, const Kinds& kinds) {
  return is_memory_access(op) && (is_store(op) ? kinds.c : kinds.b) != Kind::k;
}

/// Bytes behind the operands, before what is aligned to words.
uint32_t extra_bytes(Op op, const Kinds& kinds) {
  if (is_memory_access(op)) return has_offset(op, kinds) ? 4 : 0;
  if (op == Op::br_table) return 4;
  if (op == Op::fuel) return word;
  const OpInfo& info = op_info(op);
  if (is_call(info.effect)) return 0;
  if (info.effect == Effect::enter) return info.extra + 2 * (int_pins + float_pins);
  return info.extra;
}

} // namespace

/// The pin that a slot is, or -1.
int Translation::pin_of(uint32_t slot) const {
  const Pins& pins = in_.pins;
  for (int i = 0; i < pins.ints; i++)
    if (pins.homes[i] == slot) return i;
  for (int i = static_cast<int>(int_pins); i < static_cast<int>(int_pins) + pins.floats; i++)
    if (pins.homes[i] == slot) return i;
  return -1;
}

/// Whether a branch may take the register of the innermost loop for its target.
bool Translation::leads_to_loop(const Step& in) const {
  if (loop_ == nullptr || !has_target(op_info(in.op).effect)) return false;
  const uint8_t* field = in.next - target_bytes(in.code_op);
  if (field + target_distance(in.code_op, field) != loop_) return false;
  Kinds kinds = in.kinds;
  kinds.d = Kind::l;
  return find_form(in.op, kinds, true) != Form::count;
}

/// The form in which the operands of `mask` are pins and others are in their slots, the first two
/// exchanged if that helps. A result that is to be in a pin may come from the accumulator.
bool Translation::try_form(const Step& in, const uint8_t* which, uint32_t mask, Choice& out) const {
  out.op = in.op;
  memcpy(out.values, in.values, sizeof(out.values));
  Kinds kinds = in.kinds;
  for (int i = 0; i < 4; i++)
    if ((mask >> i & 1) != 0) kind_at(kinds, i) = kind_of(which[i] - 1);
  const Effect effect = op_info(in.op).effect;
  const bool is_result = effect == Effect::acc_int || effect == Effect::acc_float;
  for (const bool from_acc : {false, true}) {
    if (from_acc && (which[0] == 0 || (mask & 1) != 0 || !is_result)) return false;
    if (from_acc) kinds.d = Kind::a;
    out.moved = from_acc ? which[0] : 0;
    out.kinds = kinds;
    out.form = find_form(out.op, kinds, true);
    if (out.form != Form::count) return true;
    const Op exchanged = op_info(in.op).commutative ? in.op : mirrored(in.op);
    if (exchanged == Op::count) continue;
    std::swap(out.kinds.a, out.kinds.b);
    out.form = find_form(exchanged, out.kinds, true);
    if (out.form == Form::count) continue;
    out.op = exchanged;
    std::swap(out.values[1], out.values[2]);
    return true;
  }
  return false;
}

Translation::Choice Translation::choose(const Step& in) const {
  Choice out;
  uint32_t pinned = 0;
  uint8_t which[4] = {}; // The pin of an operand, plus one.
  if (in_.pins.any()) {
    Kinds kinds = in.kinds;
    const int operands = kinds.c == Kind::n ? 3 : 4;
    for (int i = 0; i < operands; i++) {
      if (kind_at(kinds, i) != Kind::s) continue;
      which[i] = static_cast<uint8_t>(pin_of(in.values[i]) + 1);
      if (which[i] != 0) pinned |= 1u << i;
    }
  }
  const bool to_loop = leads_to_loop(in);
  if (pinned == 0 && !to_loop && in.form != Form::count) {
    out.form = in.form;
    out.op = in.op;
    out.kinds = in.kinds;
    memcpy(out.values, in.values, sizeof(out.values));
    return with_floats(out);
  }
  Step want = in;
  if (to_loop) want.kinds.d = Kind::l;
  // Fewer and fewer operands in pins; with none, the form is one of compact code or made for this.
  for (uint32_t mask = pinned;; mask = (mask - 1) & pinned) {
    if (!try_form(want, which, mask, out)) {
      EBB_ASSERT(mask != 0);
      continue;
    }
    for (int i = 0; i < 4; i++) {
      if ((pinned >> i & 1) == 0 || (mask >> i & 1) != 0) continue;
      const uint8_t bit = static_cast<uint8_t>(1u << (which[i] - 1));
      if (i != 0)
        out.stores |= bit;
      else if (out.moved == 0)
        out.loads |= bit;
    }
    return with_floats(out);
  }
}

/// Calls take integer pins home themselves, and the others have this done.
Translation::Choice& Translation::with_floats(Choice& out) const {
  if (in_.pins.floats == 0) return out;
  if (op_info(out.op).effect != Effect::call) return out;
  const uint8_t floats =
      static_cast<uint8_t>(((1u << in_.pins.floats) - 1) << static_cast<int>(int_pins));
  out.stores |= floats;
  out.loads |= floats;
  return out;
}

/// Whether control comes to a `fuel` next, and to nothing else.
bool Translation::meets_fuel(const Step& in, const Choice& choice) const {
  const auto fuel_is_at = [](const uint8_t* at) {
    return read_code<uint16_t>(at) == static_cast<uint16_t>(Form::fuel_nnnn);
  };
  if (choice.op == Op::loop) return fuel_is_at(in.next);
  if (choice.kinds.d == Kind::l) return fuel_is_at(loop_);
  // Elsewhere an innermost loop begins with its own instruction.
  if (choice.op == Op::enter) return fuel_is_at(in.next) && !loop_is_at(in.next);
  const Effect effect = op_info(choice.op).effect;
  if (!has_target(effect) && effect != Effect::table_terminal) return false;
  bool all = true;
  for_each_target(in, [&](const uint8_t* to) { all = all && fuel_is_at(to) && !loop_is_at(to); });
  return all;
}

/// The form in which an instruction does what code that is metered has to do.
Form Translation::metered(const Step& in, const Choice& choice) const {
  const Metering metering = in_.image->metering;
  // All kinds of a form take the same room, so that it does not matter which one is laid out.
  if (metering == Metering::none || out_ == nullptr) return choice.form;
  const bool is_metered = choice.op == Op::fuel || meets_fuel(in, choice);
  return is_metered ? metered_form(choice.form, metering) : choice.form;
}

void Translation::emit(const Step& in) {
  Choice choice = choose(in);
  choice.form = metered(in, choice);
  put(in, choice);
}

void Translation::put_pin(int pin, bool is_store) {
  Kinds kinds;
  (is_store ? kinds.a : kinds.d) = Kind::s;
  (is_store ? kinds.b : kinds.a) = kind_of(pin);
  Op op = is_store ? Op::pin_int_store : Op::pin_int_load;
  if (is_float_pin(pin)) op = is_store ? Op::pin_float_store : Op::pin_float_load;
  if (out_ != nullptr) {
    uint8_t* at = out_ + position_;
    write_code(at, in_.handlers[static_cast<size_t>(find_form(op, kinds, true))]);
    write_code(at + word, in_.pins.homes[pin]);
  }
  position_ += aligned(word + 2);
}

void Translation::put_move(int pin) {
  const Op op = is_float_pin(pin) ? Op::move_float : Op::move;
  const Form form = find_form(op, {kind_of(pin), Kind::a, Kind::n, Kind::n}, true);
  if (out_ != nullptr) write_code(out_ + position_, in_.handlers[static_cast<size_t>(form)]);
  position_ += word;
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
  constexpr uint8_t no_locals[4] = {};
  enter.extra = no_locals;
  enter.next = at;
  emit(enter);
}

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
  case Op::call_indirect:
  case Op::return_call_indirect:
    tail.operand = image.decl.types[TypeIndex{first}].value |
                   static_cast<uint64_t>(read_code<uint32_t>(in.extra + 4)) << 32;
    break;
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
    const uint8_t* to = field + target_distance(in.code_op, field);
    const uint32_t offset = Layout::position(layout_[index_of(to)]);
    write_code<const uint8_t*>(out_ + at, out_ + offset);
    at += word;
  }
}

void Translation::put(const Step& in, const Choice& choice) {
  constexpr int pins = static_cast<int>(int_pins + float_pins);
  for (int pin = 0; pin < pins && choice.stores != 0; pin++)
    if ((choice.stores >> pin & 1) != 0) put_pin(pin, true);
  const OpInfo& info = op_info(choice.op);
  const uint32_t operand_bytes = threaded_bytes(choice.kinds.d) + threaded_bytes(choice.kinds.a) +
                                 threaded_bytes(choice.kinds.b) + threaded_bytes(choice.kinds.c);
  const uint32_t extra = extra_bytes(choice.op, choice.kinds);
  const uint32_t tail_at = position_ + aligned(word + operand_bytes + extra);
  uint32_t end = tail_at;
  if (is_call(info.effect)) end += sizeof(ThreadedCallTail);
  const bool has_one = has_target(info.effect) && choice.kinds.d != Kind::l;
  if (has_one) end += word;
  if (info.effect == Effect::table_terminal)
    end += word * static_cast<uint32_t>(table_targets(in.code_op, in.extra));
  if (out_ != nullptr) {
    write_code(out_ + position_, in_.handlers[static_cast<size_t>(choice.form)]);
    uint8_t* at = out_ + position_ + word;
    Kinds kinds = choice.kinds;
    for (int i = 0; i < 4; i++) {
      const uint32_t bytes = threaded_bytes(kind_at(kinds, i));
      if (bytes == 2)
        write_code(at, static_cast<uint16_t>(choice.values[i]));
      else if (bytes == 4)
        write_code(at, choice.values[i]);
      else if (bytes == 8)
        write_code(at, in.wide);
      at += bytes;
    }
    if (has_offset(choice.op, choice.kinds))
      write_code(at, in.offset);
    else if (info.effect == Effect::table_terminal)
      write_code(at, static_cast<uint32_t>(table_targets(in.code_op, in.extra) - 1));
    else if (choice.op == Op::fuel)
      write_code(at, uintptr_t{read_code<uint16_t>(in.extra)});
    else if (!is_call(info.effect) && !is_memory_access(choice.op) && info.extra != 0)
      memcpy(at, in.extra, info.extra);
    if (info.effect == Effect::enter)
      memcpy(at + info.extra, in_.pins.homes, sizeof(in_.pins.homes));
    if (is_call(info.effect)) put_tail(out_ + tail_at, in);
    if (has_one || info.effect == Effect::table_terminal) put_targets(in, tail_at);
  }
  position_ = end;
  if (choice.moved != 0) put_move(choice.moved - 1);
  for (int pin = 0; pin < pins && choice.loads != 0; pin++)
    if ((choice.loads >> pin & 1) != 0) put_pin(pin, false);
}

} // namespace ebb
