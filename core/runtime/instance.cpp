// Instances: their exports by index and by name.
#include "core/runtime/instance.h"

#include "core/binary/reader.h"
#include "core/runtime/instantiate.h"
#include "core/runtime/module.h"
#include "core/runtime/runtime_state.h"

namespace ebb {
namespace {

/// An instance that has a module. Fails: stale_handle, wrong_store.
Result<InstanceState*> find_with_module(StoreState& store, const Handle& handle) {
  const Result<InstanceState*> found = find_instance(store, handle);
  if (!found.ok()) return note(store, found.error());
  if (found.value()->module == nullptr) return note(store, Error::stale_handle);
  return found.value();
}

Result<const ExportDecl*> find_export(const ModuleImage& image, StringView name) {
  const ModuleDecl& decl = image.decl;
  size_t low = 0;
  size_t high = decl.exports.size();
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    const ExportDecl& candidate = decl.export_by_name(middle);
    const StringView text = text_of(image, candidate.name);
    if (text == name) return &candidate;
    if (text < name) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return Error::unknown_export;
}

} // namespace

Result<Instance> Instance::create(StoreRef ref, const Module& module,
                                  std::span<const Extern> imports) {
  StoreState& store = ref.state();
  begin_operation(store);
  if (&module.engine().state() != &store.engine) return note(store, Error::wrong_engine);
  Vec<Definition> definitions(store.heap);
  EBB_TRY(noted(store, definitions.reserve_exact(imports.size())));
  for (const Extern& import : imports)
    definitions.push_reserved(Definition(import));
  return instantiate(store, module.image(), definitions.span());
}

Result<size_t> Instance::export_count(StoreRef ref) const {
  return EBB_TRY(find_with_module(ref.state(), handle_))->module->decl.exports.size();
}

Result<ExportedExtern> Instance::export_at(StoreRef ref, size_t index) const {
  StoreState& store = ref.state();
  const InstanceState& instance = *EBB_TRY(find_with_module(store, handle_));
  const ModuleDecl& decl = instance.module->decl;
  if (index >= decl.exports.size()) return note(store, Error::out_of_range);
  const ExportDecl& found = decl.exports[index];
  return ExportedExtern{text_of(*instance.module, found.name),
                        extern_of(store, instance, found.kind, found.index)};
}

Result<Extern> Instance::get_export(StoreRef ref, StringView name) const {
  StoreState& store = ref.state();
  const InstanceState& instance = *EBB_TRY(find_with_module(store, handle_));
  const ExportDecl& found = *EBB_TRY(noted(store, find_export(*instance.module, name)));
  return extern_of(store, instance, found.kind, found.index);
}

Result<Func> Instance::get_func(StoreRef ref, StringView name) const {
  return noted(ref.state(), EBB_TRY(get_export(ref, name)).func());
}

Result<Memory> Instance::get_memory(StoreRef ref, StringView name) const {
  return noted(ref.state(), EBB_TRY(get_export(ref, name)).memory());
}

Result<Table> Instance::get_table(StoreRef ref, StringView name) const {
  return noted(ref.state(), EBB_TRY(get_export(ref, name)).table());
}

Result<Global> Instance::get_global(StoreRef ref, StringView name) const {
  return noted(ref.state(), EBB_TRY(get_export(ref, name)).global());
}

Result<void> Instance::release(StoreRef ref) const {
  StoreState& store = ref.state();
  InstanceState& instance = *EBB_TRY(noted(store, find_instance(store, handle_)));
  if (store.calls != 0 || store.host_depth != 0) return note(store, Error::busy);
  instance.released = true;
  instances_collect(store);
  return {};
}

} // namespace ebb
