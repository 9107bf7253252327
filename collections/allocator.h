// Allocator: the one door through which all memory enters, heap blocks and OS pages alike.
//
// A plain struct of functions that the embedder fills in. It must be safe for threads if the engine
// is shared by threads. Every function may refuse, except those that give memory back.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ebb {

/// What an allocation gave: the address and the bytes that may be used, which are at least those
/// asked for. Those bytes, not the ones asked for, are charged and are handed back on release. Null
/// on refusal.
struct Block {
  void* pointer = nullptr;
  size_t bytes = 0;
  explicit operator bool() const { return pointer != nullptr; }
};

/// Whole pages of the operating system; sizes and addresses are multiples of `page_bytes`.
struct PageAllocator {
  size_t page_bytes;
  /// Address space without memory behind it; null on refusal.
  void* (*reserve)(void* context, size_t bytes);
  /// Puts zeroed memory behind a part of a reservation. False on refusal; nothing has changed then.
  bool (*commit)(void* context, void* pointer, size_t bytes);
  /// Takes the memory behind a part away; what is committed again reads as zero. Cannot fail.
  void (*decommit)(void* context, void* pointer, size_t bytes);
  /// Grows a fully committed reservation of `old_bytes` to `new_bytes`, committed and zeroed,
  /// moving it if it must. Null on refusal (the old one stays) or where the OS cannot; the caller
  /// then reserves, copies and releases.
  void* (*grow)(void* context, void* pointer, size_t old_bytes, size_t new_bytes);
  /// Gives a whole reservation back. Cannot fail: what a kernel refuses to unmap is decommitted and
  /// kept.
  void (*release)(void* context, void* pointer, size_t bytes);
};

struct Allocator {
  void* context = nullptr;
  /// `align` is a power of two. `zeroed` asks for zero bytes.
  Block (*allocate)(void* context, size_t bytes, size_t align, bool zeroed) = nullptr;
  /// Changes a block of `old_bytes` (as given) to at least `new_bytes`. Without `may_move` only in
  /// place. On refusal the result is null and the block is as it was. Shrinking (new_bytes <
  /// old_bytes) never fails and never moves: it gives back what it can and returns the bytes that
  /// the block still has.
  Block (*resize)(void* context, void* pointer, size_t old_bytes, size_t new_bytes, size_t align,
                  bool may_move) = nullptr;
  /// `bytes` are those given.
  void (*release)(void* context, void* pointer, size_t bytes, size_t align) = nullptr;
  /// Null where there are no pages.
  const PageAllocator* pages = nullptr;
};

} // namespace ebb
