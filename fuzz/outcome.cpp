// See outcome.h.
#include "fuzz/outcome.h"

#include "fuzz/generator.h"

#include <cinttypes>
#include <cstring>
#include <memory>

namespace ebb::fuzz {
namespace {

constexpr size_t stack_bytes_max = size_t{32} << 20;

std::string hex(uint64_t value) {
  char text[20];
  std::snprintf(text, sizeof text, "%" PRIx64, value);
  return text;
}

Result<std::string> memory_hash(Store& store, const Instance& instance) {
  const Result<Memory> memory = instance.get_memory(store, "m");
  if (!memory.ok()) return std::string();
  uint32_t value = 0x811c9dc5;
  for (const uint8_t byte : EBB_TRY(memory.value().view(store)))
    value = (value ^ byte) * 0x01000193;
  return hex(value);
}

Result<std::string> call_all(Store& store, const Instance& instance) {
  std::string outcome;
  for (int i = 0;; ++i) {
    const std::string name = "c" + std::to_string(i);
    const auto function =
        instance.get_typed_func<int64_t()>(store, StringView(name.data(), name.size()));
    if (!function.ok()) break;
    const Result<int64_t> result = function.value().call(store);
    if (result.ok()) {
      outcome += std::to_string(static_cast<uint64_t>(result.value()));
    } else {
      const Error error = result.error();
      if (error == Error::call_stack_exhausted) return outcome + "exhausted";
      if (error_class(error) != ErrorClass::trap) return error;
      outcome += trap_class(error);
    }
    outcome += ' ';
  }
  return outcome + EBB_TRY(memory_hash(store, instance));
}

Result<std::string> run(const Bytes& wasm, const Way& way, const Allocator& allocator) {
  const Config config = config_of(way, allocator);
  Diagnostic diagnostic;
  const Engine engine = EBB_TRY(Engine::create(config, &diagnostic));
  std::span<const uint8_t> bytes(wasm);
  std::unique_ptr<uint32_t[]> words;
  if (way.precompiled) {
    Error error = Error::none;
    const Bytes compiled = precompile(engine, wasm, way.wide, false, error);
    if (error != Error::none) return error;
    words.reset(new uint32_t[compiled.size() / sizeof(uint32_t) + 1]);
    std::memcpy(words.get(), compiled.data(), compiled.size());
    bytes = {reinterpret_cast<const uint8_t*>(words.get()), compiled.size()};
  }
  const Module module = EBB_TRY(Module::load_borrowed(engine, bytes, &diagnostic));
  Linker linker = EBB_TRY(Linker::create(engine));
  EBB_TRY(linker.define_func("host", "note", &note));
  Store store = EBB_TRY(Store::create(engine));
  const Instance instance = EBB_TRY(linker.instantiate(store, module));
  return call_all(store, instance);
}

} // namespace

Result<int32_t> note(Caller&, int32_t a, int64_t b) { return note_answer(a, b); }

Config config_of(const Way& way, const Allocator& allocator) {
  Config config;
  config.allocator = &allocator;
  config.encoding = way.encoding;
  config.preparation = way.preparation;
  config.stack_bytes_max = stack_bytes_max;
  config.fixed_seed = true;
  return config;
}

const char* trap_class(Error error) {
  switch (error) {
  case Error::unreachable:
    return "unreachable";
  case Error::integer_divide_by_zero:
    return "integer_divide_by_zero";
  case Error::integer_overflow:
  case Error::invalid_conversion_to_integer:
    return "overflow";
  case Error::out_of_bounds_memory_access:
    return "memory";
  case Error::indirect_call_type_mismatch:
  case Error::uninitialized_element:
    return "element";
  case Error::undefined_element:
  case Error::out_of_bounds_table_access:
    return "table";
  default:
    return error_name(error);
  }
}

Bytes precompile(const Engine& engine, std::span<const uint8_t> wasm, bool wide, bool fuel,
                 Error& error) {
  Bytes compiled;
  const ByteSink sink{[](void* context, const uint8_t* piece, size_t count) -> Result<void> {
                        Bytes& to = *static_cast<Bytes*>(context);
                        to.insert(to.end(), piece, piece + count);
                        return {};
                      },
                      &compiled};
  CompileSettings settings;
  settings.profile = wide ? CompileSettings::Profile::wide : CompileSettings::Profile::narrow;
  settings.fuel = fuel;
  const Result<void> done = Module::compile(engine, wasm, settings, sink);
  error = done.error();
  if (!done.ok()) compiled.clear();
  return compiled;
}

std::string outcome_of(const Bytes& wasm, const Way& way, const Allocator& allocator) {
  const Result<std::string> outcome = run(wasm, way, allocator);
  return outcome.ok() ? outcome.value() : std::string("refused: ") + error_name(outcome.error());
}

} // namespace ebb::fuzz
