// The C library's allocator as an Allocator: here a crash checker such as ASan sees each block.
#pragma once

#include "collections/allocator.h"

namespace ebb::spec {

Allocator system_allocator();

} // namespace ebb::spec
