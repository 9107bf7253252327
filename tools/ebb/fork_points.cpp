// See fork_points.h. What counts as a request is what the injector counts: allocations, growing
// resizes, and the page calls that may refuse.
#include "tools/ebb/fork_points.h"

#include "tools/ebb/print.h"

#include <initializer_list>

namespace ebb::tool {

namespace {
constexpr uint64_t progress_step = 16;
}

struct ForkPoints::Hooks {
  static ForkPoints& self(void* context) { return *static_cast<ForkPoints*>(context); }

  static Block allocate(void* context, size_t bytes, size_t align, bool zeroed) {
    ForkPoints& points = self(context);
    points.on_request(false);
    return points.below_.allocate(points.below_.context, bytes, align, zeroed);
  }
  static Block resize(void* context, void* pointer, size_t old_bytes, size_t new_bytes,
                      size_t align, bool may_move) {
    ForkPoints& points = self(context);
    if (new_bytes > old_bytes) points.on_request(!may_move);
    return points.below_.resize(points.below_.context, pointer, old_bytes, new_bytes, align,
                                may_move);
  }
  static void release(void* context, void* pointer, size_t bytes, size_t align) {
    ForkPoints& points = self(context);
    points.below_.release(points.below_.context, pointer, bytes, align);
  }
  static void* reserve(void* context, size_t bytes) {
    ForkPoints& points = self(context);
    points.on_request(false);
    return points.below_.pages->reserve(points.below_.context, bytes);
  }
  static bool commit(void* context, void* pointer, size_t bytes) {
    ForkPoints& points = self(context);
    points.on_request(false);
    return points.below_.pages->commit(points.below_.context, pointer, bytes);
  }
  static void decommit(void* context, void* pointer, size_t bytes) {
    ForkPoints& points = self(context);
    points.below_.pages->decommit(points.below_.context, pointer, bytes);
  }
  static void* grow(void* context, void* pointer, size_t old_bytes, size_t new_bytes) {
    ForkPoints& points = self(context);
    points.on_request(true);
    return points.below_.pages->grow(points.below_.context, pointer, old_bytes, new_bytes);
  }
  static void release_pages(void* context, void* pointer, size_t bytes) {
    ForkPoints& points = self(context);
    points.below_.pages->release(points.below_.context, pointer, bytes);
  }
};

ForkPoints::ForkPoints(FaultInjector& injector, Runs& runs, const Options& options)
    : injector_(injector), runs_(runs), options_(options), below_(injector.allocator()) {
  allocator_.context = this;
  allocator_.allocate = &Hooks::allocate;
  allocator_.resize = &Hooks::resize;
  allocator_.release = &Hooks::release;
  if (!below_.pages) return;
  pages_ = {below_.pages->page_bytes, &Hooks::reserve, &Hooks::commit,
            &Hooks::decommit,         &Hooks::grow,    &Hooks::release_pages};
  allocator_.pages = &pages_;
}

void ForkPoints::on_request(bool is_replaceable) {
  if (is_refusing_) {
    // The injector refuses this one too if the failure goes on.
    if (shape_ == Shape::onward && !is_replaceable) only_declared_ = false;
    return;
  }
  if (is_disturbed_) return;
  const uint64_t request = requests_++;
  if (!is_armed_ || request >= runs_.request_count()) return;
  if (options_.only != 0 && options_.only != request + 1) return;
  if (request % progress_step == 0)
    print_progress("request %zu of %zu", static_cast<size_t>(request), runs_.request_count());
  for (const Shape shape : {Shape::once, Shape::onward}) {
    if (options_.has_shape && options_.shape != shape) continue;
    if (!runs_.start_run(static_cast<size_t>(request), shape)) continue;
    is_disturbed_ = true;
    is_refusing_ = true;
    shape_ = shape;
    only_declared_ = is_replaceable;
    const auto mode =
        shape == Shape::once ? FaultInjector::Mode::nth : FaultInjector::Mode::from_nth;
    injector_.begin({mode, 1, 0});
    if (on_fork_) on_fork_(on_fork_context_);
    return;
  }
}

void ForkPoints::disarm() {
  is_armed_ = false;
  if (is_refusing_) injected_ = injector_.counts().injected;
  is_refusing_ = false;
  injector_.begin();
}

} // namespace ebb::tool
