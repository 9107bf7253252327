// What the classes of the public interface share behind it: errors noted in a store, names looked
// up, values in slots.
#pragma once

#include "core/runtime/extern.h"
#include "core/runtime/host_func.h"
#include "core/runtime/instance.h"
#include "core/state/host_records.h"
#include "core/state/store_state.h"

namespace ebb {

/// Begins an operation that may leave details in the store's diagnostic.
void begin_operation(StoreState& store);
/// Sees to it that the store's diagnostic tells about `error`, and returns it.
Error note(StoreState& store, Error error);
template <class T> Result<T> noted(StoreState& store, Result<T>&& result) {
  if (!result.ok()) return note(store, result.error());
  return static_cast<Result<T>&&>(result);
}

/// How code is compiled that must count fuel or be interruptible.
constexpr Metering metering_of(bool fuel, bool interruption) {
  return fuel ? Metering::fuel : interruption ? Metering::interruption : Metering::none;
}

/// The figures of a heap whose owner lies in a block of `self_bytes` that the heap does not count.
HeapStats stats_with_self(const Heap& heap, size_t self_bytes);

void retain_engine(EngineState& engine);
/// The last release frees the engine.
void release_engine(EngineState& engine);

// Names to what they name. Fail: stale_handle, wrong_store.
Result<InstanceState*> find_instance(const StoreState& store, const Handle& handle);
Result<FuncRef> find_func(const StoreState& store, const Handle& handle);
Result<MemoryState*> find_memory(const StoreState& store, const Handle& handle);
Result<TableState*> find_table(const StoreState& store, const Handle& handle);
Result<GlobalState*> find_global(const StoreState& store, const Handle& handle);
Result<TagState*> find_tag(const StoreState& store, const Handle& handle);

// What a store owns to its name.
Handle handle_of(const StoreState& store, const InstanceState& instance);
Handle handle_of(const StoreState& store, uint32_t owner, uint32_t index);
Func func_of(const StoreState& store, FuncRef ref);
/// What an instance calls `index` in the index space of a kind.
Extern extern_of(const StoreState& store, const InstanceState& instance, ExternKind kind,
                 uint32_t index);

TypeId type_of(const StoreState& store, FuncRef ref);

/// Whether a value may stand where a type is asked for. Fails: wrong_type, stale_handle,
/// wrong_store.
Result<void> check_val(const StoreState& store, const Val& val, ValType type);
/// How many entries of the store's externs a value takes.
inline size_t externs_of(const Val& val) {
  return (val.kind() == Val::Kind::extern_ || val.kind() == Val::Kind::any) && !val.is_null() ? 1
                                                                                              : 0;
}
size_t externs_of(std::span<const Val> vals);
/// A reference as it is stored, after check_val and externs_reserve.
RefBits ref_bits(StoreState& store, const Val& val);
Val val_of_ref(const StoreState& store, RefBits bits, ValType type);
/// Values to and from the slots of a sequence of types. Writing needs check_val and externs_reserve
/// before it.
void write_slots(StoreState& store, std::span<const ValType> types, std::span<const Val> vals,
                 uint64_t* numbers, RefBits* refs);
void read_slots(const StoreState& store, std::span<const ValType> types, std::span<Val> vals,
                const uint64_t* numbers, const RefBits* refs);

/// What the machine calls for each host function; `context` is its HostRecord.
Error host_entry(void* context, StoreState& store, uint64_t* numbers, RefBits* refs);
HostRecord record_of(const HostFunc& function);
/// The function type of a host function; the caller holds a reference. Fails: out_of_memory,
/// too_many_types.
Result<TypeId> intern_type(EngineState& engine, std::span<const ValType> params,
                           std::span<const ValType> results);

/// An instance without a module, which owns what the embedder makes: `counts` of each kind, not yet
/// filled. Fails: out_of_memory. On failure: the store is as it was.
Result<InstanceState*> bare_instance(StoreState& store, ExternKind kind);

/// The types of things of a store as they are now: memories and tables with their current size as
/// minimum.
MemoryType current_type(const MemoryState& memory);
TableType current_type(const TableState& table);

/// A function's name, where the module kept it.
StringView function_name(const ModuleImage& image, uint32_t function);
/// Text of the module's bytes.
StringView text_of(const ModuleImage& image, ByteRange range);
/// The declared type of something in a module's index spaces.
ExternType declared_type(const ModuleImage& image, ExternKind kind, uint32_t index);

} // namespace ebb
