#include "core/bytecode/bytecode.h"

#include "core/bytecode/code_bytes.h"
#include "error/assert.h"

namespace ebb {
namespace {

// The effect of writing a result of each type.
constexpr Effect effect_u32 = Effect::acc_int, effect_s32 = Effect::acc_int;
constexpr Effect effect_u64 = Effect::acc_int, effect_s64 = Effect::acc_int;
constexpr Effect effect_f32 = Effect::acc_float, effect_f64 = Effect::acc_float;

// Only lists of the first three names hold commutative ops.
enum class FormList : uint8_t {
  commutative,
  commutative_w,
  commutative_float,
  ordered,
  ordered_float,
  rare_int,
  rare_float,
  compare,
  compare_w,
  compare_float,
  branch,
  branch_w,
  branch_float,
  unary,
  rare_unary
};
constexpr bool is_commutative(FormList list) { return list <= FormList::commutative_float; }

constexpr OpInfo op_infos[] = {
#define EBB_BINARY(name, in, out, forms, expression)                                               \
  {0, effect_##out, is_commutative(FormList::forms)},
#define EBB_BINARY_TRAP(name, in, out, forms, check, expression) {0, effect_##out, false},
#define EBB_UNARY(name, in, out, forms, expression) {0, effect_##out, false},
#define EBB_UNARY_TRAP(name, in, out, forms, check, expression) {0, effect_##out, false},
#define EBB_LOAD(name, memory, out, forms) {2, effect_##out, false},
#define EBB_STORE(name, in, memory, forms) {2, Effect::none, false},
#define EBB_BRANCH(name, in, forms, condition) {0, Effect::target, false},
#define EBB_SPECIAL(name, forms, extra, effect) {extra, Effect::effect, false},
#include "core/bytecode/instructions.def"
#include "core/bytecode/instructions_undef.h"
};

constexpr const char* op_names[] = {
#define EBB_BINARY(name, in, out, forms, expression) #name,
#define EBB_BINARY_TRAP(name, in, out, forms, check, expression) #name,
#define EBB_UNARY(name, in, out, forms, expression) #name,
#define EBB_UNARY_TRAP(name, in, out, forms, check, expression) #name,
#define EBB_LOAD(name, memory, out, forms) #name,
#define EBB_STORE(name, in, memory, forms) #name,
#define EBB_BRANCH(name, in, forms, condition) #name,
#define EBB_SPECIAL(name, forms, extra, effect) #name,
#include "core/bytecode/instructions.def"
#include "core/bytecode/instructions_undef.h"
};

#define EBB_FORM_ENTRY(d, a, b, c, name, ...) {Op::name, {Kind::d, Kind::a, Kind::b, Kind::c}},
constexpr FormInfo form_infos[] = {
#include "core/bytecode/forms_compact.inc"
#include "core/bytecode/forms_pinned.inc"
};
#undef EBB_FORM_ENTRY
static_assert(sizeof(form_infos) / sizeof(form_infos[0]) == static_cast<size_t>(Form::count));
static_assert(sizeof(op_infos) / sizeof(op_infos[0]) == static_cast<size_t>(Op::count));

// Where each op's forms begin in both parts; they are consecutive.
struct FormStarts {
  uint16_t compact[static_cast<size_t>(Op::count) + 1];
  uint16_t pinned[static_cast<size_t>(Op::count) + 1];
};

constexpr FormStarts find_starts() {
  FormStarts starts{};
  size_t next = 0;
  constexpr size_t ops = static_cast<size_t>(Op::count);
  for (size_t op = 0; op < ops; op++) {
    starts.compact[op] = static_cast<uint16_t>(next);
    while (next < static_cast<size_t>(Form::compact_count) &&
           form_infos[next].op == static_cast<Op>(op))
      next++;
  }
  starts.compact[ops] = static_cast<uint16_t>(next);
  for (size_t op = 0; op < ops; op++) {
    starts.pinned[op] = static_cast<uint16_t>(next);
    while (next < static_cast<size_t>(Form::count) && form_infos[next].op == static_cast<Op>(op))
      next++;
  }
  starts.pinned[ops] = static_cast<uint16_t>(next);
  return starts;
}
constexpr FormStarts starts = find_starts();
static_assert(starts.pinned[static_cast<size_t>(Op::count)] == static_cast<size_t>(Form::count));

constexpr Form metered_bases[] = {
#define EBB_METERED_ENTRY(d, a, b, c, name) Form::name##_##d##a##b##c,
#include "core/bytecode/forms_metered.inc"
#undef EBB_METERED_ENTRY
};
constexpr size_t metered_count = sizeof(metered_bases) / sizeof(metered_bases[0]);
static_assert(metered_count ==
              static_cast<size_t>(Form::end) - static_cast<size_t>(Form::count) - 1);

constexpr bool ascend() {
  for (size_t i = 1; i < metered_count; i++)
    if (metered_bases[i] <= metered_bases[i - 1]) return false;
  return true;
}
static_assert(ascend());

Form find_between(uint16_t begin, uint16_t end, Kinds kinds) {
  for (uint16_t form = begin; form < end; form++)
    if (form_infos[form].kinds == kinds) return static_cast<Form>(form);
  return Form::count;
}

} // namespace

const OpInfo& op_info(Op op) {
  EBB_ASSERT(op < Op::count);
  return op_infos[static_cast<size_t>(op)];
}

const FormInfo& form_info(Form form) {
  EBB_ASSERT(form < Form::count);
  return form_infos[static_cast<size_t>(form)];
}

uint64_t table_targets(Op op, const uint8_t* extra) {
  const uint32_t count =
      op == Op::br_table ? read_code<uint16_t>(extra) : read_code<uint32_t>(extra);
  return uint64_t{count} + 1;
}

int64_t target_distance(Op op, const uint8_t* field) {
  return target_bytes(op) == 2 ? int64_t{2} * read_code<int16_t>(field) : read_code<int32_t>(field);
}

const char* op_name(Op op) { return op_names[static_cast<size_t>(op)]; }

Form metered_form(Form form) {
  size_t low = 0;
  size_t high = metered_count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (metered_bases[middle] < form)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == metered_count || metered_bases[low] != form) return form;
  return static_cast<Form>(static_cast<size_t>(Form::count) + 1 + low);
}

Form find_form(Op op, Kinds kinds, bool pinned) {
  const size_t index = static_cast<size_t>(op);
  const Form form = find_between(starts.compact[index], starts.compact[index + 1], kinds);
  if (form != Form::count || !pinned) return form;
  return find_between(starts.pinned[index], starts.pinned[index + 1], kinds);
}

} // namespace ebb
