// See fork_points.h.
#include "tests/oom/fork_points.h"

namespace ebb::oom {

ForkPoints::ForkPoints(FaultInjector& injector, Branches& branches, Sites& sites)
    : injector_(injector), branches_(branches), sites_(sites) {
  observe();
}

void ForkPoints::observe() {
  injector_.set_observer(
      [](void* self, const FaultInjector::Event& event) {
        static_cast<ForkPoints*>(self)->on_request(event);
      },
      this);
}

void ForkPoints::arm(const Shapes& shapes, const Schedule& schedule) {
  shapes_ = shapes;
  schedule_ = schedule;
  requests_ = points_ = 0;
  state_ = State::armed;
}

void ForkPoints::arm_only(uint64_t request, const Shape& shape) {
  shapes_.items[0] = shape;
  shapes_.count = 1;
  requests_ = points_ = 0;
  only_ = request;
  state_ = State::only;
}

void ForkPoints::count_only() {
  requests_ = points_ = 0;
  state_ = State::counting;
}

void ForkPoints::disarm() {
  state_ = State::idle;
  if (is_refusing_) counts_ = injector_.counts();
  is_refusing_ = false;
  injector_.begin();
}

bool ForkPoints::branch(uint64_t key, const Shape& shape, const FaultInjector::Event& event) {
  if (!branches_.start(key)) return false;
  is_disturbed_ = is_refusing_ = true;
  shape_ = shape;
  event_ = event;
  branches_.own().site = site_class(event);
  injector_.begin_here(shape.from(1));
  if (on_fork_) on_fork_(context_);
  return true;
}

void ForkPoints::on_request(const FaultInjector::Event& event) {
  if (state_ == State::idle || is_disturbed_) return;
  ++requests_;
  if (state_ == State::only) {
    if (requests_ != only_) return;
    ++points_;
    if (on_point_) on_point_(point_context_, requests_);
    branch(0, shapes_.items[0], event);
    return;
  }
  const bool is_taken = sites_.choose(event, schedule_);
  if (state_ == State::counting || !is_taken) return;
  ++points_;
  sites_.note_refused(site_class(event));
  if (on_point_) on_point_(point_context_, requests_);
  for (size_t i = 0; i < shapes_.count; ++i)
    if (branch((requests_ - 1) * shapes_.count + i, shapes_.items[i], event)) return;
}

} // namespace ebb::oom
