// Helpers that put together modules byte by byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace ebb::testing {

using Bytes = std::vector<uint8_t>;

inline Bytes leb(uint64_t value) {
  Bytes bytes;
  do {
    const uint8_t low = value & 0x7f;
    value >>= 7;
    bytes.push_back(value != 0 ? low | 0x80 : low);
  } while (value != 0);
  return bytes;
}

// GCC 12 warns about bounds of its own making where an insertion of a range is inlined.
__attribute__((noinline)) inline Bytes& operator+=(Bytes& to, const Bytes& from) {
  to.insert(to.end(), from.begin(), from.end());
  return to;
}
inline Bytes operator+(Bytes a, const Bytes& b) { return a += b; }

inline Bytes times(size_t count, const Bytes& part) {
  Bytes bytes;
  bytes.reserve(count * part.size());
  for (size_t i = 0; i < count; ++i)
    bytes += part;
  return bytes;
}

inline Bytes name(std::string_view text) {
  return leb(text.size()) + Bytes(text.begin(), text.end());
}
inline Bytes sized(const Bytes& bytes) { return leb(bytes.size()) + bytes; }
inline Bytes list(std::initializer_list<Bytes> items) {
  Bytes bytes = leb(items.size());
  for (const Bytes& item : items)
    bytes += item;
  return bytes;
}
inline Bytes section(uint8_t id, const Bytes& contents) { return Bytes{id} + sized(contents); }
inline Bytes header() { return {0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00}; }

/// A function type; the types are codes of one byte.
inline Bytes func_type(const Bytes& params, const Bytes& results) {
  return Bytes{0x60} + sized(params) + sized(results);
}
/// A body without locals; its last end is added.
inline Bytes body(const Bytes& code, const Bytes& locals = {0x00}) {
  return sized(locals + code + Bytes{0x0b});
}

/// A module of one function of the type.
inline Bytes function_module(const Bytes& type, const Bytes& code, const Bytes& locals = {0x00}) {
  return header() + section(1, list({type})) + section(3, list({{0x00}})) +
         section(10, list({body(code, locals)}));
}

} // namespace ebb::testing
