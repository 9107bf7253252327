// String: owned bytes of UTF-8 text, and StringView: bytes of somebody else's. Neither ends in a
// NUL.
//
// They do not check that their bytes are UTF-8; whoever reads names from outside does (a binary's
// names, a command line's are checked where they enter).
#pragma once

#include "collections/vec.h"

#include <cstring>

namespace ebb {

struct StringView {
  const char* data = nullptr;
  size_t size = 0;

  constexpr StringView() = default;
  constexpr StringView(const char* bytes, size_t count) : data(bytes), size(count) {}
  /// Of text that ends in a NUL.
  constexpr StringView(const char* text) : data(text), size(__builtin_strlen(text)) {}

  constexpr bool is_empty() const { return size == 0; }
  constexpr const char* begin() const { return data; }
  constexpr const char* end() const { return data + size; }
  constexpr char operator[](size_t index) const { return data[index]; }
  friend bool operator==(StringView a, StringView b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
  }
  friend bool operator<(StringView a, StringView b) {
    const size_t shorter = a.size < b.size ? a.size : b.size;
    const int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);
    return order != 0 ? order < 0 : a.size < b.size;
  }
};

class String {
public:
  explicit String(Heap& heap) : bytes_(heap) {}

  /// Fails: out_of_memory.
  static Result<String> copy(Heap& heap, StringView text) {
    String string(heap);
    EBB_TRY(string.bytes_.reserve_exact(text.size));
    EBB_TRY(string.append(text));
    return string;
  }

  /// `text` may be part of this String. Fails: out_of_memory. On failure: nothing has changed.
  Result<void> append(StringView text) { return bytes_.append(text.data, text.size); }
  Result<void> push(char byte) { return bytes_.push(byte); }
  Result<void> reserve(size_t bytes) { return bytes_.reserve(bytes); }
  void clear() { bytes_.clear(); }
  void shrink_to_fit() { bytes_.shrink_to_fit(); }

  StringView view() const { return {bytes_.data(), bytes_.size()}; }
  operator StringView() const { return view(); }
  const char* data() const { return bytes_.data(); }
  size_t size() const { return bytes_.size(); }
  bool is_empty() const { return bytes_.is_empty(); }
  Heap& heap() const { return bytes_.heap(); }
  friend bool operator==(const String& a, const String& b) { return a.view() == b.view(); }
  friend bool operator==(const String& a, StringView b) { return a.view() == b; }

private:
  Vec<char> bytes_;
};

static_assert(sizeof(String) <= 24);

} // namespace ebb
