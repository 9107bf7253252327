#include "core/state/prepare.h"

#include "core/compile/function_compiler.h"
#include "core/state/machine_table.h"
#include "core/validate/body_validator.h"

#include <cstring>

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

Result<void> compile(EngineState& engine, ModuleImage& image, uint32_t ordinal, Prepared& out) {
  const EngineSettings& settings = engine.settings;
  CompileOptions options;
  options.wide = image.wide;
  options.fuel = image.fuel;
  options.keep_offsets = settings.keep_offsets;
  Vec<uint8_t> code(image.heap);
  Vec<uint8_t> map(image.heap);
  BodyValidator validator(image.decl, engine.types, settings.features, image.heap);
  FunctionCompiler compiler(image.decl, {code, map}, validator, options, image.heap);
  const FuncIndex index{ordinal + image.decl.imported_functions};
  EBB_TRY(compiler.compile(index, out.function));
  if (image.encoding == Encoding::compact) return keep(image.heap, out, code, map);
  out.threaded = EBB_TRY(engine.machine->thread(image, out.function, code.data()));
  if (!settings.keep_offsets) return {};
  return keep(image.heap, out, code, map);
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
    lazy.code = static_cast<const uint8_t*>(prepared.block.pointer);
    const uint8_t* entry = static_cast<const uint8_t*>(prepared.threaded.pointer);
    if (image.encoding == Encoding::compact) entry = lazy.code + lazy.function.code_offset;
    if (image.encoding == Encoding::threaded) {
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

Result<void> prepare_function(EngineState& engine, ModuleImage& image, uint32_t ordinal) {
  if (image.lazy.empty() || image.lazy[ordinal].entry.load(std::memory_order_acquire) != nullptr)
    return {};
  Prepared prepared;
  const Result<void> compiled = compile(engine, image, ordinal, prepared);
  if (!compiled.ok() || !publish(image, ordinal, prepared)) drop(image.heap, prepared);
  return compiled;
}

Result<void> prepare_all(EngineState& engine, ModuleImage& image) {
  for (uint32_t i = 0; i < image.lazy.size(); i++)
    EBB_TRY(prepare_function(engine, image, i));
  return {};
}

Result<void> validate_bodies(EngineState& engine, ModuleImage& image, Diagnostic* diagnostic) {
  BodyValidator validator(image.decl, engine.types, engine.settings.features, image.heap);
  Instruction in;
  for (uint32_t i = 0; i < image.lazy.size(); i++) {
    const FuncIndex index{i + image.decl.imported_functions};
    const auto run = [&]() -> Result<void> {
      EBB_TRY(validator.begin_function(index));
      while (EBB_TRY(validator.step(in))) {
      }
      return {};
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
  for (LazyFunction& lazy : image.lazy) {
    if (lazy.block) image.heap.release(lazy.block, code_align);
    if (lazy.threaded) image.heap.release(lazy.threaded, code_align);
    lazy.~LazyFunction();
  }
  if (image.lazy_block) image.heap.release(image.lazy_block, alignof(LazyFunction));
  image.lazy = {};
  image.lazy_block = {};
}

} // namespace ebb
