// The walk: what each compact instruction becomes, and when. Forms and bytes are in
// translation_forms.cpp, labels and loops in translation_layout.cpp.
#include "core/interpret/translation.h"

#include "core/bytecode/code_bytes.h"
#include "core/bytecode/ops.h"
#include "core/interpret/translation_inline.h"

namespace ebb {

namespace {

/// The offset of a load or store, whose halves may lie apart.
void find_offset(Step& in) {
  const uint32_t extra = read_code<uint16_t>(in.extra);
  in.offset = extra;
  for (int i = 1; i < 4; i++) {
    if (kind_at(in.kinds, i) != Kind::h) continue;
    in.offset = in.values[i] | extra << 16;
    kind_at(in.kinds, i) = Kind::n;
  }
  if (in.kinds.a != Kind::k) return;
  in.values[1] = (in.values[1] & UINT16_MAX) | extra << 16;
  in.offset = 0;
}

/// The branch that adds before it compares, of a branch that compares, or Op::count.
Op add_branch_of(Op branch) {
  switch (branch) {
  case Op::br_if:
  case Op::br_i32_ne:
    return Op::add_br_i32_ne;
  case Op::br_i32_lt_s:
    return Op::add_br_i32_lt_s;
  case Op::br_i32_lt_u:
    return Op::add_br_i32_lt_u;
  case Op::br_i32_gt_u:
    return Op::add_br_i32_gt_u;
  default:
    return Op::count;
  }
}

/// Whether an instruction reads or writes slots beside those that its operands name.
bool touches_ranges(Op op) {
  return op == Op::copy_range || op == Op::select_v128 || op == Op::global_get_v128 ||
         op == Op::global_set_v128;
}

bool ends_block(Effect effect) {
  return effect == Effect::target_terminal || effect == Effect::table_terminal ||
         effect == Effect::terminal || is_call(effect);
}

bool sets_acc(const Step& in) {
  const Effect effect = op_info(in.op).effect;
  return effect == Effect::acc_int || effect == Effect::acc_float || effect == Effect::acc_lost ||
         in.kinds.d == Kind::a;
}

/// Whether there is a form, perhaps with the first two operands exchanged, which they are then.
bool has_form(Step& in) {
  in.form = find_threaded_form(in.op, in.kinds);
  if (in.form != Form::count) return true;
  const Op exchanged = ebb::exchanged(in.op);
  if (exchanged == Op::count) return false;
  Kinds kinds = in.kinds;
  std::swap(kinds.a, kinds.b);
  in.form = find_threaded_form(exchanged, kinds);
  if (in.form == Form::count) return false;
  in.op = exchanged;
  in.kinds = kinds;
  std::swap(in.values[1], in.values[2]);
  return true;
}

bool is_sum(const Step& in) {
  return (in.op == Op::i32_add || in.op == Op::i32_sub) && in.kinds.b == Kind::k &&
         (in.kinds.a == Kind::s || in.kinds.a == Kind::a);
}

uint32_t addend_of(const Step& in) {
  return in.op == Op::i32_add ? in.values[2] : 0u - in.values[2];
}

} // namespace

namespace {

/// What most instructions do not have: offsets, wide operands, forms that only compact code has.
[[gnu::noinline]] void take_rest_apart(const uint8_t* at, const FormShape& shape, Step& out) {
  for (int i = 1; i < 4; i++) {
    Kind& kind = kind_at(out.kinds, i);
    if (kind == Kind::h) out.form = Form::count;
    if (kind != Kind::w) continue;
    out.form = Form::count;
    out.values[i] = read_code<uint32_t>(at + shape.operands[i]);
    kind = Kind::k;
  }
  if (is_memory_access(out.op)) find_offset(out);
  // What is chosen for a form is remembered, for kinds it is not.
  if (shape.effect < Effect::enter && out.form == Form::count)
    out.form = find_threaded_form(out.op, out.kinds);
  if (shape.effect == Effect::table_terminal)
    out.next += static_cast<size_t>(target_bytes(out.op) * table_targets(out.op, out.extra));
  if (out.op != Op::far_br && out.op != Op::far_br_table) return;
  out.op = out.op == Op::far_br ? Op::br : Op::br_table;
  out.form = Form::count;
}

} // namespace

void take_apart(const uint8_t* at, Step& out) {
  const uint16_t form = read_code<uint16_t>(at);
  const FormShape& shape = form_shapes[form];
  const FormInfo& info = form_infos[form];
  out.form = static_cast<Form>(form);
  out.op = out.code_op = info.op;
  out.kinds = info.kinds;
  out.offset = 0;
  read_operands(at, shape, out.values);
  for (int i = 0; i < 4; i++)
    if ((shape.constant_operands >> i & 1) == 0) out.values[i] &= UINT16_MAX;
  out.extra = at + shape.extra;
  out.next = at + shape.bytes;
  if (!shape.is_plain) take_rest_apart(at, shape, out);
}

Translation::Translation(const TranslationInput& input) : in_(input) {
  constexpr ptrdiff_t marked_max = ptrdiff_t{1024} * 1024;
  is_unmetered_ = input.image->metering == Metering::none;
  has_labels_everywhere_ = in_.end - in_.begin > marked_max;
  const Pins& pins = in_.pins;
  memset(pin_at_, 0, sizeof(pin_at_));
  for (uint32_t i = 0; i < pins.ints; i++)
    pin_at_[pins.homes[i]] = static_cast<uint8_t>(i + 1);
  for (uint32_t i = int_pins; i < int_pins + pins.floats; i++)
    pin_at_[pins.homes[i]] = static_cast<uint8_t>(i + 1);
}

uint32_t Translation::write(const LabelList& labels, uint8_t* out, size_t capacity) {
  labels_ = labels;
  next_place_ = 0;
  find_next_label();
  out_ = out;
  capacity_ = capacity;
  walk();
  return position_;
}

const uint8_t* Translation::locate(const uint8_t* threaded, uint32_t position) {
  uint8_t window[window_bytes / 16];
  window_ = window;
  window_begin_ = nullptr;
  threaded_ = threaded;
  wanted_ = position;
  found_ = in_.begin;
  walk();
  window_ = nullptr;
  return found_;
}

/// Whether an innermost loop begins at a place.
bool Translation::loop_is_at(const uint8_t* at) const {
  if (labels_.count == 0) return false;
  const Label& label = labels_.labels[labels_.place_of(offset_of(at))];
  return in_.begin + label.offset() == at && label.is_innermost();
}

/// Whether the code that is looked at has the beginning of a loop here.
bool Translation::locates_loop() const {
  const void* handler = read_code<const void*>(threaded_ + position_);
  const Metering metering = in_.image->metering;
  for (const Form form : {Form::loop_nnnn, metered_form(Form::loop_nnnn, metering)})
    if (handler == in_.handlers[static_cast<size_t>(form)]) return true;
  return false;
}

/// Control may come here from elsewhere, perhaps as often as there are rounds of a loop.
void Translation::enter_label(const uint8_t* at) {
  const bool is_listed = at == next_label_;
  if (is_listed && out_ != nullptr) reach_label();
  const bool is_loop = threaded_ != nullptr
                           ? locates_loop()
                           : is_listed && labels_.labels[next_place_].is_innermost();
  if (is_loop) {
    Step loop;
    loop.op = Op::loop;
    loop.form = Form::loop_nnnn;
    loop.next = at;
    emit(loop);
    loop_ = at;
  }
  if (!is_listed) return;
  next_place_++;
  find_next_label();
}

void Translation::walk() {
  put_enter();
  Step in;
  for (const uint8_t* at = in_.begin; at < in_.end;) {
    const bool is_label = label_is_at(at);
    if (is_label) {
      release_held();
      materialize_all();
      drop_all();
    }
    if (position_ > wanted_) return;
    found_ = at;
    if (is_label) enter_label(at);
    const FormShape& shape = form_shapes[read_code<uint16_t>(at)];
    if (const uint8_t* next = step_quickly(at, shape)) {
      at = next;
      continue;
    }
    take_apart(at, in);
    step(in);
    at = in.next;
  }
}

// --- Most instructions, which are put, or put off, without being taken apart.

/// Whether an instruction reads or writes a value that was put off, or what one is made of.
bool Translation::touches_deferred(uint32_t slots, const uint32_t* values) const {
  if (acc_ != none) return true;
  for (int i = 0; i < deferred_count_; i++) {
    const Deferred& value = deferred_[i];
    if (value.source == Kind::a) return true;
    const auto is_operand = [&](int which, uint16_t slot) {
      return (slots >> which & 1) != 0 && static_cast<uint16_t>(values[which]) == slot;
    };
    if (value.source == Kind::s && is_operand(0, value.from)) return true;
    for (int which = 0; which < 4; which++)
      if (value.has_slot && is_operand(which, value.slot)) return true;
  }
  return false;
}

/// Puts an instruction of a form that has operands and perhaps an offset, with what is pinned.
[[gnu::always_inline]] inline void
Translation::put_plainly(Form form, uint32_t slots, const uint32_t* values, uint32_t offset) {
  put_simply(choose(form, pinned_operands(slots, values), false), values, offset);
}

/// The form in which a load or store adds to its address what a sum that was put off adds, or
/// `count`.
Form Translation::form_with_addend(const FormInfo& info, Kind source) {
  Kinds kinds = info.kinds;
  Kind& addend = is_store(info.op) ? kinds.c : kinds.b;
  if (addend != Kind::n) return Form::count;
  kinds.a = source;
  addend = Kind::k;
  return find_threaded_form(info.op, kinds);
}

/// Puts the simple instruction at `at` if all that was put off is one sum, which it reads: as its
/// address, or after it was computed. Gives where the next one is; or null, and nothing has
/// changed.
const uint8_t* Translation::step_reading(const uint8_t* at, const FormShape& shape,
                                         const uint32_t* values) {
  const Deferred sum = deferred_[0];
  if (deferred_count_ != 1 || sum.is_constant) return nullptr;
  const Form form = static_cast<Form>(read_code<uint16_t>(at));
  const FormInfo& info = form_infos[static_cast<size_t>(form)];
  const auto is_read = [&](Kind kind, uint32_t value) {
    return kind == Kind::a ? acc_ == 0
                           : kind == Kind::s && sum.has_slot && (value & UINT16_MAX) == sum.slot;
  };
  const bool is_first = is_read(info.kinds.a, values[1]);
  if (!is_first && !is_read(info.kinds.b, values[2]) && !is_read(info.kinds.c, values[3]))
    return nullptr;
  const bool is_access = is_memory_access(info.op);
  const uint32_t offset = is_access ? read_code<uint16_t>(at + shape.extra) : 0;
  if (is_first && is_access && offset == 0) {
    const Form folded = form_with_addend(info, sum.source);
    if (folded != Form::count) {
      drop_all();
      const uint32_t addend = static_cast<uint32_t>(sum.bits);
      const uint32_t with_addend[4] = {values[0], sum.from, is_store(info.op) ? values[2] : addend,
                                       addend};
      put_plainly(folded, threaded_shapes[static_cast<size_t>(folded)].slot_operands, with_addend,
                  0);
      return at + shape.bytes;
    }
  }
  materialize(0);
  uint32_t own[4] = {values[0], values[1], values[2], values[3]};
  if (shape.is_at_known_address) own[1] = (own[1] & UINT16_MAX) | offset << 16;
  put_plainly(form, shape.slot_operands, own, shape.is_at_known_address ? 0 : offset);
  return at + shape.bytes;
}

/// Puts the instruction at `at`, or puts it off, and gives where the next one is; or null, and
/// nothing has changed, if it takes more than that.
[[gnu::always_inline]] inline const uint8_t* Translation::step_quickly(const uint8_t* at,
                                                                       const FormShape& shape) {
  const Form form = static_cast<Form>(read_code<uint16_t>(at));
  uint32_t values[4];
  read_operands(at, shape, values);
  if (shape.way == ThreadingWay::constant) {
    if (is_temporary(values[0] & UINT16_MAX)) {
      put_or_defer_constant(at, shape);
      return at + shape.bytes;
    }
    // What is held back is not told of it.
    if (form != Form::copy_sknn) return nullptr;
  }
  if (holds_) return nullptr;
  switch (shape.way) {
  case ThreadingWay::sum:
    if (put_off_sum(at, shape, values)) return at + shape.bytes;
    if (may_be_held(at, shape, values)) return nullptr;
    [[fallthrough]];
  case ThreadingWay::constant:
  case ThreadingWay::simple: {
    if (deferred_count_ != 0 && touches_deferred(shape.slot_operands, values))
      return shape.way == ThreadingWay::simple ? step_reading(at, shape, values) : nullptr;
    // Of a load or store; others have no place for it.
    uint32_t offset = read_code<uint16_t>(at + shape.extra);
    if (shape.is_at_known_address) {
      values[1] = (values[1] & UINT16_MAX) | offset << 16;
      offset = 0;
    }
    put_plainly(form, shape.slot_operands, values, offset);
    return at + shape.bytes;
  }
  case ThreadingWay::whole:
    if (deferred_count_ != 0) return nullptr;
    put_whole(at, shape, values);
    return at + shape.bytes;
  case ThreadingWay::branch:
    if (deferred_count_ != 0 || !is_unmetered_) return nullptr;
    return step_branch(at, shape, values);
  case ThreadingWay::far_branch:
    if (deferred_count_ != 0 || !is_unmetered_) return nullptr;
    put_branch(Form::br_nnnn, 0, values, at + shape.head + read_code<int32_t>(at + shape.head));
    return at + shape.bytes;
  case ThreadingWay::call:
    if (deferred_count_ != 0) {
      materialize_all();
      drop_all();
    }
    put_call(at + shape.extra);
    return at + shape.bytes;
  case ThreadingWay::other:
    return nullptr;
  }
  EBB_UNREACHABLE();
}

namespace {

/// The constant that an instruction gives a slot.
uint64_t constant_of(const uint8_t* at, const FormShape& shape) {
  const FormInfo& info = form_infos[read_code<uint16_t>(at)];
  if (info.op == Op::copy_const) return read_code<uint64_t>(at + shape.extra);
  if (info.op == Op::copy_high) return uint64_t{read_code<uint16_t>(at + shape.extra)} << 48;
  const uint8_t* field = at + shape.operands[1];
  return static_cast<uint64_t>(info.kinds.a == Kind::k ? int64_t{read_code<int16_t>(field)}
                                                       : int64_t{read_code<int32_t>(field)});
}

bool is_short(uint64_t bits) { return static_cast<int64_t>(bits) == static_cast<int32_t>(bits); }

} // namespace

/// Whether a constant must be in its slot soon after it is written, so that there is no use in
/// putting it off: for a call, whose other arguments may come before, or a branch that has no form
/// with it.
inline bool Translation::is_wanted_soon(const uint8_t* next, uint64_t bits) const {
  constexpr int arguments_max = 4;
  for (int i = 0; i < arguments_max && next < in_.end; i++) {
    const FormShape& shape = form_shapes[read_code<uint16_t>(next)];
    if (shape.way == ThreadingWay::call) return true;
    if (shape.way == ThreadingWay::branch) return !is_short(bits);
    const bool is_copy = read_code<uint16_t>(next) == static_cast<uint16_t>(Form::copy_ssnn);
    if (shape.way != ThreadingWay::constant && !is_copy) return false;
    next += shape.bytes;
  }
  return false;
}

/// A constant that goes to a temporary.
inline void Translation::put_or_defer_constant(const uint8_t* at, const FormShape& shape) {
  const uint16_t slot = read_code<uint16_t>(at + shape.operands[0]);
  const uint64_t bits = constant_of(at, shape);
  if (deferred_count_ == 0 && !holds_ && is_wanted_soon(at + shape.bytes, bits))
    return put_constant(slot, bits);
  Deferred value{};
  value.is_constant = true;
  value.has_slot = true;
  value.slot = slot;
  value.bits = bits;
  add(value, false);
}

/// Writes a constant to a slot that is not pinned.
void Translation::put_constant(uint16_t slot, uint64_t bits) {
  if (is_short(bits)) {
    const uint32_t values[4] = {slot, static_cast<uint32_t>(bits)};
    return put_simply(FormChoice::of(Form::copy_sknn), values, 0);
  }
  const ThreadedShape& shape = threaded_shapes[static_cast<size_t>(Form::copy_const_snnn)];
  if (position_ + put_bytes_max > capacity_) out_ = nullptr;
  if (out_ != nullptr) {
    write_code(out_ + position_ + shape.operands[0], slot);
    write_code(out_ + position_ + shape.extra, bits);
    put_handler(Form::copy_const_snnn);
  }
  position_ += shape.bytes;
  sequence_end_ = position_;
}

/// Puts a sum off that goes to the accumulator or a temporary. False, and nothing has changed, if
/// it does not.
inline bool Translation::put_off_sum(const uint8_t* at, const FormShape& shape,
                                     const uint32_t* values) {
  const FormInfo& info = form_infos[read_code<uint16_t>(at)];
  const bool has_slot = info.kinds.d == Kind::s;
  if (has_slot && !is_temporary(values[0] & UINT16_MAX)) return false;
  Deferred value{};
  value.has_slot = has_slot;
  value.slot = static_cast<uint16_t>(values[0]);
  value.source = info.kinds.a;
  value.from = static_cast<uint16_t>(values[1]);
  value.bits = info.op == Op::i32_add ? values[2] : 0u - values[2];
  EBB_ASSERT(shape.way == ThreadingWay::sum);
  add_sum(value);
  return true;
}

/// Whether a sum that goes to a local may be held back for a branch, and with it what lies between.
inline bool Translation::may_be_held(const uint8_t* at, const FormShape& shape,
                                     const uint32_t* values) {
  if (form_infos[read_code<uint16_t>(at)].kinds.a != Kind::s || values[0] != values[1])
    return false;
  const Effect next = form_shapes[read_code<uint16_t>(at + shape.bytes)].effect;
  return next == Effect::target || next == Effect::none;
}

/// Puts the branch at `at`, which is not metered. No value was put off. One that only leads over
/// the far branch behind it, as compact code does it in long functions, becomes the opposite of it.
inline const uint8_t* Translation::step_branch(const uint8_t* at, const FormShape& shape,
                                               const uint32_t* values) {
  const Form form = static_cast<Form>(read_code<uint16_t>(at));
  const uint8_t* const next = at + shape.bytes;
  const uint8_t* to = at + shape.head + int64_t{2} * read_code<int16_t>(at + shape.head);
  constexpr Form far = Form::far_br_nnnn;
  const FormShape& far_shape = form_shapes[static_cast<size_t>(far)];
  const bool is_over = to == next + far_shape.bytes &&
                       read_code<uint16_t>(next) == static_cast<uint16_t>(far) &&
                       !label_is_at(next);
  if (is_over) {
    const FormInfo& info = form_infos[static_cast<size_t>(form)];
    const Op op = negated(info.op);
    const Form opposite = op == Op::count ? Form::count : find_compact_form(op, info.kinds);
    if (opposite != Form::count) {
      const uint8_t* const field = next + far_shape.head;
      put_branch(opposite, shape.slot_operands, values, field + read_code<int32_t>(field));
      return to;
    }
  }
  put_branch(form, shape.slot_operands, values, to);
  return next;
}

/// Puts a branch, which is not metered. No value was put off.
inline void Translation::put_branch(Form form, uint32_t slots, const uint32_t* values,
                                    const uint8_t* to) {
  const bool to_loop = to == loop_ && has_loop_form(form);
  const FormChoice choice = choose(form, pinned_operands(slots, values), to_loop);
  const ThreadedShape& threaded = threaded_shapes[choice.form];
  if (position_ + put_bytes_max > capacity_) out_ = nullptr;
  if (choice.stores != 0) put_pins(choice.stores, true);
  const uint32_t target_at = position_ + threaded.bytes;
  if (out_ != nullptr) {
    put_operands(threaded, choice, values);
    put_handler(static_cast<Form>(choice.form));
    if (threaded.has_target) put_target(to, target_at);
  }
  position_ = target_at + (threaded.has_target ? word : 0);
  sequence_end_ = position_;
  put_behind(choice);
}

/// Puts the instruction at `at`, which has bytes behind its operands. No value was put off.
inline void Translation::put_whole(const uint8_t* at, const FormShape& shape,
                                   const uint32_t* values) {
  const FormChoice choice = choose(static_cast<Form>(read_code<uint16_t>(at)),
                                   pinned_operands(shape.slot_operands, values), false);
  const ThreadedShape& threaded = threaded_shapes[choice.form];
  if (position_ + put_bytes_max > capacity_) out_ = nullptr;
  if (choice.stores != 0) put_pins(choice.stores, true);
  if (out_ != nullptr) {
    put_operands(threaded, choice, values);
    memcpy(out_ + position_ + threaded.extra, at + shape.extra,
           static_cast<size_t>(shape.bytes - shape.extra));
    put_handler(static_cast<Form>(choice.form));
  }
  position_ += threaded.bytes;
  sequence_end_ = position_;
  put_behind(choice);
}

/// Puts a `call`, whose extra bytes these are. No value was put off.
inline void Translation::put_call(const uint8_t* extra) {
  FormChoice choice = FormChoice::of(Form::call_nnnn);
  with_floats(choice);
  if (position_ + put_bytes_max > capacity_) out_ = nullptr;
  if (choice.stores != 0) put_pins(choice.stores, true);
  const uint32_t bytes = threaded_shapes[choice.form].bytes;
  if (out_ != nullptr) {
    ThreadedCallTail tail{};
    tail.outgoing = read_code<uint16_t>(extra + 2);
    memcpy(tail.homes, in_.pins.homes, sizeof(tail.homes));
    tail.function = in_.image->threaded_functions + read_code<uint16_t>(extra);
    memcpy(out_ + position_ + bytes - sizeof(tail), &tail, sizeof(tail));
    put_handler(Form::call_nnnn);
  }
  position_ += bytes;
  sequence_end_ = position_;
  put_behind(choice);
}

// --- All others.

void Translation::step(Step& in) {
  if (holds_ && !fuse_held(in)) release_held();
  if (defer_sum(in)) return;
  const Effect effect = op_info(in.op).effect;
  if (deferred_count_ == 0) {
    if (!hold(in)) emit(in);
    return;
  }
  if (touches_ranges(in.op)) {
    materialize_all();
    drop_all();
  }
  resolve(in);
  const bool returns_value = in.op == Op::return_int || in.op == Op::return_float;
  if (ends_block(effect)) {
    if (!returns_value) materialize_all();
    drop_all();
  } else if (effect == Effect::target) {
    materialize_all();
  }
  before_write(in);
  if (hold(in)) return;
  const bool is_simple =
      in.form != Form::count && threaded_shapes[static_cast<size_t>(in.form)].is_simple;
  if (is_simple)
    put_plainly(in.form, threaded_shapes[static_cast<size_t>(in.form)].slot_operands, in.values,
                in.offset);
  else
    emit(in);
  after(in);
}

// --- Values that are put off.

int Translation::find(Kind kind, uint32_t value) const {
  if (kind == Kind::a) return acc_;
  if (kind != Kind::s) return none;
  for (int i = 0; i < deferred_count_; i++)
    if (deferred_[i].has_slot && deferred_[i].slot == value) return i;
  return none;
}

void Translation::remove(int which) {
  deferred_count_--;
  for (int i = which; i < deferred_count_; i++)
    deferred_[i] = deferred_[i + 1];
  if (acc_ == which) acc_ = none;
  if (acc_ > which) acc_--;
}

void Translation::drop_all() {
  deferred_count_ = 0;
  acc_ = none;
}

/// Computes a value that was put off, and leaves the accumulator alone unless it is to have it.
void Translation::materialize(int which) {
  const Deferred value = deferred_[which];
  const bool in_acc = acc_ == which;
  remove(which);
  if (!in_acc && !value.has_slot) return;
  // Its slot is no local, and so no pin (or the code breaks its promise).
  if (value.is_constant) return put_constant(value.slot, value.bits);
  constexpr Form sums[2][2] = {{Form::i32_add_askn, Form::i32_add_aakn},
                               {Form::i32_add_sskn, Form::i32_add_sakn}};
  EBB_ASSERT(in_acc || value.source == Kind::s);
  const bool adds_to_acc = value.source == Kind::a;
  const uint32_t values[4] = {value.slot, value.from, static_cast<uint32_t>(value.bits)};
  const Form form = in_acc ? sums[value.has_slot][adds_to_acc] : Form::copy_add_sskn;
  put_plainly(form, threaded_shapes[static_cast<size_t>(form)].slot_operands, values, 0);
}

/// Computes all values that were put off, but for constants that somebody has read.
void Translation::materialize_all() {
  for (int i = deferred_count_; i-- > 0;)
    if (!deferred_[i].consumed) materialize(i);
}

/// Puts a value off. Whatever was in its slot is dead; what is to be computed from its slot is
/// computed now, so that the order in which values are computed later does not matter.
void Translation::add(const Deferred& value, bool is_in_acc) {
  for (int i = deferred_count_; i-- > 0;)
    if (value.has_slot && deferred_[i].has_slot && deferred_[i].slot == value.slot) remove(i);
  for (int i = deferred_count_; i-- > 0;) {
    const bool reads = deferred_[i].source == Kind::s && deferred_[i].from == value.slot;
    const bool loses = is_in_acc && deferred_[i].source == Kind::a;
    if ((value.has_slot && reads) || loses) materialize(i);
  }
  if (is_in_acc && acc_ != none && !deferred_[acc_].has_slot) remove(acc_);
  if (deferred_count_ == deferred_max) materialize(0);
  deferred_[deferred_count_++] = value;
  if (is_in_acc) acc_ = deferred_count_ - 1;
}

bool Translation::defer_sum(const Step& in) {
  if (!is_sum(in)) return false;
  const bool has_slot = in.kinds.d == Kind::s;
  if (has_slot ? !is_temporary(in.values[0]) : in.kinds.d != Kind::a) return false;
  Deferred value{};
  value.has_slot = has_slot;
  value.slot = static_cast<uint16_t>(in.values[0]);
  value.source = in.kinds.a;
  value.from = static_cast<uint16_t>(in.values[1]);
  value.bits = addend_of(in);
  add_sum(value);
  return true;
}

/// Puts a sum off, and if it is one of a sum, that as well.
void Translation::add_sum(Deferred value) {
  const int from = find(value.source, value.from);
  if (from != none) {
    const Deferred& before = deferred_[from];
    if (!before.is_constant) {
      value.source = before.source;
      value.from = before.from;
      value.bits = static_cast<uint32_t>(value.bits + before.bits);
      remove(from);
    } else {
      materialize(from);
    }
  }
  add(value, true);
}

/// Lets an instruction have, in place of operands that were put off, what they are made of; what it
/// cannot have is computed.
void Translation::resolve(Step& in) {
  for (int operand = 1; operand < 4 && deferred_count_ != 0; operand++) {
    const int which = find(kind_at(in.kinds, operand), in.values[operand]);
    if (which == none) continue;
    if (!fold(in, operand, which)) {
      materialize(which);
      continue;
    }
    // The operands may have changed places.
    operand = 0;
    if (deferred_[which].is_constant)
      deferred_[which].consumed = true;
    else
      remove(which);
  }
}

bool Translation::fold(Step& in, int operand, int which) {
  const Deferred& value = deferred_[which];
  return value.is_constant ? fold_constant(in, operand, value) : fold_address(in, operand, value);
}

bool Translation::fold_address(Step& in, int operand, const Deferred& value) const {
  if (operand != 1 || !is_memory_access(in.op) || in.offset != 0) return false;
  const Form folded = form_with_addend({in.op, in.kinds}, value.source);
  if (folded == Form::count) return false;
  in.form = folded;
  in.kinds = form_info(folded).kinds;
  in.values[1] = value.from;
  in.values[is_store(in.op) ? 3 : 2] = static_cast<uint32_t>(value.bits);
  return true;
}

bool Translation::fold_constant(Step& in, int operand, const Deferred& value) const {
  Step folded = in;
  if (static_cast<int64_t>(value.bits) == static_cast<int32_t>(value.bits)) {
    kind_at(folded.kinds, operand) = Kind::k;
    folded.values[operand] = static_cast<uint32_t>(value.bits);
    if (has_form(folded)) {
      in = folded;
      return true;
    }
    folded = in;
  }
  kind_at(folded.kinds, operand) = Kind::w;
  folded.wide = value.bits;
  if (!has_form(folded)) return false;
  in = folded;
  return true;
}

/// Before an instruction writes its destination: what was put off for that slot is dead, and what
/// is to be computed from it or from the accumulator is computed now.
void Translation::before_write(const Step& in) {
  for (int i = deferred_count_; i-- > 0;)
    if (in.kinds.d == Kind::s && deferred_[i].has_slot && deferred_[i].slot == in.values[0])
      remove(i);
  for (int i = deferred_count_; i-- > 0;) {
    if (deferred_[i].is_constant) continue;
    const bool reads = in.kinds.d == Kind::s && deferred_[i].source == Kind::s &&
                       deferred_[i].from == in.values[0];
    if (reads || deferred_[i].source == Kind::a) materialize(i);
  }
}

/// The accumulator has something else now.
void Translation::after(const Step& in) {
  if (!sets_acc(in) || acc_ == none) return;
  if (deferred_[acc_].has_slot)
    acc_ = none;
  else
    remove(acc_);
}

// --- The instruction that is held back.

/// Holds `x = x + k` back if x is a local, since a branch on x may come next.
bool Translation::hold(const Step& in) {
  if (!is_sum(in) || in.kinds.d != Kind::s || in.kinds.a != Kind::s) return false;
  if (in.values[0] != in.values[1]) return false;
  held_ = in;
  holds_ = true;
  after(in);
  return true;
}

void Translation::release_held() {
  if (!holds_) return;
  holds_ = false;
  emit(held_);
}

/// Makes a branch on the held sum add first.
bool Translation::fuse_held(Step& in) {
  if (op_info(in.op).effect != Effect::target) return false;
  const auto is_sum_at = [&](Kind kind, uint32_t value) {
    return kind == Kind::a ? acc_ == none : kind == Kind::s && value == held_.values[0];
  };
  Step fused = in;
  fused.op = add_branch_of(in.op);
  const bool is_unary = in.kinds.b == Kind::n;
  if (is_sum_at(in.kinds.a, in.values[1])) {
    fused.kinds.c = is_unary ? Kind::k : in.kinds.b;
    fused.values[3] = is_unary ? 0 : in.values[2];
  } else if (!is_unary && is_sum_at(in.kinds.b, in.values[2])) {
    fused.op = add_branch_of(mirrored(in.op));
    if (fused.op == Op::count) return false;
    fused.kinds.c = in.kinds.a;
    fused.values[3] = in.values[1];
  } else {
    return false;
  }
  if (fused.op == Op::count || is_sum_at(fused.kinds.c, fused.values[3])) return false;
  fused.kinds.a = Kind::s;
  fused.values[1] = held_.values[0];
  fused.kinds.b = Kind::k;
  fused.values[2] = addend_of(held_);
  fused.form = find_threaded_form(fused.op, fused.kinds);
  if (fused.form == Form::count) return false;
  holds_ = false;
  in = fused;
  return true;
}

} // namespace ebb
