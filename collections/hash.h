// Hash: seeded hashing of keys for HashMap and HashSet.
//
// Names are chosen by guests, so text is hashed by SipHash-1-3 under the engine's seed: without
// knowing it, nobody can make names that collide. Numbers take one multiplication.
#pragma once

#include "collections/string.h"

#include <cstdint>
#include <type_traits>

namespace ebb {

/// SipHash-1-3 with a key made from `seed`.
uint64_t hash_bytes(const void* bytes, size_t size, uint64_t seed);

/// Mixes a number so that every bit of the result depends on every bit of it.
inline uint64_t hash_number(uint64_t number, uint64_t seed) {
#if defined(__SIZEOF_INT128__)
  __extension__ using Wide = unsigned __int128;
  const Wide product = Wide{number ^ seed ^ 0x9e3779b97f4a7c15u} * 0xd6e8feb86659fd93u;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
#else
  number ^= seed;
  number = (number ^ (number >> 32)) * 0xd6e8feb86659fd93u;
  number = (number ^ (number >> 32)) * 0xd6e8feb86659fd93u;
  return number ^ (number >> 32);
#endif
}

template <class Key> struct Hash {
  uint64_t seed = 0;
  uint64_t operator()(const Key& key) const
    requires(std::is_integral_v<Key> || std::is_enum_v<Key>)
  {
    return hash_number(static_cast<uint64_t>(key), seed);
  }
};

template <class T> struct Hash<T*> {
  uint64_t seed = 0;
  uint64_t operator()(const T* key) const {
    return hash_number(reinterpret_cast<uintptr_t>(key), seed);
  }
};

template <> struct Hash<StringView> {
  uint64_t seed = 0;
  uint64_t operator()(StringView key) const { return hash_bytes(key.data, key.size, seed); }
};

template <> struct Hash<String> : Hash<StringView> {};

} // namespace ebb
