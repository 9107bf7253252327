#include "core/artifact/module_image.h"

namespace ebb {

ModuleImage::ModuleImage(Heap& parent, size_t limit, TypeRegistry& types)
    : heap(parent, limit, Heap::Threads::many), registry(&types), decl(heap), owned_file(heap) {}

CompiledImage::CompiledImage(Heap& parent, size_t limit, TypeRegistry& types)
    : ModuleImage(parent, limit, types), owned_bytes(heap), owned_functions(heap),
      owned_constants(heap), owned_code(heap), owned_offset_map(heap), owned_offset_ranges(heap) {
  is_compiled = true;
}

void ModuleImage::release_threaded() {
  while (threaded) {
    const Block next = *static_cast<const Block*>(threaded.pointer);
    heap.release(threaded, alignof(uint64_t));
    threaded = next;
  }
}

} // namespace ebb
