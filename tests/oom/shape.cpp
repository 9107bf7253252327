// See shape.h.
#include "tests/oom/shape.h"

#include <cstring>

namespace ebb::oom {
namespace {

struct KindName {
  const char* name;
  Shape::Kind kind;
  bool has_m;
  bool has_seed;
  FaultInjector::Mode mode;
};

constexpr KindName kinds[] = {
    {"once", Shape::Kind::once, false, false, FaultInjector::Mode::nth},
    {"onward", Shape::Kind::onward, false, false, FaultInjector::Mode::from_nth},
    {"window", Shape::Kind::window, true, false, FaultInjector::Mode::window},
    {"every", Shape::Kind::every, true, false, FaultInjector::Mode::every_from},
    {"full", Shape::Kind::full, false, false, FaultInjector::Mode::full_from},
    {"pair", Shape::Kind::pair, true, false, FaultInjector::Mode::pair},
    {"random", Shape::Kind::random, true, true, FaultInjector::Mode::random_from},
};

uint64_t scramble(uint64_t value) {
  value = (value ^ (value >> 31)) * 0xbf58476d1ce4e5b9u;
  return value ^ (value >> 29);
}

/// A text that is read from its front.
class Text {
public:
  explicit Text(const char* text) : at_(text) {}
  bool is_at_end() const { return *at_ == '\0'; }
  bool take(char wanted) {
    if (*at_ != wanted) return false;
    ++at_;
    return true;
  }
  bool take(const char* word) {
    const size_t length = strlen(word);
    if (strncmp(at_, word, length) != 0) return false;
    at_ += length;
    return true;
  }
  template <class T> bool take_number(T& number) {
    if (*at_ < '0' || *at_ > '9') return false;
    uint64_t value = 0;
    for (; *at_ >= '0' && *at_ <= '9'; ++at_) {
      value = value * 10 + static_cast<uint64_t>(*at_ - '0');
      if (value > UINT32_MAX) return false;
    }
    number = static_cast<T>(value);
    return true;
  }
  bool take_shape(Shape& shape) {
    for (const KindName& kind : kinds) {
      if (!take(kind.name)) continue;
      shape = {kind.kind, 0, 0};
      if (kind.has_m && (!take(':') || !take_number(shape.m) || shape.m == 0)) return false;
      return !kind.has_seed || !take('@') || take_number(shape.seed);
    }
    return false;
  }

private:
  const char* at_;
};

char* put_number(char* to, uint64_t number) {
  char digits[20];
  size_t count = 0;
  do {
    digits[count++] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  while (count != 0)
    *to++ = digits[--count];
  return to;
}

} // namespace

FaultInjector::Plan Shape::from(uint64_t request) const {
  return {kinds[static_cast<size_t>(kind)].mode, request, seed, m};
}

bool Schedule::takes(uint64_t site_class, uint64_t occurrence) const {
  if (quota != 0 && occurrence > quota) {
    const uint64_t behind = occurrence - quota + (seed == 0 ? 0 : scramble(site_class ^ seed) % 4);
    if ((behind & (behind - 1)) != 0 || behind < 2) return false;
  }
  return shards <= 1 || scramble(site_class * 31 + occurrence) % shards == shard;
}

size_t write_shape(const Shape& shape, char* text) {
  const KindName& kind = kinds[static_cast<size_t>(shape.kind)];
  const size_t length = strlen(kind.name);
  memcpy(text, kind.name, length);
  char* at = text + length;
  if (kind.has_m) {
    *at++ = ':';
    at = put_number(at, shape.m);
  }
  if (kind.has_seed) {
    *at++ = '@';
    at = put_number(at, shape.seed);
  }
  *at = '\0';
  return static_cast<size_t>(at - text);
}

bool read_shape(const char* text, Shape& shape) {
  Text from(text);
  Shape read;
  if (!from.take_shape(read) || !from.is_at_end()) return false;
  shape = read;
  return true;
}

bool read_shapes(const char* text, Shapes& shapes) {
  Text from(text);
  Shapes read;
  read.count = 0;
  do {
    if (read.count == Shapes::count_max || !from.take_shape(read.items[read.count])) return false;
    ++read.count;
  } while (from.take(','));
  if (!from.is_at_end()) return false;
  shapes = read;
  return true;
}

bool read_schedule(const char* text, Schedule& schedule) {
  Text from(text);
  Schedule read;
  if (!from.take("all")) {
    if (!from.take_number(read.quota) || read.quota == 0) return false;
    if (from.take('@') && !from.take_number(read.seed)) return false;
  }
  if (from.take('#')) {
    if (!from.take_number(read.shard) || !from.take('/') || !from.take_number(read.shards))
      return false;
    if (read.shard >= read.shards) return false;
  }
  if (!from.is_at_end()) return false;
  schedule = read;
  return true;
}

bool read_point(const char* text, uint64_t& request, Shape& shape) {
  Text from(text);
  uint64_t number = 0;
  Shape read;
  if (!from.take_number(number) || number == 0 || !from.take('/')) return false;
  if (!from.take_shape(read) || !from.is_at_end()) return false;
  request = number;
  shape = read;
  return true;
}

} // namespace ebb::oom
