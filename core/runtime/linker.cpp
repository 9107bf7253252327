// Linkers: definitions by name, and modules with their imports found.
//
// Types of host functions are held by the linker, and by each InstancePre that uses them.
#include "core/runtime/linker.h"

#include "core/binary/reader.h"
#include "core/runtime/linker_state.h"
#include "core/runtime/runtime_state.h"

#include <cstring>

namespace ebb {
namespace {

using detail::Names;
using detail::NamesKey;

void release_type(EngineState& engine, const Definition& definition) {
  if (definition.is_host) engine.types.release(definition.record.type);
}

} // namespace

struct InstancePreState {
  InstancePreState(Module&& loaded, Heap& heap) : module(std::move(loaded)), imports(heap) {}
  Module module;
  Vec<Definition> imports;
  Block block;
  std::atomic<uint32_t> references{1};
};

namespace {

/// Adds or replaces. Takes the definition's hold on its type only if it succeeds.
Result<void> define_names(LinkerState& linker, const Names& names, const Definition& definition) {
  if (Definition* found = linker.definitions.find(names)) {
    if (!linker.shadowing) return Error::duplicate_definition;
    release_type(linker.engine, *found);
    *found = definition;
    return {};
  }
  NamesKey key{{}, names.module.size, names.name.size};
  if (key.module_bytes > VecBlock::bytes_max - key.name_bytes) return Error::out_of_memory;
  key.text = EBB_TRY(linker.engine.heap.allocate(key.module_bytes + key.name_bytes, 1));
  char* text = static_cast<char*>(key.text.pointer);
  if (key.module_bytes != 0) memcpy(text, names.module.data, key.module_bytes);
  if (key.name_bytes != 0) memcpy(text + key.module_bytes, names.name.data, key.name_bytes);
  const auto inserted = linker.definitions.insert(key, definition);
  if (!inserted.ok()) {
    linker.engine.heap.release(key.text, 1);
    return inserted.error();
  }
  return {};
}

void release_pre(InstancePreState* state) {
  if (state->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  const Engine engine = state->module.engine().clone();
  for (const Definition& import : state->imports)
    release_type(engine.state(), import);
  const Block block = state->block;
  state->~InstancePreState();
  engine.state().heap.release(block, alignof(InstancePreState));
}

/// What an import is defined as, its type checked as far as that can be without a store.
Result<const Definition*> resolve(const LinkerState& linker, const ModuleImage& image,
                                  const ImportDecl& import, Diagnostic* diagnostic) {
  const Names names{text_of(image, import.module), text_of(image, import.name)};
  const Definition* found = linker.definitions.find(names);
  if (found == nullptr) return link_error(diagnostic, Error::unknown_import, image, import);
  const bool fits =
      found->kind == import.kind &&
      (!found->is_host || func_matches(linker.engine.types, found->record.type,
                                       image.decl.function_type_id(FuncIndex{import.index})));
  if (!fits) return link_error(diagnostic, Error::incompatible_import_type, image, import);
  return found;
}

} // namespace

Result<Linker> Linker::create(const Engine& handle) {
  EngineState& engine = handle.state();
  const Block block = EBB_TRY(engine.heap.allocate(sizeof(LinkerState), alignof(LinkerState)));
  LinkerState* state = ::new (block.pointer) LinkerState(engine);
  state->block = block;
  retain_engine(engine);
  return Linker(state);
}

Linker::~Linker() {
  if (state_ == nullptr) return;
  EngineState& engine = state_->engine;
  for (const auto& entry : state_->definitions) {
    release_type(engine, entry.value);
    engine.heap.release(entry.key.text, 1);
  }
  const Block block = state_->block;
  state_->~LinkerState();
  engine.heap.release(block, alignof(LinkerState));
  release_engine(engine);
}

Linker& Linker::allow_shadowing(bool allow) {
  state_->shadowing = allow;
  return *this;
}

Result<void> Linker::define_func(StringView module, StringView name, const HostFunc& function) {
  HostRecord record = record_of(function);
  record.type = EBB_TRY(intern_type(state_->engine, function.params, function.results));
  const Result<void> defined = define_names(*state_, {module, name}, Definition(record));
  if (!defined.ok()) state_->engine.types.release(record.type);
  return defined;
}

Result<void> Linker::define(StoreRef ref, StringView module, StringView name, const Extern& value) {
  StoreState& store = ref.state();
  begin_operation(store);
  if (&store.engine != &state_->engine) return note(store, Error::wrong_engine);
  EBB_TRY(noted(store, find_instance(store, value.handle())));
  return noted(store, define_names(*state_, {module, name}, Definition(value)));
}

namespace {

void remove_names(LinkerState& linker, const Names& names) {
  // The key's block outlives the removal, which compares with it.
  for (const auto& entry : linker.definitions) {
    if (!(entry.key == names)) continue;
    const Block text = entry.key.text;
    linker.definitions.remove(names);
    linker.engine.heap.release(text, 1);
    return;
  }
}

/// Gives every name a definition, or none: first new names get one that names nothing, which may
/// fail and can be undone; then all get theirs. `name_of(i)` and `definition_of(i)` are asked for i
/// below `count`. Fails: duplicate_definition, out_of_memory. On failure: the linker is as it was.
template <class NameOf, class DefinitionOf>
Result<void> define_all(LinkerState& linker, StringView module, size_t count, NameOf&& name_of,
                        DefinitionOf&& definition_of) {
  if (!linker.shadowing) {
    for (size_t i = 0; i < count; ++i) {
      if (linker.definitions.contains(Names{module, name_of(i)})) {
        return Error::duplicate_definition;
      }
    }
  }
  EBB_TRY(linker.definitions.reserve(linker.definitions.size() + count));
  const Definition nothing{Extern()};
  for (size_t i = 0; i < count; ++i) {
    const Names names{module, name_of(i)};
    if (linker.definitions.contains(names)) continue;
    const Result<void> added = define_names(linker, names, nothing);
    if (added.ok()) continue;
    for (size_t j = 0; j < i; ++j) {
      const Names before{module, name_of(j)};
      const Definition* found = linker.definitions.find(before);
      if (found != nullptr && !found->is_host && found->handle.is_null()) {
        remove_names(linker, before);
      }
    }
    return added;
  }
  for (size_t i = 0; i < count; ++i) {
    Definition& definition = *linker.definitions.find(Names{module, name_of(i)});
    release_type(linker.engine, definition);
    definition = definition_of(i);
  }
  return {};
}

} // namespace

Result<void> Linker::define_funcs(StringView module, std::span<const NamedHostFunc> functions) {
  EngineState& engine = state_->engine;
  Vec<TypeId> types(engine.heap);
  EBB_TRY(types.reserve_exact(functions.size()));
  const auto define = [&]() -> Result<void> {
    for (const NamedHostFunc& function : functions) {
      types.push_reserved(
          EBB_TRY(intern_type(engine, function.function.params, function.function.results)));
    }
    return define_all(
        *state_, module, functions.size(), [&](size_t i) { return functions[i].name; },
        [&](size_t i) {
          HostRecord record = record_of(functions[i].function);
          record.type = types[i];
          return Definition(record);
        });
  };
  const Result<void> defined = define();
  if (!defined.ok()) {
    for (const TypeId type : types)
      engine.types.release(type);
  }
  return defined;
}

Result<void> Linker::define_instance(StoreRef ref, StringView module, const Instance& instance) {
  StoreState& store = ref.state();
  begin_operation(store);
  const size_t count = EBB_TRY(instance.export_count(ref));
  if (&store.engine != &state_->engine) return note(store, Error::wrong_engine);
  // NOLINTNEXTLINE(ebb-unread-result): the handle is good and the index below the count
  const auto exported = [&](size_t i) { return instance.export_at(ref, i).value(); };
  return noted(store, define_all(
                          *state_, module, count, [&](size_t i) { return exported(i).name; },
                          [&](size_t i) { return Definition(exported(i).value); }));
}

Result<Extern> Linker::get(StoreRef ref, StringView module, StringView name) const {
  StoreState& store = ref.state();
  begin_operation(store);
  const Definition* found = state_->definitions.find(Names{module, name});
  if (found == nullptr) return note(store, Error::unknown_import);
  if (!found->is_host) {
    EBB_TRY(noted(store, find_instance(store, found->handle)));
    return found->value();
  }
  if (&store.engine != &state_->engine) return note(store, Error::wrong_engine);
  const FuncRef func =
      EBB_TRY(noted(store, host_function(store, found->record, found->record.type, &host_entry)));
  return Extern(func_of(store, func));
}

Result<InstancePre> Linker::instantiate_pre(const Module& module, Diagnostic* diagnostic) const {
  const auto report = [&](Error error) {
    if (diagnostic != nullptr) diagnostic->set(error);
    return error;
  };
  EngineState& engine = state_->engine;
  if (&module.engine().state() != &engine) return report(Error::wrong_engine);
  const ModuleImage& image = module.image();
  for (const ImportDecl& import : image.decl.imports)
    EBB_TRY(resolve(*state_, image, import, diagnostic));

  const Result<Block> block =
      engine.heap.allocate(sizeof(InstancePreState), alignof(InstancePreState));
  if (!block.ok()) return report(block.error());
  InstancePreState* state =
      ::new (block.value().pointer) InstancePreState(module.clone(), engine.heap);
  state->block = block.value();
  InstancePre pre(state);
  const Result<void> reserved = state->imports.reserve_exact(image.decl.imports.size());
  if (!reserved.ok()) return report(reserved.error());
  for (const ImportDecl& import : image.decl.imports) {
    const Definition& found = *EBB_TRY(resolve(*state_, image, import, diagnostic));
    if (found.is_host) engine.types.retain(found.record.type);
    state->imports.push_reserved(found);
  }
  return pre;
}

Result<Instance> Linker::instantiate(StoreRef ref, const Module& module) const {
  StoreState& store = ref.state();
  begin_operation(store);
  const Result<InstancePre> pre = instantiate_pre(module, &store.diagnostic);
  if (!pre.ok()) return note(store, pre.error());
  return pre.value().instantiate(ref);
}

InstancePre::~InstancePre() {
  if (state_ != nullptr) release_pre(state_);
}

InstancePre InstancePre::clone() const {
  state_->references.fetch_add(1, std::memory_order_relaxed);
  return InstancePre(state_);
}

std::span<const Definition> InstancePre::definitions() const { return state_->imports.span(); }

const Module& InstancePre::module() const { return state_->module; }

Result<Instance> InstancePre::instantiate(StoreRef ref) const {
  StoreState& store = ref.state();
  if (&state_->module.engine().state() != &store.engine) return note(store, Error::wrong_engine);
  return ebb::instantiate(store, state_->module.image(), state_->imports.span());
}

} // namespace ebb
