// See guest_run.h.
#include "fuzz/guest_run.h"

#include <vector>

namespace ebb::fuzz {
namespace {

Result<void> host_function(Caller&, std::span<const Val>, std::span<Val>) { return {}; }

Val argument_of(ValType type, Input& input) {
  if (type == ValType::i32()) return Val::i32(static_cast<int32_t>(input.u32()));
  if (type == ValType::i64()) return Val::i64(static_cast<int64_t>(input.u64()));
  if (type == ValType::f32()) return Val::f32_bits(input.u32());
  if (type == ValType::f64()) return Val::f64_bits(input.u64());
  return Val::zero(type);
}

void mix(uint64_t& digest, uint64_t value) {
  digest = (digest ^ value) * 0x9e3779b97f4a7c15u;
  digest ^= digest >> 29;
}

uint64_t bits_of(const Val& val) {
  switch (val.kind()) {
  case Val::Kind::i32:
    return static_cast<uint32_t>(val.as_i32());
  case Val::Kind::i64:
    return static_cast<uint64_t>(val.as_i64());
  case Val::Kind::f32:
    return val.as_f32_bits();
  case Val::Kind::f64:
    return val.as_f64_bits();
  case Val::Kind::v128:
    return val.as_v128().low ^ val.as_v128().high;
  default:
    return val.is_null() ? 0 : 1;
  }
}

Result<void> define_import(Linker& linker, Store& store, const Import& import) {
  const StoreRef ref(store);
  const ExternType& type = import.type;
  switch (type.kind) {
  case ExternKind::func:
    return linker.define_func(
        import.module, import.name,
        HostFunc::untyped(type.func.params, type.func.results, &host_function));
  case ExternKind::table:
    return linker.define(ref, import.module, import.name,
                         EBB_TRY(Table::create(ref, type.table, Val::zero(type.table.element))));
  case ExternKind::memory:
    return linker.define(ref, import.module, import.name,
                         EBB_TRY(Memory::create(ref, type.memory)));
  case ExternKind::global:
    return linker.define(ref, import.module, import.name,
                         EBB_TRY(Global::create(ref, type.global, Val::zero(type.global.type))));
  case ExternKind::tag:
    break;
  }
  return linker.define(ref, import.module, import.name,
                       EBB_TRY(Tag::create(ref, type.func.params)));
}

} // namespace

Config guest_config(const Allocator& allocator, Config::Encoding encoding) {
  Config config;
  config.allocator = &allocator;
  config.encoding = encoding;
  config.fuel = true;
  config.fixed_seed = true;
  config.stack_bytes_max = size_t{32} << 10;
  config.module_bytes_max = size_t{16} << 20;
  return config;
}

Result<void> define_imports(Linker& linker, Store& store, const Module& module) {
  linker.allow_shadowing(true);
  for (size_t i = 0; i < module.import_count(); ++i)
    EBB_TRY(define_import(linker, store, module.import(i)));
  return {};
}

Result<GuestOutcome> call_exports(Store& store, const Instance& instance, const Module& module,
                                  Input& input, const GuestLimits& limits) {
  GuestOutcome outcome;
  for (size_t i = 0; i < module.export_count() && outcome.calls < limits.calls; ++i) {
    const Export exported = module.export_(i);
    if (exported.type.kind != ExternKind::func) continue;
    const Result<Func> function = instance.get_func(store, exported.name);
    if (!function.ok()) fail("guest", "an exported function is not there");
    std::vector<Val> args;
    for (const ValType type : exported.type.func.params)
      args.push_back(argument_of(type, input));
    std::vector<Val> results(exported.type.func.results.size());
    store.set_fuel(limits.fuel);
    ++outcome.calls;
    const Result<void> called = function.value().call(store, args, results);
    outcome.last = called.error();
    if (called.error() == Error::out_of_memory) return Error::out_of_memory;
    mix(outcome.digest, static_cast<uint64_t>(called.error()));
    if (!called.ok()) continue;
    for (const Val& result : results)
      mix(outcome.digest, bits_of(result));
  }
  return outcome;
}

} // namespace ebb::fuzz
