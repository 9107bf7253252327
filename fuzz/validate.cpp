// Target: any bytes as a .wasm. Validation and loading must agree, at once and body by body, give
// everything back, and say what another engine says where there is one (judge.h).
#include "fuzz/judge.h"

#include <cstring>

namespace {

using namespace ebb;
using namespace ebb::fuzz;

constexpr const char* name = "validate";
constexpr size_t engine_bytes_max = size_t{128} << 20;

/// Whether an error is about what V8 has and WebAssembly 3.0 has not: shared memories, atomic
/// instructions, and the exceptions that came before those of the standard.
bool is_beyond_standard(std::span<const uint8_t> bytes, const Diagnostic& diagnostic) {
  const uint64_t end = diagnostic.wasm_offset;
  if (end == Diagnostic::no_offset || end == 0 || end > bytes.size()) return false;
  const uint8_t last = bytes[static_cast<size_t>(end) - 1];
  if (diagnostic.error == Error::malformed_limits_flags) return (last & 2) != 0;
  if (diagnostic.error != Error::illegal_opcode) return false;
  constexpr uint8_t atomic_prefix = 0xfe;
  if (last == atomic_prefix || (end >= 2 && bytes[static_cast<size_t>(end) - 2] == atomic_prefix))
    return true;
  constexpr uint8_t legacy_exceptions[] = {0x06, 0x07, 0x09, 0x18, 0x19};
  return std::memchr(legacy_exceptions, last, sizeof legacy_exceptions) != nullptr;
}

/// Whether an error is about the label of a br_on_non_null, which V8 does not look at: it lets the
/// branch lead to one that takes nothing, where the standard wants the reference to be the last.
bool is_label_v8_lets_pass(std::span<const uint8_t> bytes, const Diagnostic& diagnostic) {
  constexpr uint8_t br_on_non_null = 0xd6;
  return diagnostic.error == Error::type_mismatch && diagnostic.wasm_offset < bytes.size() &&
         bytes[static_cast<size_t>(diagnostic.wasm_offset)] == br_on_non_null;
}

/// Ebb's verdict as the judge gives it, or nothing where engines may differ: what this build or one
/// of its limits leaves out, and memory that ran out.
std::string verdict_of(std::span<const uint8_t> bytes, Error error, const Diagnostic& diagnostic) {
  switch (error_class(error)) {
  case ErrorClass::none:
    return "1";
  case ErrorClass::malformed:
  case ErrorClass::invalid:
    if (is_beyond_standard(bytes, diagnostic) || is_label_v8_lets_pass(bytes, diagnostic))
      return "";
    return std::string("0 ") + error_name(error);
  default:
    return "";
  }
}

bool agree(const Bytes&, const std::string& own, const std::string& other) {
  return other[0] == '?' || own[0] == other[0];
}

Config config_for(const Allocator& allocator, Config::Preparation preparation) {
  Config config;
  config.allocator = &allocator;
  config.engine_bytes_max = engine_bytes_max;
  config.encoding = Config::Encoding::compact;
  config.preparation = preparation;
  config.fixed_seed = true;
  return config;
}

Error load(std::span<const uint8_t> bytes, const Config& config, Diagnostic& diagnostic) {
  const Result<Engine> engine = Engine::create(config);
  if (!engine.ok()) return engine.error();
  const Result<Module> module = Module::load_borrowed(engine.value(), bytes, &diagnostic);
  if (!module.ok()) return module.error();
  return module.value().validate_all(&diagnostic).error();
}

bool is_rejection(Error error) {
  return error_class(error) == ErrorClass::malformed || error_class(error) == ErrorClass::invalid;
}

void check_offset(const Diagnostic& diagnostic, size_t size) {
  if (diagnostic.wasm_offset != Diagnostic::no_offset && diagnostic.wasm_offset > size)
    fail(name, "an error lies behind the module's end");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Judge judge(name, 'v', &agree);
  const std::span<const uint8_t> bytes(data, size);
  // Precompiled modules have a target of their own.
  if (size >= 4 && std::memcmp(data, "\0ebb", 4) == 0) return 0;
  WatchedMemory memory(name);
  Diagnostic diagnostic;
  // Features that V8 does not have without a flag are off where it is asked.
  FeatureSet features = FeatureSet::all();
  if (judge.is_there()) features.set(Feature::custom_page_sizes, false);
  const Error verdict = Module::validate(memory.allocator(), bytes, features, &diagnostic).error();
  check_offset(diagnostic, size);
  for (const auto preparation :
       {Config::Preparation::at_load, Config::Preparation::at_first_call}) {
    Config config = config_for(memory.allocator(), preparation);
    config.features = features;
    Diagnostic of_load;
    const Error loaded = load(bytes, config, of_load);
    check_offset(of_load, size);
    if (error_class(loaded) == ErrorClass::resource) continue;
    if (verdict == Error::none && is_rejection(loaded))
      fail(name, "a valid module is refused", error_name(loaded));
    if (is_rejection(verdict) && loaded == Error::none)
      fail(name, "an invalid module is loaded", error_name(verdict));
  }
  const std::string own = verdict_of(bytes, verdict, diagnostic);
  if (!own.empty()) judge.ask(Bytes(data, data + size), own);
  return 0;
}
