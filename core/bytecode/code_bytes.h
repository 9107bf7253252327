// Numbers in code: little-endian, at any address.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace ebb {

static_assert(std::endian::native == std::endian::little,
              "bytecode is little-endian and read in place");

template <class T> inline T read_code(const uint8_t* from) {
  T value;
  memcpy(&value, from, sizeof(T));
  return value;
}

template <class T> inline void write_code(uint8_t* to, T value) { memcpy(to, &value, sizeof(T)); }

} // namespace ebb
