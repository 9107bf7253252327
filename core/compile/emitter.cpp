#include "core/compile/emitter.h"

#include "core/bytecode/code_bytes.h"

#include <cstring>

namespace ebb {

void Draft::set_extra16(size_t at, uint32_t value) {
  EBB_ASSERT(value <= UINT16_MAX);
  write_code<uint16_t>(extra + at, static_cast<uint16_t>(value));
}
void Draft::set_extra32(size_t at, uint32_t value) { write_code(extra + at, value); }
void Draft::set_extra64(size_t at, uint64_t value) { write_code(extra + at, value); }

namespace {

uint8_t* write_operand(uint8_t* out, const Operand& operand) {
  switch (operand.kind) {
  case Kind::s:
  case Kind::r:
    EBB_ASSERT(operand.value <= UINT16_MAX);
    write_code(out, static_cast<uint16_t>(operand.value));
    return out + 2;
  case Kind::k:
    write_code(out, operand.value);
    return out + 4;
  case Kind::n:
  case Kind::a:
  case Kind::p:
    break;
  }
  return out;
}

} // namespace

Result<void> Emitter::put_form(Form form, const Draft& draft, bool with_target) {
  EBB_ASSERT(form < Form::compact_count);
  const FormInfo& info = form_info(form);
  const uint32_t bytes = compact_bytes(info);
  uint8_t buffer[2 + 4 * 4 + sizeof(draft.extra) + 4];
  write_code(buffer, static_cast<uint16_t>(form));
  uint8_t* out = buffer + 2;
  for (const Operand* operand : {&draft.d, &draft.a, &draft.b, &draft.c})
    out = write_operand(out, *operand);
  const uint32_t extra = op_info(draft.op).extra;
  memcpy(out, draft.extra, extra);
  if (with_target) write_code<uint32_t>(out + extra, 0);
  const uint32_t start = position();
  EBB_TRY(code_.append(buffer, bytes));
  last_ = draft;
  last_start_ = start;
  return {};
}

Result<void> Emitter::put(const Draft& draft) {
  const Form form = find_form(draft.op, draft.kinds(), false);
  return put_form(form, draft, false);
}

Result<void> Emitter::put_forward(const Draft& draft, LabelFixups& label) {
  EBB_TRY(put_form(find_form(draft.op, draft.kinds(), false), draft, true));
  const uint32_t field = position() - 4;
  write_code(code_.data() + field, label.head);
  label.head = field;
  seal();
  return {};
}

Result<void> Emitter::put_backward(const Draft& draft, uint32_t target) {
  EBB_TRY(put_form(find_form(draft.op, draft.kinds(), false), draft, true));
  const uint32_t field = position() - 4;
  write_code(code_.data() + field, target - field);
  seal();
  return {};
}

Result<void> Emitter::put_table_forward(LabelFixups& label) {
  const uint32_t field = position();
  EBB_TRY(put_bytes(&label.head, 4));
  label.head = field;
  return {};
}

Result<void> Emitter::put_table_backward(uint32_t target) {
  const uint32_t distance = target - position();
  return put_bytes(&distance, 4);
}

Result<void> Emitter::put_bytes(const void* bytes, size_t count) {
  EBB_TRY(code_.append(static_cast<const uint8_t*>(bytes), count));
  seal();
  return {};
}

void Emitter::bind(LabelFixups& label) {
  const uint32_t here = position();
  for (uint32_t field = label.head; field != LabelFixups::none;) {
    const uint32_t next = read_code<uint32_t>(code_.data() + field);
    write_code(code_.data() + field, here - field);
    field = next;
  }
  label.head = LabelFixups::none;
  seal();
}

Result<bool> Emitter::redirect_last(uint32_t slot) {
  EBB_ASSERT(last_start_ != no_last && last_.d.kind == Kind::a);
  Draft draft = last_;
  draft.d = Operand::slot(slot);
  const Form form = find_form(draft.op, draft.kinds(), false);
  if (form == Form::count) return false;
  // Room is made before the old form is cut off, so that a refusal leaves the code whole.
  EBB_TRY(code_.reserve(code_.size() + 2));
  code_.truncate(last_start_);
  EBB_TRY(put_form(form, draft, false));
  return true;
}

Draft Emitter::take_last() {
  EBB_ASSERT(last_start_ != no_last);
  code_.truncate(last_start_);
  seal();
  return last_;
}

} // namespace ebb
