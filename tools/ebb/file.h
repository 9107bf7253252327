// The bytes of a module's file, in memory of their own: a file that is changed while it is mapped
// would change a module that is already validated.
#pragma once

#include "tools/ebb/pages.h"

#include <cstdint>
#include <span>

namespace ebb::tool {

class File {
public:
  /// Reads a regular file or, up to its end, anything else that can be read. Null if that went
  /// well, else why not.
  const char* read(const char* path);
  std::span<const uint8_t> bytes() const { return {pages_.bytes(), size_}; }

private:
  const char* read_from(int descriptor);

  Pages pages_;
  size_t size_ = 0;
};

} // namespace ebb::tool
