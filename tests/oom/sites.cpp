// See sites.h. A table with linear probing, never more than three quarters full.
#include "tests/oom/sites.h"

#include <new>

/// Where the linker puts the start of the program.
extern "C" const char __executable_start[];

namespace ebb::oom {
namespace {

constexpr uint64_t odd = 0x9e3779b97f4a7c15u;

uint64_t mix_in(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * odd;
  return hash ^ hash >> 29;
}

/// How many points a quota takes of a class that was seen so often: the quota, and then one for
/// each power of two.
uint64_t taken(uint64_t seen, uint64_t quota) {
  if (seen <= quota) return seen;
  uint64_t points = quota;
  for (uint64_t behind = 2; behind <= seen - quota; behind *= 2)
    ++points;
  return points;
}

} // namespace

uintptr_t program_offset(const void* address) {
  return reinterpret_cast<uintptr_t>(address) - reinterpret_cast<uintptr_t>(__executable_start);
}

uint64_t site_class(const FaultInjector::Event& event) {
  uint64_t hash = mix_in(1, static_cast<uint64_t>(event.request));
  if constexpr (has_call_stacks()) {
    for (size_t i = 0; i < event.site.count; ++i)
      hash = mix_in(hash, program_offset(event.site.frames[i]));
  } else {
    hash = mix_in(hash, event.bytes);
  }
  return hash == 0 ? 1 : hash;
}

Sites::Sites(void* memory, size_t bytes) {
  const uintptr_t start = reinterpret_cast<uintptr_t>(memory);
  const uintptr_t aligned = (start + alignof(Site) - 1) & ~(uintptr_t{alignof(Site)} - 1);
  const size_t lost = aligned - start;
  const size_t room = bytes > lost ? (bytes - lost) / sizeof(Site) : 0;
  sites_ = reinterpret_cast<Site*>(aligned);
  if (room < 4) return;
  slots_ = 4;
  while (slots_ * 2 <= room)
    slots_ *= 2;
  for (size_t i = 0; i < slots_; ++i)
    ::new (static_cast<void*>(sites_ + i)) Site();
}

Sites::Site* Sites::find(uint64_t key) {
  if (slots_ == 0) return nullptr;
  size_t at = static_cast<size_t>(key * odd >> 20) & (slots_ - 1);
  while (sites_[at].key != 0 && sites_[at].key != key)
    at = (at + 1) & (slots_ - 1);
  if (sites_[at].key == key) return &sites_[at];
  if (known_ >= slots_ - slots_ / 4) {
    is_full_ = true;
    return nullptr;
  }
  sites_[at].key = key;
  ++known_;
  return &sites_[at];
}

bool Sites::choose(const FaultInjector::Event& event, const Schedule& schedule) {
  const uint64_t key = site_class(event);
  Site* site = find(key);
  if (!site) return true;
  return schedule.takes(key, ++site->seen);
}

void Sites::recount() {
  for (size_t i = 0; i < slots_; ++i)
    sites_[i].seen = 0;
}

void Sites::note_refused(uint64_t key) {
  Site* site = find(key);
  if (site && site->refused++ == 0) ++reached_;
}

Schedule fit_to_time(const Schedule& wanted, const Sites& sites, uint64_t points,
                     double seconds_each, double seconds_max) {
  constexpr uint32_t quota_most = 1u << 20;
  Schedule schedule = wanted;
  if (wanted.quota != 0 || static_cast<double>(points) * seconds_each <= seconds_max)
    return schedule;
  schedule.quota = 1;
  for (uint32_t quota = 1; quota < quota_most; quota *= 2) {
    uint64_t chosen = 0;
    for (const Sites::Site& site : sites)
      if (site.key != 0) chosen += taken(site.seen, quota);
    if (static_cast<double>(chosen) * seconds_each > seconds_max) break;
    schedule.quota = quota;
  }
  return schedule;
}

} // namespace ebb::oom
