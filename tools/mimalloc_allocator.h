// The adapter of mimalloc: what the `ebb` command hands to the library as its Allocator. It lives
// beside the library, which never links mimalloc.
//
// Blocks come from mimalloc, pages from mmap. mimalloc takes segments of 32 MiB, so in a small
// address space
// (`ulimit -v`) it refuses even a hundred bytes; what it refuses is served from pages of the
// adapter's own, each run of them managed by a Pool, so that memory that is there is given. Safe
// for threads. Releasing never fails: what the kernel refuses to unmap is emptied and kept.
#pragma once

#include "collections/allocator.h"

namespace ebb {

Allocator mimalloc_allocator();

} // namespace ebb
