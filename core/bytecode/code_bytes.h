// Numbers in code: little-endian, at even addresses. Processors that cannot read what lies across a
// boundary need not put them together from bytes.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace ebb {

static_assert(std::endian::native == std::endian::little,
              "bytecode is little-endian and read in place");

template <class T> inline T read_code(const uint8_t* from) {
  T value;
  memcpy(&value, __builtin_assume_aligned(from, 2), sizeof(T));
  return value;
}

template <class T> inline void write_code(uint8_t* to, T value) {
  memcpy(__builtin_assume_aligned(to, 2), &value, sizeof(T));
}

} // namespace ebb
