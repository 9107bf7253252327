// Each superinstruction, beside the instructions that it consists of, from many states.
#include "core/bytecode/code_bytes.h"
#include "core/interpret/machine_state.h"
#include "tests/runtime/runtime_test.h"

#include <algorithm>
#include <array>
#include <random>
#include <vector>

using namespace ebb;
using namespace ebb::testing;

namespace {

constexpr uint32_t slots = 32, memory_bytes = 256;
constexpr uint32_t result_slots = 16; ///< From there on the registers are left, at the end.

std::vector<Form> forms_of(const Superinstructions& all, uint32_t number) {
  constexpr uint32_t first = static_cast<uint32_t>(Form::end);
  if (number < first) return {static_cast<Form>(number)};
  const uint32_t key = all.keys[number - first];
  std::vector<Form> forms = forms_of(all, key >> 16);
  forms.push_back(static_cast<Form>(key & UINT16_MAX));
  return forms;
}

/// Threaded code, with exits that leave the registers in slots.
class Code {
public:
  explicit Code(std::minstd_rand& random) : random_(random) { bytes_.resize(4096); }

  uint8_t* at() { return bytes_.data(); }
  ptrdiff_t offset_of(const uint8_t* pc) { return pc - at(); }

  void write(const std::vector<Form>& forms) {
    for (const Form form : forms)
      put(form);
    const size_t behind = size_;
    put_exit();
    taken_ = size_;
    put_exit();
    loop_ = size_;
    put_exit();
    for (const size_t field : targets_)
      write_code<const uint8_t*>(at() + field, at() + (pick(2) == 0 ? taken_ : behind));
  }
  const uint8_t* loop() { return at() + loop_; }
  void set_handler(const void* handler) { write_code(at(), handler); }

private:
  uint32_t pick(uint32_t below) { return static_cast<uint32_t>(random_()) % below; }

  void put(Form form) {
    const FormInfo& info = form_info(form);
    const ThreadedShape& shape = threaded_shapes[static_cast<size_t>(form)];
    uint8_t* to = at() + size_;
    const Kind kinds[] = {info.kinds.d, info.kinds.a, info.kinds.b, info.kinds.c};
    for (int i = 0; i < 4; i++) {
      uint8_t* operand = to + shape.operands[i];
      if (kinds[i] == Kind::s) write_code(operand, static_cast<uint16_t>(pick(result_slots)));
      if (kinds[i] == Kind::k) write_code(operand, pick(64) - 16);
      if (kinds[i] == Kind::w) write_code(operand, uint64_t{0x3ff0000000000000} + pick(1000));
    }
    uint8_t* extra = to + shape.extra;
    if (shape.has_offset) write_code(extra, pick(16));
    if (info.op == Op::global_get || info.op == Op::global_set) write_code<uint16_t>(extra, 0);
    if (info.op == Op::copy_const) write_code(extra, uint64_t{pick(UINT16_MAX)} << 20);
    if (info.op == Op::copy_high) write_code(extra, static_cast<uint16_t>(pick(0x4000)));
    uint32_t target_count = shape.has_target ? 1 : 0;
    if (info.op == Op::br_table) {
      target_count = 1 + pick(4);
      write_code(extra, target_count - 1);
    }
    write_code(to, threaded_handlers()[static_cast<size_t>(form)]);
    size_ += shape.bytes;
    for (; target_count != 0; target_count--) {
      targets_.push_back(size_);
      size_ += sizeof(void*);
    }
  }

  void put_kinds(Op op, Kinds kinds, uint32_t slot) {
    const Form form = find_threaded_form(op, kinds);
    REQUIRE(form != Form::count);
    const ThreadedShape& shape = threaded_shapes[static_cast<size_t>(form)];
    uint8_t* to = at() + size_;
    for (int i = 0; i < 2; i++)
      if ((i == 0 ? kinds.d : kinds.a) == Kind::s)
        write_code(to + shape.operands[i], static_cast<uint16_t>(slot));
    write_code(to, threaded_handlers()[static_cast<size_t>(form)]);
    size_ += shape.bytes;
  }

  void put_exit() {
    put_kinds(Op::move_float, {Kind::s, Kind::a, Kind::n, Kind::n}, result_slots);
    put_kinds(Op::move, {Kind::s, Kind::a, Kind::n, Kind::n}, result_slots + 1);
    constexpr Kind pins[] = {Kind::p, Kind::q, Kind::v};
    for (uint32_t i = 0; i < EBB_INT_PINS; i++)
      put_kinds(Op::pin_int_store, {Kind::n, Kind::s, pins[i], Kind::n}, result_slots + 2 + i);
    for (uint32_t i = 0; i < EBB_FLOAT_PINS; i++)
      put_kinds(Op::pin_float_store, {Kind::n, Kind::s, pins[i], Kind::n}, result_slots + 5 + i);
    write_code(at() + size_, threaded_handlers()[static_cast<size_t>(Form::exit_machine_nnnn)]);
    size_ += sizeof(void*);
  }

  std::minstd_rand& random_;
  std::vector<uint8_t> bytes_;
  std::vector<size_t> targets_;
  size_t size_ = 0, taken_ = 0, loop_ = 0;
};

/// What a run begins with, and what it leaves behind.
struct State {
  std::array<uint64_t, slots> slot{};
  std::array<uint8_t, memory_bytes> memory{};
  ValueRegisters values;
  uint64_t global = 0;
  Error error = Error::none;
  ptrdiff_t stopped_at = 0;

  /// Numbers of every size that are no NaN, addresses inside and outside the memory.
  void fill(std::minstd_rand& random) {
    const auto number = [&]() -> uint64_t {
      const uint32_t kind = static_cast<uint32_t>(random()) % 8;
      if (kind == 0) return static_cast<uint32_t>(random());
      if (kind == 1) return memory_bytes - static_cast<uint32_t>(random()) % 24;
      return static_cast<uint32_t>(random()) % memory_bytes;
    };
    for (uint64_t& one : slot)
      one = number();
    for (uint8_t& one : memory)
      one = static_cast<uint8_t>(random() & 0x3f);
    values.acc = static_cast<Word>(number());
    for (Word& pin : values.pins)
      pin = static_cast<Word>(number());
    values.facc = static_cast<double>(number());
    for (FloatRegister& pin : values.float_pins)
      pin = static_cast<double>(number()) / 7;
    global = number();
  }
};

/// Whether it neither calls nor returns, nor leads to where code is charged for.
bool can_run_alone(Form form) {
  if (form >= Form::count) return false;
  const Op op = form_info(form).op;
  const Effect effect = op_info(op).effect;
  return op == Op::br || op == Op::br_table ||
         (!is_call(effect) && effect != Effect::terminal && effect != Effect::enter);
}

InstanceState* only_instance(StoreState& store) {
  InstanceState* found = nullptr;
  for (InstanceState* instance : store.instances)
    if (instance != nullptr) found = instance;
  return found;
}

State run(StoreState& store, State state, Code& code) {
  Machine m(store);
  m.set_instance(only_instance(store));
  m.memory = state.memory.data();
  m.memory_size = memory_bytes;
  m.memory_bound = memory_bytes - 7;
  m.values = state.values;
  m.values.loop = code.loop();
  m.instance->globals[0]->bits[0] = state.global;
  run_threaded(m, code.at(), state.slot.data());
  state.error = m.error;
  state.stopped_at = code.offset_of(m.pc);
  state.global = m.instance->globals[0]->bits[0];
  return state;
}

} // namespace

TEST_CASE("what no superinstruction consists of is none") {
  const Superinstructions all = threaded_superinstructions();
  REQUIRE(all.count != 0);
  std::vector<uint32_t> keys(all.keys, all.keys + all.count);
  std::sort(keys.begin(), keys.end());
  constexpr uint32_t first = static_cast<uint32_t>(Form::end);
  uint32_t found = 0;
  bool is_as_listed = true;
  for (uint32_t before = 0; before < first + all.count; before++) {
    for (uint32_t next = 0; next < first; next++) {
      const Form form = static_cast<Form>(next);
      const uint32_t number = all.find(before, form);
      const uint32_t key = Superinstructions::key_of(before, form);
      const bool is_listed = std::binary_search(keys.begin(), keys.end(), key);
      is_as_listed = is_as_listed && is_listed == (number != Superinstructions::none);
      if (is_listed && number != Superinstructions::none)
        found += all.keys[number - first] == key ? 1 : 0;
    }
  }
  CHECK(is_as_listed);
  CHECK(found == all.count);
  for (uint32_t next = 0; next < first; next++)
    is_as_listed = is_as_listed && all.find(Superinstructions::none, static_cast<Form>(next)) ==
                                       Superinstructions::none;
  CHECK(is_as_listed);
}

TEST_CASE("a superinstruction does what its instructions do") {
  const Superinstructions all = threaded_superinstructions();
  REQUIRE(all.count != 0);
  World world;
  ModuleBuilder builder;
  builder.global(testing::i64, true, Bytes{0x42, 0});
  world.instantiate(builder.build());
  StoreState& store = world.store.state();
  std::minstd_rand random(1);
  uint32_t stopped = 0;
  for (uint32_t i = 0; i < all.count; i++) {
    const uint32_t number = static_cast<uint32_t>(Form::end) + i;
    const std::vector<Form> forms = forms_of(all, number);
    std::string name;
    for (const Form form : forms)
      name += (form < Form::count ? op_name(form_info(form).op) : "charged") + std::string(" ");
    CAPTURE(name);
    CHECK(forms.size() <= 4);
    uint32_t found = static_cast<uint32_t>(forms[0]);
    for (size_t at = 1; at < forms.size(); at++)
      found = all.find(found, forms[at]);
    CHECK(found == number);
    // Control goes from each to the next.
    for (size_t at = 0; at + 1 < forms.size(); at++) {
      CHECK(forms[at] < Form::count);
      const Effect effect = op_info(form_info(forms[at]).op).effect;
      CHECK(effect <= Effect::target);
      CHECK(effect != Effect::enter);
    }
    if (!can_run_alone(forms.back())) continue;
    for (int round = 0; round < 100; round++) {
      State begin;
      begin.fill(random);
      Code code(random);
      code.write(forms);
      const State one_by_one = run(store, begin, code);
      code.set_handler(all.handler(number));
      const State at_once = run(store, begin, code);
      const bool is_same = one_by_one.slot == at_once.slot && one_by_one.memory == at_once.memory &&
                           one_by_one.global == at_once.global &&
                           one_by_one.error == at_once.error &&
                           one_by_one.stopped_at == at_once.stopped_at;
      if (!is_same) CHECK_MESSAGE(is_same, name);
      stopped += one_by_one.error == Error::out_of_bounds_memory_access;
    }
  }
  CHECK(stopped > 100);
}
