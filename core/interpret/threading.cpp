#include "core/interpret/threading.h"

#include "core/binary/reader.h"
#include "core/bytecode/code_bytes.h"
#include "core/interpret/machine_state.h"
#include "core/interpret/translation.h"

#include <new>

namespace ebb {
namespace {

constexpr uint32_t word = sizeof(void*);

/// The lazy function that a record belongs to, if it is the record of a compiled body.
const LazyFunction* lazy_of(const ModuleImage& image, const Function& function) {
  if (!image.has_lazy_functions()) return nullptr;
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

/// The heaviest locals that the registers can hold.
Pins read_pins(const uint8_t* code, const Function& function) {
  const uint8_t* at = code + function.code_offset + function.code_bytes;
  const uint32_t ints = at[0] & PinList::count_mask;
  const uint32_t floats = at[1];
  Pins pins;
  for (uint32_t i = 0; i < int_pins + float_pins; i++)
    pins.homes[i] = static_cast<uint16_t>(function.frame_numbers() + (i < int_pins ? 0 : 1));
  for (uint32_t i = 0; i < ints && pins.ints < int_pins; i++) {
    // An i64 fits only a register of 64 bits.
    if (sizeof(void*) < 8 && (at[0] & PinList::wide_bit << i) != 0) continue;
    pins.homes[pins.ints++] = at[2 + i];
  }
  for (uint32_t i = 0; i < floats && pins.floats < float_pins; i++)
    pins.homes[int_pins + pins.floats++] = at[2 + ints + i];
  return pins;
}

/// Whether this is the record of an initializer, which takes nothing. That of a function may lie
/// anywhere.
bool is_constant(const ModuleImage& image, const Function& function) {
  return &function >= image.constants.data() &&
         &function < image.constants.data() + image.constants.size();
}

/// The slots that a function's caller has put its arguments into.
uint32_t params_of(const ModuleImage& image, const Function& function) {
  return is_constant(image, function) ? 0 : image.params_of(function).numbers;
}

/// The first slot behind a function's locals, which its entry names unless it has only parameters.
uint32_t first_temporary(const uint8_t* begin, const uint8_t* end, uint32_t params) {
  for (const uint8_t* at = begin; at < end;) {
    const Step in = take_apart(at);
    if (in.op == Op::enter) return read_code<uint16_t>(in.extra + 4);
    if (in.op != Op::enter_refs && in.op != Op::fuel) break;
    at = in.next;
  }
  return params;
}

TranslationInput translation_input(const ModuleImage& image, const uint8_t* code,
                                   const Function& function, uint64_t* choices = nullptr) {
  const uint8_t* begin = code + function.code_offset;
  const uint8_t* end = begin + function.code_bytes;
  const uint32_t params = params_of(image, function);
  return {&image,
          begin,
          end,
          read_pins(code, function),
          params,
          first_temporary(begin, end, params),
          function.frame_numbers() + pin_homes,
          threaded_handlers(),
          threaded_superinstructions(),
          {choices}};
}

constexpr size_t no_bound = SIZE_MAX;

/// Makes positions for labels, in place of those that were there. Fails: out_of_memory.
Result<void> make_positions(Vec<uint32_t>& positions, size_t count) {
  positions.clear();
  // A block that is too small is not held while there is a larger one.
  if (count > positions.capacity()) positions.shrink_to_fit();
  return positions.resize(count);
}

LabelList list_of(const Vec<Label>& labels, Vec<uint32_t>& positions) {
  return {labels.data(), positions.data(), static_cast<uint32_t>(labels.size())};
}

// What they save less code than that is less than they take: a function by itself, or a module,
// which is held as well.
constexpr uint64_t function_for_choices = 2048;
constexpr uint64_t module_for_choices = uint64_t{16} * 1024;

Result<void> make_choices(Vec<uint64_t>& choices) { return choices.resize(KnownChoices::count); }

uint64_t* entries_of(Vec<uint64_t>& choices) {
  return choices.is_empty() ? nullptr : choices.data();
}

uint8_t* write_head(uint8_t* out, Form form) {
  write_code(out, threaded_handlers()[static_cast<size_t>(form)]);
  return out + word;
}

/// Code of the machine's own, which is returned to and so lies behind the tail of a call.
const uint8_t* write_entry_point(uint8_t*& out, Form form) {
  ThreadedCallTail tail{};
  if (form == Form::return_boundary_nnnn) tail.outgoing_refs = boundary_refs;
  memcpy(out, &tail, sizeof(tail));
  uint8_t* at = out + sizeof(tail);
  out = write_head(at, form);
  return at;
}

/// What is allocated for code that is still to come: of small modules for all, and of large ones
/// for a part. What is too much is given back, but not every allocator can take it, so that little
/// is tried first, and then what the code so far shows.
size_t estimate(const Threading& threading) {
  // As if so much had grown like that already.
  constexpr uint64_t expected_growth = 4;
  constexpr uint64_t expected_weight = uint64_t{64} * 1024;
  constexpr uint64_t first_bytes = uint64_t{8} * 1024;
  constexpr uint64_t segment_bytes = uint64_t{256} * 1024;
  constexpr uint64_t parts = 16; // Of a byte, and what is added to be on the safe side.
  const uint64_t written = threading.written + expected_growth * expected_weight;
  const uint64_t growth = written * parts / (threading.done + expected_weight) + 1;
  const uint64_t all = threading.left * growth / parts;
  const uint64_t most = threading.done == 0 ? first_bytes : segment_bytes;
  return static_cast<size_t>(all < most ? all : most);
}

/// Gives back what a segment has too much.
void finish_segment(Threading& threading) {
  Block& segment = *threading.segment;
  const size_t used = static_cast<size_t>(threading.out - static_cast<uint8_t*>(segment.pointer));
  const Result<Block> shrunk = threading.image.heap.resize(segment, used, alignof(uint64_t), false);
  EBB_ASSERT(shrunk.ok());
  // NOLINTNEXTLINE(ebb-swallowed-oom): to shrink a block always succeeds
  if (shrunk.ok()) segment = shrunk.value();
}

/// Makes room for a function that does not fit behind the one before, in a new segment. Fails:
/// out_of_memory. On failure: what is held belongs to the image.
Result<uint8_t*> make_room(Threading& threading, uint32_t bytes) {
  const size_t wanted = estimate(threading);
  // A large function has its segment for itself, so that little of the present one is wasted.
  const bool is_large = bytes > wanted / 8;
  const Block block = EBB_TRY(threading.image.heap.allocate(
      sizeof(Block) + (is_large ? bytes : wanted), alignof(uint64_t)));
  Block* next = static_cast<Block*>(threading.segment->pointer);
  uint8_t* at = static_cast<uint8_t*>(block.pointer) + sizeof(Block);
  ::new (block.pointer) Block(*next);
  *next = block;
  if (is_large) return at;
  finish_segment(threading);
  threading.segment = next;
  threading.out = at + bytes;
  threading.end = static_cast<uint8_t*>(block.pointer) + block.bytes;
  return at;
}

/// Threads a function behind those before it. Returns where it is. Fails: out_of_memory.
Result<uint8_t*> thread_behind(Threading& threading, const Function& function,
                               const uint8_t* code) {
  const TranslationInput input =
      translation_input(threading.image, code, function, entries_of(threading.choices));
  if (!threading.has_labels)
    EBB_TRY(find_labels(input.begin, input.end,
                        {threading.labels, threading.positions, threading.bits}));
  const size_t count = threading.labels.size();
  EBB_TRY(make_positions(threading.positions, count));
  uint8_t* out = threading.out;
  const size_t room = static_cast<size_t>(threading.end - out);
  Translation translation(input);
  const uint32_t bytes =
      translation.write(list_of(threading.labels, threading.positions), out, room);
  threading.written += bytes;
  if (translation.is_written()) {
    threading.out += bytes;
    return out;
  }
  if (bytes <= room) {
    threading.out += bytes;
  } else {
    out = EBB_TRY(make_room(threading, bytes));
  }
  EBB_TRY(make_positions(threading.positions, count));
  Translation(input).write(list_of(threading.labels, threading.positions), out, no_bound);
  return out;
}

} // namespace

Threading::Threading(ModuleImage& threaded)
    : image(threaded), labels(threaded.heap), positions(threaded.heap), bits(threaded.heap),
      choices(threaded.heap) {}

/// Makes the first block: the functions, since calls refer to them, entry points, and code.
Result<void> begin_threading(Threading& threading) {
  ModuleImage& image = threading.image;
  const size_t count = image.functions.size() + image.constants.size();
  const size_t fixed = sizeof(Block) + count * sizeof(ThreadedFunction) +
                       2 * (sizeof(ThreadedCallTail) + word) + word;
  if (threading.left >= module_for_choices) EBB_TRY(make_choices(threading.choices));
  image.threaded = EBB_TRY(image.heap.allocate(fixed + estimate(threading), alignof(uint64_t)));
  Block* next = ::new (image.threaded.pointer) Block;
  threading.next = reinterpret_cast<ThreadedFunction*>(next + 1);
  image.threaded_functions = threading.next;
  image.threaded_constants = threading.next + image.functions.size();
  threading.segment = &image.threaded;
  threading.end = static_cast<uint8_t*>(image.threaded.pointer) + image.threaded.bytes;
  threading.out = reinterpret_cast<uint8_t*>(threading.next + count);
  image.exit_code = write_entry_point(threading.out, Form::exit_machine_nnnn);
  image.boundary_code = write_entry_point(threading.out, Form::return_boundary_nnnn);
  image.prepare_code = threading.out;
  threading.out = write_head(threading.out, Form::prepare_nnnn);
  return {};
}

Result<void> thread_next(Threading& threading, const Function& function, const uint8_t* code,
                         uint32_t source_bytes) {
  const ModuleImage& image = threading.image;
  const bool takes_nothing = is_constant(image, function);
  const TypeId type = takes_nothing ? no_type : image.type_of(function);
  const uint8_t* entry = image.prepare_code;
  // Constants are always ready.
  if (takes_nothing || image.lazy.empty()) {
    entry = EBB_TRY(thread_behind(threading, function, code));
    EBB_ASSERT(source_bytes <= threading.left);
    threading.left -= source_bytes;
    threading.done += source_bytes;
  }
  ::new (threading.next++) ThreadedFunction{entry, &function, type, function.extent};
  return {};
}

void finish_threading(Threading& threading) { finish_segment(threading); }

namespace {

/// The wasm that compact code comes of, about, which is half as large.
uint32_t source_bytes_of(const Function& function) {
  return (function.code_bytes + Threading::function_bytes) / 2;
}

Result<void> thread_all(ModuleImage& image) {
  Threading threading(image);
  for (const Function& function : image.functions)
    if (image.lazy.empty()) threading.left += source_bytes_of(function);
  for (const Function& function : image.constants)
    threading.left += source_bytes_of(function);
  EBB_TRY(begin_threading(threading));
  for (const std::span<const Function> functions : {image.functions, image.constants})
    for (const Function& function : functions)
      EBB_TRY(thread_next(threading, function, image.code.data(), source_bytes_of(function)));
  finish_threading(threading);
  return {};
}

// The machine's own code in compact form, behind an outgoing base of zero.
constexpr uint8_t low(Form form) {
  return static_cast<uint8_t>(static_cast<uint16_t>(form) & 0xff);
}
constexpr uint8_t high(Form form) { return static_cast<uint8_t>(static_cast<uint16_t>(form) >> 8); }
alignas(uint16_t) constexpr uint8_t compact_exit[] = {0, 0, low(Form::exit_machine_nnnn),
                                                      high(Form::exit_machine_nnnn)};
alignas(uint16_t) constexpr uint8_t compact_boundary[] = {0, 0, low(Form::return_boundary_nnnn),
                                                          high(Form::return_boundary_nnnn)};
alignas(uint16_t) constexpr uint8_t compact_prepare[] = {0, 0, low(Form::prepare_nnnn),
                                                         high(Form::prepare_nnnn)};

} // namespace

Result<void> make_ready(ModuleImage& image) {
  if (!image.runs_compact()) return thread_all(image);
  image.exit_code = compact_exit + 2;
  image.boundary_code = compact_boundary + 2;
  image.prepare_code = compact_prepare + 2;
  return {};
}

Result<Block> thread_function(ModuleImage& image, const Function& function, const uint8_t* code,
                              const Vec<Label>* labels) {
  if (is_small_build) return Error::invalid_config;
  Vec<uint64_t> choices(image.heap);
  if (function.code_bytes >= function_for_choices) EBB_TRY(make_choices(choices));
  const TranslationInput input = translation_input(image, code, function, entries_of(choices));
  Vec<Label> found(image.heap);
  Vec<uint32_t> positions(image.heap);
  if (labels == nullptr) {
    Vec<uint32_t> bits(image.heap);
    EBB_TRY(find_labels(input.begin, input.end, {found, positions, bits}));
    labels = &found;
  }
  const size_t count = labels->size();
  EBB_TRY(make_positions(positions, count));
  const uint32_t bytes = Translation(input).write(list_of(*labels, positions), nullptr, 0);
  const Block block = EBB_TRY(image.heap.allocate(bytes, alignof(uint64_t)));
  Translation(input).write(list_of(*labels, positions), static_cast<uint8_t*>(block.pointer),
                           no_bound);
  return block;
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
  // A lazy module has code for other records only: of its declarations nothing but preparing may
  // follow.
  const FuncIndex index = image.index_of(function);
  if (!is_small_build && index != no_function &&
      (!image.lazy.empty() || !is_verified(image, index)))
    return image.prepare_code;
  if (image.runs_compact()) return image.code.data() + function.code_offset;
  if (index == no_function)
    return image.threaded_constants[&function - image.constants.data()].entry;
  return image.threaded_functions[&function - image.functions.data()].entry;
}

uint32_t compact_offset_of(const ModuleImage& image, const Function& function, const uint8_t* pc) {
  const uint8_t* code = code_base(image, function);
  if (image.runs_compact()) return static_cast<uint32_t>(pc - code);
  const uint8_t* entry = entry_of(image, function);
  const TranslationInput input = translation_input(image, code, function);
  return static_cast<uint32_t>(Translation(input).locate(entry, static_cast<uint32_t>(pc - entry)) -
                               code);
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
  if (image.runs_compact()) return read_code<uint16_t>(pc) == static_cast<uint16_t>(form);
  return read_code<const void*>(pc) == threaded_handlers()[static_cast<size_t>(form)];
}

} // namespace ebb
