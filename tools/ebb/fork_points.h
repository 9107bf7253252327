// ForkPoints: an allocator over a FaultInjector that begins a disturbed run at each request.
//
// In the undisturbed program it only counts and forks; in the new process it tells the injector to
// refuse the request that is just being made.
#pragma once

#include "collections/fault_injector.h"
#include "tools/ebb/runs.h"

namespace ebb::tool {

class ForkPoints {
public:
  ForkPoints(FaultInjector& injector, Runs& runs, const Options& options);
  ForkPoints(const ForkPoints&) = delete;
  ForkPoints& operator=(const ForkPoints&) = delete;

  const Allocator& allocator() const { return allocator_; }

  /// From now on, forks at each request (from 0) that the options select.
  void arm() { is_armed_ = true; }
  /// Counts from 0 again.
  void restart() { requests_ = 0; }
  /// Stops refusing and forking; what the injector has counted stays.
  void disarm();
  uint64_t request_count() const { return requests_; }
  /// Whether this process is a disturbed run, and which.
  bool is_disturbed() const { return is_disturbed_; }
  /// Of a disturbed run, what was counted until `disarm`.
  uint64_t injected() const { return injected_; }
  /// Whether every refused request was one that the caller may replace by another: growing in
  /// place.
  bool only_declared() const { return only_declared_; }
  /// Called in a new process, before its first refusal.
  void set_on_fork(void (*on_fork)(void* context), void* context) {
    on_fork_ = on_fork;
    on_fork_context_ = context;
  }

private:
  struct Hooks;
  void on_request(bool is_replaceable);

  FaultInjector& injector_;
  Runs& runs_;
  const Options& options_;
  Allocator below_;
  Allocator allocator_;
  PageAllocator pages_ = {};
  uint64_t requests_ = 0;
  uint64_t injected_ = 0;
  bool is_armed_ = false;
  bool is_disturbed_ = false;
  bool is_refusing_ = false;
  bool only_declared_ = true;
  Shape shape_ = Shape::once;
  void (*on_fork_)(void* context) = nullptr;
  void* on_fork_context_ = nullptr;
};

} // namespace ebb::tool
