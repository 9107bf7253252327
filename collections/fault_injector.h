// FaultInjector: an allocator that wraps another, refuses requests by plan, and watches over
// everything that passes.
//
// Requests are allocations, growing resizes and the page calls that may refuse; shrinking and
// giving back are none. Every live block is kept in a table, in memory of the embedder's, so that
// leaks are exact and every release and resize is checked against what was given. Fresh memory is
// filled with 0xcd and freed memory with 0xdd. Between the first refusal and call_returned() the
// system under test is unwinding and must ask for nothing. It belongs to one engine and is safe for
// threads if the allocator below is.
#pragma once

#include "collections/allocator.h"

namespace ebb {

class FaultInjector {
public:
  enum class Mode : uint8_t {
    none,
    nth,         ///< Request n.
    from_nth,    ///< Request n and all after it.
    every_kth,   ///< Every n-th.
    byte_budget, ///< Those that would make more than n bytes live.
    random,      ///< One in n, by seed.
    window,      ///< Request n and those after it, m in all.
    every_from,  ///< Request n and every m-th from there.
    full_from,   ///< Request n; later ones only if they need as much as it did: memory is full.
    pair,        ///< Requests n and n + m.
    random_from, ///< Request n and one in m of those after it, by seed.
  };
  enum class Request : uint8_t { allocate, resize, reserve_pages, commit_pages, grow_pages };
  enum class Misuse : uint8_t { none, unknown_block, wrong_size, wrong_align };

  /// Which requests to refuse, counted from 1 since begin().
  struct Plan {
    Mode mode = Mode::none;
    uint64_t n = 0;
    uint64_t seed = 0; ///< Of the random sets.
    uint64_t m = 0;
  };

  /// Return addresses, innermost first.
  struct Site {
    static constexpr size_t frames_max = 8;
    const void* frames[frames_max] = {};
    size_t count = 0;
  };

  /// A request as it was seen. `number` is 0 if there was none.
  struct Event {
    uint64_t number = 0;
    Request request = Request::allocate;
    size_t bytes = 0;
    /// Whether the caller has another way to get what it wants: the request is to grow where it is.
    bool is_replaceable = false;
    Site site;
  };
  /// Is told of each request before it is decided; may call `begin_here` and nothing else.
  using Observer = void (*)(void* context, const Event& event);

  /// What was counted since begin().
  struct Counts {
    uint64_t requests = 0;
    uint64_t injected = 0;             ///< Refused by plan, those in a Benign scope included.
    uint64_t injected_benign = 0;      ///< Of these, in a Benign scope or replaceable.
    uint64_t injected_replaceable = 0; ///< Of these, replaceable ones outside of such a scope.
    uint64_t refused_below = 0;        ///< Refused by the wrapped allocator itself.
    uint64_t while_unwinding = 0;      ///< Requests between a refusal and call_returned().
    Event first_injected;
    Event first_while_unwinding;
  };

  /// Both must outlive it. `table` has room for one live block per 32 bytes (16 with 32-bit
  /// pointers), less an eighth.
  FaultInjector(const Allocator& below, void* table, size_t table_bytes);
  FaultInjector(const FaultInjector&) = delete;
  FaultInjector& operator=(const FaultInjector&) = delete;

  Allocator allocator();

  /// Starts counting anew under a plan. Live blocks stay known.
  void begin(Plan plan);
  void begin() { begin(Plan()); }
  /// The same from within an observer: the request that it is told of is number 1.
  void begin_here(Plan plan);
  /// The call under test has returned to its caller; later requests are not part of its unwinding.
  void call_returned();
  /// While one lives, refusals are declared exceptions: they need not be returned and unwinding is
  /// not watched.
  class Benign {
  public:
    Benign(FaultInjector& injector, const char* why);
    Benign(const Benign&) = delete;
    Benign& operator=(const Benign&) = delete;
    ~Benign();

  private:
    FaultInjector& injector_;
  };

  const Counts& counts() const { return counts_; }
  const char* last_benign_reason() const { return benign_reason_; }
  /// What is held: blocks and reservations, and bytes of blocks and of committed pages.
  size_t live_blocks() const { return live_blocks_; }
  size_t live_bytes() const { return live_bytes_; }
  /// The most that was held since begin().
  size_t live_bytes_peak() const { return live_bytes_peak_; }
  /// The first broken rule, and how many there were.
  Misuse first_misuse() const { return first_misuse_; }
  const Site& first_misuse_site() const { return misuse_site_; }
  uint64_t misuses() const { return misuses_; }
  /// Whether blocks went unwatched because the table was full.
  bool is_table_full() const { return is_table_full_; }
  /// Gives back all that is live, for a test that has reported it as leaked.
  void reclaim_live();

  /// Sites are walked by frame pointers up to this address on the stack, never beyond; null keeps
  /// the caller only.
  void set_stack_end(const void* stack_end) { stack_end_ = stack_end; }
  void set_observer(Observer observer, void* context) {
    observer_ = observer;
    observer_context_ = context;
  }
  void set_poison(bool poison) { poison_ = poison; }

private:
  struct Entry {
    void* pointer = nullptr;
    size_t bytes = 0; // given; of a reservation, reserved
    size_t committed = 0;
    size_t align = 0; // 0 for a reservation
  };
  friend struct InjectorHooks;

  void lock();
  void unlock();
  bool is_full_for(size_t more);
  bool is_planned(size_t more);
  bool admit(Request request, size_t bytes, size_t more, bool is_replaceable = false);
  void note_refused_below();
  void misuse(Misuse what);
  Site site() const;
  size_t home_of(const void* pointer) const;
  Entry* find(const void* pointer);
  void insert(const Entry& entry);
  void erase(Entry* entry);
  void add_live(size_t bytes);
  void sub_live(size_t bytes);
  bool check_block(const Entry* entry, size_t bytes, size_t align);

  Block allocate(size_t bytes, size_t align, bool zeroed);
  Block resize(void* pointer, size_t old_bytes, size_t new_bytes, size_t align, bool may_move);
  void release(void* pointer, size_t bytes, size_t align);
  void* reserve_pages(size_t bytes);
  bool commit_pages(void* pointer, size_t bytes);
  void decommit_pages(void* pointer, size_t bytes);
  void* grow_pages(void* pointer, size_t old_bytes, size_t new_bytes);
  void release_pages(void* pointer, size_t bytes);
  Entry* reservation_around(const void* pointer);

  Allocator below_;
  PageAllocator pages_ = {};
  Entry* table_ = nullptr;
  size_t slots_ = 0; // a power of two, or 0
  size_t live_blocks_ = 0;
  size_t live_bytes_ = 0;
  size_t live_bytes_peak_ = 0;
  Plan plan_;
  Counts counts_;
  bool is_unwinding_ = false;
  bool poison_ = true;
  bool is_table_full_ = false;
  bool locked_ = false;
  uint32_t benign_depth_ = 0;
  const char* benign_reason_ = nullptr;
  Misuse first_misuse_ = Misuse::none;
  uint64_t misuses_ = 0;
  size_t full_at_ = 0; // live bytes that full_from allows
  Site misuse_site_;
  const void* stack_end_ = nullptr;
  Observer observer_ = nullptr;
  void* observer_context_ = nullptr;
};

/// Called after each refusal by plan, for debuggers to break on.
void refused_here(const FaultInjector::Event& event);

const char* misuse_name(FaultInjector::Misuse misuse);
const char* request_name(FaultInjector::Request request);

} // namespace ebb
