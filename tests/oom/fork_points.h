// ForkPoints: begins a disturbed run at each request that an injector is asked for.
//
// It observes the injector. In the undisturbed program it counts, chooses and forks; in the new
// process it tells the injector to refuse, from the request that is just being made on.
#pragma once

#include "tests/oom/branches.h"
#include "tests/oom/sites.h"

namespace ebb::oom {

class ForkPoints {
public:
  /// All of them outlive it. Observes the injector from now on.
  ForkPoints(FaultInjector& injector, Branches& branches, Sites& sites);
  ForkPoints(const ForkPoints&) = delete;
  ForkPoints& operator=(const ForkPoints&) = delete;
  ~ForkPoints() { injector_.set_observer(nullptr, nullptr); }

  /// From now on, counts requests from 1 and forks at those that the schedule takes, once for each
  /// shape. The key of a run is (request - 1) * shapes.count + the shape's position.
  void arm(const Shapes& shapes, const Schedule& schedule);
  /// The same at a single point and in one shape, whose key is 0.
  void arm_only(uint64_t request, const Shape& shape);
  /// Counts requests from 1 and their sites, and forks nowhere.
  void count_only();
  /// Observes the injector again, after something else did.
  void observe();
  /// Stops refusing, counting and forking; what was counted stays.
  void disarm();

  uint64_t request_count() const { return requests_; }
  /// How many were taken.
  uint64_t point_count() const { return points_; }
  /// Whether this process is a disturbed run, at which point and in which shape.
  bool is_disturbed() const { return is_disturbed_; }
  const Shape& shape() const { return shape_; }
  const FaultInjector::Event& event() const { return event_; }
  /// Whether the injector's refusals go on: a disturbed run that was not yet disarmed.
  bool is_refusing() const { return is_refusing_; }
  /// Of a disturbed run, what was counted until `disarm`.
  const FaultInjector::Counts& counts() const { return counts_; }
  /// Whether every refused request was a declared exception.
  bool only_declared() const { return counts_.injected == counts_.injected_benign; }
  /// Called in a new process, before its first refusal, and in the old one, at each point.
  void set_on_fork(void (*on_fork)(void* context), void* context) {
    on_fork_ = on_fork;
    context_ = context;
  }
  void set_on_point(void (*on_point)(void* context, uint64_t request), void* context) {
    on_point_ = on_point;
    point_context_ = context;
  }

private:
  enum class State : uint8_t { idle, counting, armed, only };
  void on_request(const FaultInjector::Event& event);
  bool branch(uint64_t key, const Shape& shape, const FaultInjector::Event& event);

  FaultInjector& injector_;
  Branches& branches_;
  Sites& sites_;
  Shapes shapes_;
  Schedule schedule_;
  State state_ = State::idle;
  uint64_t requests_ = 0;
  uint64_t points_ = 0;
  uint64_t only_ = 0;
  bool is_disturbed_ = false;
  bool is_refusing_ = false;
  Shape shape_;
  FaultInjector::Event event_;
  FaultInjector::Counts counts_;
  void (*on_fork_)(void* context) = nullptr;
  void* context_ = nullptr;
  void (*on_point_)(void* context, uint64_t request) = nullptr;
  void* point_context_ = nullptr;
};

} // namespace ebb::oom
