#include "collections/fault_injector.h"

#include "error/assert.h"

#include <cstring>
#include <new>
#include <utility>

namespace ebb {
namespace {

constexpr int fresh_byte = 0xcd;
constexpr int freed_byte = 0xdd;

/// splitmix64: every request number of every seed gives an unrelated number.
uint64_t scramble(uint64_t value) {
  value += 0x9e3779b97f4a7c15u;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

} // namespace

/// The functions that the Allocator points at.
struct InjectorHooks {
  static FaultInjector& of(void* context) { return *static_cast<FaultInjector*>(context); }
  static Block allocate(void* context, size_t bytes, size_t align, bool zeroed) {
    return of(context).allocate(bytes, align, zeroed);
  }
  static Block resize(void* context, void* pointer, size_t old_bytes, size_t new_bytes,
                      size_t align, bool may_move) {
    return of(context).resize(pointer, old_bytes, new_bytes, align, may_move);
  }
  static void release(void* context, void* pointer, size_t bytes, size_t align) {
    of(context).release(pointer, bytes, align);
  }
  static void* reserve(void* context, size_t bytes) { return of(context).reserve_pages(bytes); }
  static bool commit(void* context, void* pointer, size_t bytes) {
    return of(context).commit_pages(pointer, bytes);
  }
  static void decommit(void* context, void* pointer, size_t bytes) {
    of(context).decommit_pages(pointer, bytes);
  }
  static void* grow(void* context, void* pointer, size_t old_bytes, size_t new_bytes) {
    return of(context).grow_pages(pointer, old_bytes, new_bytes);
  }
  static void release_pages(void* context, void* pointer, size_t bytes) {
    of(context).release_pages(pointer, bytes);
  }
};

FaultInjector::FaultInjector(const Allocator& below, void* table, size_t table_bytes)
    : below_(below) {
  const uintptr_t start = reinterpret_cast<uintptr_t>(table);
  const uintptr_t aligned = (start + alignof(Entry) - 1) & ~(uintptr_t{alignof(Entry)} - 1);
  const size_t lost = aligned - start;
  const size_t room = table_bytes > lost ? (table_bytes - lost) / sizeof(Entry) : 0;
  if (room != 0) {
    slots_ = 1;
    while (slots_ * 2 <= room)
      slots_ *= 2;
  }
  table_ = reinterpret_cast<Entry*>(aligned);
  for (size_t i = 0; i < slots_; ++i)
    ::new (static_cast<void*>(table_ + i)) Entry();
  if (below_.pages) {
    pages_ = {below_.pages->page_bytes, InjectorHooks::reserve, InjectorHooks::commit,
              InjectorHooks::decommit,  InjectorHooks::grow,    InjectorHooks::release_pages};
  }
}

Allocator FaultInjector::allocator() {
  Allocator allocator;
  allocator.context = this;
  allocator.allocate = InjectorHooks::allocate;
  allocator.resize = InjectorHooks::resize;
  allocator.release = InjectorHooks::release;
  if (below_.pages) allocator.pages = &pages_;
  return allocator;
}

void FaultInjector::begin(Plan plan) {
  lock();
  plan_ = plan;
  counts_ = Counts();
  live_bytes_peak_ = live_bytes_;
  is_unwinding_ = false;
  benign_reason_ = nullptr;
  unlock();
}

void FaultInjector::begin_here(Plan plan) {
  plan_ = plan;
  counts_ = Counts();
  counts_.requests = 1;
  is_unwinding_ = false;
  benign_reason_ = nullptr;
}

void FaultInjector::call_returned() {
  lock();
  is_unwinding_ = false;
  unlock();
}

FaultInjector::Benign::Benign(FaultInjector& injector, const char* why) : injector_(injector) {
  injector_.lock();
  ++injector_.benign_depth_;
  injector_.benign_reason_ = why;
  injector_.unlock();
}

FaultInjector::Benign::~Benign() {
  injector_.lock();
  --injector_.benign_depth_;
  injector_.unlock();
}

void FaultInjector::reclaim_live() {
  lock();
  for (size_t i = 0; i < slots_; ++i) {
    const Entry entry = std::exchange(table_[i], Entry());
    if (!entry.pointer) continue;
    if (entry.align != 0) {
      below_.release(below_.context, entry.pointer, entry.bytes, entry.align);
    } else {
      below_.pages->release(below_.context, entry.pointer, entry.bytes);
    }
  }
  live_blocks_ = 0;
  live_bytes_ = 0;
  unlock();
}

void FaultInjector::lock() {
  while (__atomic_test_and_set(&locked_, __ATOMIC_ACQUIRE)) {
  }
}

void FaultInjector::unlock() { __atomic_clear(&locked_, __ATOMIC_RELEASE); }

// --- Admission.

/// The request that finds memory full decides how much later ones may still have.
bool FaultInjector::is_full_for(size_t more) {
  if (counts_.requests < plan_.n) return false;
  if (counts_.requests == plan_.n) {
    full_at_ = live_bytes_ + (more == 0 ? 0 : more - 1);
    return true;
  }
  return live_bytes_ > full_at_ || more > full_at_ - live_bytes_;
}

bool FaultInjector::is_planned(size_t more) {
  const uint64_t number = counts_.requests;
  const uint64_t behind = number - plan_.n; // meaningful from request n on
  switch (plan_.mode) {
  case Mode::none:
    return false;
  case Mode::nth:
    return number == plan_.n;
  case Mode::from_nth:
    return number >= plan_.n;
  case Mode::every_kth:
    return plan_.n != 0 && number % plan_.n == 0;
  case Mode::byte_budget:
    return live_bytes_ > plan_.n || more > plan_.n - live_bytes_;
  case Mode::random:
    return plan_.n != 0 && scramble(plan_.seed ^ scramble(number)) % plan_.n == 0;
  case Mode::window:
    return number >= plan_.n && behind < plan_.m;
  case Mode::every_from:
    return number == plan_.n || (number > plan_.n && plan_.m != 0 && behind % plan_.m == 0);
  case Mode::full_from:
    return is_full_for(more);
  case Mode::pair:
    return number == plan_.n || number == plan_.n + plan_.m;
  case Mode::random_from:
    return number == plan_.n || (number > plan_.n && plan_.m != 0 &&
                                 scramble(plan_.seed ^ scramble(behind)) % plan_.m == 0);
  }
  return false;
}

/// Counts a request of `bytes`, which would hold `more` than now, and says whether it may go on.
bool FaultInjector::admit(Request request, size_t bytes, size_t more, bool is_replaceable) {
  ++counts_.requests;
  const bool is_late = is_unwinding_;
  Event event;
  if (observer_) {
    event = {counts_.requests, request, bytes, is_replaceable, site()};
    observer_(observer_context_, event);
  }
  const bool refused = is_planned(more);
  if (!observer_ && (refused || is_late)) {
    event = {counts_.requests, request, bytes, is_replaceable, site()};
  }
  if (is_late && counts_.while_unwinding++ == 0) counts_.first_while_unwinding = event;
  if (!refused) return true;
  if (counts_.injected++ == 0) counts_.first_injected = event;
  if (benign_depth_ != 0 || is_replaceable) {
    ++counts_.injected_benign;
    if (benign_depth_ == 0) ++counts_.injected_replaceable;
  } else {
    is_unwinding_ = true;
  }
  refused_here(event);
  return false;
}

void FaultInjector::note_refused_below() { ++counts_.refused_below; }

/// Return addresses by frame pointers. Only addresses between here and the stack's declared end are
/// read, so code built without frame pointers gives a short or meaningless site but never a fault.
__attribute__((noinline)) FaultInjector::Site FaultInjector::site() const {
  Site site;
  const uintptr_t end = reinterpret_cast<uintptr_t>(stack_end_);
  uintptr_t frame = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  if (end == 0) {
    site.frames[site.count++] = __builtin_return_address(0);
    return site;
  }
  constexpr size_t own_frames = 3; // admit, the function of the request, its hook
  for (size_t depth = 0; site.count < Site::frames_max; ++depth) {
    if (frame % sizeof(void*) != 0 || frame + 2 * sizeof(void*) > end) break;
    uintptr_t next;
    const void* return_address;
    memcpy(&next, reinterpret_cast<const void*>(frame), sizeof(next));
    memcpy(&return_address, reinterpret_cast<const void*>(frame + sizeof(void*)), sizeof(void*));
    if (!return_address) break;
    if (depth >= own_frames) site.frames[site.count++] = return_address;
    if (next <= frame) break;
    frame = next;
  }
  if (site.count == 0) site.frames[site.count++] = __builtin_return_address(0);
  return site;
}

void FaultInjector::misuse(Misuse what) {
  if (misuses_++ != 0) return;
  first_misuse_ = what;
  misuse_site_ = site();
}

// --- The table of live blocks: linear probing, never more than seven eighths full.

size_t FaultInjector::home_of(const void* pointer) const {
  return static_cast<size_t>(scramble(reinterpret_cast<uintptr_t>(pointer))) & (slots_ - 1);
}

FaultInjector::Entry* FaultInjector::find(const void* pointer) {
  if (slots_ == 0) return nullptr;
  for (size_t i = home_of(pointer); table_[i].pointer; i = (i + 1) & (slots_ - 1)) {
    if (table_[i].pointer == pointer) return &table_[i];
  }
  return nullptr;
}

void FaultInjector::insert(const Entry& entry) {
  if (live_blocks_ >= slots_ - slots_ / 8 - (slots_ < 8 ? 1 : 0) || slots_ == 0) {
    is_table_full_ = true;
    return;
  }
  size_t i = home_of(entry.pointer);
  while (table_[i].pointer)
    i = (i + 1) & (slots_ - 1);
  table_[i] = entry;
  ++live_blocks_;
}

/// Takes an entry out and closes the gap, so that probing still ends at the first hole.
void FaultInjector::erase(Entry* entry) {
  --live_blocks_;
  size_t hole = static_cast<size_t>(entry - table_);
  for (size_t i = (hole + 1) & (slots_ - 1); table_[i].pointer; i = (i + 1) & (slots_ - 1)) {
    const size_t distance = (i - home_of(table_[i].pointer)) & (slots_ - 1);
    if (distance < ((i - hole) & (slots_ - 1))) continue;
    table_[hole] = table_[i];
    hole = i;
  }
  table_[hole] = Entry();
}

void FaultInjector::add_live(size_t bytes) {
  live_bytes_ += bytes;
  if (live_bytes_ > live_bytes_peak_) live_bytes_peak_ = live_bytes_;
}

void FaultInjector::sub_live(size_t bytes) {
  live_bytes_ -= bytes < live_bytes_ ? bytes : live_bytes_;
}

/// Whether a block is known and described rightly; a block that is not is left alone, which is
/// safer than obeying.
bool FaultInjector::check_block(const Entry* entry, size_t bytes, size_t align) {
  if (!entry) {
    if (!is_table_full_) misuse(Misuse::unknown_block);
    return is_table_full_;
  }
  if (entry->bytes != bytes) misuse(Misuse::wrong_size);
  if (entry->align != align) misuse(Misuse::wrong_align);
  return entry->bytes == bytes && entry->align == align;
}

// --- Blocks.

Block FaultInjector::allocate(size_t bytes, size_t align, bool zeroed) {
  lock();
  Block block;
  if (admit(Request::allocate, bytes, bytes)) {
    block = below_.allocate(below_.context, bytes, align, zeroed);
    if (block) {
      insert({block.pointer, block.bytes, 0, align});
      add_live(block.bytes);
      if (poison_ && !zeroed) memset(block.pointer, fresh_byte, block.bytes);
    } else {
      note_refused_below();
    }
  }
  unlock();
  return block;
}

Block FaultInjector::resize(void* pointer, size_t old_bytes, size_t new_bytes, size_t align,
                            bool may_move) {
  lock();
  Entry* entry = find(pointer);
  Block block;
  const bool is_sound = check_block(entry, old_bytes, align);
  if (new_bytes <= old_bytes) {
    block = {pointer, old_bytes};
    if (is_sound) {
      if (poison_)
        memset(static_cast<char*>(pointer) + new_bytes, freed_byte, old_bytes - new_bytes);
      block = below_.resize(below_.context, pointer, old_bytes, new_bytes, align, false);
      sub_live(old_bytes - block.bytes);
      if (entry) entry->bytes = block.bytes;
    }
  } else if (admit(Request::resize, new_bytes, new_bytes - old_bytes, !may_move) && is_sound) {
    block = below_.resize(below_.context, pointer, old_bytes, new_bytes, align, may_move);
    if (block) {
      if (entry) erase(entry);
      insert({block.pointer, block.bytes, 0, align});
      add_live(block.bytes - old_bytes);
      if (poison_) {
        memset(static_cast<char*>(block.pointer) + old_bytes, fresh_byte, block.bytes - old_bytes);
      }
    } else {
      note_refused_below();
    }
  }
  unlock();
  return block;
}

void FaultInjector::release(void* pointer, size_t bytes, size_t align) {
  lock();
  Entry* entry = find(pointer);
  if (check_block(entry, bytes, align)) {
    if (entry) erase(entry);
    sub_live(bytes);
    if (poison_) memset(pointer, freed_byte, bytes);
    below_.release(below_.context, pointer, bytes, align);
  }
  unlock();
}

// --- Pages.

/// Reservations are few and calls on them rare; a walk over the table finds the one that contains
/// an address.
FaultInjector::Entry* FaultInjector::reservation_around(const void* pointer) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(pointer);
  for (size_t i = 0; i < slots_; ++i) {
    Entry& entry = table_[i];
    if (!entry.pointer || entry.align != 0) continue;
    if (address - reinterpret_cast<uintptr_t>(entry.pointer) < entry.bytes) return &entry;
  }
  return nullptr;
}

void* FaultInjector::reserve_pages(size_t bytes) {
  lock();
  void* pointer = nullptr;
  if (admit(Request::reserve_pages, bytes, 0)) {
    pointer = below_.pages->reserve(below_.context, bytes);
    if (pointer) {
      insert({pointer, bytes, 0, 0});
    } else {
      note_refused_below();
    }
  }
  unlock();
  return pointer;
}

bool FaultInjector::commit_pages(void* pointer, size_t bytes) {
  lock();
  bool is_done = false;
  if (admit(Request::commit_pages, bytes, bytes)) {
    is_done = below_.pages->commit(below_.context, pointer, bytes);
    if (is_done) {
      add_live(bytes);
      if (Entry* entry = reservation_around(pointer)) {
        entry->committed += bytes;
      } else if (!is_table_full_) {
        misuse(Misuse::unknown_block);
      }
    } else {
      note_refused_below();
    }
  }
  unlock();
  return is_done;
}

void FaultInjector::decommit_pages(void* pointer, size_t bytes) {
  lock();
  Entry* entry = reservation_around(pointer);
  if (entry && entry->committed < bytes) misuse(Misuse::wrong_size);
  if (entry) entry->committed -= bytes < entry->committed ? bytes : entry->committed;
  if (!entry && !is_table_full_) misuse(Misuse::unknown_block);
  sub_live(bytes);
  below_.pages->decommit(below_.context, pointer, bytes);
  unlock();
}

void* FaultInjector::grow_pages(void* pointer, size_t old_bytes, size_t new_bytes) {
  lock();
  void* grown = nullptr;
  Entry* entry = find(pointer);
  const bool is_sound = check_block(entry, old_bytes, 0);
  if (entry && entry->committed != old_bytes) misuse(Misuse::wrong_size);
  if (admit(Request::grow_pages, new_bytes, new_bytes - old_bytes, true) && is_sound) {
    grown = below_.pages->grow(below_.context, pointer, old_bytes, new_bytes);
    if (grown) {
      if (entry) erase(entry);
      insert({grown, new_bytes, new_bytes, 0});
      add_live(new_bytes - old_bytes);
    } else {
      note_refused_below();
    }
  }
  unlock();
  return grown;
}

void FaultInjector::release_pages(void* pointer, size_t bytes) {
  lock();
  Entry* entry = find(pointer);
  if (check_block(entry, bytes, 0)) {
    if (entry) {
      sub_live(entry->committed);
      erase(entry);
    }
    below_.pages->release(below_.context, pointer, bytes);
  }
  unlock();
}

// --- Names.

__attribute__((noinline)) void refused_here(const FaultInjector::Event& event) {
  asm volatile("" : : "r"(&event) : "memory");
}

const char* misuse_name(FaultInjector::Misuse misuse) {
  switch (misuse) {
  case FaultInjector::Misuse::none:
    return "none";
  case FaultInjector::Misuse::unknown_block:
    return "block unknown or released twice";
  case FaultInjector::Misuse::wrong_size:
    return "wrong size";
  case FaultInjector::Misuse::wrong_align:
    return "wrong alignment";
  }
  return "unknown";
}

const char* request_name(FaultInjector::Request request) {
  switch (request) {
  case FaultInjector::Request::allocate:
    return "allocation";
  case FaultInjector::Request::resize:
    return "growth";
  case FaultInjector::Request::reserve_pages:
    return "reservation of pages";
  case FaultInjector::Request::commit_pages:
    return "commit of pages";
  case FaultInjector::Request::grow_pages:
    return "growth of pages";
  }
  return "unknown";
}

} // namespace ebb
