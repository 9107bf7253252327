// Shapes, schedules, and how a command line or a report writes them: the language that unit tests,
// spec_runner and `ebb torture` share.
//
// A *point* is a request for memory of a run without failures, counted from 1. A *shape* says what
// is refused once that point is reached; a *schedule* says which points are tried. Nothing here
// allocates.
#pragma once

#include "collections/fault_injector.h"

namespace ebb::oom {

struct Shape {
  enum class Kind : uint8_t {
    once,   ///< The point alone.
    onward, ///< The point and all that follows.
    window, ///< The point and what follows, m requests in all.
    every,  ///< The point and every m-th from there.
    full,   ///< The point; later ones only where they need as much: a budget that is used up.
    pair,   ///< The point and the m-th behind it: a second failure on the way out of the first.
    random, ///< The point, and one in m of those that follow, by seed.
  };
  Kind kind = Kind::once;
  uint32_t m = 0;
  uint32_t seed = 0;

  /// What an injector is to refuse if the point is the request of that number.
  FaultInjector::Plan from(uint64_t request) const;
  bool operator==(const Shape&) const = default;
};

/// A few shapes, each of which is tried at each point.
struct Shapes {
  static constexpr size_t count_max = 8;
  Shape items[count_max] = {{Shape::Kind::once, 0, 0}, {Shape::Kind::onward, 0, 0}};
  size_t count = 2;

  const Shape* begin() const { return items; }
  const Shape* end() const { return items + count; }
};

/// Which points are tried.
struct Schedule {
  /// 0 for all. Otherwise of each class of call stacks the first so many, and of those behind them
  /// the 2nd, 4th, 8th and so on.
  uint32_t quota = 0;
  /// Another seed takes others behind the quota.
  uint32_t seed = 0;
  /// Of the points that are left, those of one part of equal parts.
  uint32_t shard = 0;
  uint32_t shards = 1;

  bool takes_all() const { return quota == 0 && shards == 1; }
  /// Whether to try the `occurrence`-th point (from 1) of a class.
  bool takes(uint64_t site_class, uint64_t occurrence) const;
};

constexpr size_t shape_text_max = 40;
/// "once", "onward", "window:5", "every:3", "full", "pair:1", "random:4@7". Returns the length,
/// without the NUL behind it; `text` has room for shape_text_max.
size_t write_shape(const Shape& shape, char* text);
// Reading. False if that is not what the text says; nothing has changed then.
bool read_shape(const char* text, Shape& shape);
/// Several, with commas between them.
bool read_shapes(const char* text, Shapes& shapes);
/// "all", "3", "3@7" (quota and seed), each with "#0/4" behind it for the first of four shards.
bool read_schedule(const char* text, Schedule& schedule);
/// "17/window:5": a point and its shape.
bool read_point(const char* text, uint64_t& request, Shape& shape);

} // namespace ebb::oom
