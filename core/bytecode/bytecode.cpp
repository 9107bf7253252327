// The tables of ops and forms, and what is asked of them. Small builds pack them: two bytes a form,
// one an op.
#include "core/bytecode/bytecode.h"

#include "core/bytecode/code_bytes.h"
#include "core/bytecode/comparisons.h"
#include "core/bytecode/unused_forms.h"

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
  ordered_64,
  ordered_float,
  shift,
  shift_64,
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

/// Of an arithmetic op or comparison.
constexpr OpInfo binary_info(Op op, Effect effect, FormList forms) {
  const bool commutative = is_commutative(forms);
  return {0, effect, commutative, commutative ? op : mirrored_op(op)};
}
/// Of others.
constexpr OpInfo plain_info(Op op, uint8_t extra, Effect effect) {
  return {extra, effect, false, mirrored_op(op)};
}

} // namespace

constexpr OpInfo op_infos[] = {
#define EBB_BINARY(name, in, out, forms, expression)                                               \
  binary_info(Op::name, effect_##out, FormList::forms),
#define EBB_BINARY_TRAP(name, in, out, forms, check, expression)                                   \
  plain_info(Op::name, 0, effect_##out),
#define EBB_UNARY(name, in, out, forms, expression) plain_info(Op::name, 0, effect_##out),
#define EBB_UNARY_TRAP(name, in, out, forms, check, expression)                                    \
  plain_info(Op::name, 0, effect_##out),
#define EBB_LOAD(name, memory, out, forms) plain_info(Op::name, 2, effect_##out),
#define EBB_STORE(name, in, memory, forms) plain_info(Op::name, 2, Effect::none),
#define EBB_BRANCH(name, in, forms, condition) plain_info(Op::name, 0, Effect::target),
#define EBB_SPECIAL(name, forms, extra, effect) plain_info(Op::name, extra, Effect::effect),
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

/// A bit for each operand of a kind.
constexpr uint8_t operands_of(Kind kind, Kinds kinds) {
  const Kind each[] = {kinds.d, kinds.a, kinds.b, kinds.c};
  uint32_t bits = 0;
  for (uint32_t i = 0; i < 4; i++)
    bits |= (each[i] == kind ? 1u : 0u) << i;
  return static_cast<uint8_t>(bits);
}

constexpr ThreadingWay threading_way(Op op, Kinds kinds, bool is_compact_only) {
  const OpInfo& info = op_infos[static_cast<size_t>(op)];
  const bool is_copy = op == Op::copy && kinds.a != Kind::s;
  if (is_copy || op == Op::copy_const || op == Op::copy_high) return ThreadingWay::constant;
  if (op == Op::far_br) return ThreadingWay::far_branch;
  if (is_compact_only) return ThreadingWay::other;
  if (op == Op::call) return ThreadingWay::call;
  if (has_target(info.effect) && info.extra == 0) return ThreadingWay::branch;
  if ((op == Op::i32_add || op == Op::i32_sub) && kinds.b == Kind::k) return ThreadingWay::sum;
  const bool is_simple = info.effect < Effect::enter && op != Op::select_v128 &&
                         (info.extra == 0 || is_memory_access(op));
  if (is_simple) return ThreadingWay::simple;
  const bool is_whole = info.effect < Effect::acc_lost || info.effect == Effect::terminal;
  return is_whole && !is_memory_access(op) && op != Op::fuel ? ThreadingWay::whole
                                                             : ThreadingWay::other;
}

constexpr FormShape shape_of(Op op, Kinds kinds) {
  const OpInfo& info = op_infos[static_cast<size_t>(op)];
  FormShape shape{};
  shape.effect = info.effect;
  shape.is_compact_only = target_bytes(op) != 2;
  uint8_t at = 2;
  const Kind each[] = {kinds.d, kinds.a, kinds.b, kinds.c};
  for (int i = 0; i < 4; i++) {
    const uint8_t bytes = static_cast<uint8_t>(kind_bytes(each[i]));
    shape.operands[i] = bytes == 0 ? 0 : at;
    if (each[i] == Kind::w || each[i] == Kind::h) shape.is_compact_only = true;
    at = static_cast<uint8_t>(at + bytes);
  }
  shape.is_plain =
      !is_memory_access(op) && info.effect != Effect::table_terminal && !shape.is_compact_only;
  shape.extra = at;
  const uint32_t target = has_target(info.effect) ? target_bytes(op) : 0;
  shape.head = static_cast<uint8_t>(at + info.extra);
  shape.bytes = static_cast<uint8_t>(shape.head + target);
  shape.slot_operands = operands_of(Kind::s, kinds) & 15;
  shape.constant_operands = operands_of(Kind::k, kinds) & 15;
  shape.is_at_known_address = is_memory_access(op) && kinds.a == Kind::k;
  shape.way = threading_way(op, kinds, shape.is_compact_only);
  return shape;
}

/// Bytes of an operand of a kind in threaded code.
constexpr uint8_t threaded_bytes(Kind kind) {
  switch (kind) {
  case Kind::s:
  case Kind::r:
    return 2;
  case Kind::k:
    return 4;
  case Kind::w:
    return 8;
  default:
    return 0;
  }
}

constexpr ThreadedShape threaded_shape_of(Op op, Kinds kinds) {
  constexpr uint32_t word = sizeof(void*);
  const OpInfo& info = op_infos[static_cast<size_t>(op)];
  ThreadedShape shape{};
  uint8_t at = word;
  bool has_wide = false;
  const Kind each[] = {kinds.d, kinds.a, kinds.b, kinds.c};
  for (int i = 0; i < 4; i++) {
    const uint8_t bytes = threaded_bytes(each[i]);
    shape.operands[i] = bytes == 0 ? 0 : at;
    if (each[i] == Kind::w) has_wide = true;
    at = static_cast<uint8_t>(at + bytes);
  }
  shape.slot_operands = operands_of(Kind::s, kinds) & 15;
  // An addend that wraps is in the place of the offset.
  shape.has_offset = is_memory_access(op) && (is_store(op) ? kinds.c : kinds.b) != Kind::k;
  shape.has_target = has_target(info.effect) && kinds.d != Kind::l;
  shape.extra = at;
  uint32_t extra = info.extra;
  if (is_memory_access(op)) extra = shape.has_offset ? 4 : 0;
  if (is_call(info.effect)) extra = 0;
  if (info.effect == Effect::table_terminal) extra = 4;
  if (op == Op::fuel) extra = word;
  if (op == Op::enter || op == Op::enter_clear_8) extra += 2 * (int_pins + float_pins);
  if (op >= Op::enter_ints && op <= Op::enter_clear_4) extra += 2 * int_pins;
  const uint32_t bytes = (at + extra + word - 1) / word * word;
  shape.bytes = static_cast<uint8_t>(bytes + (is_call(info.effect) ? sizeof(ThreadedCallTail) : 0));
  shape.is_plain = !has_wide && extra == (shape.has_offset ? 4u : 0u) && !is_call(info.effect);
  shape.is_simple = shape.is_plain && info.effect < Effect::enter && op != Op::loop;
  return shape;
}

} // namespace

#define EBB_FORM_ENTRY(d, a, b, c, name, ...)                                                      \
  threaded_shape_of(Op::name, {Kind::d, Kind::a, Kind::b, Kind::c}),
constexpr ThreadedShape threaded_shapes[] = {
#include "core/bytecode/forms_compact.inc"
#include "core/bytecode/forms_threaded.inc"
};
#undef EBB_FORM_ENTRY

#define EBB_FORM_ENTRY(d, a, b, c, name, ...)                                                      \
  shape_of(Op::name, {Kind::d, Kind::a, Kind::b, Kind::c}),
constexpr FormShape form_shapes[] = {
#include "core/bytecode/forms_compact.inc"
};
#undef EBB_FORM_ENTRY

namespace {

static_assert(sizeof(form_infos) / sizeof(form_infos[0]) == static_cast<size_t>(Form::count));
static_assert(sizeof(op_infos) / sizeof(op_infos[0]) == static_cast<size_t>(Op::count));

/// Whether threading makes less than 4 GiB of the longest function there may be, if each of its
/// instructions starts an innermost loop and pins are stored and loaded around it.
consteval bool threads_in_4_gib() {
  constexpr uint32_t word = sizeof(void*);
  constexpr uint32_t pin_bytes = 2 * word;
  for (size_t i = 0; i < static_cast<size_t>(Form::compact_count); i++) {
    const bool calls = is_call(op_infos[static_cast<size_t>(form_infos[i].op)].effect);
    uint32_t pins = calls ? 2 * float_pins : 0;
    for (uint32_t slots = form_shapes[i].slot_operands; slots != 0; slots &= slots - 1)
      pins++;
    const uint64_t each = threaded_shapes[i].bytes + 2 * word + pins * pin_bytes;
    if (each * (function_code_bytes_max / form_shapes[i].bytes) > UINT32_MAX - 4096) return false;
  }
  return true;
}
static_assert(is_small_build || threads_in_4_gib());

constexpr CompactTable make_compact_table() {
  constexpr size_t forms = static_cast<size_t>(Form::compact_count);
  CompactTable table;
  size_t lists = 1; // The first has none.
  size_t firsts[CompactTable::lists_max] = {};
  size_t counts[CompactTable::lists_max] = {};
  for (size_t first = 0; first < forms;) {
    const Op op = form_infos[first].op;
    size_t count = 0;
    for (; first + count < forms && form_infos[first + count].op == op; count++) {
      const Kinds kinds = form_infos[first + count].kinds;
      const uint32_t place = CompactTable::place_of(kinds);
      table.kinds[place] = bits_of(kinds);
    }
    size_t list = 1;
    for (; list < lists; list++) {
      if (counts[list] != count) continue;
      size_t same = 0;
      while (same < count &&
             form_infos[firsts[list] + same].kinds == form_infos[first + same].kinds)
        same++;
      if (same == count) break;
    }
    if (list == lists) {
      lists++;
      firsts[list] = first;
      counts[list] = count;
      for (size_t i = 0; i < count; i++)
        table.numbers[list][CompactTable::place_of(form_infos[first + i].kinds)] =
            static_cast<uint8_t>(i + 1);
    }
    table.rows[static_cast<size_t>(op)] = {static_cast<uint16_t>(first),
                                           static_cast<uint16_t>(list)};
    first += count;
  }
  return table;
}
} // namespace

constexpr CompactTable compact_table = make_compact_table();

namespace {

/// Whether each form is found, as it is if no two kinds have the same place.
constexpr bool finds_all() {
  for (size_t i = 0; i < static_cast<size_t>(Form::compact_count); i++)
    if (compact_table.find(form_infos[i].op, form_infos[i].kinds) != static_cast<Form>(i))
      return false;
  return true;
}
static_assert(finds_all());

// All forms by op and kinds: a hash table with open addressing. Threading looks up forms with pins
// in it.
constexpr uint32_t table_bits = 13;
constexpr uint32_t table_size = 1u << table_bits;
static_assert(static_cast<uint32_t>(Form::count) < table_size / 10 * 8);

constexpr uint32_t place_of(Op op, Kinds kinds) {
  return (bits_of(kinds) * 0x9e3779b1u ^ static_cast<uint32_t>(op) * 0x85ebca6bu) >>
         (32 - table_bits);
}

struct FormTable {
  uint16_t forms[table_size];
};

/// Whether a form with pins can be done without. Not the moves by which others do, nor what changes
/// an operand.
constexpr bool may_be_unused(const FormInfo& info) {
  const auto is_pin = [](Kind kind) { return kind == Kind::p || kind == Kind::q || kind == Kind::v; };
  const Kinds& kinds = info.kinds;
  if (info.op == Op::pin_int_load || info.op == Op::pin_int_store) return false;
  if (info.op == Op::pin_float_load || info.op == Op::pin_float_store) return false;
  if (info.op >= Op::add_br_i32_ne && info.op <= Op::add_br_i32_gt_u) return false;
  if ((info.op == Op::move || info.op == Op::move_float) && kinds.a == Kind::a) return false;
  return is_pin(kinds.d) || is_pin(kinds.a) || is_pin(kinds.b) || is_pin(kinds.c);
}

consteval bool all_unused_may_be() {
  for (size_t form = 0; form < static_cast<size_t>(Form::count); form++)
    if (unused_forms[static_cast<Form>(form)] && !may_be_unused(form_infos[form])) return false;
  return true;
}
static_assert(all_unused_may_be());

constexpr FormTable make_table() {
  FormTable table{};
  for (uint16_t& form : table.forms)
    form = static_cast<uint16_t>(Form::count);
  for (uint16_t form = 0; form < static_cast<uint16_t>(Form::count); form++) {
    if (unused_forms[static_cast<Form>(form)]) continue;
    uint32_t at = place_of(form_infos[form].op, form_infos[form].kinds);
    while (table.forms[at] != static_cast<uint16_t>(Form::count))
      at = (at + 1) % table_size;
    table.forms[at] = form;
  }
  return table;
}
constexpr FormTable form_table = make_table();

struct MeteredForm {
  Form base;
  Form metered; ///< Or the base.
  Form polled;  ///< The same.
};

constexpr size_t first_metered = static_cast<size_t>(Form::count) + 1;
constexpr size_t polled_count = (static_cast<size_t>(Form::polled_end) - first_metered) / 2;
constexpr size_t metered_count = static_cast<size_t>(Form::end) - first_metered - polled_count;

/// By base.
struct MeteredForms {
  MeteredForm forms[metered_count] = {};
};

constexpr MeteredForms make_metered() {
  constexpr Form bases[] = {
#define EBB_METERED_ENTRY(d, a, b, c, name) Form::name##_##d##a##b##c,
#include "core/bytecode/forms_metered.inc"
#undef EBB_METERED_ENTRY
#define EBB_CHARGED_ENTRY(d, a, b, c, name) Form::name##_##d##a##b##c,
#include "core/bytecode/forms_metered.inc"
#undef EBB_CHARGED_ENTRY
  };
  static_assert(sizeof(bases) / sizeof(bases[0]) == metered_count);
  MeteredForms made;
  for (size_t i = 0; i < metered_count; i++) {
    const size_t metered = first_metered + i + (i < polled_count ? 0 : polled_count);
    const size_t polled = first_metered + polled_count + i;
    const auto or_base = [&](size_t form) {
      const bool is_used = !unused_forms[static_cast<Form>(form)];
      return is_used ? static_cast<Form>(form) : bases[i];
    };
    size_t at = i;
    for (; at != 0 && made.forms[at - 1].base > bases[i]; at--)
      made.forms[at] = made.forms[at - 1];
    made.forms[at] = {bases[i], or_base(metered), i < polled_count ? or_base(polled) : bases[i]};
  }
  return made;
}
constexpr MeteredForms metered_forms = make_metered();

// What follows are the tables of small builds.

constexpr size_t compact_forms = static_cast<size_t>(Form::compact_count);

constexpr uint16_t pack(Kinds kinds) {
  constexpr uint32_t bits = PackedForm::kind_bits;
  return static_cast<uint16_t>(
      static_cast<uint32_t>(kinds.d) | static_cast<uint32_t>(kinds.a) << bits |
      static_cast<uint32_t>(kinds.b) << 2 * bits | static_cast<uint32_t>(kinds.c) << 3 * bits);
}

constexpr Kinds unpack(uint32_t packed) {
  constexpr uint32_t bits = PackedForm::kind_bits;
  constexpr uint32_t mask = (1u << bits) - 1;
  return {static_cast<Kind>(packed & mask), static_cast<Kind>(packed >> bits & mask),
          static_cast<Kind>(packed >> 2 * bits & mask),
          static_cast<Kind>(packed >> 3 * bits & mask)};
}

constexpr size_t packed_kinds_max = 64;

struct PackedTables {
  PackedForm forms[compact_forms];
  uint16_t kinds[packed_kinds_max] = {};
  size_t kinds_count = 0;
};

constexpr PackedTables make_packed() {
  PackedTables tables;
  for (size_t i = 0; i < compact_forms; i++) {
    const FormInfo& info = form_infos[i];
    uint32_t row = 0;
    while (row < tables.kinds_count && tables.kinds[row] != pack(info.kinds))
      row++;
    if (row == tables.kinds_count) tables.kinds[tables.kinds_count++] = pack(info.kinds);
    const bool has_others = (i != 0 && form_infos[i - 1].op == info.op) ||
                            (i + 1 < compact_forms && form_infos[i + 1].op == info.op);
    tables.forms[i] = PackedForm(info.op, row, has_others);
  }
  return tables;
}
constexpr PackedTables packed = make_packed();
static_assert(sizeof(PackedForm) == 2 && packed.kinds_count <= packed_kinds_max);

struct PackedOp {
  uint8_t half_extra : 3;
  uint8_t effect : 4;
  uint8_t commutative : 1;
};
static_assert(sizeof(PackedOp) == 1);

struct PackedOps {
  PackedOp ops[static_cast<size_t>(Op::count)];
};

constexpr PackedOps make_packed_ops() {
  PackedOps made{};
  for (size_t i = 0; i < static_cast<size_t>(Op::count); i++) {
    const OpInfo& info = op_infos[i];
    made.ops[i].half_extra = static_cast<uint8_t>(info.extra / 2) & 7;
    made.ops[i].effect = static_cast<uint8_t>(info.effect) & 15;
    made.ops[i].commutative = info.commutative;
  }
  return made;
}
constexpr PackedOps packed_ops = make_packed_ops();

constexpr bool ops_fit() {
  for (size_t i = 0; i < static_cast<size_t>(Op::count); i++)
    if (packed_ops.ops[i].half_extra * 2 != op_infos[i].extra ||
        packed_ops.ops[i].effect != static_cast<uint8_t>(op_infos[i].effect))
      return false;
  return true;
}
static_assert(ops_fit());

} // namespace

// Other builds have nothing of the tables.
/// Forms stand in the order of their ops.
Form find_packed_form(Op op, Kinds kinds) {
  if constexpr (!is_small_build) return Form::count;
  size_t low = 0;
  size_t high = compact_forms;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (packed.forms[middle].op() < op)
      low = middle + 1;
    else
      high = middle;
  }
  const uint16_t wanted = pack(kinds);
  for (; low < compact_forms && packed.forms[low].op() == op; low++)
    if (packed.kinds[packed.forms[low].kinds_index()] == wanted) return static_cast<Form>(low);
  return Form::count;
}

PackedForm packed_form(uint16_t form) {
  if constexpr (is_small_build) return packed.forms[form];
  return {};
}
uint32_t packed_kinds(PackedForm form) {
  if constexpr (is_small_build) return packed.kinds[form.kinds_index()];
  return 0;
}

OpInfo packed_op_info(Op op) {
  if constexpr (!is_small_build) return op_infos[static_cast<size_t>(op)];
  const PackedOp& row = packed_ops.ops[static_cast<size_t>(op)];
  return {static_cast<uint8_t>(row.half_extra * 2), static_cast<Effect>(row.effect),
          row.commutative != 0, Op::count};
}

FormInfo packed_form_info(Form form) {
  EBB_ASSERT(form < Form::compact_count);
  if constexpr (!is_small_build) return form_infos[static_cast<size_t>(form)];
  const PackedForm row = packed.forms[static_cast<size_t>(form)];
  return {row.op(), unpack(packed_kinds(row))};
}

uint64_t table_targets(Op op, const uint8_t* extra) {
  const uint32_t count =
      op == Op::br_table ? read_code<uint16_t>(extra) : read_code<uint32_t>(extra);
  return uint64_t{count} + 1;
}

const char* op_name(Op op) { return op_names[static_cast<size_t>(op)]; }

Form metered_form(Form form, Metering metering) {
  size_t low = 0;
  size_t high = metered_count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (metered_forms.forms[middle].base < form)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == metered_count || metered_forms.forms[low].base != form) return form;
  const MeteredForm& found = metered_forms.forms[low];
  return metering == Metering::fuel ? found.metered : found.polled;
}

Form find_threaded_form(Op op, Kinds kinds) {
  if constexpr (is_small_build) return Form::count;
  for (uint32_t at = place_of(op, kinds);; at = (at + 1) % table_size) {
    const Form form = static_cast<Form>(form_table.forms[at]);
    if (form == Form::count) return form;
    const FormInfo& info = form_infos[static_cast<size_t>(form)];
    if (info.op != op || bits_of(info.kinds) != bits_of(kinds)) continue;
    const bool is_compact = form < Form::compact_count;
    const bool is_theirs = is_compact && form_shapes[static_cast<size_t>(form)].is_compact_only;
    return is_theirs ? Form::count : form;
  }
}

} // namespace ebb
