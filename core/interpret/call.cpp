// Calls that leave the fast path: frames that do not fit, other instances, the host.
//
// A call within an instance leaves one record: where to return to and what runs. A call that leaves
// its instance puts a boundary record on top, which keeps the caller's instance and returns to code
// of the machine's own that restores it.
#include "core/interpret/machine_state.h"
#include "core/interpret/threading.h"
#include "core/state/prepare.h"

namespace ebb {
namespace {

uint64_t* stop(Machine& m, Error error) {
  m.error = error;
  return nullptr;
}

uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }

/// Makes room for `numbers` slots at `outgoing` and `refs` references below the outgoing ones, of
/// which the first `live` hold arguments. Returns the frame pointer, which may have moved.
uint64_t* reserve(Machine& m, uint64_t* fp, uint32_t outgoing, uint32_t outgoing_refs,
                  SlotCounts live, size_t numbers, size_t refs) {
  StackPosition position{m.record, fp + outgoing + live.numbers, m.rp - outgoing_refs - live.refs};
  const size_t more_numbers = numbers > live.numbers ? numbers - live.numbers : 0;
  const size_t more_refs = refs > live.refs ? refs - live.refs : 0;
  const Result<void> reserved = stack_reserve(m.store, position, more_numbers, more_refs);
  if (!reserved.ok()) return stop(m, reserved.error());
  m.record = position.record;
  m.refresh_record_end();
  m.rp = position.refs + live.refs + outgoing_refs;
  return position.numbers - live.numbers - outgoing;
}

bool frame_fits(const Machine& m, const uint64_t* fp, uint32_t outgoing, uint32_t outgoing_refs,
                size_t extent) {
  return fp + outgoing + extent <= m.rp - outgoing_refs && m.record < m.record_end;
}

uint64_t* call_host(Machine& m, uint64_t* fp, const CallSite& site, const HostFunction& host) {
  const uint32_t numbers = larger(host.params.numbers, host.results.numbers);
  const uint32_t refs = larger(host.params.refs, host.results.refs);
  if (!frame_fits(m, fp, site.outgoing, site.outgoing_refs, numbers + refs)) {
    fp = reserve(m, fp, site.outgoing, site.outgoing_refs, host.params, numbers, refs);
    if (fp == nullptr) return nullptr;
  }
  StoreState& store = m.store;
  // Results are references that the host writes; until then they must not be anything else.
  for (uint32_t i = host.params.refs; i < refs; i++)
    m.rp[-1 - static_cast<ptrdiff_t>(site.outgoing_refs + i)] = null_ref;
  const MachinePosition before = store.position;
  const size_t fp_at = static_cast<size_t>(fp - store.stack.numbers);
  const size_t rp_at = static_cast<size_t>(store.stack.end - m.rp);
  const size_t record_at = static_cast<size_t>(m.record - store.stack.records);
  store.position = {site.pc, fp_at + site.outgoing + numbers, rp_at + site.outgoing_refs + refs,
                    record_at, m.instance};
  const Error error =
      host.function(host.context, store, fp + site.outgoing, m.rp - site.outgoing_refs);
  store.position = before;
  // The host may have called back, which may have moved the stack or grown the memory.
  fp = store.stack.numbers + fp_at;
  m.rp = store.stack.end - rp_at;
  m.record = store.stack.records + record_at;
  m.refresh_record_end();
  m.refresh_memory();
  if (error == Error::pending) {
    m.is_suspended = true;
    m.fp = fp;
  }
  if (error != Error::none) return stop(m, error);
  m.called_host = true;
  m.pc = site.return_pc;
  return fp;
}

} // namespace

const Function& running_function(const Machine& m) {
  const CallRecord* record = m.record - 1;
  if (code_is(*m.instance->module, record->return_pc, Form::return_boundary_nnnn)) record--;
  return *record->function;
}

uint64_t* machine_prepare(Machine& m, uint64_t* fp) {
  if (is_small_build) EBB_UNREACHABLE();
  ModuleImage& image = *m.instance->module;
  CallRecord* record = m.record - 1;
  const bool is_boundary = code_is(image, record->return_pc, Form::return_boundary_nnnn);
  if (is_boundary) record--;
  const uint32_t ordinal = image.index_of(*record->function).value - image.decl.imported_functions;
  const Result<void> prepared = prepare_function(m.store.engine, image, ordinal);
  if (!prepared.ok()) return stop(m, prepared.error());
  const Function& function = image.function(ordinal);
  record->function = &function;
  if (!frame_fits(m, fp, 0, 0, function.extent)) {
    fp = reserve(m, fp, 0, 0, image.params_of(function), function.extent - function.frame_refs,
                 function.frame_refs);
    if (fp == nullptr) return nullptr;
  }
  m.pc = entry_of(image, function);
  return fp;
}

uint64_t* machine_grow(Machine& m, uint64_t* fp, const CallSite& site, const ModuleImage& module,
                       const Function& callee) {
  return reserve(m, fp, site.outgoing, site.outgoing_refs, module.params_of(callee),
                 callee.extent - callee.frame_refs, callee.frame_refs);
}

uint64_t* machine_call(Machine& m, uint64_t* fp, const CallSite& site, FuncRef target) {
  m.called_host = false;
  if (target.instance == host_instance_id) {
    const HostFunction host = m.store.host_functions[target.function];
    fp = call_host(m, fp, site, host);
    // As after any call, the code that follows takes this step back.
    if (fp != nullptr) m.rp -= site.outgoing_refs;
    return fp;
  }
  InstanceState* instance = m.store.instances[target.instance];
  const Function& callee = instance->module->function(target.function);
  if (!frame_fits(m, fp, site.outgoing, site.outgoing_refs, callee.extent)) {
    fp = machine_grow(m, fp, site, *instance->module, callee);
    if (fp == nullptr) return nullptr;
  }
  *m.record++ = CallRecord{site.return_pc, {&callee}};
  if (instance != m.instance) {
    CallRecord boundary{m.instance->module->boundary_code, {}};
    boundary.instance = m.instance;
    *m.record++ = boundary;
    m.set_instance(instance);
  }
  m.rp -= site.outgoing_refs;
  m.pc = entry_of(*instance->module, callee);
  return fp + site.outgoing;
}

uint64_t* machine_tail_call(Machine& m, uint64_t* fp, const CallSite& site, FuncRef target) {
  only_with(Feature::tail_calls);
  m.called_host = false;
  if (target.instance == host_instance_id) {
    const HostFunction host = m.store.host_functions[target.function];
    fp = call_host(m, fp, site, host);
    if (fp == nullptr) return nullptr;
    memmove(fp, fp + site.outgoing, host.results.numbers * sizeof(uint64_t));
    memmove(m.rp - host.results.refs, m.rp - site.outgoing_refs - host.results.refs,
            host.results.refs * sizeof(RefBits));
    return fp;
  }
  InstanceState* instance = m.store.instances[target.instance];
  const Function& callee = instance->module->function(target.function);
  if (!frame_fits(m, fp, site.outgoing, site.outgoing_refs, callee.extent)) {
    fp = machine_grow(m, fp, site, *instance->module, callee);
    if (fp == nullptr) return nullptr;
  }
  const SlotCounts params = instance->module->params_of(callee);
  memmove(fp, fp + site.outgoing, params.numbers * sizeof(uint64_t));
  memmove(m.rp - params.refs, m.rp - site.outgoing_refs - params.refs,
          params.refs * sizeof(RefBits));
  CallRecord* own = m.record - 1;
  const bool has_boundary =
      code_is(*m.instance->module, own->return_pc, Form::return_boundary_nnnn);
  if (has_boundary) own--;
  own->function = &callee;
  if (instance != m.instance) {
    // Whoever called the running function belongs to its instance unless a boundary says otherwise;
    // that one stays.
    if (!has_boundary) {
      CallRecord boundary{m.instance->module->boundary_code, {}};
      boundary.instance = m.instance;
      *m.record++ = boundary;
    }
    m.set_instance(instance);
  }
  m.pc = entry_of(*instance->module, callee);
  return fp;
}

namespace {

TypeId type_of(const Machine& m, FuncRef callee) {
  if (callee.instance == host_instance_id) return m.store.host_functions[callee.function].type;
  const ModuleImage& module = *m.store.instances[callee.instance]->module;
  return module.type_of(module.functions[callee.function]);
}

/// The callee if it has the expected type, else null after setting `error`.
FuncRef typed(Machine& m, FuncRef callee, TypeId expected) {
  const TypeId type = type_of(m, callee);
  if (type == expected || m.store.engine.types.is_subtype(type, expected)) return callee;
  m.error = Error::indirect_call_type_mismatch;
  return {};
}

} // namespace

FuncRef machine_table_function(Machine& m, uint32_t table, uint64_t index, TypeId expected) {
  const TableState& elements = *m.instance->tables[table & ~far_address_64];
  if (index >= elements.size) {
    m.error = Error::undefined_element;
    return {};
  }
  const FuncRef callee = FuncRef::from_bits(elements.elements[index]);
  if (callee.is_null()) {
    m.error = Error::uninitialized_element;
    return {};
  }
  return typed(m, callee, expected);
}

FuncRef machine_ref_function(Machine& m, RefBits bits, TypeId expected) {
  only_with(Feature::function_references);
  const FuncRef callee = FuncRef::from_bits(bits);
  // An external reference has no instance either.
  if (callee.is_null()) {
    m.error = Error::null_function_reference;
    return {};
  }
  return typed(m, callee, expected);
}

void machine_suspend(Machine& m, uint64_t cost) {
  StoreState& store = m.store;
  const uint64_t paid = cost < store.fuel ? cost : store.fuel;
  store.fuel -= paid;
  m.debt = cost - paid;
  m.error = m.debt != 0 ? Error::out_of_fuel : Error::interrupted;
  m.is_suspended = true;
}

} // namespace ebb
