// See pages.h.
#include "tools/ebb/pages.h"

#include <cstdint>

#include <sys/mman.h>

namespace ebb::tool {

namespace {
constexpr size_t granule = 65536; // a multiple of every page size
}

Pages::~Pages() {
  if (bytes_) munmap(bytes_, size_);
}

bool Pages::grow(size_t bytes) {
  if (bytes <= size_) return true;
  if (bytes > SIZE_MAX / 2) return false;
  const size_t size = (bytes + granule - 1) / granule * granule;
  void* pages =
      bytes_ ? mremap(bytes_, size_, size, MREMAP_MAYMOVE)
             : mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) return false;
  bytes_ = static_cast<unsigned char*>(pages);
  size_ = size;
  return true;
}

} // namespace ebb::tool
