// Pages: memory of the command's own, mapped from the system and not taken from the runtime's
// allocator.
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>

namespace ebb::tool {

class Pages {
public:
  Pages() = default;
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  ~Pages();

  /// At least this many zeroed bytes, keeping what is there. False if the system has none; nothing
  /// has changed then.
  bool grow(size_t bytes);
  unsigned char* bytes() const { return bytes_; }
  size_t size() const { return size_; }

  /// The same as an array of `count` zero-initialized objects. Empty on refusal, if `count` is not
  /// 0.
  template <class T> std::span<T> array(size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    if (count == 0 || !grow(count * sizeof(T))) return {};
    return {reinterpret_cast<T*>(bytes_), count};
  }

private:
  unsigned char* bytes_ = nullptr;
  size_t size_ = 0;
};

} // namespace ebb::tool
