#include "core/bytecode/bytecode.h"
#include "core/bytecode/ops.h"
#include "core/bytecode/unused_forms.h"
#include "core/interpret/machine.h"
#include "core/interpret/machine_state.h"
#include "core/state/machine_table.h"
#include "tests/needs.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace ebb {
namespace {

constexpr size_t op_count = static_cast<size_t>(Op::count);
// Small builds have no forms but these.
constexpr size_t form_count =
    static_cast<size_t>(is_small_build ? Form::compact_count : Form::count);
constexpr size_t compact_form_count = static_cast<size_t>(Form::compact_count);

std::string letters(Kinds kinds) {
  std::string text;
  for (const Kind kind : {kinds.d, kinds.a, kinds.b, kinds.c})
    text += "nsakrpwhqvl"[static_cast<size_t>(kind)];
  return text;
}

bool has_pins(Kinds kinds) { return letters(kinds).find_first_of("pqv") != std::string::npos; }

} // namespace

TEST_CASE("forms that are not used have pins, and are few enough that a form is the rule") {
  size_t unused = 0;
  for (size_t i = 0; i < form_count; i++) {
    if (!unused_forms[static_cast<Form>(i)]) continue;
    unused++;
    CHECK(has_pins(form_info(static_cast<Form>(i)).kinds));
  }
  CHECK(unused < form_count / 3);
}

TEST_CASE("every form is found by its op and kinds, and by nothing else, if it is used") {
  std::set<std::string> seen;
  for (size_t i = 0; i < form_count; i++) {
    const Form form = static_cast<Form>(i);
    const FormInfo& info = form_info(form);
    CAPTURE(op_name(info.op));
    CAPTURE(letters(info.kinds));
    CHECK(seen.insert(std::string(op_name(info.op)) + letters(info.kinds)).second);
    const bool is_compact = i < compact_form_count;
    const bool is_compact_only = !is_small_build && is_compact && form_shapes[i].is_compact_only;
    const bool is_threaded = !is_small_build && !is_compact_only && !unused_forms[form];
    CHECK(find_threaded_form(info.op, info.kinds) == (is_threaded ? form : Form::count));
    if (machine_table().has_threaded && !is_small_build)
      CHECK((threaded_handlers()[i] == nullptr) == !is_threaded);
    CHECK(find_compact_form(info.op, info.kinds) == (is_compact ? form : Form::count));
  }
}

TEST_CASE("what compact code says in a form of its own, threaded code has a form for" *
          needs_full_build()) {
  const auto in_threaded = [](Kind kind) {
    return kind == Kind::w ? Kind::k : kind == Kind::h ? Kind::n : kind;
  };
  for (size_t i = 0; i < compact_form_count; i++) {
    const FormInfo& info = form_info(static_cast<Form>(i));
    CAPTURE(op_name(info.op));
    CAPTURE(letters(info.kinds));
    const Op op = info.op == Op::far_br         ? Op::br
                  : info.op == Op::far_br_table ? Op::br_table
                                                : info.op;
    const Kinds kinds = {in_threaded(info.kinds.d), in_threaded(info.kinds.a),
                         in_threaded(info.kinds.b), in_threaded(info.kinds.c)};
    CHECK(find_threaded_form(op, kinds) != Form::count);
  }
}

TEST_CASE("simple forms are threaded as they stand: operands, and of loads and stores an offset" *
          needs_full_build()) {
  size_t simple = 0;
  for (size_t i = 0; i < compact_form_count; i++) {
    const FormInfo& info = form_info(static_cast<Form>(i));
    const FormShape& shape = form_shapes[i];
    const ThreadedShape& threaded = threaded_shapes[i];
    CAPTURE(op_name(info.op));
    CAPTURE(letters(info.kinds));
    CHECK(shape.slot_operands == threaded.slot_operands);
    const bool is_sum = shape.way == ThreadingWay::sum;
    CHECK(is_sum ==
          ((info.op == Op::i32_add || info.op == Op::i32_sub) && info.kinds.b == Kind::k));
    if (shape.way != ThreadingWay::simple && !is_sum) continue;
    simple++;
    CHECK_FALSE(shape.is_compact_only);
    CHECK(threaded.is_plain);
    CHECK_FALSE(threaded.has_target);
    CHECK(threaded.has_offset == is_memory_access(info.op));
    CHECK(shape.is_plain == !is_memory_access(info.op));
    CHECK(shape.is_at_known_address == (is_memory_access(info.op) && info.kinds.a == Kind::k));
    // It never ends a function, and so something follows.
    CHECK(shape.effect < Effect::enter);
  }
  CHECK(simple > compact_form_count / 2);
}

TEST_CASE("what threading does at once beside simple forms: branches, a call, constants for slots" *
          needs_full_build()) {
  size_t branches = 0;
  for (size_t i = 0; i < compact_form_count; i++) {
    const FormInfo& info = form_info(static_cast<Form>(i));
    const FormShape& shape = form_shapes[i];
    CAPTURE(op_name(info.op));
    CAPTURE(letters(info.kinds));
    CHECK((shape.way == ThreadingWay::call) == (info.op == Op::call));
    if (shape.way == ThreadingWay::branch) {
      branches++;
      CHECK(shape.bytes - shape.head == 2);
      CHECK(shape.extra == shape.head);
      CHECK(threaded_shapes[i].has_target);
      CHECK(threaded_shapes[i].is_plain);
    }
    const bool is_constant = (info.op == Op::copy && info.kinds.a != Kind::s) ||
                             info.op == Op::copy_const || info.op == Op::copy_high;
    CHECK((shape.way == ThreadingWay::constant) == is_constant);
  }
  CHECK(branches > 100);
}

TEST_CASE("branches to where code is charged for come metered, and each such form is of one other" *
          needs_full_build()) {
  std::set<Form> seen;
  for (const Metering metering : {Metering::fuel, Metering::interruption}) {
    for (size_t i = 0; i < form_count; i++) {
      const Form form = static_cast<Form>(i);
      const FormInfo& info = form_info(form);
      const Form metered = metered_form(form, metering);
      CAPTURE(op_name(info.op));
      CAPTURE(letters(info.kinds));
      const bool goes_to_loop = letters(info.kinds)[0] == 'l';
      const bool is_plain = info.op == Op::br || info.op == Op::br_if || info.op == Op::br_unless ||
                            info.op == Op::br_table;
      const bool adds = info.op >= Op::add_br_i32_ne && info.op <= Op::add_br_i32_gt_u;
      const bool begins =
          op_info(info.op).effect == Effect::enter || info.op == Op::fuel || info.op == Op::loop;
      const bool always = is_plain || adds || begins;
      const bool is_charged = info.op >= Op::br_i32_eq && info.op <= Op::br_i32_ge_u &&
                              i < compact_form_count && metering == Metering::fuel;
      if (metered == form) CHECK((!always || has_pins(info.kinds)));
      if (metered == form) continue;
      CHECK((always || goes_to_loop || is_charged));
      CHECK(metered > Form::count);
      CHECK(metered < Form::end);
      CHECK(seen.insert(metered).second);
    }
  }
  size_t unused = 0;
  for (size_t i = form_count + 1; i < static_cast<size_t>(Form::end); i++) {
    const bool is_unused = unused_forms[static_cast<Form>(i)];
    CHECK(is_unused == (seen.count(static_cast<Form>(i)) == 0));
    if (is_unused && machine_table().has_threaded) CHECK(threaded_handlers()[i] == nullptr);
    unused += is_unused ? 1 : 0;
  }
  CHECK(seen.size() + unused == static_cast<size_t>(Form::end) - form_count - 1);
  CHECK(metered_form(Form::br_lnnn, Metering::fuel) == Form::metered_br_lnnn);
  CHECK(metered_form(Form::br_lnnn, Metering::interruption) == Form::polled_br_lnnn);
  CHECK(metered_form(Form::enter_nnnn, Metering::fuel) == Form::metered_enter_nnnn);
  CHECK(metered_form(Form::br_nnnn, Metering::fuel) == Form::metered_br_nnnn);
  CHECK(metered_form(Form::br_i32_eq_nssn, Metering::fuel) == Form::metered_br_i32_eq_nssn);
  CHECK(metered_form(Form::br_i32_eq_nssn, Metering::interruption) == Form::br_i32_eq_nssn);
  CHECK(metered_form(Form::br_i64_eq_nssn, Metering::fuel) == Form::br_i64_eq_nssn);
}

TEST_CASE("compact code names slots, constants and the accumulator only") {
  for (size_t i = 0; i < form_count; i++) {
    const FormInfo& info = form_info(static_cast<Form>(i));
    const bool is_threaded = letters(info.kinds).find_first_of("pqvl") != std::string::npos;
    if (is_threaded) CHECK(i >= compact_form_count);
  }
}

TEST_CASE("compact instructions are a whole number of halfwords") {
  for (size_t i = 0; i < compact_form_count; i++)
    CHECK(compact_bytes(form_info(static_cast<Form>(i))) % 2 == 0);
}

TEST_CASE("what takes operands takes all of them from slots") {
  for (size_t i = 0; i < compact_form_count; i++) {
    const FormInfo& info = form_info(static_cast<Form>(i));
    Kinds kinds = info.kinds;
    for (Kind* kind : {&kinds.a, &kinds.b, &kinds.c}) {
      if (*kind == Kind::a || *kind == Kind::k || *kind == Kind::w) *kind = Kind::s;
      if (*kind == Kind::h) *kind = Kind::n;
    }
    CAPTURE(op_name(info.op));
    CAPTURE(letters(info.kinds));
    CHECK(find_compact_form(info.op, kinds) != Form::count);
  }
}

TEST_CASE("what only compact code has becomes a form that both have") {
  const auto is_wide = [](Kind kind) { return kind == Kind::w || kind == Kind::h; };
  for (size_t i = 0; i < compact_form_count; i++) {
    const FormInfo& info = form_info(static_cast<Form>(i));
    Kinds kinds = info.kinds;
    for (Kind* kind : {&kinds.d, &kinds.a, &kinds.b, &kinds.c})
      if (is_wide(*kind)) *kind = *kind == Kind::w ? Kind::k : Kind::n;
    CAPTURE(op_name(info.op));
    CAPTURE(letters(info.kinds));
    CHECK(find_compact_form(info.op, kinds) != Form::count);
  }
}

TEST_CASE("a conditional branch has an opposite, whose opposite it is") {
  for (size_t i = 0; i < op_count; i++) {
    const Op op = static_cast<Op>(i);
    // Those that also add arise after all others have been turned around.
    const bool is_conditional = op_info(op).effect == Effect::target && op < Op::add_br_i32_ne;
    CAPTURE(op_name(op));
    CHECK((negated(op) != Op::count) == is_conditional);
    if (is_conditional) CHECK(negated(negated(op)) == op);
  }
}

TEST_CASE("mirroring exchanges operands and negation inverts, both twice over") {
  for (size_t i = 0; i < op_count; i++) {
    const Op op = static_cast<Op>(i);
    if (mirrored(op) == Op::count) continue;
    CHECK(mirrored(mirrored(op)) == op);
    const Op branch = branch_of(op, false);
    if (branch == Op::count) continue;
    CHECK(mirrored(branch) == branch_of(mirrored(op), false));
    CHECK(mirrored(branch_of(op, true)) == branch_of(mirrored(op), true));
  }
}

TEST_CASE("plain instructions of wasm have the op of their name") {
  size_t mapped = 0;
  for (size_t i = 0; i < opcode_count; i++) {
    const Op op = op_of(static_cast<Opcode>(i));
    if (op == Op::count) continue;
    mapped++;
    std::string mnemonic = opcode_mnemonic(static_cast<Opcode>(i));
    for (char& letter : mnemonic)
      if (letter == '.') letter = '_';
    CHECK(mnemonic == op_name(op));
  }
  CHECK(mapped == 123 + 5 + 8 + 23);
}

} // namespace ebb
