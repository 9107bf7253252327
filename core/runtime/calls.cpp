// Calls from the host: entering the machine, values in and out, executions that can be suspended;
// and the way back, from the machine to host functions.
//
// Calls of a store form a list, the innermost first, which runs through the Call objects wherever
// they are moved. They are left in the reverse order of entering, but for an Execution that is
// dropped early: its part of the stack then goes with the call above it.
#include "core/interpret/machine.h"
#include "core/runtime/runtime_state.h"

namespace ebb {
namespace detail {
namespace {

/// What lies in Call::storage_.
struct CallState {
  Activation activation;
  MachinePosition
      leave_to; ///< Where the store stands after leaving, if an earlier call was dropped.
  bool has_leave_to;
};
static_assert(std::is_trivially_copyable_v<CallState>);

CallState& state_of(unsigned char* storage) { return *reinterpret_cast<CallState*>(storage); }
const CallState& state_of(const unsigned char* storage) {
  return *reinterpret_cast<const CallState*>(storage);
}

} // namespace

Call::Call(Call&& other) noexcept : store_(other.store_) { take(other); }

Call& Call::operator=(Call&& other) noexcept {
  if (this == &other) return *this;
  leave();
  store_ = other.store_;
  take(other);
  return *this;
}

void Call::take(Call& other) {
  type_ = other.type_;
  is_entered_ = other.is_entered_;
  below_ = other.below_;
  memcpy(storage_, other.storage_, sizeof(storage_));
  if (!is_entered_) return;
  Call** link = &store_->innermost_call;
  while (*link != &other)
    link = &(*link)->below_;
  *link = this;
  other.is_entered_ = false;
}

Result<void> Call::enter(const Func& func, size_t externs) {
  static_assert(sizeof(CallState) <= sizeof(storage_) && alignof(CallState) <= alignof(Call));
  EBB_ASSERT(!is_entered_);
  begin_operation(*store_);
  store_->trace_count = 0;
  store_->trace_depth = 0;
  const FuncRef callee = EBB_TRY(noted(*store_, find_func(*store_, func.handle())));
  if (externs != 0) EBB_TRY(noted(*store_, externs_reserve(*store_, externs)));
  const Result<Activation> entered = noted(*store_, machine_enter(*store_, callee));
  if (!entered.ok()) return entered.error();
  ::new (static_cast<void*>(storage_)) CallState{entered.value(), {}, false};
  type_ = type_of(*store_, callee).value;
  below_ = std::exchange(store_->innermost_call, this);
  is_entered_ = true;
  ++store_->calls;
  return {};
}

Error Call::run() {
  const Error error = machine_run(*store_, state_of(storage_).activation);
  return error == Error::none ? error : note(*store_, error);
}

Error Call::run_to_end() {
  // NOLINTNEXTLINE(ebb-unread-result): below a host call every reason to suspend ends the same way
  const Error error = run();
  if (!is_suspended()) return error;
  // What stands below this call cannot be suspended with it; an interruption is left to it.
  if (store_->host_depth != 0) return note(*store_, Error::cannot_suspend);
  if (error == Error::interrupted) store_->interrupt.store(0, std::memory_order_relaxed);
  return error;
}

void Call::leave() {
  if (!is_entered_) return;
  is_entered_ = false;
  --store_->calls;
  CallState& state = state_of(storage_);
  const MachinePosition before = state.has_leave_to ? state.leave_to : state.activation.base;
  if (store_->innermost_call == this) {
    store_->innermost_call = below_;
    machine_leave(*store_, state.activation);
    if (state.has_leave_to) store_->position = before;
    return;
  }
  Call* above = store_->innermost_call;
  while (above->below_ != this)
    above = above->below_;
  above->below_ = below_;
  CallState& above_state = state_of(above->storage_);
  above_state.leave_to = before;
  above_state.has_leave_to = true;
  const MachinePosition position = store_->position;
  machine_leave(*store_, state.activation);
  store_->position = position;
}

uint64_t* Call::numbers() const {
  return activation_numbers(*store_, state_of(storage_).activation);
}

uint64_t* Call::refs() const { return activation_refs(*store_, state_of(storage_).activation); }

bool Call::is_innermost() const { return is_entered_ && store_->innermost_call == this; }

Error Call::reason() const { return state_of(storage_).activation.pause.reason; }

bool Call::is_suspended() const {
  return state_of(storage_).activation.state == Activation::State::suspended;
}

uint64_t* HostSlots::numbers() const { return store->stack.numbers + numbers_at; }

uint64_t* HostSlots::refs() const { return store->stack.end - refs_at; }

Result<void> check_type(StoreState& store, const Func& func, std::span<const ValType> params,
                        std::span<const ValType> results) {
  const Result<FuncRef> found = noted(store, find_func(store, func.handle()));
  if (!found.ok()) return found.error();
  const TypeRegistry& types = store.engine.types;
  const SubType& type = types.get(type_of(store, found.value()));
  if (!types.is_subtype(params, type.params()) || !types.is_subtype(type.results(), results)) {
    return note(store, Error::wrong_type);
  }
  return {};
}

} // namespace detail

namespace {

/// Enters a call and writes its arguments.
Result<void> enter_with(detail::Call& call, const Func& func, std::span<const Val> args) {
  StoreState& store = call.store();
  begin_operation(store);
  const FuncRef callee = EBB_TRY(find_func(store, func.handle()));
  const SubType& type = store.engine.types.get(type_of(store, callee));
  if (args.size() != type.params().size()) return Error::argument_mismatch;
  for (size_t i = 0; i < args.size(); ++i)
    EBB_TRY(check_val(store, args[i], type.params()[i]));
  EBB_TRY(call.enter(func, externs_of(args)));
  write_slots(store, type.params(), args, call.numbers(), call.refs());
  return {};
}

} // namespace

/// With values on the native stack where they fit, else on the heap.
Error detail::enter_untyped(HostFunc::Target target, Caller& caller, const HostSlots& slots) {
  constexpr size_t inline_max = 6;
  StoreState& store = caller.state();
  const SubType& type = store.engine.types.get(TypeId{slots.type});
  const size_t param_count = type.params().size();
  const size_t count = param_count + type.results().size();
  Val inline_vals[inline_max];
  Vec<Val> heap_vals(store.heap);
  Val* vals = inline_vals;
  if (count > inline_max) {
    const Result<void> made = heap_vals.resize(count);
    if (!made.ok()) return made.error();
    vals = heap_vals.data();
  }
  const std::span<Val> args(vals, param_count);
  const std::span<Val> results(vals + param_count, type.results().size());
  read_slots(store, type.params(), args, slots.numbers(), slots.refs());
  for (size_t i = 0; i < results.size(); ++i)
    results[i] = Val::zero(type.results()[i]);
  const auto function = reinterpret_cast<UntypedHostFunction>(target);
  const Result<void> called = function(caller, args, results);
  if (!called.ok()) return called.error();
  for (size_t i = 0; i < results.size(); ++i) {
    const Result<void> checked = check_val(store, results[i], type.results()[i]);
    if (!checked.ok()) return checked.error();
  }
  const Result<void> reserved = externs_reserve(store, externs_of(results));
  if (!reserved.ok()) return reserved.error();
  write_slots(store, type.results(), results, slots.numbers(), slots.refs());
  return Error::none;
}

Error host_entry(void* context, StoreState& store, uint64_t* numbers, RefBits* refs) {
  const HostRecord& record = *static_cast<const HostRecord*>(context);
  const detail::HostSlots slots{&store, static_cast<size_t>(numbers - store.stack.numbers),
                                static_cast<size_t>(store.stack.end - refs), record.type.value};
  Caller caller(store, record.context);
  begin_operation(store);
  const uint32_t calls = store.calls;
  const Error error = reinterpret_cast<HostFunc::Entry>(record.entry)(record.target, caller, slots);
  // Executions that it leaves behind lie where the guest's stack goes on.
  while (store.calls > calls)
    store.innermost_call->leave();
  return error == Error::none ? error : note(store, error);
}

HostRecord record_of(const HostFunc& function) {
  HostRecord record;
  record.target = function.target;
  record.entry = reinterpret_cast<void (*)()>(function.entry);
  record.context = function.context;
  return record;
}

Result<TypeId> intern_type(EngineState& engine, std::span<const ValType> params,
                           std::span<const ValType> results) {
  constexpr size_t inline_max = 32;
  const size_t count = params.size() + results.size();
  ValType inline_values[inline_max];
  Vec<ValType> heap_values(engine.heap);
  ValType* values = inline_values;
  if (count > inline_max) {
    EBB_TRY(heap_values.resize(count));
    values = heap_values.data();
  }
  for (size_t i = 0; i < params.size(); ++i)
    values[i] = params[i];
  for (size_t i = 0; i < results.size(); ++i)
    values[params.size() + i] = results[i];
  return engine.types.intern_function({values, count}, params.size());
}

Result<Func> Func::wrap(StoreRef ref, const HostFunc& function) {
  StoreState& store = ref.state();
  begin_operation(store);
  const Result<TypeId> type =
      noted(store, intern_type(store.engine, function.params, function.results));
  if (!type.ok()) return type.error();
  const Result<FuncRef> made =
      noted(store, host_function(store, record_of(function), type.value(), &host_entry));
  store.engine.types.release(type.value());
  if (!made.ok()) return made.error();
  return func_of(store, made.value());
}

Result<FuncType> Func::type(StoreRef ref) const {
  const StoreState& store = ref.state();
  const FuncRef func = EBB_TRY(find_func(store, handle_));
  const SubType& type = store.engine.types.get(type_of(store, func));
  return FuncType{type.params(), type.results()};
}

Result<void> Func::call(StoreRef ref, std::span<const Val> args, std::span<Val> results) const {
  StoreState& store = ref.state();
  const Result<FuncType> type = noted(store, this->type(ref));
  if (!type.ok()) return type.error();
  if (results.size() != type.value().results.size()) return note(store, Error::result_mismatch);
  detail::Call call(store);
  EBB_TRY(noted(store, enter_with(call, *this, args)));
  const Error error = call.run_to_end();
  if (error != Error::none) return error;
  read_slots(store, type.value().results, results, call.numbers(), call.refs());
  return {};
}

Result<Execution> Func::start(StoreRef ref, std::span<const Val> args) const {
  detail::Call call(ref.state());
  EBB_TRY(noted(ref.state(), enter_with(call, *this, args)));
  return Execution(std::move(call));
}

Result<Execution::State> Execution::run() {
  if (!call_.is_innermost() || (state_ != State::ready && state_ != State::suspended)) {
    return note(call_.store(), Error::not_resumable);
  }
  const Error error = call_.run();
  // NOLINTNEXTLINE(ebb-swallowed-oom): a suspended call has not failed; `reason` returns the error
  if (error == Error::none) return state_ = State::done;
  if (call_.is_suspended()) {
    if (error == Error::interrupted) call_.store().interrupt.store(0, std::memory_order_relaxed);
    return state_ = State::suspended;
  }
  state_ = State::trapped;
  return error;
}

Result<void> Execution::results(std::span<Val> results) {
  StoreState& store = call_.store();
  if (state_ != State::done || !call_.is_entered()) return note(store, Error::not_resumable);
  const SubType& type = store.engine.types.get(TypeId{call_.type()});
  if (results.size() != type.results().size()) return note(store, Error::result_mismatch);
  read_slots(store, type.results(), results, call_.numbers(), call_.refs());
  return {};
}

void* Caller::host_data() const { return store_->host_data; }

Diagnostic& Caller::diagnostic() const { return store_->diagnostic; }

bool Caller::is_interrupted() const {
  return store_->interrupt.load(std::memory_order_relaxed) != 0;
}

Error Caller::exit(int32_t code) const {
  store_->diagnostic.set(Error::exit).set_exit_code(code);
  return Error::exit;
}

Result<Instance> Caller::instance() const {
  const InstanceState* instance = store_->position.instance;
  if (instance == nullptr || instance->module == nullptr)
    return note(*store_, Error::unknown_export);
  return Instance(handle_of(*store_, *instance));
}

Result<Extern> Caller::get_export(StringView name) const {
  return EBB_TRY(instance()).get_export(StoreRef(*store_), name);
}

Result<Memory> Caller::memory(StringView name) const {
  return EBB_TRY(instance()).get_memory(StoreRef(*store_), name);
}

} // namespace ebb
