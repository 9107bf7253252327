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

/// The first slot behind a function's locals, which its entry names unless it has only parameters.
uint32_t first_temporary(const ModuleImage& image, const uint8_t* begin, const uint8_t* end,
                         const Function& function) {
  for (const uint8_t* at = begin; at < end;) {
    const Step in = take_apart(at);
    if (in.op == Op::enter)
      return uint32_t{read_code<uint16_t>(in.extra)} + read_code<uint16_t>(in.extra + 2);
    if (in.op != Op::enter_refs && in.op != Op::fuel) break;
    at = in.next;
  }
  return image.index_of(function) == no_function ? 0 : image.params_of(function).numbers;
}

TranslationInput translation_input(const ModuleImage& image, const uint8_t* code,
                                   const Function& function) {
  const uint8_t* begin = code + function.code_offset;
  const uint8_t* end = begin + function.code_bytes;
  return {&image,
          begin,
          end,
          read_pins(code, function),
          first_temporary(image, begin, end, function),
          threaded_handlers()};
}

class Threader {
public:
  Threader(ModuleImage& image, const uint8_t* code)
      : image_(image), code_(code), handlers_(threaded_handlers()), layout_(image.heap) {}

  Result<void> run();
  Result<Block> run_one(const Function& function);

private:
  /// Lays a function out: where each of its instructions will be. Returns its size.
  Result<uint32_t> lay_out(const Function& function);
  void write(const Function& function, uint8_t* out);
  uint8_t* write_head(uint8_t* out, Form form);
  const uint8_t* write_entry_point(uint8_t*& out, Form form);
  Result<ThreadedFunction*> begin();
  Result<uint8_t*> make_room(uint32_t bytes);
  void finish_segment();
  /// Constants are always ready.
  bool is_lazy(const Function& function) const {
    return !image_.lazy.empty() && image_.index_of(function) != no_function;
  }

  ModuleImage& image_;
  const uint8_t* code_; ///< What code offsets count from.
  const void* const* handlers_;
  Vec<uint32_t> layout_;     ///< Of the function at hand.
  Block* segment_ = nullptr; ///< Where code goes now, and between what.
  uint8_t* out_ = nullptr;
  uint8_t* end_ = nullptr;
  uint64_t left_ = 0; ///< Bytes of compact code that is still to be threaded.
};

Result<uint32_t> Threader::lay_out(const Function& function) {
  const TranslationInput input = translation_input(image_, code_, function);
  EBB_TRY(layout_.resize(function.code_bytes / 2));
  mark_layout(input.begin, input.end, layout_.data());
  return Translation(input).lay_out(layout_.data());
}

/// Writes a function that has been laid out.
void Threader::write(const Function& function, uint8_t* out) {
  const TranslationInput input = translation_input(image_, code_, function);
  Translation(input).write(layout_.data(), out);
}

uint8_t* Threader::write_head(uint8_t* out, Form form) {
  write_code(out, handlers_[static_cast<size_t>(form)]);
  return out + word;
}

/// Code of the machine's own, which is returned to and so lies behind the tail of a call.
const uint8_t* Threader::write_entry_point(uint8_t*& out, Form form) {
  memset(out, 0, sizeof(ThreadedCallTail));
  uint8_t* at = out + sizeof(ThreadedCallTail);
  out = write_head(at, form);
  return at;
}

/// What is allocated for code that is still to come, whose compact bytes these are: mostly enough
/// for small modules, and of large ones a part. What is too much is given back.
size_t estimate(uint64_t compact_bytes) {
  constexpr uint64_t growth = 3;
  constexpr uint64_t segment_bytes = uint64_t{256} * 1024;
  const uint64_t all = compact_bytes * growth;
  return static_cast<size_t>(all < segment_bytes ? all : segment_bytes);
}

/// Makes room for a function, behind the one before or in a new segment. Fails: out_of_memory. On
/// failure: what is held belongs to the image.
Result<uint8_t*> Threader::make_room(uint32_t bytes) {
  if (static_cast<size_t>(end_ - out_) >= bytes) {
    uint8_t* at = out_;
    out_ += bytes;
    return at;
  }
  const size_t wanted = estimate(left_);
  // A large function has its segment for itself, so that little of the present one is wasted.
  const bool is_large = bytes > wanted / 8;
  const Block block =
      EBB_TRY(image_.heap.allocate(sizeof(Block) + (is_large ? bytes : wanted), alignof(uint64_t)));
  Block* next = static_cast<Block*>(segment_->pointer);
  uint8_t* at = static_cast<uint8_t*>(block.pointer) + sizeof(Block);
  ::new (block.pointer) Block(*next);
  *next = block;
  if (is_large) return at;
  finish_segment();
  segment_ = next;
  out_ = at + bytes;
  end_ = static_cast<uint8_t*>(block.pointer) + block.bytes;
  return at;
}

/// Gives back what a segment has too much.
void Threader::finish_segment() {
  const size_t used = static_cast<size_t>(out_ - static_cast<uint8_t*>(segment_->pointer));
  const Result<Block> shrunk = image_.heap.resize(*segment_, used, alignof(uint64_t), false);
  EBB_ASSERT(shrunk.ok());
  // NOLINTNEXTLINE(ebb-swallowed-oom): to shrink a block always succeeds
  if (shrunk.ok()) *segment_ = shrunk.value();
}

/// Makes the first block: the functions, since calls refer to them, entry points, and code.
Result<ThreadedFunction*> Threader::begin() {
  const size_t count = image_.functions.size() + image_.constants.size();
  for (const std::span<const Function> functions : {image_.functions, image_.constants})
    for (const Function& function : functions)
      if (!is_lazy(function)) left_ += function.code_bytes;
  const size_t fixed = sizeof(Block) + count * sizeof(ThreadedFunction) +
                       2 * (sizeof(ThreadedCallTail) + word) + word;
  image_.threaded = EBB_TRY(image_.heap.allocate(fixed + estimate(left_), alignof(uint64_t)));
  Block* next = ::new (image_.threaded.pointer) Block;
  ThreadedFunction* described = reinterpret_cast<ThreadedFunction*>(next + 1);
  image_.threaded_functions = described;
  image_.threaded_constants = described + image_.functions.size();
  segment_ = &image_.threaded;
  end_ = static_cast<uint8_t*>(image_.threaded.pointer) + image_.threaded.bytes;
  out_ = reinterpret_cast<uint8_t*>(described + count);
  image_.exit_code = write_entry_point(out_, Form::exit_machine_nnnn);
  image_.boundary_code = write_entry_point(out_, Form::return_boundary_nnnn);
  image_.prepare_code = out_;
  out_ = write_head(out_, Form::prepare_nnnn);
  return described;
}

Result<void> Threader::run() {
  ThreadedFunction* described = EBB_TRY(begin());
  for (const std::span<const Function> functions : {image_.functions, image_.constants})
    for (const Function& function : functions) {
      if (is_lazy(function)) {
        ::new (described++) ThreadedFunction{image_.prepare_code, &function,
                                             image_.type_of(function), function.extent};
        continue;
      }
      const uint32_t bytes = EBB_TRY(lay_out(function));
      uint8_t* out = EBB_TRY(make_room(bytes));
      const bool is_constant = image_.index_of(function) == no_function;
      const TypeId type = is_constant ? no_type : image_.type_of(function);
      ::new (described++) ThreadedFunction{out, &function, type, function.extent};
      write(function, out);
      left_ -= function.code_bytes;
    }
  finish_segment();
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
  if (!image.runs_compact()) return Threader(image, image.code.data()).run();
  image.exit_code = compact_exit + 2;
  image.boundary_code = compact_boundary + 2;
  image.prepare_code = compact_prepare + 2;
  return {};
}

Result<Block> thread_function(ModuleImage& image, const Function& function, const uint8_t* code) {
  if (is_small_build) return Error::invalid_config;
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
