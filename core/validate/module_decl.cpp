#include "core/validate/module_decl.h"

#include <cstring>

namespace ebb {

TypeList& TypeList::operator=(TypeList&& other) noexcept {
  if (this == &other) return *this;
  clear();
  registry_ = other.registry_;
  ids_ = std::move(other.ids_);
  return *this;
}

Result<void> TypeList::intern(const RecGroup& group) {
  const size_t first = ids_.size();
  EBB_TRY(ids_.reserve(first + group.types.size()));
  TypeId placeholder;
  for (size_t i = 0; i < group.types.size(); ++i)
    ids_.push_reserved(placeholder);
  const Result<void> interned = registry_->intern(group, ids_.span().subspan(first));
  if (!interned) ids_.truncate(first);
  return interned;
}

void TypeList::clear() {
  for (TypeId id : ids_)
    registry_->release(id);
  ids_.clear();
}

ModuleDecl::ModuleDecl(Heap& heap)
    : types(nullptr, heap), imports(heap), functions(heap), tables(heap), memories(heap),
      globals(heap), tags(heap), exports(heap), exports_by_name(heap), elems(heap),
      elem_functions(heap), elem_inits(heap), datas(heap), bodies(heap), customs(heap),
      declared_functions(heap) {}

void ModuleDecl::shrink_to_fit() {
  types.shrink_to_fit();
  imports.shrink_to_fit();
  functions.shrink_to_fit();
  tables.shrink_to_fit();
  memories.shrink_to_fit();
  globals.shrink_to_fit();
  tags.shrink_to_fit();
  exports.shrink_to_fit();
  exports_by_name.shrink_to_fit();
  elems.shrink_to_fit();
  elem_functions.shrink_to_fit();
  elem_inits.shrink_to_fit();
  datas.shrink_to_fit();
  bodies.shrink_to_fit();
  customs.shrink_to_fit();
  declared_functions.shrink_to_fit();
}

ByteRange ModuleDecl::name_section() const {
  static constexpr char name[] = "name";
  for (const CustomSection& section : customs) {
    if (section.name.size == sizeof(name) - 1 &&
        memcmp(slice(section.name).data(), name, sizeof(name) - 1) == 0) {
      return section.bytes;
    }
  }
  return names;
}

} // namespace ebb
