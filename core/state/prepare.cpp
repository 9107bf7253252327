#include "core/state/prepare.h"

#include "core/artifact/verify_image.h"
#include "core/compile/function_compiler.h"
#include "core/state/machine_table.h"
#include "core/validate/body_validator.h"

#include <cstring>
#include <new>

namespace ebb {
namespace {

constexpr size_t code_align = alignof(uint64_t);

/// A body compiled aside, until it is published or dropped.
struct Prepared {
  Function function;
  Block block;
  Block threaded;
  OffsetRange offsets;
};

void drop(Heap& heap, Prepared& prepared) {
  if (prepared.block) heap.release(prepared.block, code_align);
  if (prepared.threaded) heap.release(prepared.threaded, code_align);
  prepared = {};
}

/// Compact code and map in one block of their exact size.
Result<void> keep(Heap& heap, Prepared& out, const Vec<uint8_t>& code, const Vec<uint8_t>& map) {
  out.block = EBB_TRY(heap.allocate(code.size() + map.size(), code_align));
  uint8_t* to = static_cast<uint8_t*>(out.block.pointer);
  memcpy(to, code.data(), code.size());
  if (!map.is_empty()) memcpy(to + code.size(), map.data(), map.size());
  out.offsets.begin = static_cast<uint32_t>(code.size());
  out.offsets.end = static_cast<uint32_t>(code.size() + map.size());
  return {};
}

/// Of a function whose compact code is there: verifies it, unless that was done when the module was
/// loaded, and threads it, unless it runs in place.
Result<void> verify_and_thread(EngineState& engine, ModuleImage& image, uint32_t ordinal,
                               Prepared& out) {
  if (!image.is_sound) EBB_TRY(verify_image_function(image, ordinal, image.heap));
  if (image.lazy.empty()) return {};
  out.function = image.functions[ordinal];
  out.threaded = EBB_TRY(engine.machine->thread(image, out.function, image.code.data(), nullptr));
  return {};
}

/// Apart, so that what only needs verifying does not pay for the compiler's frame.
[[gnu::noinline]] Result<void> compile(EngineState& engine, ModuleImage& image, uint32_t ordinal,
                                       Prepared& out) {
  const EngineSettings& settings = engine.settings;
  CompileOptions options;
  options.wide = image.wide;
  options.metering = image.metering;
  options.keep_offsets = settings.keep_offsets;
  Vec<uint8_t> code(image.heap);
  Vec<uint8_t> map(image.heap);
  BodyValidator validator(image.decl, engine.types, settings.features, image.heap);
  Vec<Label> labels(image.heap);
  Vec<Label>* const wanted = image.runs_compact() ? nullptr : &labels;
  FunctionCompiler compiler(image.decl, {code, map, wanted}, validator, options, image.heap);
  const FuncIndex index{ordinal + image.decl.imported_functions};
  EBB_TRY(compiler.compile(index, out.function));
  if (image.runs_compact()) return keep(image.heap, out, code, map);
  out.threaded = EBB_TRY(engine.machine->thread(image, out.function, code.data(), &labels));
  if (!settings.keep_offsets) return {};
  return keep(image.heap, out, code, map);
}

bool is_ready(const ModuleImage& image, uint32_t ordinal) {
  if (!image.lazy.empty())
    return image.lazy[ordinal].entry.load(std::memory_order_acquire) != nullptr;
  return image.verified.empty() || image.is_verified(ordinal);
}

/// Makes what was prepared visible, unless somebody else was first.
bool publish(ModuleImage& image, uint32_t ordinal, const Prepared& prepared) {
  LazyFunction& lazy = image.lazy[ordinal];
  while (image.publishing.test_and_set(std::memory_order_acquire)) {
  }
  const bool is_first = lazy.entry.load(std::memory_order_relaxed) == nullptr;
  if (is_first) {
    lazy.function = prepared.function;
    lazy.block = prepared.block;
    lazy.threaded = prepared.threaded;
    lazy.offsets = prepared.offsets;
    lazy.code =
        prepared.block ? static_cast<const uint8_t*>(prepared.block.pointer) : image.code.data();
    const uint8_t* entry = static_cast<const uint8_t*>(prepared.threaded.pointer);
    if (image.runs_compact()) entry = lazy.code + lazy.function.code_offset;
    if (!image.runs_compact()) {
      ThreadedFunction& called = const_cast<ThreadedFunction&>(image.threaded_functions[ordinal]);
      __atomic_store_n(&called.extent, lazy.function.extent, __ATOMIC_RELAXED);
      __atomic_store_n(&called.function, &lazy.function, __ATOMIC_RELAXED);
      __atomic_store_n(&called.entry, entry, __ATOMIC_RELEASE);
    }
    lazy.entry.store(entry, std::memory_order_release);
  }
  image.publishing.clear(std::memory_order_release);
  return is_first;
}

} // namespace

Result<void> make_lazy_functions(ModuleImage& image, size_t count) {
  if (count == 0) return {};
  image.lazy_block =
      EBB_TRY(image.heap.allocate(count * sizeof(LazyFunction), alignof(LazyFunction)));
  LazyFunction* first = static_cast<LazyFunction*>(image.lazy_block.pointer);
  for (size_t i = 0; i < count; i++)
    ::new (static_cast<void*>(first + i)) LazyFunction;
  image.lazy = {first, count};
  return {};
}

Result<void> wait_for_calls(ModuleImage& image) {
  using Bits = std::atomic<uint32_t>;
  const size_t count = image.functions.size();
  if (count == 0) return {};
  if (!image.runs_compact()) return make_lazy_functions(image, count);
  const size_t words = (count + 31) / 32;
  image.verified_block = EBB_TRY(image.heap.allocate(words * sizeof(Bits), alignof(Bits)));
  Bits* first = static_cast<Bits*>(image.verified_block.pointer);
  for (size_t i = 0; i < words; i++)
    ::new (static_cast<void*>(first + i)) Bits(0);
  image.verified = {first, words};
  return {};
}

Result<void> prepare_function(EngineState& engine, ModuleImage& image, uint32_t ordinal) {
  if (is_small_build) return {};
  if (is_ready(image, ordinal)) return {};
  Prepared prepared;
  const bool has_code = !image.is_compiled || image.is_sound;
  const Result<void> done = has_code ? verify_and_thread(engine, image, ordinal, prepared)
                                     : compile(engine, image, ordinal, prepared);
  if (done.ok() && image.lazy.empty()) {
    image.verified[ordinal / 32].fetch_or(uint32_t{1} << ordinal % 32, std::memory_order_release);
    return {};
  }
  if (!done.ok() || !publish(image, ordinal, prepared)) drop(image.heap, prepared);
  return done;
}

Result<void> prepare_all(EngineState& engine, ModuleImage& image) {
  if (!image.is_lazy()) return {};
  for (uint32_t i = 0; i < image.functions.size(); i++)
    EBB_TRY(prepare_function(engine, image, i));
  return {};
}

void note_unverified(const ModuleImage& image, const Result<void>& verified, uint32_t ordinal,
                     uint32_t offset, Diagnostic* diagnostic) {
  if (verified.ok() || diagnostic == nullptr) return;
  diagnostic->clear();
  diagnostic->set(verified.error());
  if (verified.error() == Error::out_of_memory) {
    diagnostic->resource = Resource::module;
    return;
  }
  const size_t functions = image.functions.size();
  const Function& function =
      ordinal < functions ? image.functions[ordinal] : image.constants[ordinal - functions];
  if (ordinal < functions) diagnostic->set_function(ordinal + image.decl.imported_functions);
  const size_t code_at = static_cast<size_t>(image.code.data() - image.bytes);
  diagnostic->set_offset(code_at + function.code_offset + offset);
}

Result<void> validate_bodies(EngineState& engine, ModuleImage& image, Diagnostic* diagnostic) {
  if (!image.is_lazy() || image.is_sound) return {};
  if (!image.is_compiled) {
    uint32_t ordinal = 0;
    uint32_t offset = 0;
    const Result<void> verified = verify_image_functions(image, image.heap, &ordinal, &offset);
    note_unverified(image, verified, ordinal, offset, diagnostic);
    return verified;
  }
  BodyValidator validator(image.decl, engine.types, engine.settings.features, image.heap);
  for (uint32_t i = 0; i < image.lazy.size(); i++) {
    const FuncIndex index{i + image.decl.imported_functions};
    const auto run = [&]() -> Result<void> {
      EBB_TRY(validator.begin_function(index));
      return validator.finish();
    };
    const Result<void> valid = run();
    if (valid.ok()) continue;
    if (diagnostic != nullptr) {
      diagnostic->clear();
      diagnostic->set(valid.error()).set_function(index.value);
      if (valid.error() != Error::out_of_memory) diagnostic->set_offset(validator.offset());
    }
    return valid;
  }
  return {};
}

void release_lazy(ModuleImage& image) {
  if (is_small_build) return;
  for (LazyFunction& lazy : image.lazy) {
    if (lazy.block) image.heap.release(lazy.block, code_align);
    if (lazy.threaded) image.heap.release(lazy.threaded, code_align);
    lazy.~LazyFunction();
  }
  if (image.lazy_block) image.heap.release(image.lazy_block, alignof(LazyFunction));
  if (image.verified_block)
    image.heap.release(image.verified_block, alignof(std::atomic<uint32_t>));
  image.lazy = {};
  image.lazy_block = {};
  image.verified = {};
  image.verified_block = {};
}

} // namespace ebb
