// Sites: which call stacks ask for memory, how often, and which of them met a refusal.
//
// Requests whose innermost return addresses are the same are of one class, called a site. Addresses
// count from where the program was loaded, so that processes of one program agree. In a build
// without frame pointers there are no stacks to compare, and the kind and the size of a request
// stand in for them.
#pragma once

#include "tests/oom/shape.h"

namespace ebb::oom {

/// Whether this build can tell call stacks apart.
constexpr bool has_call_stacks() {
#if defined(EBB_FRAME_POINTERS)
  return true;
#else
  return false;
#endif
}

/// The class of a request.
uint64_t site_class(const FaultInjector::Event& event);
/// An address as `addr2line -e PROGRAM` takes it.
uintptr_t program_offset(const void* address);

class Sites {
public:
  struct Site {
    uint64_t key = 0; ///< The class; 0 in a free place.
    uint32_t seen = 0;
    uint32_t refused = 0;
  };

  /// Counts in memory of the caller's, which outlives it and is cleared.
  Sites(void* memory, size_t bytes);
  Sites(const Sites&) = delete;
  Sites& operator=(const Sites&) = delete;

  /// The entry of a class, made if there is none. Null when the memory is full.
  Site* find(uint64_t key);
  /// Counts a request and says whether a schedule takes it.
  bool choose(const FaultInjector::Event& event, const Schedule& schedule);
  /// Counts anew how often classes are seen; which there are, and which were refused, stays.
  void recount();
  /// A request of this class was refused.
  void note_refused(uint64_t key);

  size_t known() const { return known_; }
  size_t reached() const { return reached_; }
  bool is_full() const { return is_full_; }
  const Site* begin() const { return sites_; }
  const Site* end() const { return sites_ + slots_; }

private:
  Site* sites_;
  size_t slots_ = 0; // a power of two, or 0
  size_t known_ = 0;
  size_t reached_ = 0;
  bool is_full_ = false;
};

/// The smallest quota's worth of points that fits a time: what a schedule becomes if `points` take
/// `seconds_each` and no more than `seconds_max` may be spent. `sites` have counted all points.
Schedule fit_to_time(const Schedule& wanted, const Sites& sites, uint64_t points,
                     double seconds_each, double seconds_max);

} // namespace ebb::oom
