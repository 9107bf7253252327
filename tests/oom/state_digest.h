// Digests of what an engine, a linker and a store are, as far as anyone could tell the difference:
// what a failed operation must leave as it was.
//
// Left out is what may change: declared slack (room that was reserved before a failure), counters
// of requests and peaks, and diagnostics. Addresses are part of a digest, so digests are compared
// within one process, before and after. This is the only part of the harness that looks into the
// runtime.
#pragma once

#include <ebb/ebb.h>

namespace ebb::oom {

/// Types, references, what the heap holds apart from slack of the linker's and stores given.
uint64_t digest(const Engine& engine);
/// All definitions.
uint64_t digest(const Linker& linker);
/// Instances and what they own and import, host functions, counters.
uint64_t digest(const Store& store);
/// Calls in progress and where the stack stands, which no call that has ended may have changed.
uint64_t activity_digest(const Store& store);
/// What guests can change: contents of memories and tables, globals, dropped segments.
uint64_t contents_digest(const Store& store);
/// Bytes of a store's linear memories and tables, which a digest of contents reads.
uint64_t contents_bytes(const Store& store);
/// A module as far as it is the same wherever it was loaded.
uint64_t digest(const Module& module);

/// What has been reserved and could be done without: an engine's tables of types; a store's stack
/// and the room in its lists.
size_t slack_bytes(const Engine& engine);
size_t slack_bytes(const Store& store);

} // namespace ebb::oom
