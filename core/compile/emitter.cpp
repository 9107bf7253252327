#include "core/compile/emitter.h"

#include "core/bytecode/code_bytes.h"
#include "core/bytecode/ops.h"

#include <cstring>

namespace ebb {

void Draft::set_extra16(size_t at, uint32_t value) {
  EBB_ASSERT(value <= UINT16_MAX);
  write_code<uint16_t>(extra + at, static_cast<uint16_t>(value));
}
void Draft::set_extra32(size_t at, uint32_t value) { write_code(extra + at, value); }
void Draft::set_extra64(size_t at, uint64_t value) { write_code(extra + at, value); }

namespace {

/// Writes a form into a place of `form_bytes_max` bytes. Returns how many it has.
size_t write_form(uint8_t* out, Form form, const Draft& draft) {
  const Operand* operands[] = {&draft.d, &draft.a, &draft.b, &draft.c};
  for (const Operand* operand : operands)
    EBB_ASSERT((operand->kind != Kind::s && operand->kind != Kind::r && operand->kind != Kind::h) ||
               operand->value <= UINT16_MAX);
  if constexpr (is_small_build) {
    write_code(out, static_cast<uint16_t>(form));
    size_t at = 2;
    for (const Operand* operand : operands) {
      write_code(out + at, operand->value);
      at += kind_bytes(operand->kind);
    }
    const size_t extra = op_info(draft.op).extra;
    memcpy(out + at, draft.extra, sizeof(draft.extra));
    return at + extra;
  }
  // What has no bytes is written where the opcode comes in the end.
  const FormShape& shape = form_shapes[static_cast<size_t>(form)];
  write_code(out + shape.operands[0], static_cast<uint16_t>(draft.d.value));
  write_code(out + shape.operands[1], static_cast<uint16_t>(draft.a.value));
  write_code(out + shape.operands[2], static_cast<uint16_t>(draft.b.value));
  write_code(out + shape.operands[3], static_cast<uint16_t>(draft.c.value));
  if (shape.is_compact_only)
    for (int i = 0; i < 4; i++)
      if (operands[i]->kind == Kind::w) write_code(out + shape.operands[i], operands[i]->value);
  write_code(out, static_cast<uint16_t>(form));
  memcpy(out + shape.extra, draft.extra, sizeof(draft.extra));
  return shape.head;
}

constexpr uint32_t near_bytes = 2;
constexpr uint32_t far_bytes = 4;

/// The distance from a field in halfwords, if two bytes can say it.
bool is_near(int64_t halfwords) { return halfwords >= INT16_MIN && halfwords <= INT16_MAX; }

/// Both are even. Shifted, since compilers that save bytes call a division.
int64_t halfwords_between(uint32_t from, uint32_t to) { return (int64_t{to} - from) >> 1; }

} // namespace

/// What the draft says is its form still is if op and kinds agree.
Form Emitter::form_of(const Draft& draft) {
  if (!is_small_build && draft.form != Form::count) {
    const FormInfo& info = form_infos[static_cast<size_t>(draft.form)];
    if (info.op == draft.op && bits_of(info.kinds) == bits_of(draft.kinds())) return draft.form;
  }
  return find_compact_form(draft.op, draft.kinds());
}

/// Writes an instruction without its target.
Result<void> Emitter::put_form(const Draft& draft) {
  const Form form = form_of(draft);
  EBB_ASSERT(form < Form::compact_count);
  const uint32_t start = position();
  if constexpr (is_small_build) {
    alignas(uint16_t) uint8_t buffer[form_bytes_max];
    EBB_TRY(code_.append(buffer, write_form(buffer, form, draft)));
  } else {
    uint8_t* room = EBB_TRY(code_.room_for(form_bytes_max));
    code_.take_room(write_form(room, form, draft));
  }
  forget_written(draft.op, draft.d);
  last_form_ = form;
  last_start_ = start;
  return {};
}

void Emitter::forget_constants() {
  if (!knows_constants_) return;
  knows_constants_ = false;
  for (Constant& constant : constants_)
    constant.slot = no_slot;
}

void Emitter::forget_slot(uint32_t slot) {
  for (Constant& constant : constants_)
    if (slot == constant.slot) constant.slot = no_slot;
}

/// Forgets what is known of slots that an instruction writes.
void Emitter::forget_written(Op op, Operand destination) {
  if (!knows_constants_) return;
  const bool writes_many = op == Op::copy_range || op == Op::select_v128 ||
                           op == Op::global_get_v128 || is_call(op_info(op).effect);
  if (writes_many) return forget_constants();
  if (destination.kind == Kind::s) forget_slot(destination.value);
}

bool Emitter::has_constant(uint32_t slot, uint64_t bits) const {
  for (const Constant& constant : constants_)
    if (constant.slot == slot && constant.bits == bits) return true;
  return false;
}

void Emitter::note_constant(uint32_t slot, uint64_t bits) {
  knows_constants_ = true;
  constants_[next_constant_] = {slot, bits};
  next_constant_ = (next_constant_ + 1) % (sizeof(constants_) / sizeof(constants_[0]));
}

Result<void> Emitter::put_field(uint32_t bytes) {
  constexpr uint8_t zeros[far_bytes] = {};
  return put_bytes(zeros, bytes);
}

/// Writes a branch whose target is a field of four bytes, which ends the code then.
Result<void> Emitter::put_far(const Draft& draft) {
  Draft far;
  far.op = Op::far_br;
  if (draft.op != Op::br) {
    Draft opposite = draft;
    opposite.op = negated(draft.op);
    const uint32_t over = EBB_TRY(put_over(opposite));
    EBB_TRY(put_form(far));
    EBB_TRY(put_field(far_bytes));
    return land(over);
  }
  EBB_TRY(put_form(far));
  return put_field(far_bytes);
}

/// Adds a field, the last bytes of the code, to the open branches of a label.
void Emitter::link(LabelFixups& label, uint32_t field) {
  // How far it is to the field before, in halfwords; none before if zero.
  const int64_t distance = label.is_empty() ? 0 : halfwords_between(label.head, field);
  uint8_t* at = code_.data() + field;
  if (reach_ == Reach::far) {
    write_code(at, static_cast<uint32_t>(distance));
  } else {
    if (distance > UINT16_MAX) is_too_short_ = true;
    write_code(at, static_cast<uint16_t>(distance));
  }
  label.head = field;
}

Result<void> Emitter::put_forward(const Draft& draft, LabelFixups& label) {
  if (reach_ == Reach::far) {
    EBB_TRY(put_far(draft));
    link(label, position() - far_bytes);
    return {};
  }
  EBB_TRY(put_form(draft));
  EBB_TRY(put_field(near_bytes));
  link(label, position() - near_bytes);
  return {};
}

Result<void> Emitter::put_backward(const Draft& draft, uint32_t target) {
  const uint32_t field = position() + compact_bytes(form_info(form_of(draft))) - near_bytes;
  const int64_t near = halfwords_between(field, target);
  if (is_near(near)) {
    EBB_TRY(put_form(draft));
    const int16_t distance = static_cast<int16_t>(near);
    return put_bytes(&distance, near_bytes);
  }
  EBB_TRY(put_far(draft));
  const uint32_t far = position() - far_bytes;
  write_code(code_.data() + far, target - far);
  return {};
}

Result<uint32_t> Emitter::put_over(const Draft& draft) {
  EBB_TRY(put_form(draft));
  EBB_TRY(put_field(near_bytes));
  return position() - near_bytes;
}

Result<void> Emitter::land(uint32_t over) {
  const int64_t distance = halfwords_between(over, position());
  if (!is_near(distance)) is_too_short_ = true;
  write_code(code_.data() + over, static_cast<int16_t>(distance));
  seal();
  return list_target();
}

/// Lists a label here, or marks the one that is. Gives its place.
Result<uint32_t> Emitter::list_label(uint32_t marks) {
  const uint32_t bits = (position() - start_) / 2 << Label::shift;
  if (labels_->is_empty() || labels_->back().bits >> Label::shift != bits >> Label::shift)
    EBB_TRY(labels_->push(Label{bits}));
  labels_->back().bits |= marks;
  return static_cast<uint32_t>(labels_->size() - 1);
}

Result<void> Emitter::list_target() {
  if (labels_ != nullptr) EBB_TRY(list_label(Label::target));
  return {};
}

void Emitter::mark_loop(uint32_t place, bool is_innermost) {
  if (labels_ == nullptr) return;
  uint32_t& bits = (*labels_)[place].bits;
  bits = (bits & ~Label::innermost) | Label::target | (is_innermost ? Label::innermost : 0);
}

void Emitter::cut_start(uint32_t bytes) {
  start_ += bytes;
  if (labels_ == nullptr) return;
  for (Label& label : *labels_)
    label.bits -= bytes / 2 << Label::shift;
}

Result<void> Emitter::put_table_forward(LabelFixups& label) {
  const uint32_t bytes = reach_ == Reach::far ? far_bytes : near_bytes;
  EBB_TRY(put_field(bytes));
  link(label, position() - bytes);
  return {};
}

Result<void> Emitter::put_table_backward(uint32_t target) {
  const uint32_t field = position();
  if (reach_ == Reach::far) {
    const uint32_t distance = target - field;
    return put_bytes(&distance, far_bytes);
  }
  const int64_t near = halfwords_between(field, target);
  if (!is_near(near)) is_too_short_ = true;
  const int16_t distance = static_cast<int16_t>(near);
  return put_bytes(&distance, near_bytes);
}

Result<void> Emitter::put_bytes(const void* bytes, size_t count) {
  EBB_TRY(code_.append(static_cast<const uint8_t*>(bytes), count));
  keep_last();
  return {};
}

Result<void> Emitter::bind(LabelFixups& label) {
  seal();
  if (label.is_empty()) return {};
  const uint32_t here = position();
  // The list may be broken then; the code is written once more.
  if (is_too_short_) label.head = LabelFixups::none;
  for (uint32_t field = label.head; field != LabelFixups::none;) {
    uint8_t* at = code_.data() + field;
    uint32_t before;
    if (reach_ == Reach::far) {
      before = read_code<uint32_t>(at);
      write_code(at, here - field);
    } else {
      before = read_code<uint16_t>(at);
      const int64_t distance = halfwords_between(field, here);
      if (!is_near(distance)) is_too_short_ = true;
      write_code(at, static_cast<int16_t>(distance));
    }
    field = before == 0 ? LabelFixups::none : field - 2 * before;
  }
  label.head = LabelFixups::none;
  return list_target();
}

/// Without taking the instruction apart: what lies behind its destination moves or stays.
Result<bool> Emitter::redirect_in_place(uint32_t slot) {
  const FormInfo info = last_info();
  EBB_ASSERT(slot <= UINT16_MAX && (info.kinds.d == Kind::a || info.kinds.d == Kind::s));
  uint8_t* at = code_.data() + last_start_ + destination_at;
  if (info.kinds.d == Kind::s) {
    forget_written(info.op, Operand::slot(read_code<uint16_t>(at)));
  } else {
    Kinds kinds = info.kinds;
    kinds.d = Kind::s;
    const Form form = find_compact_form(info.op, kinds);
    if (form == Form::count) return false;
    // Room for all that is copied, of which some comes after the instruction.
    constexpr size_t rest_max = 16;
    static_assert(rest_max + 2 <= form_bytes_max);
    EBB_TRY(code_.room_for(form_bytes_max));
    EBB_ASSERT(position() - last_start_ - destination_at <= rest_max);
    at = code_.data() + last_start_ + destination_at;
    uint8_t rest[rest_max];
    memcpy(rest, at, rest_max);
    memcpy(at + 2, rest, rest_max);
    write_code(at - destination_at, static_cast<uint16_t>(form));
    code_.take_room(2);
    last_form_ = form;
  }
  write_code(at, static_cast<uint16_t>(slot));
  forget_written(info.op, Operand::slot(slot));
  return true;
}

/// The last instruction as it was before it was written.
Draft Emitter::read_last() const {
  const FormInfo info = last_info();
  const uint8_t* at = code_.data() + last_start_ + destination_at;
  Draft draft;
  draft.op = info.op;
  draft.form = last_form_;
  const Kind kinds[] = {info.kinds.d, info.kinds.a, info.kinds.b, info.kinds.c};
  Operand* const operands[] = {&draft.d, &draft.a, &draft.b, &draft.c};
  for (int i = 0; i < 4; i++) {
    Operand& operand = *operands[i];
    operand.kind = kinds[i];
    const uint32_t bytes = kind_bytes(kinds[i]);
    if (bytes == 4) operand.value = read_code<uint32_t>(at);
    if (bytes == 2) operand.value = read_code<uint16_t>(at);
    if (kinds[i] == Kind::k) operand.value = static_cast<uint32_t>(read_code<int16_t>(at));
    at += bytes;
  }
  memcpy(draft.extra, at, op_info(info.op).extra);
  return draft;
}

Result<bool> Emitter::redirect_last(uint32_t slot) {
  if constexpr (!is_small_build) return redirect_in_place(slot);
  Draft draft = read_last();
  EBB_ASSERT(draft.d.kind == Kind::a || draft.d.kind == Kind::s);
  const Operand before = draft.d;
  draft.d = Operand::slot(slot);
  draft.form = find_compact_form(draft.op, draft.kinds());
  if (draft.form == Form::count) return false;
  // Room is made before the old form is cut off, so that a refusal leaves the code whole.
  EBB_TRY(code_.reserve(is_small_build ? code_.size() + 2 : last_start_ + form_bytes_max));
  code_.truncate(last_start_);
  forget_written(draft.op, before);
  EBB_TRY(put_form(draft));
  return true;
}

Form Emitter::branch_instead(Op branch) const {
  Kinds kinds = last_info().kinds;
  EBB_ASSERT(reach_ == Reach::near && kinds.d == Kind::a);
  kinds.d = Kind::n;
  const Form form = find_compact_form(branch, kinds);
  EBB_ASSERT(form != Form::count);
  return form;
}

Result<void> Emitter::make_last_forward(Op branch, LabelFixups& label) {
  const Form form = branch_instead(branch);
  const uint32_t start = last_start_;
  EBB_TRY(put_field(near_bytes));
  write_code(code_.data() + start, static_cast<uint16_t>(form));
  link(label, position() - near_bytes);
  return {};
}

Result<bool> Emitter::make_last_backward(Op branch, uint32_t target) {
  const int64_t near = halfwords_between(position(), target);
  if (!is_near(near)) return false;
  const Form form = branch_instead(branch);
  const uint32_t start = last_start_;
  const int16_t distance = static_cast<int16_t>(near);
  EBB_TRY(put_bytes(&distance, near_bytes));
  write_code(code_.data() + start, static_cast<uint16_t>(form));
  return true;
}

Draft Emitter::take_last() {
  const Draft draft = read_last();
  code_.truncate(last_start_);
  forget_written(draft.op, draft.d);
  keep_last();
  return draft;
}

} // namespace ebb
