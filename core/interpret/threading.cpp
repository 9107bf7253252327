#include "core/interpret/threading.h"

#include "core/binary/reader.h"
#include "core/bytecode/code_bytes.h"
#include "core/bytecode/ops.h"
#include "core/interpret/machine_state.h"

#include <new>

namespace ebb {
namespace {

constexpr uint32_t word = sizeof(void*);

constexpr uint32_t aligned(uint32_t bytes) { return (bytes + word - 1) / word * word; }

/// Where a pin lives while it is not in its register.
struct Pins {
  uint16_t home_int;
  uint16_t home_float;
  bool any;
};

constexpr uint8_t pin_int = 1;
constexpr uint8_t pin_float = 2;

/// A compact instruction taken apart: operands d, a, b, c. Of those forms and ops that only compact
/// code has, it is what threaded code has instead.
struct Compact {
  FormInfo info;
  uint32_t values[4];
  uint32_t offset; ///< Of a load or store.
  Op op;           ///< As it stands in the code.
  const uint8_t* extra;
  const uint8_t* next; ///< Behind it, a br_table's targets included.
};

/// What becomes of it: its form with pins, and which pins go to their homes before and come back
/// after.
struct Threaded {
  Form form;
  FormInfo info;
  uint32_t values[4];
  uint8_t stores = 0;
  uint8_t loads = 0;
};

Kind& kind_at(Kinds& kinds, int which) {
  Kind* all[] = {&kinds.d, &kinds.a, &kinds.b, &kinds.c};
  return *all[which];
}

/// Reads an operand of a kind, which becomes that of threaded code.
uint32_t read_operand(const uint8_t* at, Kind& kind) {
  switch (kind) {
  case Kind::s:
  case Kind::r:
  case Kind::h:
    return read_code<uint16_t>(at);
  case Kind::k:
    return static_cast<uint32_t>(int32_t{read_code<int16_t>(at)});
  case Kind::w:
    kind = Kind::k;
    return read_code<uint32_t>(at);
  default:
    return 0;
  }
}

/// The offset of a load or store, whose halves may lie apart.
void find_offset(Compact& in) {
  const uint32_t extra = read_code<uint16_t>(in.extra);
  in.offset = extra;
  for (int i = 1; i < 4; i++) {
    if (kind_at(in.info.kinds, i) != Kind::h) continue;
    in.offset = in.values[i] | extra << 16;
    kind_at(in.info.kinds, i) = Kind::n;
  }
  if (in.info.kinds.a != Kind::k) return;
  in.values[1] = (in.values[1] & UINT16_MAX) | extra << 16;
  in.offset = 0;
}

Compact take_apart(const uint8_t* at) {
  Compact out;
  const FormInfo& info = form_info(static_cast<Form>(read_code<uint16_t>(at)));
  out.info = info;
  out.op = info.op;
  out.offset = 0;
  const uint8_t* operand = at + 2;
  for (int i = 0; i < 4; i++) {
    Kind& kind = kind_at(out.info.kinds, i);
    const uint32_t bytes = kind_bytes(kind);
    out.values[i] = read_operand(operand, kind);
    operand += bytes;
  }
  out.extra = operand;
  out.next = at + compact_bytes(info);
  if (is_memory_access(out.op)) find_offset(out);
  if (op_info(out.op).effect == Effect::table_terminal)
    out.next += static_cast<size_t>(target_bytes(out.op) * table_targets(out.op, out.extra));
  if (out.op == Op::far_br) out.info.op = Op::br;
  if (out.op == Op::far_br_table) out.info.op = Op::br_table;
  return out;
}

/// The form with the operands of `mask` pinned, the first two exchanged if that helps.
bool find_pinned(const Compact& in, uint32_t mask, Threaded& out) {
  out.info = in.info;
  memcpy(out.values, in.values, sizeof(out.values));
  for (int i = 0; i < 4; i++)
    if ((mask >> i & 1) != 0) kind_at(out.info.kinds, i) = Kind::p;
  out.form = find_form(out.info.op, out.info.kinds, true);
  if (out.form != Form::count) return true;
  const Op exchanged = op_info(in.info.op).commutative ? in.info.op : mirrored(in.info.op);
  if (exchanged == Op::count) return false;
  out.info.op = exchanged;
  std::swap(out.info.kinds.a, out.info.kinds.b);
  std::swap(out.values[1], out.values[2]);
  out.form = find_form(out.info.op, out.info.kinds, true);
  return out.form != Form::count;
}

Threaded choose(const Compact& in, const Pins& pins) {
  uint32_t pinned = 0;
  uint8_t which[4] = {};
  Kinds kinds = in.info.kinds;
  for (int i = 0; i < 4; i++) {
    if (kind_at(kinds, i) != Kind::s) continue;
    if (in.values[i] == pins.home_int) which[i] = pin_int;
    if (in.values[i] == pins.home_float) which[i] = pin_float;
    if (which[i] != 0) pinned |= 1u << i;
  }
  Threaded out;
  // Fewer and fewer operands in pins; with none the form is the compact one.
  for (uint32_t mask = pinned;; mask = (mask - 1) & pinned) {
    if (!find_pinned(in, mask, out) && mask != 0) continue;
    for (int i = 0; i < 4; i++) {
      if ((pinned >> i & 1) == 0 || (mask >> i & 1) != 0) continue;
      if (i == 0)
        out.loads |= which[i];
      else
        out.stores |= which[i];
    }
    return out;
  }
}

/// Bytes of a store or load of a pin.
constexpr uint32_t pin_move_bytes = aligned(word + 2);

uint32_t pin_moves_bytes(uint8_t which) {
  return ((which & pin_int) != 0 ? pin_move_bytes : 0) +
         ((which & pin_float) != 0 ? pin_move_bytes : 0);
}

/// Bytes of an operand of a kind in threaded code.
constexpr uint32_t threaded_bytes(Kind kind) {
  return kind == Kind::s || kind == Kind::r ? 2 : kind == Kind::k ? 4 : 0;
}

/// What of the extra bytes threaded code has in four bytes where compact code has two.
bool has_word(Op op) { return is_memory_access(op) || op == Op::br_table; }

/// Bytes of the operands, and of what of `extra` lies right behind them.
uint32_t plain_bytes(const Threaded& in) {
  const OpInfo& op = op_info(in.info.op);
  const Kinds& kinds = in.info.kinds;
  uint32_t bytes = word + threaded_bytes(kinds.d) + threaded_bytes(kinds.a) +
                   threaded_bytes(kinds.b) + threaded_bytes(kinds.c);
  if (has_word(in.info.op))
    bytes += 4;
  else if (!is_call(op.effect))
    bytes += op.extra;
  if (op.effect == Effect::enter) bytes += 4;
  return aligned(bytes);
}

uint32_t threaded_bytes(const Compact& in, const Threaded& out) {
  const Effect effect = op_info(out.info.op).effect;
  uint32_t bytes = plain_bytes(out);
  if (is_call(effect)) bytes += sizeof(ThreadedCallTail);
  if (has_target(effect)) bytes += word;
  if (effect == Effect::table_terminal)
    bytes += word * static_cast<uint32_t>(table_targets(in.op, in.extra));
  return bytes + pin_moves_bytes(out.stores) + pin_moves_bytes(out.loads);
}

/// The lazy function that a record belongs to, if it is the record of a compiled body.
const LazyFunction* lazy_of(const ModuleImage& image, const Function& function) {
  const uint8_t* at = reinterpret_cast<const uint8_t*>(&function);
  const uint8_t* first = reinterpret_cast<const uint8_t*>(image.lazy.data());
  if (at < first || at >= first + image.lazy.size_bytes()) return nullptr;
  return &image.lazy[static_cast<size_t>(at - first) / sizeof(LazyFunction)];
}

/// What `Function::code_offset` counts from.
const uint8_t* code_base(const ModuleImage& image, const Function& function) {
  const LazyFunction* lazy = lazy_of(image, function);
  return lazy != nullptr ? lazy->code : image.code.data();
}

Pins read_pins(const uint8_t* code, const Function& function) {
  const uint8_t* at = code + function.code_offset + function.code_bytes;
  const uint32_t ints = at[0] & PinList::count_mask;
  const uint32_t floats = at[1];
  Pins pins;
  pins.home_int = static_cast<uint16_t>(function.frame_numbers());
  pins.home_float = static_cast<uint16_t>(function.frame_numbers() + 1);
  pins.any = floats != 0;
  if (floats != 0) pins.home_float = at[2 + ints];
  for (uint32_t i = 0; i < ints; i++) {
    // An i64 fits only a register of 64 bits.
    if (sizeof(void*) < 8 && (at[0] & PinList::wide_bit << i) != 0) continue;
    pins.home_int = at[2 + i];
    pins.any = true;
    break;
  }
  return pins;
}

/// Pins are loaded by enter; a function that has none, because it declares no local, gets one.
bool needs_enter(const uint8_t* code, const Function& function, const Pins& pins) {
  if (!pins.any) return false;
  const uint8_t* at = code + function.code_offset;
  const uint8_t* end = at + function.code_bytes;
  while (at < end) {
    const Compact in = take_apart(at);
    if (in.info.op == Op::enter) return false;
    if (in.info.op != Op::enter_refs && in.info.op != Op::fuel) return true;
    at = in.next;
  }
  return true;
}

class Threader {
public:
  Threader(ModuleImage& image, const uint8_t* code)
      : image_(image), code_(code), handlers_(threaded_handlers()), offsets_(image.heap) {}

  Result<void> run();
  Result<Block> run_one(const Function& function);

private:
  /// Lays a function out: where each of its instructions will be. Returns its size.
  Result<uint32_t> lay_out(const Function& function);
  uint8_t* write(const Function& function, uint8_t* out);
  uint8_t* write_head(uint8_t* out, Form form);
  uint8_t* write_pin_moves(uint8_t* out, uint8_t which, bool stores);
  uint8_t* write_enter(uint8_t* out, const uint8_t* first);
  bool is_fuel(const uint8_t* at) const;
  Form metered(const Compact& in, Form form) const;
  uint8_t* write_instruction(uint8_t* out, const Compact& in, const Threaded& chosen);
  void write_tail(uint8_t* at, const Compact& in);
  const uint8_t* write_entry_point(uint8_t*& out, Form form);
  const uint8_t* begin(const Function& function) const { return code_ + function.code_offset; }
  const uint8_t* end(const Function& function) const {
    return begin(function) + function.code_bytes;
  }
  /// Constants are always ready.
  bool is_lazy(const Function& function) const {
    return !image_.lazy.empty() && image_.index_of(function) != no_function;
  }
  bool enters(const Function& function) const { return needs_enter(code_, function, pins_); }

  ModuleImage& image_;
  const uint8_t* code_; ///< What code offsets count from.
  const void* const* handlers_;
  Vec<uint32_t> offsets_; ///< Of the function at hand, by half its compact offset.
  Pins pins_{};
  const uint8_t* compact_ = nullptr;
  uint8_t* threaded_ = nullptr;
};

constexpr uint32_t enter_bytes = aligned(word + 8);

Result<uint32_t> Threader::lay_out(const Function& function) {
  pins_ = read_pins(code_, function);
  EBB_TRY(offsets_.resize(function.code_bytes / 2));
  uint32_t size = enters(function) ? enter_bytes : 0;
  for (const uint8_t* at = begin(function); at < end(function);) {
    const Compact in = take_apart(at);
    const size_t index = static_cast<size_t>(at - begin(function)) / 2;
    offsets_[index] = size;
    size += threaded_bytes(in, choose(in, pins_));
    at = in.next;
  }
  return size;
}

uint8_t* Threader::write_head(uint8_t* out, Form form) {
  write_code(out, handlers_[static_cast<size_t>(form)]);
  return out + word;
}

uint8_t* Threader::write_pin_moves(uint8_t* out, uint8_t which, bool stores) {
  if ((which & pin_int) != 0) {
    write_head(out, stores ? Form::pin_int_store_nsnn : Form::pin_int_load_snnn);
    write_code(out + word, pins_.home_int);
    out += pin_move_bytes;
  }
  if ((which & pin_float) != 0) {
    write_head(out, stores ? Form::pin_float_store_nsnn : Form::pin_float_load_snnn);
    write_code(out + word, pins_.home_float);
    out += pin_move_bytes;
  }
  return out;
}

/// Whether a compact instruction charges or looks for interruptions.
bool Threader::is_fuel(const uint8_t* at) const {
  return read_code<uint16_t>(at) == static_cast<uint16_t>(Form::fuel_nnnn);
}

/// A branch to such an instruction does its work, and so does an entry in front of it.
Form Threader::metered(const Compact& in, Form form) const {
  if (image_.metering == Metering::none) return form;
  const Effect effect = op_info(in.info.op).effect;
  if (effect == Effect::enter) return is_fuel(in.next) ? metered_form(form) : form;
  if (!has_target(effect)) return form;
  const uint8_t* target = in.extra + op_info(in.op).extra;
  return is_fuel(target + target_distance(in.op, target)) ? metered_form(form) : form;
}

uint8_t* Threader::write_enter(uint8_t* out, const uint8_t* first) {
  const bool is_metered = image_.metering != Metering::none && is_fuel(first);
  uint8_t* operand = write_head(out, is_metered ? Form::metered_enter_nnnn : Form::enter_nnnn);
  write_code<uint32_t>(operand, 0);
  write_code(operand + 4, pins_.home_int);
  write_code(operand + 6, pins_.home_float);
  return out + enter_bytes;
}

/// The tail of a call, from what the compact form has behind its operands.
void Threader::write_tail(uint8_t* at, const Compact& in) {
  const uint32_t extra = op_info(in.info.op).extra;
  ThreadedCallTail tail{};
  tail.outgoing = read_code<uint16_t>(in.extra + extra - 2);
  tail.home_int = pins_.home_int;
  tail.home_float = pins_.home_float;
  if (extra >= 8) tail.outgoing_refs = read_code<uint16_t>(in.extra + extra - 4);
  const uint32_t first = extra >= 8   ? read_code<uint32_t>(in.extra)
                         : extra >= 4 ? read_code<uint16_t>(in.extra)
                                      : 0;
  switch (in.info.op) {
  case Op::call:
  case Op::call_refs:
    tail.function = image_.threaded_functions + first;
    break;
  case Op::call_indirect:
  case Op::return_call_indirect:
    tail.operand = image_.decl.types[TypeIndex{first}].value |
                   static_cast<uint64_t>(read_code<uint32_t>(in.extra + 4)) << 32;
    break;
  case Op::call_ref:
  case Op::return_call_ref:
    tail.operand = image_.decl.types[TypeIndex{first}].value;
    break;
  default:
    tail.operand = first;
    break;
  }
  memcpy(at, &tail, sizeof(tail));
}

uint8_t* Threader::write_instruction(uint8_t* out, const Compact& in, const Threaded& chosen) {
  out = write_pin_moves(out, chosen.stores, true);
  uint8_t* operand = write_head(out, metered(in, chosen.form));
  Kinds kinds = chosen.info.kinds;
  for (int i = 0; i < 4; i++) {
    const uint32_t bytes = threaded_bytes(kind_at(kinds, i));
    memcpy(operand, &chosen.values[i], bytes);
    operand += bytes;
  }
  const OpInfo& op = op_info(chosen.info.op);
  if (is_memory_access(chosen.info.op))
    write_code(operand, in.offset);
  else if (op.effect == Effect::table_terminal)
    write_code(operand, static_cast<uint32_t>(table_targets(in.op, in.extra) - 1));
  else if (!is_call(op.effect))
    memcpy(operand, in.extra, op.extra);
  if (op.effect == Effect::enter) {
    write_code(operand + 4, pins_.home_int);
    write_code(operand + 6, pins_.home_float);
  }
  out += plain_bytes(chosen);
  if (is_call(op.effect)) {
    write_tail(out, in);
    out += sizeof(ThreadedCallTail);
  }
  const uint8_t* target = in.next;
  if (has_target(op.effect) || op.effect == Effect::table_terminal)
    target = in.extra + op_info(in.op).extra;
  for (; target < in.next; target += target_bytes(in.op)) {
    const uint8_t* to = target + target_distance(in.op, target);
    const uint32_t offset = offsets_[static_cast<size_t>(to - compact_) / 2];
    write_code<const uint8_t*>(out, threaded_ + offset);
    out += word;
  }
  return write_pin_moves(out, chosen.loads, false);
}

uint8_t* Threader::write(const Function& function, uint8_t* out) {
  compact_ = begin(function);
  threaded_ = out;
  if (enters(function)) out = write_enter(out, begin(function));
  for (const uint8_t* at = begin(function); at < end(function);) {
    const Compact in = take_apart(at);
    out = write_instruction(out, in, choose(in, pins_));
    at = in.next;
  }
  return out;
}

/// Code of the machine's own, which is returned to and so lies behind the tail of a call.
const uint8_t* Threader::write_entry_point(uint8_t*& out, Form form) {
  memset(out, 0, sizeof(ThreadedCallTail));
  uint8_t* at = out + sizeof(ThreadedCallTail);
  out = write_head(at, form);
  return at;
}

Result<void> Threader::run() {
  const std::span<const Function> lists[] = {image_.functions, image_.constants};
  uint64_t total = 2 * (sizeof(ThreadedCallTail) + word) + word;
  for (const std::span<const Function> functions : lists)
    for (const Function& function : functions) {
      total += sizeof(ThreadedFunction);
      if (!is_lazy(function)) total += EBB_TRY(lay_out(function));
    }
  if (total > SIZE_MAX) return Error::out_of_memory;
  image_.threaded = EBB_TRY(image_.heap.allocate(static_cast<size_t>(total), alignof(uint64_t)));
  // The functions come first, since calls refer to them.
  ThreadedFunction* described = static_cast<ThreadedFunction*>(image_.threaded.pointer);
  image_.threaded_functions = described;
  image_.threaded_constants = described + image_.functions.size();
  uint8_t* out =
      reinterpret_cast<uint8_t*>(described + image_.functions.size() + image_.constants.size());
  image_.exit_code = write_entry_point(out, Form::exit_machine_nnnn);
  image_.boundary_code = write_entry_point(out, Form::return_boundary_nnnn);
  image_.prepare_code = out;
  out = write_head(out, Form::prepare_nnnn);
  for (const std::span<const Function> functions : lists)
    for (const Function& function : functions) {
      if (is_lazy(function)) {
        ::new (described++) ThreadedFunction{image_.prepare_code, &function,
                                             image_.type_of(function), function.extent};
        continue;
      }
      EBB_TRY(lay_out(function));
      const bool is_constant = image_.index_of(function) == no_function;
      const TypeId type = is_constant ? no_type : image_.type_of(function);
      ::new (described++) ThreadedFunction{out, &function, type, function.extent};
      out = write(function, out);
    }
  EBB_ASSERT(out == static_cast<uint8_t*>(image_.threaded.pointer) + total);
  return {};
}

Result<Block> Threader::run_one(const Function& function) {
  const uint32_t bytes = EBB_TRY(lay_out(function));
  const Block block = EBB_TRY(image_.heap.allocate(bytes, alignof(uint64_t)));
  write(function, static_cast<uint8_t*>(block.pointer));
  return block;
}

// The same for compact code, behind an outgoing base of zero.
constexpr uint8_t low(Form form) {
  return static_cast<uint8_t>(static_cast<uint16_t>(form) & 0xff);
}
constexpr uint8_t high(Form form) { return static_cast<uint8_t>(static_cast<uint16_t>(form) >> 8); }
constexpr uint8_t compact_exit[] = {0, 0, low(Form::exit_machine_nnnn),
                                    high(Form::exit_machine_nnnn)};
constexpr uint8_t compact_boundary[] = {0, 0, low(Form::return_boundary_nnnn),
                                        high(Form::return_boundary_nnnn)};
constexpr uint8_t compact_prepare[] = {0, 0, low(Form::prepare_nnnn), high(Form::prepare_nnnn)};

} // namespace

Result<void> make_ready(ModuleImage& image) {
  if (image.encoding == Encoding::threaded) return Threader(image, image.code.data()).run();
  image.exit_code = compact_exit + 2;
  image.boundary_code = compact_boundary + 2;
  image.prepare_code = compact_prepare + 2;
  return {};
}

Result<Block> thread_function(ModuleImage& image, const Function& function, const uint8_t* code) {
  return Threader(image, code).run_one(function);
}

namespace {

/// Whether a function of a precompiled module that runs in place may run.
bool is_verified(const ModuleImage& image, FuncIndex index) {
  return image.verified.empty() || image.is_verified(index.value - image.decl.imported_functions);
}

} // namespace

const uint8_t* entry_of(const ModuleImage& image, const Function& function) {
  if (const LazyFunction* lazy = lazy_of(image, function))
    return lazy->entry.load(std::memory_order_acquire);
  // A record of a lazy module's declarations knows no frame, so that nothing but preparing may
  // follow.
  const FuncIndex index = image.index_of(function);
  if (index != no_function && (!image.lazy.empty() || !is_verified(image, index)))
    return image.prepare_code;
  if (image.encoding == Encoding::compact) return image.code.data() + function.code_offset;
  if (index == no_function)
    return image.threaded_constants[&function - image.constants.data()].entry;
  return image.threaded_functions[&function - image.functions.data()].entry;
}

uint32_t compact_offset_of(const ModuleImage& image, const Function& function, const uint8_t* pc) {
  const uint8_t* code = code_base(image, function);
  if (image.encoding == Encoding::compact) return static_cast<uint32_t>(pc - code);
  const size_t wanted = static_cast<size_t>(pc - entry_of(image, function));
  const Pins pins = read_pins(code, function);
  size_t size = needs_enter(code, function, pins) ? enter_bytes : 0;
  const uint8_t* at = code + function.code_offset;
  const uint8_t* end = at + function.code_bytes;
  for (const uint8_t* next = at; next < end && size <= wanted;) {
    at = next;
    const Compact in = take_apart(at);
    size += threaded_bytes(in, choose(in, pins));
    next = in.next;
  }
  return static_cast<uint32_t>(at - code);
}

namespace {

/// The part of a map of offsets that belongs to a function; empty if there is none.
std::span<const uint8_t> map_of(const ModuleImage& image, const Function& function,
                                uint32_t& code) {
  if (const LazyFunction* lazy = lazy_of(image, function)) {
    if (lazy->block) {
      code = lazy->offsets.code;
      return {lazy->code + lazy->offsets.begin, lazy->offsets.end - lazy->offsets.begin};
    }
  }
  const FuncIndex index = image.index_of(function);
  if (index == no_function || image.offset_map.empty()) return {};
  const OffsetRange& range = image.offset_ranges[index.value - image.decl.imported_functions];
  code = range.code;
  return image.offset_map.subspan(range.begin, range.end - range.begin);
}

} // namespace

uint32_t wasm_offset_of(const ModuleImage& image, const Function& function, const uint8_t* pc) {
  uint32_t code = 0;
  Reader map(map_of(image, function, code));
  if (map.at_end() || pc == image.prepare_code) return UINT32_MAX;
  const uint32_t wanted = compact_offset_of(image, function, pc);
  uint32_t wasm = 0;
  while (!map.at_end()) {
    const Result<uint32_t> code_delta = map.u32();
    if (!code_delta.ok() || code + code_delta.value() > wanted) break;
    const Result<uint32_t> wasm_delta = map.u32();
    if (!wasm_delta.ok()) break;
    code += code_delta.value();
    wasm += wasm_delta.value();
  }
  return wasm == 0 ? UINT32_MAX : wasm;
}

bool code_is(const ModuleImage& image, const uint8_t* pc, Form form) {
  if (image.encoding == Encoding::compact)
    return read_code<uint16_t>(pc) == static_cast<uint16_t>(form);
  return read_code<const void*>(pc) == threaded_handlers()[static_cast<size_t>(form)];
}

} // namespace ebb
