// Threaded code by tail calls: each handler is a function that ends in a jump to the next.
//
// What the machine keeps in registers are the handlers' parameters; `preserve_none` lets all of
// them be registers and makes handlers save nothing. Needs a compiler that guarantees tail calls:
// see interpret/meson.build.
//
// Where a handler would go to the next instruction it goes to its parameter `next` instead, if it
// has one: superinstructions are handlers with the handlers of what comes next, inlined.
#include "core/bytecode/unused_forms.h"
#include "core/interpret/machine_state.h"
#include "core/interpret/numeric.h"
#include "core/interpret/registers.h"
#include "core/interpret/small_bulk.h"
#include "core/interpret/threaded_layout.h"
#include "core/state/instance_state.h"

namespace ebb {

// A build that counts is told of each instruction, and has each alone:
// tools/bench/superinstructions.
#ifdef EBB_COUNT_INSTRUCTIONS
constexpr bool counts_each = true;
void count_instruction(const uint8_t* pc);
#define EBB_COUNT_ONE() count_instruction(pc)
#else
constexpr bool counts_each = false;
#define EBB_COUNT_ONE() static_cast<void>(0)
#endif

namespace {

#define EBB_HANDLER_CALL __attribute__((preserve_none))
#define EBB_PARAMETERS                                                                             \
  uint8_t *mem, uint64_t bound, Machine &m, const uint8_t *loop, const uint8_t *pc, uint64_t *fp,  \
      Word acc, FloatRegister facc, EBB_PIN_PARAMETERS, uint64_t fuel
#define EBB_ARGUMENTS mem, bound, m, loop, pc, fp, acc, facc, EBB_PIN_ARGUMENTS, fuel

using Handler = EBB_HANDLER_CALL void (*)(EBB_PARAMETERS);

/// Takes a cost off the fuel. Says whether it could be paid, and the run may go on.
inline bool pay(const Machine& m, uint64_t& fuel, uint64_t cost) {
  fuel -= cost;
  return static_cast<int64_t>(fuel) >= machine_floor(m);
}

/// The same where nothing is to be paid: the register has the address of the flag.
inline bool is_interrupted(uint64_t flag) {
  return reinterpret_cast<const std::atomic<intptr_t>*>(flag)->load(std::memory_order_relaxed) != 0;
}

// One to four forms that follow one another.
struct Sequence {
  Form forms[4];
};

/// Where a handler has to begin. Those that are run most begin at cache lines, so that none is
/// fetched in two; for all of them there is no room.
consteval uint32_t alignment_of(const Sequence& sequence) {
  constexpr Sequence hot[] = {
#define EBB_HOT_1(a) {Form::a, Form::count, Form::count, Form::count},
#define EBB_HOT_2(a, b) {Form::a, Form::b, Form::count, Form::count},
#define EBB_HOT_3(a, b, c) {Form::a, Form::b, Form::c, Form::count},
#define EBB_HOT_4(a, b, c, d) {Form::a, Form::b, Form::c, Form::d},
#include "core/interpret/hot_handlers.def"
  };
  constexpr uint32_t line_bytes = 64, packed_bytes = 4;
  for (const Sequence& one : hot) {
    bool is_it = true;
    for (uint32_t at = 0; at < 4; at++)
      is_it = is_it && one.forms[at] == sequence.forms[at];
    if (is_it) return line_bytes;
  }
  return packed_bytes;
}

#define EBB_HANDLER(form)                                                                          \
  template <Handler next = nullptr, uint32_t alignment = alignment_of(                             \
                                        {Form::form, Form::count, Form::count, Form::count})>      \
  __attribute__((aligned(alignment))) EBB_HANDLER_CALL void form(EBB_PARAMETERS)
#define EBB_COLD_HANDLER(name) __attribute__((noinline)) EBB_HANDLER_CALL void name(EBB_PARAMETERS)
#define EBB_CONTINUE(name) [[clang::musttail]] return name(EBB_ARGUMENTS)
#define EBB_DISPATCH()                                                                             \
  EBB_COUNT_ONE();                                                                                 \
  [[clang::musttail]] return (*reinterpret_cast<const Handler*>(pc))(EBB_ARGUMENTS)
// The address of the handler is read from where pc points by then, in fewer bytes of code.
#define EBB_GO_ON()                                                                                \
  if constexpr (next != nullptr) EBB_CONTINUE(next);                                               \
  __asm__("" : "+r"(pc));                                                                          \
  EBB_DISPATCH()
#define EBB_NEXT(operand_bytes)                                                                    \
  pc += EBB_BYTES(operand_bytes);                                                                  \
  EBB_GO_ON()
#define EBB_NEXT_TARGET(operand_bytes)                                                             \
  pc += EBB_BYTES_TARGET(operand_bytes);                                                           \
  EBB_GO_ON()
// In a superinstruction what is rare is left to the instruction's own handler.
#define EBB_IF_RARE(form)                                                                          \
  if constexpr (next != nullptr) EBB_CONTINUE(form<>)
#define EBB_STOP() EBB_CONTINUE(stop)
#define EBB_END() return
#define EBB_SAVE_FUEL() *m.fuel = fuel
#define EBB_LOAD_FUEL() fuel = *m.fuel
#define EBB_PAY(cost) pay(m, fuel, cost)
#define EBB_IS_INTERRUPTED() is_interrupted(fuel)
#define EBB_TAKE_BACK(cost)                                                                        \
  fuel += (cost);                                                                                  \
  EBB_SAVE_FUEL()

// What is no instruction's own handler has no other behind it.
constexpr auto next = static_cast<Handler>(nullptr);

// Handlers that stop use few of their parameters.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wunused-parameter"
EBB_COLD_HANDLER(stop) {
  m.pc = pc;
  m.fp = fp;
  EBB_SAVE_FUEL();
}
#include "core/interpret/handlers.inc"
#pragma clang diagnostic pop

// Of forms that are not used there is nothing but the name.
#define EBB_ADDRESS(form)                                                                          \
  unused_forms[Form::form] ? nullptr : reinterpret_cast<const void*>(&form<>),
#define EBB_FORM_ENTRY(d, a, b, c, name, ...) EBB_ADDRESS(name##_##d##a##b##c)
const void* const handler_addresses[] = {
#define EBB_COMPACT_ENTRY(...) nullptr,
#include "core/bytecode/forms_compact.inc"
#include "core/bytecode/forms_threaded.inc"
    nullptr, // Form::count
#define EBB_METERED_ENTRY(d, a, b, c, name) EBB_ADDRESS(metered_##name##_##d##a##b##c)
#include "core/bytecode/forms_metered.inc"
#undef EBB_METERED_ENTRY
#define EBB_METERED_ENTRY(d, a, b, c, name) EBB_ADDRESS(polled_##name##_##d##a##b##c)
#include "core/bytecode/forms_metered.inc"
#define EBB_CHARGED_ENTRY(d, a, b, c, name) EBB_ADDRESS(metered_##name##_##d##a##b##c)
#include "core/bytecode/forms_metered.inc"
};
static_assert(sizeof(handler_addresses) / sizeof(void*) == static_cast<size_t>(Form::end));

/// The end of a superinstruction.
EBB_HANDLER_CALL void dispatch(EBB_PARAMETERS) { EBB_DISPATCH(); }

// What each consists of, its handler, and the keys and hashes by which they are found.
#define EBB_SUPER_2(a, b) {Form::a, Form::b, Form::count, Form::count},
#define EBB_SUPER_3(a, b, c) {Form::a, Form::b, Form::c, Form::count},
#define EBB_SUPER_4(a, b, c, d) {Form::a, Form::b, Form::c, Form::d},
constexpr Sequence sequences[] = {
#include "core/interpret/superinstructions.def"
};
#undef EBB_SUPER_2
#undef EBB_SUPER_3
#undef EBB_SUPER_4
#define EBB_SUPER_2(a, b)                                                                          \
  reinterpret_cast<const void*>(                                                                   \
      &a<&b<&dispatch>, alignment_of({Form::a, Form::b, Form::count, Form::count})>),
#define EBB_SUPER_3(a, b, c)                                                                       \
  reinterpret_cast<const void*>(                                                                   \
      &a<&b<&c<&dispatch>>, alignment_of({Form::a, Form::b, Form::c, Form::count})>),
#define EBB_SUPER_4(a, b, c, d)                                                                    \
  reinterpret_cast<const void*>(                                                                   \
      &a<&b<&c<&d<&dispatch>>>, alignment_of({Form::a, Form::b, Form::c, Form::d})>),
const void* const super_handlers[] = {
#include "core/interpret/superinstructions.def"
};

// In finished code loops are found by their handlers: see Translation::locates_loop.
consteval bool none_begins_with_loop() {
  for (const Sequence& sequence : sequences)
    for (const Form loop : {Form::loop_nnnn, Form::polled_loop_nnnn, Form::metered_loop_nnnn})
      if (sequence.forms[0] == loop) return false;
  return true;
}
static_assert(none_begins_with_loop());

constexpr uint32_t super_count = sizeof(sequences) / sizeof(sequences[0]);

constexpr uint32_t length_of(const Sequence& sequence) {
  uint32_t length = 2;
  while (length < 4 && sequence.forms[length] != Form::count)
    length++;
  return length;
}

/// The number of the first so many forms of a sequence. Each must be listed.
consteval uint32_t number_of(const Sequence& sequence, uint32_t length) {
  if (length == 1) return static_cast<uint32_t>(sequence.forms[0]);
  for (uint32_t i = 0; i < super_count; i++) {
    if (length_of(sequences[i]) != length) continue;
    bool is_it = true;
    for (uint32_t at = 0; at < length; at++)
      is_it = is_it && sequences[i].forms[at] == sequence.forms[at];
    if (is_it) return static_cast<uint32_t>(Form::end) + i;
  }
  __builtin_trap();
}

struct SuperKeys {
  uint32_t keys[super_count];
};

consteval SuperKeys make_super_keys() {
  SuperKeys made{};
  for (uint32_t i = 0; i < super_count; i++)
    made.keys[i] = Superinstructions::key_of(number_of(sequences[i], length_of(sequences[i]) - 1),
                                             sequences[i].forms[length_of(sequences[i]) - 1]);
  return made;
}
constexpr SuperKeys super_keys = make_super_keys();

/// Gives the keys of a bucket places that are free. False if they have no such move.
consteval bool place_bucket(SuperinstructionTable& table, uint32_t bucket) {
  using Table = SuperinstructionTable;
  uint16_t members[super_count] = {};
  uint32_t count = 0;
  for (uint32_t i = 0; i < super_count; i++)
    if (Table::bucket(Table::hash(super_keys.keys[i])) == bucket)
      members[count++] = static_cast<uint16_t>(i);
  for (uint32_t move = 0; move <= UINT8_MAX; move++) {
    uint32_t placed = 0;
    for (; placed < count; placed++) {
      const uint32_t key = super_keys.keys[members[placed]];
      const uint32_t place = Table::place(Table::hash(key), move);
      if (table.keys[place] != Table::no_key) break;
      table.keys[place] = key;
      table.numbers[place] = members[placed];
    }
    table.moves[bucket] = static_cast<uint8_t>(move);
    if (placed == count) return true;
    for (uint32_t i = 0; i < placed; i++)
      table.keys[Table::place(Table::hash(super_keys.keys[members[i]]), move)] = Table::no_key;
  }
  return false;
}

consteval SuperinstructionTable make_super_table() {
  using Table = SuperinstructionTable;
  uint32_t counts[Table::buckets] = {};
  uint32_t most = 0;
  for (const uint32_t key : super_keys.keys) {
    const uint32_t count = ++counts[Table::bucket(Table::hash(key))];
    most = count > most ? count : most;
  }
  // The fullest first, while there are many places.
  Table table;
  for (uint32_t& key : table.keys)
    key = Table::no_key;
  for (uint32_t count = most; count > 0; count--)
    for (uint32_t bucket = 0; bucket < Table::buckets; bucket++)
      if (counts[bucket] == count && !place_bucket(table, bucket)) __builtin_trap();
  return table;
}
constexpr SuperinstructionTable super_table = make_super_table();
static_assert(super_count < SuperinstructionTable::places / 4 * 3);

/// A frame of its own between the machine's callers and code that preserves no register.
__attribute__((noinline)) void enter(Machine& m, const uint8_t* pc, uint64_t* fp) {
  const ValueRegisters& values = m.values;
  (*reinterpret_cast<const Handler*>(pc))(m.memory, m.memory_bound, m, values.loop, pc, fp,
                                          values.acc, values.facc, EBB_SAVED_PINS, *m.fuel);
}

} // namespace

const void* const* threaded_handlers() { return handler_addresses; }

Superinstructions threaded_superinstructions() {
  return {super_handlers, super_keys.keys, &super_table, counts_each ? 0 : super_count};
}

void run_threaded(Machine& m, const uint8_t* pc, uint64_t* fp) { enter(m, pc, fp); }

} // namespace ebb
