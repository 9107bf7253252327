// See bytecode_mutation.h.
#include "fuzz/bytecode_mutation.h"

#include "core/artifact/verify_image.h"
#include "core/bytecode/code_bytes.h"
#include "core/runtime/instantiate.h"
#include "core/state/store_state.h"
#include "tools/spec_runner/system_allocator.h"

#include <cstdio>
#include <cstring>
#include <vector>

namespace ebb::fuzz {
namespace {

constexpr size_t store_bytes_max = size_t{4} << 20;
constexpr uint64_t fuel_per_call = 400;
constexpr size_t values_max = 16;

/// Where the instructions of a function start.
std::vector<uint32_t> starts_of(std::span<const uint8_t> code, const Function& function) {
  std::vector<uint32_t> starts;
  for (uint32_t at = function.code_offset; at < function.code_offset + function.code_bytes;) {
    starts.push_back(at);
    const FormInfo& info = form_info(static_cast<Form>(read_code<uint16_t>(code.data() + at)));
    const uint32_t bytes = compact_bytes(info);
    const OpInfo& op = op_info(info.op);
    at += bytes;
    if (op.effect == Effect::table_terminal)
      at += target_bytes(info.op) *
            static_cast<uint32_t>(table_targets(info.op, code.data() + at - op.extra));
  }
  return starts;
}

class Mutator {
public:
  Mutator(const Engine& engine, CompiledModule& module, Random& random, Tally& tally)
      : engine_(engine), module_(module), random_(random), tally_(tally) {}

  void run(size_t mutants);

private:
  struct Chosen {
    Function* function;
    uint32_t index;
    bool is_constant;
  };
  bool choose();
  void alter();
  void flip_bit();
  void set_byte();
  void splice();
  void swap_opcode();
  void set_operand();
  void shift_target();
  void move_reference();
  void change_record();
  uint32_t any_start() { return starts_[random_.below(static_cast<uint32_t>(starts_.size()))]; }
  uint32_t code_end() const { return original_.code_offset + original_.code_bytes; }
  Result<void> verify();
  void run_mutant(Encoding encoding);
  bool define_imports(Store& store, std::vector<Definition>& out);
  void call_exports(Store& store, const Instance& instance);

  const Engine& engine_;
  CompiledModule& module_;
  Random& random_;
  Tally& tally_;
  Chosen chosen_{};
  Function original_;
  std::vector<uint8_t> original_code_;
  std::vector<uint32_t> starts_;
};

bool Mutator::choose() {
  const auto functions = static_cast<uint32_t>(module_.image().functions.size());
  const auto constants = static_cast<uint32_t>(module_.image().constants.size());
  if (functions + constants == 0) return false;
  // Constants are as small as they are rare.
  const bool is_constant = functions == 0 || (constants != 0 && random_.below(8) == 0);
  const uint32_t index = random_.below(is_constant ? constants : functions);
  chosen_ = {is_constant ? &module_.constant(index) : &module_.function(index), index, is_constant};
  return true;
}

void Mutator::flip_bit() {
  // The list of pins behind the code is altered too; what lies behind that belongs to another
  // function.
  const uint8_t* list = original_code_.data() + code_end();
  const uint32_t list_bytes = PinList::bytes(list[0], list[1]);
  const uint32_t at = original_.code_offset + random_.below(original_.code_bytes + list_bytes);
  module_.code()[at] ^= static_cast<uint8_t>(1u << random_.below(8));
}

void Mutator::set_byte() {
  const uint32_t at = original_.code_offset + random_.below(original_.code_bytes);
  module_.code()[at] = static_cast<uint8_t>(random_.below(256));
}

/// Instructions of anywhere over instructions of this function.
void Mutator::splice() {
  const uint32_t to = any_start();
  const uint32_t from = 2 * random_.below(static_cast<uint32_t>(original_code_.size() / 2));
  uint32_t bytes = 2 + 2 * random_.below(16);
  if (bytes > code_end() - to) bytes = code_end() - to;
  if (bytes > original_code_.size() - from)
    bytes = static_cast<uint32_t>(original_code_.size()) - from;
  memcpy(module_.code().data() + to, original_code_.data() + from, bytes);
}

/// Another opcode whose form has the same length.
void Mutator::swap_opcode() {
  const uint32_t at = any_start();
  const uint16_t number = read_code<uint16_t>(original_code_.data() + at);
  const uint32_t bytes = compact_bytes(form_info(static_cast<Form>(number)));
  for (int tries = 0; tries < 64; tries++) {
    const uint32_t other = random_.below(static_cast<uint32_t>(Form::compact_count));
    if (compact_bytes(form_info(static_cast<Form>(other))) != bytes) continue;
    write_code(module_.code().data() + at, static_cast<uint16_t>(other));
    return;
  }
}

/// A small number where an operand may be.
void Mutator::set_operand() {
  const uint32_t at = any_start();
  const FormInfo& info =
      form_info(static_cast<Form>(read_code<uint16_t>(original_code_.data() + at)));
  const uint32_t units = compact_bytes(info) / 2;
  if (units < 2) return;
  const uint32_t field = at + 2 + 2 * random_.below(units - 1);
  const uint32_t most = uint32_t{original_.extent} + 1;
  write_code(module_.code().data() + field, static_cast<uint16_t>(random_.below(most)));
}

void Mutator::shift_target() {
  for (int tries = 0; tries < 16; tries++) {
    const uint32_t at = any_start();
    const FormInfo& info =
        form_info(static_cast<Form>(read_code<uint16_t>(original_code_.data() + at)));
    if (!has_target(op_info(info.op).effect)) continue;
    const uint32_t field = at + compact_bytes(info) - target_bytes(info.op);
    const uint32_t target = random_.below(4) != 0 ? any_start() : field + 2 * random_.below(40);
    uint8_t* out = module_.code().data() + field;
    if (target_bytes(info.op) == 2)
      write_code(out, static_cast<int16_t>((int64_t{target} - field) / 2));
    else
      write_code(out, target - field);
    return;
  }
}

/// A reference from anywhere, to where a result lies, in place of an instruction as long as that.
void Mutator::move_reference() {
  const Form form = find_compact_form(Op::ref_move, {Kind::r, Kind::r, Kind::n, Kind::n});
  for (int tries = 0; tries < 16; tries++) {
    const uint32_t at = any_start();
    const FormInfo& info =
        form_info(static_cast<Form>(read_code<uint16_t>(original_code_.data() + at)));
    if (compact_bytes(info) != compact_bytes(form_info(form))) continue;
    uint8_t* out = module_.code().data() + at;
    write_code(out, static_cast<uint16_t>(form));
    write_code(out + 2, static_cast<uint16_t>(random_.below(3)));
    write_code(out + 4, static_cast<uint16_t>(random_.below(original_.frame_refs + 1u)));
    return;
  }
}

void Mutator::change_record() {
  Function& function = *chosen_.function;
  const int change = static_cast<int>(random_.below(5)) - 2;
  const auto changed = [&](uint32_t value) { return value + static_cast<uint32_t>(change); };
  switch (random_.below(5)) {
  case 0:
    function.set_frame(changed(function.frame_numbers()), function.frame_refs);
    break;
  case 1:
    function.set_frame(function.frame_numbers(), changed(function.frame_refs));
    break;
  case 2:
    function.extent = static_cast<uint16_t>(changed(function.extent));
    break;
  case 3:
    function.code_offset += static_cast<uint32_t>(change * 2);
    break;
  default:
    function.code_bytes += static_cast<uint32_t>(change * 2);
    break;
  }
}

void Mutator::alter() {
  switch (random_.below(17)) {
  case 0:
  case 1:
    return flip_bit();
  case 2:
    return set_byte();
  case 3:
  case 4:
  case 5:
    return splice();
  case 6:
  case 7:
  case 8:
    return swap_opcode();
  case 9:
  case 10:
  case 11:
  case 12:
    return set_operand();
  case 13:
  case 14:
    return shift_target();
  case 15:
    return move_reference();
  default:
    return change_record();
  }
}

Result<void> Mutator::verify() {
  ModuleImage& image = module_.image();
  EBB_TRY(verify_records(image));
  return chosen_.is_constant ? verify_image_constants(image, image.heap)
                             : verify_image_function(image, chosen_.index, image.heap);
}

/// What host functions know: how often they were called, and an exported function to call.
struct HostData {
  uint32_t calls = 0;
  StringView exported;
};

/// Every other call comes back, so that frames of the guest lie on both sides of the host; of the
/// rest, every other is not ready.
Result<void> host_function(Caller& caller, std::span<const Val>, std::span<Val>) {
  auto& data = *static_cast<HostData*>(caller.host_data());
  if ((++data.calls & 1) == 0)
    return data.calls % 4 == 0 ? Result<void>(Error::pending) : Result<void>();
  const StoreRef store(caller.state());
  const auto exported = caller.get_export(data.exported);
  if (!exported.ok()) return {};
  const auto function = exported.value().func();
  if (!function.ok()) return {};
  const auto type = function.value().type(store);
  if (!type.ok() || !type.value().params.empty()) return {};
  if (type.value().results.size() > values_max) return {};
  Val results[values_max];
  static_cast<void>(function.value().call(store, {}, {results, type.value().results.size()}));
  return {};
}

bool Mutator::define_imports(Store& store, std::vector<Definition>& out) {
  const ModuleImage& image = module_.image();
  const ModuleDecl& decl = image.decl;
  const StoreRef ref(store);
  for (const ImportDecl& import : decl.imports) {
    switch (import.kind) {
    case ExternKind::func: {
      const SubType& type = decl.function_type(FuncIndex{import.index});
      const auto made =
          Func::wrap(ref, HostFunc::untyped(type.params(), type.results(), &host_function));
      if (!made.ok()) return false;
      out.emplace_back(Extern(made.value()));
      break;
    }
    case ExternKind::table: {
      const TableType& type = decl.tables[import.index].type;
      const auto made = Table::create(ref, type, Val::zero(type.element));
      if (!made.ok()) return false;
      out.emplace_back(Extern(made.value()));
      break;
    }
    case ExternKind::memory: {
      const auto made = Memory::create(ref, decl.memories[import.index]);
      if (!made.ok()) return false;
      out.emplace_back(Extern(made.value()));
      break;
    }
    case ExternKind::global: {
      const GlobalType& type = decl.globals[import.index].type;
      const auto made = Global::create(ref, type, Val::zero(type.type));
      if (!made.ok()) return false;
      out.emplace_back(Extern(made.value()));
      break;
    }
    case ExternKind::tag:
      return false;
    }
  }
  return true;
}

/// A number that is no reference, nor either half of it an index of anything.
constexpr uint64_t no_ref = 0x4141414141414141;

/// Fills the free part of the stack with what no reference may come from.
void spoil_stack(const StoreState& state) {
  const Stack& stack = state.stack;
  uint64_t* end = stack.end - state.position.refs;
  for (uint64_t* slot = stack.numbers + state.position.numbers; slot < end; slot++)
    *slot = no_ref;
}

bool is_sound(const StoreState& state, RefBits bits) {
  if (bits == null_ref) return true;
  if (is_extern_ref(bits)) return extern_ref_index(bits) < state.externs.size();
  const FuncRef ref = FuncRef::from_bits(bits);
  if (ref.instance >= state.instances.size()) return false;
  const InstanceState* instance = state.instances[ref.instance];
  if (instance == nullptr) return false;
  return ref.function < (instance->module != nullptr ? instance->module->functions.size()
                                                     : state.host_functions.size());
}

/// Whether all references that tables and globals hold stand for something.
bool has_sound_references(const StoreState& state) {
  for (const InstanceState* instance : state.instances) {
    if (instance == nullptr) continue;
    for (uint32_t i = 0; i < instance->table_count; i++)
      for (uint64_t k = 0; k < instance->tables[i]->size; k++)
        if (!is_sound(state, instance->tables[i]->elements[k])) return false;
    for (uint32_t i = 0; i < instance->global_count; i++) {
      const GlobalState& global = *instance->globals[i];
      if (global.type.type.is_ref() && !is_sound(state, global.bits[0])) return false;
    }
  }
  return true;
}

void fail(const char* what) {
  std::printf("%s\n", what);
  std::fflush(stdout);
  __builtin_trap();
}

/// Small numbers mostly, and null or external references.
void write_arguments(StoreState& state, detail::Call& call, std::span<const ValType> types,
                     Random& random) {
  uint64_t* numbers = call.numbers();
  RefBits* refs = call.refs();
  for (const ValType type : types) {
    if (type.is_ref()) {
      const bool is_extern = type == ValType::externref();
      *--refs =
          is_extern ? detail::extern_to_bits(state, ExternRef::of(random.below(64))) : null_ref;
      continue;
    }
    for (int words = type.is_v128() ? 2 : 1; words != 0; words--)
      *numbers++ = random.below(4) != 0 ? random.below(64) : random.state;
  }
}

/// Runs a call that may pause a few times: for want of fuel, interrupted, or for its host.
Error run_call(Store& store, const Func& function, const SubType& type, Random& random) {
  constexpr int pauses_max = 3;
  StoreState& state = store.state();
  spoil_stack(state);
  detail::Call call(state);
  const Result<void> entered = call.enter(function, type.params().size());
  if (!entered.ok()) return entered.error();
  write_arguments(state, call, type.params(), random);
  store.set_fuel(fuel_per_call);
  store.clear_interrupt();
  if (random.below(4) == 0) store.interrupt_handle().interrupt();
  Error error = call.run();
  for (int pauses = 0; call.is_suspended() && pauses < pauses_max; pauses++) {
    if (random.below(2) == 0) store.clear_interrupt();
    store.set_fuel(fuel_per_call / 8);
    error = call.run();
  }
  if (error != Error::none) return error;
  const RefBits* refs = call.refs();
  for (uint32_t i = slot_counts(type.results()).refs; i != 0; i--)
    if (!is_sound(state, *--refs)) fail("a result is a reference to nothing");
  return error;
}

bool is_reason_to_wait(Error error) {
  return error == Error::out_of_fuel || error == Error::interrupted || error == Error::pending;
}

void Mutator::call_exports(Store& store, const Instance& instance) {
  const ModuleImage& image = module_.image();
  for (const ExportDecl& exported : image.decl.exports) {
    if (exported.kind != ExternKind::func) continue;
    const auto function = instance.get_func(StoreRef(store), text_of(image, exported.name));
    if (!function.ok()) continue;
    const TypeIndex type = image.function_type(FuncIndex{exported.index});
    tally_.runs++;
    const Error error = run_call(store, function.value(), image.decl.types.get(type), random_);
    if (error == Error::none)
      tally_.returned++;
    else if (is_reason_to_wait(error))
      tally_.suspended++;
    else
      tally_.trapped++;
  }
  if (!has_sound_references(store.state())) fail("a table or global has a reference to nothing");
}

void Mutator::run_mutant(Encoding encoding) {
  if (!module_.make_ready(encoding)) return;
  StoreLimits limits;
  limits.budget_bytes = store_bytes_max;
  HostData host;
  const ModuleDecl& decl = module_.image().decl;
  for (const ExportDecl& exported : decl.exports)
    if (exported.kind == ExternKind::func) host.exported = text_of(module_.image(), exported.name);
  auto store = Store::create(engine_, limits, &host);
  if (!store.ok()) return;
  std::vector<Definition> imports;
  if (!define_imports(store.value(), imports)) return;
  store.value().set_fuel(fuel_per_call);
  if (!store.value().prepare().ok()) return;
  spoil_stack(store.value().state());
  const auto instance =
      instantiate(store.value().state(), module_.image(), {imports.data(), imports.size()});
  if (instance.ok()) call_exports(store.value(), instance.value());
}

void Mutator::run(size_t mutants) {
  ModuleImage& image = module_.image();
  original_code_.assign(image.code.begin(), image.code.end());
  for (size_t i = 0; i < mutants; i++) {
    if (!choose()) return;
    original_ = *chosen_.function;
    starts_ = starts_of(image.code, original_);
    for (uint32_t changes = 1 + random_.below(3) % 2; changes != 0; changes--)
      alter();
    tally_.mutants++;
    const Result<void> verified = verify();
    if (verified.ok()) {
      tally_.accepted++;
      run_mutant(i % 2 == 0 ? Encoding::compact : Encoding::threaded);
      module_.make_unready();
    } else {
      tally_.refused[static_cast<size_t>(verified.error())]++;
    }
    *chosen_.function = original_;
    memcpy(module_.code().data(), original_code_.data(), original_code_.size());
  }
}

Result<void> verify_whole(ModuleImage& image, uint32_t& bad_function, uint32_t& bad_offset) {
  EBB_TRY(verify_records(image, &bad_function));
  EBB_TRY(verify_image_functions(image, image.heap, &bad_function, &bad_offset));
  return verify_image_constants(image, image.heap, &bad_function, &bad_offset);
}

} // namespace

void mutate_module(const Engine& engine, std::span<const uint8_t> bytes, bool wide,
                   Metering metering, uint64_t seed, size_t mutants, Tally& tally) {
  CompileOptions options;
  options.wide = wide;
  options.metering = metering;
  CompiledModule module(engine, bytes, options);
  if (module.error() != Error::none) return;
  ModuleImage& image = module.image();
  tally.modules++;
  uint32_t bad_function = 0;
  uint32_t bad_offset = 0;
  const Result<void> verified = verify_whole(image, bad_function, bad_offset);
  tally.functions += image.functions.size();
  tally.constants += image.constants.size();
  if (!verified.ok()) {
    tally.wrong++;
    std::printf("unaltered code is refused: %s, function %u, offset %u\n",
                error_name(verified.error()), bad_function, bad_offset);
    return;
  }
  Random random{seed};
  Mutator(engine, module, random, tally).run(mutants);
}

Result<Engine> mutation_engine() {
  static const Allocator allocator = spec::system_allocator();
  Config config;
  config.allocator = &allocator;
  config.fuel = true;
  config.fixed_seed = true;
  config.stack_bytes_max = size_t{16} << 10;
  return Engine::create(config);
}

} // namespace ebb::fuzz
