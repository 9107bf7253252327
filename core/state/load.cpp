#include "core/state/load.h"

#include "core/artifact/reader.h"
#include "core/artifact/verify_image.h"
#include "core/compile/function_compiler.h"
#include "core/state/machine_table.h"
#include "core/state/prepare.h"
#include "core/types/implementation_limits.h"
#include "core/validate/body_validator.h"
#include "core/validate/decode_module.h"

#include <new>
#include <type_traits>

namespace ebb {
namespace {

class Loader {
public:
  Loader(EngineState& engine, const EngineSettings& settings, ModuleImage& image,
         Diagnostic* diagnostic)
      : engine_(engine), settings_(settings), image_(image), diagnostic_(diagnostic) {}

  template <class Image>
  Result<void> run(std::span<const uint8_t> bytes, BytesOwnership ownership) {
    image_.encoding = settings_.encoding;
    constexpr bool is_compiled = std::is_same_v<Image, CompiledImage>;
    EBB_TRY(is_compiled ? make(bytes, ownership) : open(bytes, ownership));
    image_.is_sound = !settings_.is_lazy();
    if (image_.threaded) return {};
    if (threads_lazily()) EBB_TRY(noted(make_lazy_functions(image_, image_.functions.size())));
    return noted(engine_.machine->make_ready(image_));
  }
  /// From a .wasm, up to its compact code, or to threaded code where functions do not wait for
  /// their first call.
  Result<void> make(std::span<const uint8_t> bytes, BytesOwnership ownership) {
    EBB_TRY(noted(decode_module(bytes, settings_.features, engine_.types, image_.heap, image_.decl,
                                diagnostic_)));
    image_.bytes = bytes.data();
    if (settings_.is_lazy()) EBB_TRY(noted(declare_lazy()));
    if (image_.runs_compact() || settings_.is_lazy() || threads_lazily()) {
      EBB_TRY(noted(make_records()));
      EBB_TRY(compile());
    } else {
      EBB_TRY(compile_and_thread());
    }
    return noted(drop_what_running_does_not_need(ownership));
  }

  Result<void> noted(Result<void> result) {
    if (result.ok() || diagnostic_ == nullptr) return result;
    if (diagnostic_->error != result.error()) {
      diagnostic_->clear();
      diagnostic_->set(result.error());
    }
    if (result.error() == Error::out_of_memory) diagnostic_->resource = Resource::module;
    return result;
  }

private:
  Result<void> open(std::span<const uint8_t> bytes, BytesOwnership ownership);
  Result<void> verify();
  Result<void> compile();
  Result<void> compile_and_thread();
  Result<void> thread(const Function& function, uint32_t wasm_bytes);
  Result<void> declare_lazy();
  Result<void> compile_bodies(BodyValidator& validator, FunctionCompiler& compiler);
  Result<void> compile_constants(BodyValidator& validator, FunctionCompiler& compiler);
  Result<void> make_records();
  Result<void> make_room_for(const ByteRange& body);
  size_t bytes_of_bodies() const;
  /// Whether the compact code of a function goes as soon as it is threaded.
  bool drops_compact() const {
    return !is_small_build && threading_ != nullptr && !settings_.keep_offsets;
  }
  /// Whether there is compact code of all functions, and threaded code of those that are called.
  bool threads_lazily() const { return !image_.runs_compact() && settings_.threads_lazily; }
  Result<void> drop_what_running_does_not_need(BytesOwnership ownership);
  Result<void> keep(ByteRange& range);
  Result<void> keep_own_bytes();
  void report(const Result<void>& result, const BodyValidator& validator, uint32_t function);

  CompiledImage& made() {
    EBB_ASSERT(image_.is_compiled);
    return static_cast<CompiledImage&>(image_);
  }

  EngineState& engine_;
  const EngineSettings& settings_;
  ModuleImage& image_;
  Diagnostic* diagnostic_;
  uint64_t bytes_of_constants_ = 0; ///< Of the initializers that are compiled.
  Threading* threading_ = nullptr;  ///< If functions are threaded as they are compiled.
};

/// Calls `function` for each initializer, with the number of globals that it may read.
template <class Function> Result<void> for_each_init(ModuleDecl& decl, Function function) {
  const size_t globals = decl.globals.size();
  for (size_t i = 0; i < globals; i++)
    EBB_TRY(function(decl.globals[i].init, i));
  for (TableDecl& table : decl.tables)
    EBB_TRY(function(table.init, globals));
  for (ElemDecl& elem : decl.elems)
    EBB_TRY(function(elem.offset, globals));
  for (Init& init : decl.elem_inits)
    EBB_TRY(function(init, globals));
  for (DataDecl& data : decl.datas)
    EBB_TRY(function(data.offset, globals));
  return {};
}

uint16_t larger(uint16_t a, uint16_t b) { return a > b ? a : b; }

/// Where in the module it went wrong.
void Loader::report(const Result<void>& result, const BodyValidator& validator, uint32_t function) {
  if (result.ok() || diagnostic_ == nullptr) return;
  diagnostic_->clear();
  diagnostic_->set(result.error());
  if (function != Diagnostic::no_function) diagnostic_->set_function(function);
  if (result.error() == Error::out_of_memory)
    diagnostic_->resource = Resource::module;
  else
    diagnostic_->set_offset(validator.offset());
}

/// A precompiled module, in place or as a copy.
Result<void> Loader::open(std::span<const uint8_t> bytes, BytesOwnership ownership) {
  if (ownership == BytesOwnership::copied) {
    EBB_TRY(noted(image_.owned_file.resize((bytes.size() + 3) / 4)));
    memcpy(image_.owned_file.data(), bytes.data(), bytes.size());
    bytes = {reinterpret_cast<const uint8_t*>(image_.owned_file.data()), bytes.size()};
  }
  ReadSettings settings;
  settings.features = settings_.features;
  settings.metering = settings_.metering;
  settings.keep_names = settings_.keep_names;
  settings.keep_offsets = settings_.keep_offsets;
  EBB_TRY(noted(read_artifact(bytes, settings, image_, diagnostic_)));
  return verify();
}

/// Nothing that the code says is believed: it is verified now, or when it is called. What calls use
/// of a callee they have not entered, and constants, which nobody calls, cannot wait.
Result<void> Loader::verify() {
  uint32_t ordinal = 0;
  uint32_t offset = 0;
  const auto run = [&]() -> Result<void> {
    EBB_TRY(verify_records(image_, &ordinal));
    EBB_TRY(verify_image_constants(image_, image_.heap, &ordinal, &offset));
    if (settings_.is_lazy()) return {};
    return verify_image_functions(image_, image_.heap, &ordinal, &offset);
  };
  const Result<void> verified = run();
  note_unverified(image_, verified, ordinal, offset, diagnostic_);
  EBB_TRY(verified);
  return settings_.is_lazy() ? noted(wait_for_calls(image_)) : Result<void>();
}

Result<void> Loader::compile() {
  CompileOptions options;
  options.wide = settings_.wide;
  options.metering = settings_.metering;
  options.keep_offsets = settings_.keep_offsets;
  image_.wide = settings_.wide;
  image_.metering = settings_.metering;
  BodyValidator validator(image_.decl, engine_.types, settings_.features, image_.heap);
  Vec<Label>* const labels = threading_ != nullptr ? &threading_->labels : nullptr;
  FunctionCompiler compiler(image_.decl, {made().owned_code, made().owned_offset_map, labels},
                            validator, options, image_.heap);
  if (!image_.has_lazy_functions()) EBB_TRY(compile_bodies(validator, compiler));
  EBB_TRY(compile_constants(validator, compiler));
  image_.decl.features_used.add(validator.features_used());
  return {};
}

/// Threads each function as soon as it is compiled, so that no more than the compact code of one is
/// held, unless it is kept for its offsets.
Result<void> Loader::compile_and_thread() {
  EBB_TRY(noted(make_records()));
  Threading threading(image_);
  const uint64_t records = image_.functions.size() + image_.constants.size();
  threading.left = bytes_of_bodies() + bytes_of_constants_ + records * Threading::function_bytes;
  EBB_TRY(noted(engine_.machine->begin_threading(threading)));
  threading.has_labels = true;
  threading_ = &threading;
  EBB_TRY(compile());
  engine_.machine->finish_threading(threading);
  if (drops_compact()) made().owned_code = Vec<uint8_t>(image_.heap);
  threading_ = nullptr;
  return {};
}

Result<void> Loader::thread(const Function& function, uint32_t wasm_bytes) {
  if (is_small_build || threading_ == nullptr) return {};
  return noted(engine_.machine->thread_next(*threading_, function, made().owned_code.data(),
                                            wasm_bytes + Threading::function_bytes));
}

/// Functions are known by their types until they are called.
Result<void> Loader::declare_lazy() {
  const size_t count = image_.decl.defined_functions();
  if (count == 0) return {};
  EBB_TRY(made().owned_functions.reserve_exact(count));
  for (size_t i = 0; i < count; i++) {
    const FuncIndex index{static_cast<uint32_t>(i) + image_.decl.imported_functions};
    const SubType& type = image_.decl.function_type(index);
    Function function;
    function.type = image_.decl.functions[index.value];
    const SlotCounts params = slot_counts(type.params());
    const SlotCounts results = slot_counts(type.results());
    function.set_frame(larger(params.numbers, results.numbers), larger(params.refs, results.refs));
    made().owned_functions.push_reserved(function);
  }
  return make_lazy_functions(image_, count);
}

/// Makes the records of functions, of known type, and constants. Threaded code refers to them by
/// address.
Result<void> Loader::make_records() {
  if (!settings_.is_lazy()) {
    const size_t count = image_.decl.defined_functions();
    EBB_TRY(made().owned_functions.resize(count));
    for (size_t i = 0; i < count; i++)
      made().owned_functions[i].type = image_.decl.functions[i + image_.decl.imported_functions];
  }
  size_t constants = 0;
  EBB_TRY(for_each_init(image_.decl, [&](const Init& init, size_t) -> Result<void> {
    if (init.kind != Init::Kind::extended) return {};
    constants++;
    bytes_of_constants_ += init.range.size;
    return {};
  }));
  EBB_TRY(made().owned_constants.resize(constants));
  image_.functions = made().owned_functions.span();
  image_.constants = made().owned_constants.span();
  return {};
}

size_t Loader::bytes_of_bodies() const {
  size_t bytes = 0;
  for (const ByteRange& body : image_.decl.bodies)
    bytes += body.size;
  return bytes;
}

/// What small functions need beyond that, and the room that an instruction is written into.
constexpr size_t code_slack = 96;

/// Makes room for the code of a body: a quarter more than its wasm is enough for nearly all.
/// Growing in small steps keeps the peak near to what stays.
Result<void> Loader::make_room_for(const ByteRange& body) {
  Vec<uint8_t>& code = made().owned_code;
  if (drops_compact()) code.clear();
  const size_t wanted = code.size() + body.size + body.size / 4 + code_slack;
  if (wanted <= code.capacity()) return {};
  // A block that is not needed is not held while there is a larger one.
  if (code.is_empty()) code.shrink_to_fit();
  const size_t step = code.size() + code.size() / 16;
  return code.reserve_exact(wanted > step ? wanted : step);
}

Result<void> Loader::compile_bodies(BodyValidator& validator, FunctionCompiler& compiler) {
  const ModuleDecl& decl = image_.decl;
  const size_t count = decl.defined_functions();
  Vec<OffsetRange>& ranges = made().owned_offset_ranges;
  if (settings_.keep_offsets) EBB_TRY(noted(ranges.reserve_exact(count)));
  if (!drops_compact()) {
    const size_t wasm_bytes = bytes_of_bodies();
    EBB_TRY(noted(made().owned_code.reserve_exact(wasm_bytes + wasm_bytes / 4 * 3 + code_slack)));
  }
  for (size_t i = 0; i < count; i++) {
    EBB_TRY(noted(make_room_for(decl.bodies[i])));
    const uint32_t index = static_cast<uint32_t>(i) + decl.imported_functions;
    OffsetRange offsets;
    offsets.begin = static_cast<uint32_t>(made().owned_offset_map.size());
    offsets.code = static_cast<uint32_t>(made().owned_code.size());
    Function& function = made().owned_functions[i];
    const Result<void> compiled = compiler.compile(FuncIndex{index}, function);
    report(compiled, validator, index);
    EBB_TRY(compiled);
    EBB_TRY(thread(function, decl.bodies[i].size));
    offsets.end = static_cast<uint32_t>(made().owned_offset_map.size());
    if (settings_.keep_offsets) ranges.push_reserved(offsets);
  }
  return {};
}

/// Initializers of more than one instruction become functions; `Init::index` then names the
/// constant.
Result<void> Loader::compile_constants(BodyValidator& validator, FunctionCompiler& compiler) {
  uint32_t next = 0;
  return for_each_init(image_.decl, [&](Init& init, size_t globals_visible) -> Result<void> {
    if (init.kind != Init::Kind::extended) return {};
    if (drops_compact()) made().owned_code.clear();
    Function& function = made().owned_constants[next];
    const Result<void> compiled =
        compiler.compile_constant(init.range, init.type, globals_visible, function);
    report(compiled, validator, Diagnostic::no_function);
    EBB_TRY(compiled);
    const uint32_t wasm_bytes = init.range.size;
    init.index = next++; // In the place of the range.
    return thread(function, wasm_bytes);
  });
}

/// Moves a range of the module to the end of the image's own bytes.
Result<void> Loader::keep(ByteRange& range) {
  const uint32_t at = static_cast<uint32_t>(made().owned_bytes.size());
  EBB_TRY(made().owned_bytes.append(image_.bytes + range.offset, range.size));
  range.offset = at;
  return {};
}

Result<void> Loader::keep_own_bytes() {
  ModuleDecl& decl = image_.decl;
  size_t total = 0;
  for (const ImportDecl& import : decl.imports)
    total += size_t{import.module.size} + import.name.size;
  for (const ExportDecl& exported : decl.exports)
    total += exported.name.size;
  for (const DataDecl& data : decl.datas)
    total += data.bytes.size;
  for (const CustomSection& custom : decl.customs)
    total += size_t{custom.name.size} + custom.bytes.size;
  for (const GlobalDecl& global : decl.globals)
    total += global.init.kind == Init::Kind::v128 ? global.init.range.size : 0;
  EBB_TRY(made().owned_bytes.reserve_exact(total));
  for (ImportDecl& import : decl.imports) {
    EBB_TRY(keep(import.module));
    EBB_TRY(keep(import.name));
  }
  for (ExportDecl& exported : decl.exports)
    EBB_TRY(keep(exported.name));
  for (DataDecl& data : decl.datas)
    EBB_TRY(keep(data.bytes));
  for (CustomSection& custom : decl.customs) {
    EBB_TRY(keep(custom.name));
    EBB_TRY(keep(custom.bytes));
  }
  for (GlobalDecl& global : decl.globals)
    if (global.init.kind == Init::Kind::v128) EBB_TRY(keep(global.init.range));
  EBB_ASSERT(made().owned_bytes.size() == total);
  image_.bytes = made().owned_bytes.data();
  decl.bytes = made().owned_bytes.span();
  return {};
}

Result<void> Loader::drop_what_running_does_not_need(BytesOwnership ownership) {
  ModuleDecl& decl = image_.decl;
  if (!image_.has_lazy_functions()) {
    decl.bodies = Vec<ByteRange>(image_.heap);
    decl.declared_functions = Vec<uint32_t>(image_.heap);
  }
  if (!settings_.keep_names) decl.customs = Vec<CustomSection>(image_.heap);
  made().owned_code.shrink_to_fit();
  image_.functions = made().owned_functions.span();
  image_.constants = made().owned_constants.span();
  image_.code = made().owned_code.span();
  made().owned_offset_map.shrink_to_fit();
  image_.offset_map = made().owned_offset_map.span();
  image_.offset_ranges = made().owned_offset_ranges.span();
  if (ownership == BytesOwnership::borrowed) return {};
  if (!image_.has_lazy_functions()) return keep_own_bytes();
  // Bodies are still to be read: the whole module is kept.
  EBB_TRY(made().owned_bytes.reserve_exact(decl.bytes.size()));
  EBB_TRY(made().owned_bytes.append(decl.bytes));
  image_.bytes = made().owned_bytes.data();
  decl.bytes = made().owned_bytes.span();
  return {};
}

void destroy(EngineState& engine, ModuleImage* image, size_t bytes) {
  release_lazy(*image);
  image->release_threaded();
  if (image->is_compiled)
    static_cast<CompiledImage*>(image)->~CompiledImage();
  else
    image->~ModuleImage();
  engine.heap.release(Block{image, bytes}, alignof(ModuleImage));
}

} // namespace

namespace {

/// An empty image in a block of the engine's heap. Fails: out_of_memory.
template <class Image>
Result<ModuleImage*> make_image(EngineState& engine, Diagnostic* diagnostic) {
  static_assert(alignof(Image) == alignof(ModuleImage));
  const Result<Block> block = engine.heap.allocate(sizeof(Image), alignof(Image));
  if (!block.ok()) {
    if (diagnostic != nullptr) {
      diagnostic->clear();
      diagnostic->set(block.error()).resource = Resource::module;
    }
    return block.error();
  }
  Image* image = ::new (block.value().pointer)
      Image(engine.heap, engine.settings.module_bytes_max, engine.types);
  image->self_bytes = block.value().bytes;
  return static_cast<ModuleImage*>(image);
}

} // namespace

Result<void> compile_module(EngineState& engine, std::span<const uint8_t> bytes,
                            const ArtifactOptions& options, const ByteSink& sink,
                            Diagnostic* diagnostic) {
  EngineSettings settings = engine.settings;
  settings.encoding = Encoding::compact;
  settings.wide = options.wide;
  settings.metering = options.metering;
  settings.keep_names = settings.keep_offsets = !options.strip;
  settings.lazy = false;
  ModuleImage* image = EBB_TRY(make_image<CompiledImage>(engine, diagnostic));
  Loader loader(engine, settings, *image, diagnostic);
  Result<void> done = loader.make(bytes, BytesOwnership::borrowed);
  if (done.ok()) done = loader.noted(write_artifact(*image, options, sink, image->heap));
  destroy(engine, image, image->self_bytes);
  return done;
}

namespace {

template <class Image>
Result<ModuleImage*> load(EngineState& engine, std::span<const uint8_t> bytes,
                          BytesOwnership ownership, Diagnostic* diagnostic) {
  ModuleImage* image = EBB_TRY(make_image<Image>(engine, diagnostic));
  Loader loader(engine, engine.settings, *image, diagnostic);
  const Result<void> loaded = loader.run<Image>(bytes, ownership);
  if (!loaded.ok()) {
    destroy(engine, image, image->self_bytes);
    return loaded.error();
  }
  return image;
}

} // namespace

Result<ModuleImage*> load_module(EngineState& engine, std::span<const uint8_t> bytes,
                                 BytesOwnership ownership, Diagnostic* diagnostic) {
  return artifact::is_artifact(bytes) ? load_precompiled(engine, bytes, ownership, diagnostic)
                                      : load_wasm(engine, bytes, ownership, diagnostic);
}

Result<ModuleImage*> load_wasm(EngineState& engine, std::span<const uint8_t> bytes,
                               BytesOwnership ownership, Diagnostic* diagnostic) {
  return load<CompiledImage>(engine, bytes, ownership, diagnostic);
}

Result<ModuleImage*> load_precompiled(EngineState& engine, std::span<const uint8_t> bytes,
                                      BytesOwnership ownership, Diagnostic* diagnostic) {
  return load<ModuleImage>(engine, bytes, ownership, diagnostic);
}

void retain_module(ModuleImage& image) { image.references.fetch_add(1, std::memory_order_relaxed); }

void release_module(EngineState& engine, ModuleImage& image) {
  if (image.references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  destroy(engine, &image, image.self_bytes);
}

} // namespace ebb
