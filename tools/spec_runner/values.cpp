// See values.h. Floats are bit patterns throughout: nothing here computes with them.
#include "tools/spec_runner/values.h"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace ebb::spec {
namespace {

constexpr uint64_t f32_sign = 0x80000000;
constexpr uint64_t f32_canonical = 0x7fc00000;
constexpr uint64_t f64_sign = 0x8000000000000000;
constexpr uint64_t f64_canonical = 0x7ff8000000000000;

size_t bytes_of(const std::string& type) {
  if (type == "i8") return 1;
  if (type == "i16") return 2;
  return type == "i32" || type == "f32" ? 4 : 8;
}

uint64_t mask_of(const std::string& type) {
  const size_t bytes = bytes_of(type);
  return bytes == 8 ? ~uint64_t{0} : (uint64_t{1} << 8 * bytes) - 1;
}

bool is_nan_pattern(const std::string& text) { return text.rfind("nan:", 0) == 0; }

bool matches_nan(const std::string& type, const std::string& pattern, uint64_t bits) {
  const bool single = type == "f32";
  const uint64_t quiet = single ? f32_canonical : f64_canonical;
  const uint64_t magnitude = bits & ~(single ? f32_sign : f64_sign) & mask_of(type);
  if (pattern == "nan:canonical") return magnitude == quiet;
  return (magnitude & quiet) == quiet;
}

bool matches(const std::string& type, const std::string& text, uint64_t bits) {
  if (is_nan_pattern(text)) return matches_nan(type, text, bits);
  return (bits_of(type, text) & mask_of(type)) == (bits & mask_of(type));
}

} // namespace

uint64_t bits_of(const std::string& type, const std::string& text) {
  if (is_nan_pattern(text)) return type == "f32" ? f32_canonical : f64_canonical;
  const uint64_t bits = !text.empty() && text[0] == '-'
                            ? static_cast<uint64_t>(std::strtoll(text.c_str(), nullptr, 10))
                            : std::strtoull(text.c_str(), nullptr, 10);
  return bits & mask_of(type);
}

VectorBytes vector_of(const Value& value) {
  VectorBytes vector;
  const size_t lane_bytes = bytes_of(value.lane_type);
  for (size_t lane = 0; lane < value.lanes.size() && (lane + 1) * lane_bytes <= 16; ++lane) {
    const uint64_t bits = bits_of(value.lane_type, value.lanes[lane]);
    for (size_t byte = 0; byte < lane_bytes; ++byte)
      vector.bytes[lane * lane_bytes + byte] = static_cast<uint8_t>(bits >> 8 * byte);
  }
  return vector;
}

bool number_matches(const Value& expected, uint64_t bits) {
  return expected.text && matches(expected.type, *expected.text, bits);
}

bool vector_matches(const Value& expected, const VectorBytes& actual) {
  const size_t lane_bytes = bytes_of(expected.lane_type);
  if (expected.lanes.size() * lane_bytes != sizeof actual.bytes) return false;
  for (size_t lane = 0; lane < expected.lanes.size(); ++lane) {
    uint64_t bits = 0;
    for (size_t byte = 0; byte < lane_bytes; ++byte)
      bits |= static_cast<uint64_t>(actual.bytes[lane * lane_bytes + byte]) << 8 * byte;
    if (!matches(expected.lane_type, expected.lanes[lane], bits)) return false;
  }
  return true;
}

std::string describe(const Value& value) {
  std::string text = value.type;
  if (value.text) text += " " + *value.text;
  if (!value.lane_type.empty()) text += " " + value.lane_type;
  for (const std::string& lane : value.lanes)
    text += " " + lane;
  for (const Value& alternative : value.alternatives)
    text += " (" + describe(alternative) + ")";
  return text;
}

std::string describe_number(const std::string& type, uint64_t bits) {
  char buffer[64];
  if (type == "i32")
    std::snprintf(buffer, sizeof buffer, "i32 %" PRId32, static_cast<int32_t>(bits));
  else if (type == "i64")
    std::snprintf(buffer, sizeof buffer, "i64 %" PRId64, static_cast<int64_t>(bits));
  else
    std::snprintf(buffer, sizeof buffer, "%s %" PRIu64 " (0x%" PRIx64 ")", type.c_str(),
                  bits & mask_of(type), bits & mask_of(type));
  return buffer;
}

} // namespace ebb::spec
