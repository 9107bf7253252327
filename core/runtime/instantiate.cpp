// Instantiation in the order that makes failure harmless: check every import, allocate everything,
// then evaluate initializers, and only then write segments and run the start function.
//
// Up to the first segment the instance can be taken back without anyone having seen it. From then
// on the specification rules: what was written stays, and the instance lives while something
// reaches it; if nothing does, it goes at once.
#include "core/runtime/instantiate.h"

#include "core/interpret/machine.h"
#include "core/runtime/instance_block.h"
#include "core/state/load.h"

#include <cstring>

namespace ebb {

Extern Definition::value() const {
  EBB_ASSERT(!is_host);
  switch (kind) {
  case ExternKind::func:
    return Func(handle);
  case ExternKind::table:
    return Table(handle);
  case ExternKind::memory:
    return Memory(handle);
  case ExternKind::global:
    return Global(handle);
  case ExternKind::tag:
    break;
  }
  return Tag(handle);
}

bool func_matches(const TypeRegistry& types, TypeId actual, TypeId wanted) {
  return types.is_subtype(actual, wanted);
}

MemoryBacking default_backing(const StoreState& store) {
  return store.engine.settings.memory_pages && store.heap.has_pages() ? MemoryBacking::pages
                                                                      : MemoryBacking::heap_block;
}

FirstFrames first_frames(const ModuleImage& image, const Function* imported_start) {
  FirstFrames frames;
  const auto include = [&](const Function& function) {
    const size_t extent = function.extent;
    frames.numbers = extent > frames.numbers ? extent : frames.numbers;
    frames.refs = function.frame_refs > frames.refs ? function.frame_refs : frames.refs;
    frames.needed = true;
  };
  for (const Function& constant : image.constants)
    include(constant);
  const ModuleDecl& decl = image.decl;
  if (decl.start == no_function) return frames;
  if (decl.start.value >= decl.imported_functions)
    include(image.functions[decl.start.value - decl.imported_functions]);
  else if (imported_start != nullptr)
    include(*imported_start);
  frames.needed = true;
  return frames;
}

const Function* guest_function(const StoreState& store, FuncRef function) {
  if (function.instance == host_instance_id) return nullptr;
  return &store.instances[function.instance]->module->function(function.function);
}

Error link_error(Diagnostic* diagnostic, Error error, const ModuleImage& image,
                 const ImportDecl& import) {
  if (diagnostic != nullptr) {
    const StringView module = text_of(image, import.module);
    const StringView name = text_of(image, import.name);
    diagnostic->set(error).set_import(module.data, module.size, name.data, name.size);
  }
  return error;
}

namespace {

bool global_matches(const TypeRegistry& types, const GlobalType& actual, const GlobalType& wanted) {
  if (actual.is_mutable != wanted.is_mutable) return false;
  return wanted.is_mutable ? actual.type == wanted.type
                           : types.is_subtype(actual.type, wanted.type);
}

bool memory_matches(const MemoryType& actual, const MemoryType& wanted) {
  return actual.page_shift == wanted.page_shift && actual.is_shared == wanted.is_shared &&
         actual.limits.match(wanted.limits);
}

/// One instantiation, while it goes on.
class Instantiation {
public:
  Instantiation(StoreState& store, ModuleImage& image, std::span<const Definition> imports)
      : store_(store), image_(image), decl_(image.decl), imports_(imports),
        outgrown_instances_(store.heap), outgrown_functions_(store.heap) {}

  Result<Instance> run();

private:
  Result<void> check_imports();
  Result<bool> fits(const Definition& definition, const ImportDecl& import) const;
  Result<void> allocate();
  Result<void> allocate_parts();
  Result<void> import(const Definition& definition, const ImportDecl& import);
  Result<void> reserve_stack();
  Result<uint64_t> evaluate(const Init& init, uint64_t* high = nullptr);
  Result<void> initialize();
  Result<void> write_segments();
  Result<void> start();
  void give_up();

  StoreState& store_;
  ModuleImage& image_;
  const ModuleDecl& decl_;
  std::span<const Definition> imports_;
  InstanceState* instance_ = nullptr;
  // What the store had before, to be put back if this fails.
  size_t host_functions_before_ = 0;
  Vec<InstanceState*> outgrown_instances_;
  Vec<HostFunction> outgrown_functions_;
};

/// Whether what is defined has the type that is asked for. Fails: stale_handle, wrong_store.
Result<bool> Instantiation::fits(const Definition& definition, const ImportDecl& import) const {
  if (definition.kind != import.kind) return false;
  const TypeRegistry& types = store_.engine.types;
  switch (import.kind) {
  case ExternKind::func: {
    const TypeId actual = definition.is_host
                              ? definition.record.type
                              : type_of(store_, EBB_TRY(find_func(store_, definition.handle)));
    return func_matches(types, actual, decl_.function_type_id(FuncIndex{import.index}));
  }
  case ExternKind::table: {
    const TableType actual = current_type(*EBB_TRY(find_table(store_, definition.handle)));
    const TableType& wanted = decl_.tables[import.index].type;
    return actual.element == wanted.element && actual.limits.match(wanted.limits);
  }
  case ExternKind::memory: {
    const MemoryType actual = current_type(*EBB_TRY(find_memory(store_, definition.handle)));
    return memory_matches(actual, decl_.memories[import.index]);
  }
  case ExternKind::global: {
    const GlobalState& actual = *EBB_TRY(find_global(store_, definition.handle));
    return global_matches(types, actual.type, decl_.globals[import.index].type);
  }
  case ExternKind::tag:
    break;
  }
  return EBB_TRY(find_tag(store_, definition.handle))->type == decl_.tags[import.index];
}

Result<void> Instantiation::check_imports() {
  if (imports_.size() != decl_.imports.size()) return note(store_, Error::argument_mismatch);
  for (size_t i = 0; i < imports_.size(); ++i) {
    const Result<bool> fitting = fits(imports_[i], decl_.imports[i]);
    const Error error = !fitting.ok()     ? fitting.error()
                        : fitting.value() ? Error::none
                                          : Error::incompatible_import_type;
    if (error != Error::none) {
      return link_error(&store_.diagnostic, error, image_, decl_.imports[i]);
    }
  }
  return {};
}

Result<void> Instantiation::import(const Definition& definition, const ImportDecl& import) {
  switch (import.kind) {
  case ExternKind::func:
    instance_->imported_functions[import.index] =
        definition.is_host
            ? EBB_TRY(host_function(store_, definition.record, definition.record.type, &host_entry))
            : EBB_TRY(find_func(store_, definition.handle));
    break;
  case ExternKind::table:
    instance_->tables[import.index] = EBB_TRY(find_table(store_, definition.handle));
    break;
  case ExternKind::memory:
    instance_->memories[import.index] = EBB_TRY(find_memory(store_, definition.handle));
    break;
  case ExternKind::global:
    instance_->globals[import.index] = EBB_TRY(find_global(store_, definition.handle));
    break;
  case ExternKind::tag:
    instance_->tags[import.index] = EBB_TRY(find_tag(store_, definition.handle));
    break;
  }
  return {};
}

Result<void> Instantiation::allocate() {
  instance_ = EBB_TRY(make_instance(store_, instance_counts(decl_), outgrown_instances_));
  instance_->module = &image_;
  retain_module(image_);
  const Result<void> done = allocate_parts();
  if (!done.ok()) give_up();
  return done;
}

Result<void> Instantiation::allocate_parts() {
  size_t missing = 0;
  for (const Definition& definition : imports_) {
    if (definition.is_host && !has_host_function(store_, definition.record, definition.record.type))
      ++missing;
  }
  EBB_TRY(host_functions_reserve(store_, missing, outgrown_functions_));
  for (size_t i = 0; i < imports_.size(); ++i)
    EBB_TRY(import(imports_[i], decl_.imports[i]));
  for (uint32_t i = decl_.imported_globals; i < instance_->global_count; ++i)
    instance_->globals[i]->type = decl_.globals[i].type;
  for (uint32_t i = decl_.imported_tags; i < instance_->tag_count; ++i)
    instance_->tags[i]->type = decl_.tags[i];
  for (uint32_t i = decl_.imported_memories; i < instance_->memory_count; ++i) {
    MemoryState& memory = *instance_->memories[i];
    memory.type = decl_.memories[i];
    memory.backing = default_backing(store_);
    EBB_TRY(memory_allocate(store_, memory));
  }
  for (uint32_t i = decl_.imported_tables; i < instance_->table_count; ++i) {
    TableState& table = *instance_->tables[i];
    table.type = decl_.tables[i].type;
    EBB_TRY(table_allocate(store_, table, null_ref));
  }
  EBB_TRY(reserve_stack());
  return initialize();
}

Result<void> Instantiation::reserve_stack() {
  const bool starts_import =
      decl_.start != no_function && decl_.start.value < decl_.imported_functions;
  const FirstFrames frames = first_frames(
      image_, starts_import
                  ? guest_function(store_, instance_->imported_functions[decl_.start.value])
                  : nullptr);
  if (!frames.needed) return {};
  StackPosition position{store_.stack.records + store_.position.records,
                         store_.stack.numbers + store_.position.numbers,
                         store_.stack.end - store_.position.refs};
  return stack_reserve(store_, position, frames.numbers, frames.refs);
}

/// The bits of an initializer; of a v128 the low half, and the high half in `high`.
Result<uint64_t> Instantiation::evaluate(const Init& init, uint64_t* high) {
  switch (init.kind) {
  case Init::Kind::none:
  case Init::Kind::ref_null:
    return uint64_t{0};
  case Init::Kind::number:
    return init.bits;
  case Init::Kind::v128: {
    uint64_t halves[2] = {0, 0};
    const uint8_t* bytes = image_.bytes + init.range.offset;
    for (size_t i = 0; i < 16; ++i)
      halves[i / 8] |= uint64_t{bytes[i]} << (i % 8 * 8);
    if (high != nullptr) *high = halves[1];
    return halves[0];
  }
  case Init::Kind::ref_func:
    return func_ref_of(*instance_, init.index).bits();
  case Init::Kind::global_get: {
    const GlobalState& global = *instance_->globals[init.index];
    if (high != nullptr) *high = global.bits[1];
    return global.bits[0];
  }
  case Init::Kind::extended:
    break;
  }
  return machine_constant(store_, *instance_, image_.constants[init.index], init.type.is_ref());
}

Result<void> Instantiation::initialize() {
  for (uint32_t i = decl_.imported_globals; i < instance_->global_count; ++i) {
    GlobalState& global = *instance_->globals[i];
    global.bits[0] = EBB_TRY(evaluate(decl_.globals[i].init, &global.bits[1]));
  }
  for (uint32_t i = decl_.imported_tables; i < instance_->table_count; ++i) {
    const Init& init = decl_.tables[i].init;
    if (init.kind == Init::Kind::none || init.kind == Init::Kind::ref_null) continue;
    TableState& table = *instance_->tables[i];
    const RefBits value = EBB_TRY(evaluate(init));
    EBB_TRY(table_fill(table, 0, value, table.size));
  }
  return {};
}

Result<void> Instantiation::write_segments() {
  for (uint32_t i = 0; i < decl_.elems.size(); ++i) {
    const ElemDecl& elem = decl_.elems[i];
    if (elem.mode == SegmentMode::active) {
      const uint64_t to = EBB_TRY(evaluate(elem.offset));
      EBB_TRY(table_init(*instance_, elem.table.value, i, to, 0, elem.count));
    }
    if (elem.mode != SegmentMode::passive) instance_->dropped_elems[i] = 1;
  }
  for (uint32_t i = 0; i < decl_.datas.size(); ++i) {
    const DataDecl& data = decl_.datas[i];
    if (data.mode != SegmentMode::active) continue;
    const uint64_t to = EBB_TRY(evaluate(data.offset));
    EBB_TRY(memory_init(*instance_, data.memory.value, i, to, 0, data.bytes.size));
    instance_->dropped_datas[i] = 1;
  }
  return {};
}

Result<void> Instantiation::start() {
  if (decl_.start == no_function) return {};
  detail::Call call(store_);
  EBB_TRY(call.enter(func_of(store_, func_ref_of(*instance_, decl_.start.value)), 0));
  const Error error = call.run_to_end();
  if (error != Error::none) return error;
  return {};
}

/// Takes an instance back that nobody has seen.
void Instantiation::give_up() {
  instance_abandon(store_, *instance_, outgrown_instances_);
  instance_ = nullptr;
  host_functions_truncate(store_, host_functions_before_, outgrown_functions_);
}

Result<Instance> Instantiation::run() {
  EBB_TRY(check_imports());
  host_functions_before_ = store_.host_functions.size();
  EBB_TRY(allocate());
  Result<void> done = noted(store_, write_segments());
  if (done.ok()) done = start();
  if (done.ok()) return Instance(handle_of(store_, *instance_));
  instance_->released = true;
  if (store_.calls == 0 && store_.host_depth == 0) instances_collect(store_);
  return done.error();
}

} // namespace

Result<Instance> instantiate(StoreState& store, ModuleImage& image,
                             std::span<const Definition> imports) {
  begin_operation(store);
  store.trace_count = 0;
  store.trace_depth = 0;
  return noted(store, Instantiation(store, image, imports).run());
}

} // namespace ebb
