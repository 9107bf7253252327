// See machine.h.
#include "tools/spec_runner/machine.h"

#include <cstring>
#include <fstream>
#include <iterator>

namespace ebb::spec {
namespace {

StringView view(const std::string& text) { return StringView(text.data(), text.size()); }

// Host numbers of references start at 0.
uint64_t number_of(const std::string& text) { return std::strtoull(text.c_str(), nullptr, 10); }

bool reference_matches(const Value& expected, const Val& actual) {
  const std::string& type = expected.type;
  if (type == "refnull" || type.rfind("null", 0) == 0) return actual.is_null();
  if (expected.text && *expected.text == "null") return actual.is_null();
  if (actual.is_null()) return false;
  const Val::Kind kind = actual.kind();
  if (type == "funcref") return kind == Val::Kind::func;
  if (type == "externref") {
    if (kind != Val::Kind::extern_) return false;
    return !expected.text || actual.as_extern().value == number_of(*expected.text);
  }
  if (type == "exnref") return kind == Val::Kind::exn;
  if (kind != Val::Kind::any) return false;
  return !expected.text || actual.as_extern().value == number_of(*expected.text);
}

const char* number_type(Val::Kind kind) {
  switch (kind) {
  case Val::Kind::i32:
    return "i32";
  case Val::Kind::i64:
    return "i64";
  case Val::Kind::f32:
    return "f32";
  default:
    return "f64";
  }
}

uint64_t number_bits(const Val& value) {
  switch (value.kind()) {
  case Val::Kind::i32:
    return static_cast<uint32_t>(value.as_i32());
  case Val::Kind::i64:
    return static_cast<uint64_t>(value.as_i64());
  case Val::Kind::f32:
    return value.as_f32_bits();
  default:
    return value.as_f64_bits();
  }
}

VectorBytes vector_bytes(V128 value) {
  VectorBytes vector;
  for (size_t i = 0; i < 8; ++i) {
    vector.bytes[i] = static_cast<uint8_t>(value.low >> 8 * i);
    vector.bytes[8 + i] = static_cast<uint8_t>(value.high >> 8 * i);
  }
  return vector;
}

V128 v128_of(const VectorBytes& vector) {
  V128 value;
  for (size_t i = 0; i < 8; ++i) {
    value.low |= static_cast<uint64_t>(vector.bytes[i]) << 8 * i;
    value.high |= static_cast<uint64_t>(vector.bytes[8 + i]) << 8 * i;
  }
  return value;
}

} // namespace

Machine::Machine(const Options& options, const Allocator& allocator)
    : write_precompiled_(options.write_precompiled), read_precompiled_(options.read_precompiled),
      slice_(options.fuel), interrupts_(options.interrupt) {
  config_.fuel = compile_settings_.fuel = slice_ != 0;
  config_.interruption = compile_settings_.interruption = interrupts_;
  compile_settings_.profile =
      options.wide ? CompileSettings::Profile::wide : CompileSettings::Profile::narrow;
  config_.allocator = &allocator;
  // A sweep compares attempts with each other.
  config_.fixed_seed = options.oom;
  config_.preparation = options.preparation;
  config_.encoding = options.compact ? Config::Encoding::compact : Config::Encoding::threaded;
}

Machine::~Machine() { stop(); }

// Everything of the engine goes before the bytes that its modules borrow.
void Machine::stop() {
  store_.reset();
  linker_.reset();
  engine_.reset();
}

Error Machine::start(std::span<const uint8_t> spectest) {
  const auto make = [&]() -> Result<void> {
    engine_.emplace(EBB_TRY(Engine::create(config_, &diagnostic_)));
    store_.emplace(EBB_TRY(Store::create(*engine_)));
    linker_.emplace(EBB_TRY(Linker::create(*engine_)));
    linker_->allow_shadowing(true);
    const std::shared_ptr<Module> module = EBB_TRY(load(spectest));
    return register_as("spectest", EBB_TRY(instantiate(*module)));
  };
  diagnostic_.clear();
  const Result<void> made = make();
  if (!made.ok()) stop();
  return made.error();
}

Result<std::vector<uint8_t>> Machine::precompile(const std::vector<uint8_t>& bytes) {
  diagnostic_.clear();
  std::vector<uint8_t> compiled;
  const ByteSink sink{[](void* context, const uint8_t* piece, size_t count) -> Result<void> {
                        auto& to = *static_cast<std::vector<uint8_t>*>(context);
                        to.insert(to.end(), piece, piece + count);
                        return {};
                      },
                      &compiled};
  EBB_TRY(Module::compile(*engine_, bytes, compile_settings_, sink, &diagnostic_));
  return exchange(bytes, std::move(compiled));
}

Error Machine::refuse(const char* why) {
  diagnostic_.clear();
  diagnostic_.set(Error::malformed_artifact).detail = why;
  return Error::malformed_artifact;
}

/// Keeps what was compiled from `bytes`, or gives what another host made of them, if that is the
/// same.
Result<std::vector<uint8_t>> Machine::exchange(const std::vector<uint8_t>& bytes,
                                               std::vector<uint8_t> compiled) {
  uint64_t hash = 14695981039346656037u;
  for (const uint8_t byte : bytes)
    hash = (hash ^ byte) * 1099511628211u;
  const std::string name = "/" + std::to_string(hash) + ".ebb";
  if (!write_precompiled_.empty()) {
    std::ofstream out(write_precompiled_ + name, std::ios::binary);
    out.write(reinterpret_cast<const char*>(compiled.data()),
              static_cast<std::streamsize>(compiled.size()));
    if (!out.flush()) return refuse("cannot be written to the folder");
  }
  if (read_precompiled_.empty()) return compiled;
  std::ifstream in(read_precompiled_ + name, std::ios::binary);
  std::vector<uint8_t> kept(std::istreambuf_iterator<char>(in), {});
  if (kept == compiled) return kept;
  return refuse("not what is compiled here");
}

std::span<const uint8_t> Machine::keep(std::vector<uint8_t> bytes) {
  bytes_.push_back(std::move(bytes));
  return bytes_.back();
}

Result<std::shared_ptr<Module>> Machine::load(std::span<const uint8_t> bytes) {
  diagnostic_.clear();
  auto module =
      std::make_shared<Module>(EBB_TRY(Module::load_borrowed(*engine_, bytes, &diagnostic_)));
  EBB_TRY(module->validate_all(&diagnostic_));
  return module;
}

Result<Instance> Machine::instantiate(const Module& module) {
  const Result<Instance> made = linker_->instantiate(*store_, module);
  if (!made.ok()) diagnostic_ = store_->diagnostic();
  return made;
}

Result<void> Machine::register_as(const std::string& name, const Instance& instance) {
  return linker_->define_instance(*store_, view(name), instance);
}

Result<Val> Machine::argument(const Value& value, ValType type) {
  if (value.type == "i32")
    return Val::i32(static_cast<int32_t>(static_cast<uint32_t>(bits_of("i32", *value.text))));
  if (value.type == "i64") return Val::i64(static_cast<int64_t>(bits_of("i64", *value.text)));
  if (value.type == "f32") return Val::f32_bits(static_cast<uint32_t>(bits_of("f32", *value.text)));
  if (value.type == "f64") return Val::f64_bits(bits_of("f64", *value.text));
  if (value.type == "v128") return Val::v128(v128_of(vector_of(value)));
  if (!value.text || *value.text == "null") return Val::zero(type);
  return Val::extern_ref(ExternRef::of(number_of(*value.text)));
}

/// A call that is suspended as often as the options say, and resumed until it ends.
Result<void> Machine::call(const Func& function, std::span<const Val> args,
                           std::span<Val> results) {
  if (slice_ == 0 && !interrupts_) return function.call(*store_, args, results);
  const InterruptHandle handle = store_->interrupt_handle();
  const auto run = [&]() -> Result<void> {
    Execution execution = EBB_TRY(function.start(*store_, args));
    do {
      if (slice_ != 0) store_->set_fuel(slice_);
      if (interrupts_) handle.interrupt();
    } while (EBB_TRY(execution.run()) == Execution::State::suspended);
    return execution.results(results);
  };
  const Result<void> called = run();
  store_->clear_interrupt();
  store_->set_fuel(UINT64_MAX);
  return called;
}

Result<std::vector<Val>> Machine::perform(const Instance& instance, const Action& action) {
  diagnostic_.clear();
  std::vector<Val> results;
  if (action.kind == Action::Kind::get) {
    const Global global = EBB_TRY(instance.get_global(*store_, view(action.field)));
    results.push_back(EBB_TRY(global.get(*store_)));
    return results;
  }
  const Func function = EBB_TRY(instance.get_func(*store_, view(action.field)));
  const FuncType type = EBB_TRY(function.type(*store_));
  if (type.params.size() != action.args.size()) return Error::argument_mismatch;
  std::vector<Val> args;
  for (size_t i = 0; i < action.args.size(); ++i)
    args.push_back(EBB_TRY(argument(action.args[i], type.params[i])));
  results.resize(type.results.size());
  const Result<void> called = call(function, args, results);
  diagnostic_ = store_->diagnostic();
  if (!called.ok()) return called.error();
  return results;
}

bool Machine::matches(const Value& expected, const Val& actual) {
  if (expected.type == "either") {
    for (const Value& alternative : expected.alternatives)
      if (matches(alternative, actual)) return true;
    return false;
  }
  if (actual.is_ref()) return reference_matches(expected, actual);
  if (actual.kind() == Val::Kind::v128)
    return expected.type == "v128" && vector_matches(expected, vector_bytes(actual.as_v128()));
  return expected.type == number_type(actual.kind()) &&
         number_matches(expected, number_bits(actual));
}

std::string Machine::describe(const Val& actual) {
  if (actual.kind() == Val::Kind::v128) {
    std::string text = "v128 i8";
    for (const uint8_t byte : vector_bytes(actual.as_v128()).bytes)
      text += " " + std::to_string(byte);
    return text;
  }
  if (!actual.is_ref()) return describe_number(number_type(actual.kind()), number_bits(actual));
  if (actual.is_null()) return "null";
  if (actual.kind() == Val::Kind::func) return "funcref";
  if (actual.kind() == Val::Kind::exn) return "exnref";
  return (actual.kind() == Val::Kind::any ? "anyref " : "externref ") +
         std::to_string(actual.as_extern().value);
}

std::string Machine::explain(Error error) {
  char text[256];
  Diagnostic details = diagnostic_;
  if (details.error != error) details.set(error);
  render(details, text, sizeof text);
  return std::string(error_class_name(error_class(error))) + " (" + text + ")";
}

} // namespace ebb::spec
