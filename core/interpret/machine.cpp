// Activations: entering the machine, running it, and what is left of a run when it stops.
#include "core/interpret/machine.h"

#include "core/interpret/machine_state.h"
#include "core/interpret/small_bulk.h"
#include "core/interpret/threading.h"
#include "core/state/load.h"
#include "core/state/machine_table.h"

namespace ebb {

const MachineTable& machine_table() {
#if defined(EBB_NO_THREADED)
  constexpr bool has_threaded = false;
#else
  constexpr bool has_threaded = true;
#endif
  if constexpr (is_small_build) {
    static constexpr MachineTable table{has_threaded, &make_ready, nullptr,
                                        nullptr,      nullptr,     nullptr};
    return table;
  } else {
    static constexpr MachineTable table{has_threaded, &make_ready,       &begin_threading,
                                        &thread_next, &finish_threading, &thread_function};
    return table;
  }
}

void Machine::refresh_memory() {
  if (instance != nullptr && instance->memory_count != 0) {
    memory = instance->memories[0]->base;
    memory_size = instance->memories[0]->size_bytes;
  } else {
    memory = nullptr;
    memory_size = 0;
  }
  constexpr uint64_t widest = sizeof(uint64_t);
  memory_bound = memory_size < widest ? 0 : memory_size - widest + 1;
}

void Machine::set_instance(InstanceState* next) {
  instance = next;
  const ModuleImage& module = *next->module;
  functions = module.functions.data();
  threaded = module.threaded_functions;
  code = module.code.data();
  lazy = module.has_lazy_functions() ? module.lazy.data() : nullptr;
  is_lazy = module.is_lazy();
  if (!is_small_build)
    fuel = module.metering == Metering::interruption ? &flag_address : &store.fuel;
  free_bulk = module.metering == Metering::fuel ? 0 : small_bulk_max;
  refresh_memory();
}

namespace {

/// Whether a record is the boundary above a call that left its instance.
bool is_boundary(const ModuleImage& image, const CallRecord& record) {
  return code_is(image, record.return_pc, Form::return_boundary_nnnn);
}

void run_machine(Machine& m, const uint8_t* pc, uint64_t* fp) {
  if (m.instance->module->runs_compact())
    run_compact(m, pc, fp);
  else
    run_threaded(m, pc, fp);
}

/// Notes the frames of a run that ended in an error, the innermost first. Not in small builds.
__attribute__((noinline)) void note_trace(Machine& m, const CallRecord* bottom) {
  if (is_small_build) return;
  StoreState& store = m.store;
  const InstanceState* instance = m.instance;
  const uint8_t* pc = m.pc;
  store.trace_count = store.trace_depth = 0;
  for (const CallRecord* record = m.record; record-- > bottom;) {
    const InstanceState* caller = instance;
    if (is_boundary(*instance->module, *record)) {
      caller = record->instance;
      EBB_ASSERT(record > bottom);
      record--;
    }
    const Function& function = *record->function;
    if (store.trace_count < StoreState::trace_frames_max)
      store.trace[store.trace_count++] = {instance->id, instance->module->index_of(function).value,
                                          wasm_offset_of(*instance->module, function, pc)};
    store.trace_depth++;
    instance = caller;
    pc = record->return_pc - 1;
  }
  if (store.trace_count != 0 && store.diagnostic.function == Diagnostic::no_function) {
    store.diagnostic.set_function(store.trace[0].function);
    if (store.trace[0].wasm_offset != UINT32_MAX)
      store.diagnostic.set_offset(store.trace[0].wasm_offset);
  }
}

/// The position of a stopped machine in the store.
MachinePosition position_of(const Machine& m) {
  const Stack& stack = m.store.stack;
  return {m.pc, static_cast<size_t>(m.fp - stack.numbers), static_cast<size_t>(stack.end - m.rp),
          static_cast<size_t>(m.record - stack.records), m.instance};
}

/// Whether a machine that has stopped gave back all that it took.
[[maybe_unused]] bool is_at(const Machine& m, const MachinePosition& base) {
  const MachinePosition at = position_of(m);
  return at.numbers == base.numbers && at.refs == base.refs && at.records == base.records;
}

/// Suspends an activation; the slots that it needs from its position on stay in use.
Error suspend(StoreState& store, Activation& activation, Error reason, size_t numbers,
              size_t refs) {
  activation.state = Activation::State::suspended;
  activation.pause.reason = reason;
  store.suspended++;
  store.position = activation.pause.position;
  store.position.numbers += numbers;
  store.position.refs += refs;
  return reason;
}

Error run_host(StoreState& store, Activation& activation) {
  const HostFunction host = store.host_functions[activation.callee.function];
  uint64_t* numbers = store.stack.numbers + activation.base.numbers;
  RefBits* refs = store.stack.end - activation.base.refs;
  const size_t number_count =
      host.params.numbers > host.results.numbers ? host.params.numbers : host.results.numbers;
  const size_t ref_count =
      host.params.refs > host.results.refs ? host.params.refs : host.results.refs;
  store.position.numbers += number_count;
  store.position.refs += ref_count;
  store.host_depth++;
  const Error error = host.function(host.context, store, numbers, refs);
  store.host_depth--;
  store.position = activation.base;
  if (error == Error::pending) {
    activation.pause.position = activation.base;
    return suspend(store, activation, error, number_count, ref_count);
  }
  activation.state = Activation::State::finished;
  return error;
}

/// Pays what a suspended run owes, or what there is. False if it still owes something.
bool pay_debt(StoreState& store, Pause& pause) {
  const uint64_t paid = pause.debt < store.fuel ? pause.debt : store.fuel;
  store.fuel -= paid;
  pause.debt -= paid;
  return pause.debt == 0;
}

/// Puts the machine where a suspended run goes on.
const uint8_t* go_on(StoreState& store, const Pause& pause, Machine& m, uint64_t*& fp) {
  m.set_instance(pause.position.instance);
  m.record = store.stack.records + pause.position.records;
  m.rp = store.stack.end - pause.position.refs;
  m.values = pause.values;
  m.progress = pause.progress;
  fp = store.stack.numbers + pause.position.numbers;
  return pause.position.pc;
}

/// Puts the machine at the start of the callee.
const uint8_t* begin(StoreState& store, const Activation& activation, Machine& m, uint64_t*& fp) {
  InstanceState* instance = store.instances[activation.callee.instance];
  const Function& function = instance->module->function(activation.callee.function);
  m.set_instance(instance);
  m.record = store.stack.records + activation.base.records;
  m.rp = store.stack.end - activation.base.refs;
  fp = store.stack.numbers + activation.base.numbers;
  *m.record++ = CallRecord{instance->module->exit_code, {&function}};
  return entry_of(*instance->module, function);
}

Error suspend_guest(StoreState& store, Activation& activation, const Machine& m) {
  activation.pause.position = position_of(m);
  activation.pause.values = m.values;
  activation.pause.debt = m.debt;
  activation.pause.progress = m.progress;
  const Function& running = running_function(m);
  return suspend(store, activation, m.error, running.extent - running.frame_refs,
                 running.frame_refs);
}

} // namespace

Result<Activation> machine_enter(StoreState& store, FuncRef callee) {
  EBB_ASSERT(!callee.is_null());
  if (store.host_depth >= store.engine.settings.host_depth_max) return Error::call_stack_exhausted;
  size_t numbers = 0;
  size_t refs = 0;
  size_t cleared = 0;
  if (callee.instance == host_instance_id) {
    const HostFunction& host = store.host_functions[callee.function];
    numbers =
        host.params.numbers > host.results.numbers ? host.params.numbers : host.results.numbers;
    refs = host.params.refs > host.results.refs ? host.params.refs : host.results.refs;
    cleared = refs;
  } else {
    const ModuleImage& module = *store.instances[callee.instance]->module;
    const Function& function = module.function(callee.function);
    numbers = function.extent;
    refs = function.frame_refs;
    cleared = refs == 0 ? 0 : module.params_of(function).refs;
  }
  StackPosition position{store.stack.records + store.position.records,
                         store.stack.numbers + store.position.numbers,
                         store.stack.end - store.position.refs};
  EBB_TRY(stack_reserve(store, position, numbers, refs));
  for (size_t i = 1; i <= cleared; i++)
    position.refs[-static_cast<ptrdiff_t>(i)] = null_ref;
  Activation activation;
  activation.callee = callee;
  activation.base = store.position;
  return activation;
}

uint64_t* activation_numbers(StoreState& store, const Activation& activation) {
  return store.stack.numbers + activation.base.numbers;
}

RefBits* activation_refs(StoreState& store, const Activation& activation) {
  return store.stack.end - activation.base.refs;
}

Error machine_run(StoreState& store, Activation& activation) {
  EBB_ASSERT(activation.state != Activation::State::finished);
  store.trace_count = store.trace_depth = 0;
  const bool was_suspended = activation.state == Activation::State::suspended;
  if (was_suspended) {
    if (!pay_debt(store, activation.pause)) return Error::out_of_fuel;
    store.suspended--;
    // While suspended, the store stood above this activation's frames.
    store.position = activation.base;
  }
  if (activation.callee.instance == host_instance_id) return run_host(store, activation);
  Machine m(store);
  m.refresh_record_end();
  uint64_t* fp = nullptr;
  const uint8_t* pc =
      was_suspended ? go_on(store, activation.pause, m, fp) : begin(store, activation, m, fp);
  store.host_depth++;
  run_machine(m, pc, fp);
  store.host_depth--;
  if (m.is_suspended) return suspend_guest(store, activation, m);
  activation.state = Activation::State::finished;
  EBB_ASSERT(m.error != Error::none || is_at(m, activation.base));
  if (m.error != Error::none) {
    if (store.diagnostic.error != m.error) {
      store.diagnostic.clear();
      store.diagnostic.set(m.error);
    }
    note_trace(m, store.stack.records + activation.base.records);
  }
  store.position = activation.base;
  return m.error;
}

void machine_leave(StoreState& store, Activation& activation) {
  if (activation.state == Activation::State::suspended) store.suspended--;
  activation.state = Activation::State::finished;
  store.position = activation.base;
}

Result<uint64_t> machine_constant(StoreState& store, InstanceState& instance,
                                  const Function& constant, bool is_ref) {
  StackPosition position{store.stack.records + store.position.records,
                         store.stack.numbers + store.position.numbers,
                         store.stack.end - store.position.refs};
  EBB_TRY(stack_reserve(store, position, constant.extent, constant.frame_refs));
  Machine m(store);
  m.refresh_record_end();
  m.set_instance(&instance);
  m.record = position.record;
  m.rp = position.refs;
  *m.record++ = CallRecord{instance.module->exit_code, {&constant}};
  run_machine(m, entry_of(*instance.module, constant), position.numbers);
  EBB_ASSERT(m.error == Error::none);
  return is_ref ? position.refs[-1] : position.numbers[0];
}

} // namespace ebb
