#include "tests/oom/shape.h"

#include <string>

#include <doctest/doctest.h>

using namespace ebb::oom;
using Kind = Shape::Kind;

namespace {
std::string written(const Shape& shape) {
  char text[shape_text_max];
  const size_t length = write_shape(shape, text);
  return std::string(text, length);
}
} // namespace

TEST_CASE("shapes are read as they are written") {
  const Shape shapes[] = {{Kind::once, 0, 0},
                          {Kind::onward, 0, 0},
                          {Kind::window, 5, 0},
                          {Kind::every, 3, 0},
                          {Kind::full, 0, 0},
                          {Kind::pair, 1, 0},
                          {Kind::random, 4294967295, 4294967295}};
  for (const Shape& shape : shapes) {
    Shape read{Kind::full, 9, 9};
    CHECK(read_shape(written(shape).c_str(), read));
    CHECK(read == shape);
  }
  CHECK(written({Kind::random, 4, 7}) == "random:4@7");
}

TEST_CASE("what is no shape is refused, and nothing has changed then") {
  for (const char* text : {"", "once:1", "window", "window:0", "window:x", "pair:5@1", "never",
                           "onward ", "random:99999999999", "once,"}) {
    CAPTURE(text);
    Shape shape{Kind::every, 2, 0};
    CHECK(!read_shape(text, shape));
    CHECK(shape == Shape{Kind::every, 2, 0});
  }
}

TEST_CASE("lists of shapes, points and schedules") {
  Shapes shapes;
  CHECK(read_shapes("once,window:2,full", shapes));
  CHECK(shapes.count == 3);
  CHECK(shapes.items[1] == Shape{Kind::window, 2, 0});
  CHECK(!read_shapes("once,,full", shapes));
  CHECK(!read_shapes("once,once,once,once,once,once,once,once,once", shapes));
  CHECK(shapes.count == 3);

  uint64_t request = 0;
  Shape shape;
  CHECK(read_point("17/pair:2", request, shape));
  CHECK(request == 17);
  CHECK(shape == Shape{Kind::pair, 2, 0});
  CHECK(!read_point("0/once", request, shape));
  CHECK(!read_point("17", request, shape));

  Schedule schedule;
  CHECK(read_schedule("3@7#1/4", schedule));
  CHECK(schedule.quota == 3);
  CHECK(schedule.seed == 7);
  CHECK(schedule.shard == 1);
  CHECK(schedule.shards == 4);
  CHECK(!schedule.takes_all());
  CHECK(read_schedule("all", schedule));
  CHECK(schedule.takes_all());
  for (const char* text : {"", "0", "3@", "all#2/2", "all#1", "4x"})
    CHECK(!read_schedule(text, schedule));
}

TEST_CASE("a quota takes the first of a class and then ever fewer") {
  Schedule schedule;
  schedule.quota = 3;
  unsigned taken = 0;
  for (uint64_t occurrence = 1; occurrence <= 1000; ++occurrence)
    taken += schedule.takes(1, occurrence);
  CHECK(schedule.takes(1, 1));
  CHECK(schedule.takes(1, 3));
  CHECK(!schedule.takes(1, 4));
  CHECK(taken == 3 + 9);
}

TEST_CASE("shards are disjoint and together they are all") {
  unsigned taken[4] = {};
  for (uint64_t occurrence = 1; occurrence <= 400; ++occurrence) {
    unsigned takers = 0;
    for (uint32_t shard = 0; shard < 4; ++shard) {
      Schedule schedule;
      schedule.shard = shard;
      schedule.shards = 4;
      if (!schedule.takes(99, occurrence)) continue;
      ++takers;
      ++taken[shard];
    }
    CHECK(takers == 1);
  }
  for (const unsigned count : taken)
    CHECK(count > 50);
}
