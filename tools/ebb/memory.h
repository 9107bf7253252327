// Memory: the allocator that a command line asks for.
#pragma once

#include "collections/allocator.h"
#include "tools/ebb/options.h"
#include "tools/ebb/pages.h"

namespace ebb::tool {

class Memory {
public:
  /// Null if that went well, else why not.
  const char* create(const Options& options);
  const Allocator& allocator() const { return allocator_; }

private:
  Allocator allocator_;
  Pages pool_pages_;
};

} // namespace ebb::tool
