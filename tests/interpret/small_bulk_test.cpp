// Copies and fills of few bytes, against memmove and memset.
#include "core/interpret/small_bulk.h"

#include <array>

#include <doctest/doctest.h>

using namespace ebb;

namespace {

constexpr uint32_t middle = small_bulk_max + 1;
using Bytes = std::array<uint8_t, 4 * small_bulk_max>;

Bytes numbered() {
  Bytes bytes;
  for (size_t i = 0; i < bytes.size(); i++)
    bytes[i] = static_cast<uint8_t>(i);
  return bytes;
}

} // namespace

TEST_CASE("a few bytes are copied as memmove copies them, however they overlap") {
  for (uint32_t n = 0; n <= small_bulk_max; n++) {
    for (uint32_t to = 0; to <= 2 * middle; to++) {
      Bytes copied = numbered();
      Bytes expected = numbered();
      copy_small(copied.data() + to, copied.data() + middle, n);
      memmove(expected.data() + to, expected.data() + middle, n);
      CAPTURE(n);
      CAPTURE(to);
      CHECK(copied == expected);
    }
  }
}

TEST_CASE("a few bytes are filled as memset fills them") {
  for (uint32_t n = 0; n <= small_bulk_max; n++) {
    for (const int value : {0, 1, 0x80, 0xff}) {
      Bytes filled = numbered();
      Bytes expected = numbered();
      fill_small(filled.data() + middle, static_cast<uint8_t>(value), n);
      memset(expected.data() + middle, value, n);
      CAPTURE(n);
      CHECK(filled == expected);
    }
  }
}
