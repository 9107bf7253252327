#include "core/artifact/module_image.h"

namespace ebb {

ModuleImage::ModuleImage(Heap& parent, size_t limit, TypeRegistry& types)
    : heap(parent, limit, Heap::Threads::one), registry(&types), decl(heap), owned_bytes(heap),
      owned_functions(heap), owned_constants(heap), owned_code(heap), offset_map(heap),
      offset_ranges(heap) {}

SlotCounts slot_counts(std::span<const ValType> types) {
  SlotCounts counts;
  for (const ValType type : types) {
    if (type.is_ref()) {
      ++counts.refs;
    } else {
      counts.numbers = static_cast<uint16_t>(counts.numbers + (type.is_v128() ? 2 : 1));
    }
  }
  return counts;
}

} // namespace ebb
