#include "core/bytecode/bytecode.h"

#include "core/bytecode/code_bytes.h"

namespace ebb {
namespace {

// The effect of writing a result of each type.
constexpr Effect effect_u32 = Effect::acc_int, effect_s32 = Effect::acc_int;
constexpr Effect effect_u64 = Effect::acc_int, effect_s64 = Effect::acc_int;
constexpr Effect effect_f32 = Effect::acc_float, effect_f64 = Effect::acc_float;

// Only lists whose names begin so hold commutative ops.
enum class FormList : uint8_t {
  commutative,
  commutative_w,
  commutative_64,
  commutative_float,
  ordered,
  ordered_float,
  shift,
  rare_int,
  divide,
  rare_float,
  compare,
  compare_w,
  compare_float,
  branch,
  branch_w,
  branch_float,
  unary,
  convert,
  rare_unary
};
constexpr bool is_commutative(FormList list) { return list <= FormList::commutative_float; }

} // namespace

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

namespace {

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

} // namespace

#define EBB_FORM_ENTRY(d, a, b, c, name, ...) {Op::name, {Kind::d, Kind::a, Kind::b, Kind::c}},
constexpr FormInfo form_infos[] = {
#include "core/bytecode/forms_compact.inc"
#include "core/bytecode/forms_threaded.inc"
};
#undef EBB_FORM_ENTRY

namespace {

static_assert(sizeof(form_infos) / sizeof(form_infos[0]) == static_cast<size_t>(Form::count));
static_assert(sizeof(op_infos) / sizeof(op_infos[0]) == static_cast<size_t>(Op::count));

constexpr uint32_t key_of(Op op, Kinds kinds) {
  return static_cast<uint32_t>(kinds.d) | static_cast<uint32_t>(kinds.a) << 4 |
         static_cast<uint32_t>(kinds.b) << 8 | static_cast<uint32_t>(kinds.c) << 12 |
         static_cast<uint32_t>(op) << 16;
}

// Forms by op and kinds: a hash table with open addressing, filled by the compiler. Threading looks
// up several forms for each instruction.
constexpr uint32_t table_bits = 13;
constexpr uint32_t table_size = 1u << table_bits;
static_assert(static_cast<uint32_t>(Form::count) < table_size / 10 * 8);

constexpr uint32_t place_of(uint32_t key) { return key * 0x9e3779b1u >> (32 - table_bits); }

struct FormTable {
  uint16_t forms[table_size];
};

constexpr FormTable make_table() {
  FormTable table{};
  for (uint16_t& form : table.forms)
    form = static_cast<uint16_t>(Form::count);
  for (uint16_t form = 0; form < static_cast<uint16_t>(Form::count); form++) {
    uint32_t at = place_of(key_of(form_infos[form].op, form_infos[form].kinds));
    while (table.forms[at] != static_cast<uint16_t>(Form::count))
      at = (at + 1) % table_size;
    table.forms[at] = form;
  }
  return table;
}
constexpr FormTable form_table = make_table();

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

} // namespace

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

Form find_form(Op op, Kinds kinds, bool threaded) {
  for (uint32_t at = place_of(key_of(op, kinds));; at = (at + 1) % table_size) {
    const Form form = static_cast<Form>(form_table.forms[at]);
    if (form == Form::count) return form;
    const FormInfo& info = form_infos[static_cast<size_t>(form)];
    if (info.op != op || !(info.kinds == kinds)) continue;
    return threaded || form < Form::compact_count ? form : Form::count;
  }
}

} // namespace ebb
