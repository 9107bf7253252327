// Label: a place in the compact code of a function to which control may come from elsewhere.
//
// Threading wants a function's labels in their order. The compiler lists them as it goes; of code
// that was compiled elsewhere they are found by a walk (core/interpret/translation_layout.cpp).
#pragma once

#include <cstdint>

namespace ebb {

struct Label {
  /// A branch leads here. What has not this mark is none: the start of a loop to which nothing goes
  /// back.
  static constexpr uint32_t target = 1;
  /// It is the start of a loop that has neither a loop nor a call in it, and is entered at its
  /// start.
  static constexpr uint32_t innermost = 2;
  static constexpr uint32_t marks = target | innermost;
  static constexpr uint32_t shift = 2;

  uint32_t bits = 0; ///< Halfwords from the start of the function's code, above the marks.

  constexpr uint32_t offset() const { return bits >> shift << 1; }
  constexpr bool is_target() const { return (bits & target) != 0; }
  constexpr bool is_innermost() const { return (bits & innermost) != 0; }
};

} // namespace ebb
