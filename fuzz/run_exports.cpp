// See run_exports.h. judge.mjs has the same in JavaScript (frames of kind `e`).
#include "fuzz/run_exports.h"

#include "fuzz/guest_run.h"
#include "fuzz/outcome.h"

#include <bit>
#include <cinttypes>

namespace ebb::fuzz {
namespace {

/// A number as JavaScript has it, by its bits, since there i32, f32 and f64 cannot be told apart.
std::string text_of(double number) {
  if (number != number) return "nan";
  char text[20];
  std::snprintf(text, sizeof text, "%" PRIx64, std::bit_cast<uint64_t>(number));
  return text;
}

std::string text_of(const Val& val) {
  switch (val.kind()) {
  case Val::Kind::i32:
    return text_of(static_cast<double>(val.as_i32()));
  case Val::Kind::i64:
    return std::to_string(static_cast<uint64_t>(val.as_i64())) + "n";
  case Val::Kind::f32:
    return text_of(static_cast<double>(val.as_f32()));
  case Val::Kind::f64:
    return text_of(val.as_f64());
  default:
    return "ref";
  }
}

std::string call(Store& store, const Instance& instance, const Export& exported) {
  const Result<Func> function = instance.get_func(store, exported.name);
  if (!function.ok()) return error_name(function.error());
  std::vector<Val> args;
  for (const ValType type : exported.type.func.params)
    args.push_back(Val::zero(type));
  std::vector<Val> results(exported.type.func.results.size());
  const Result<void> called = function.value().call(store, args, results);
  if (called.error() == Error::call_stack_exhausted) return "exhausted";
  if (!called.ok()) return trap_class(called.error());
  std::string text;
  for (const Val& result : results)
    text += (text.empty() ? "" : ",") + text_of(result);
  return text;
}

Result<std::string> run(const Bytes& wasm, Config::Encoding encoding, const Allocator& allocator) {
  Way way;
  way.encoding = encoding;
  const Config config = config_of(way, allocator);
  Diagnostic diagnostic;
  const Engine engine = EBB_TRY(Engine::create(config, &diagnostic));
  const Module module = EBB_TRY(Module::load_borrowed(engine, wasm, &diagnostic));
  Linker linker = EBB_TRY(Linker::create(engine));
  Store store = EBB_TRY(Store::create(engine));
  EBB_TRY(define_imports(linker, store, module));
  const Instance instance = EBB_TRY(linker.instantiate(store, module));
  std::string text;
  for (size_t i = 0; i < module.export_count(); ++i) {
    const Export exported = module.export_(i);
    if (exported.type.kind != ExternKind::func) continue;
    text += std::string(exported.name.data, exported.name.size) + "=" +
            call(store, instance, exported) + " ";
  }
  return text;
}

} // namespace

std::string run_exports(const Bytes& wasm, Config::Encoding encoding) {
  WatchedMemory memory("run_exports");
  const Result<std::string> text = run(wasm, encoding, memory.allocator());
  return text.ok() ? text.value() : std::string("refused: ") + error_name(text.error());
}

} // namespace ebb::fuzz
