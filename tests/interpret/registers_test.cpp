#include "core/interpret/registers.h"

#include <doctest/doctest.h>

namespace ebb {
namespace {

template <class T> bool passes(T value) {
  Word word = ~Word{0};
  FloatRegister real{};
  Registers<T>::put(word, real, value);
  uint64_t slot = ~uint64_t{0};
  write_slot<T>(&slot, value);
  const T back = Registers<T>::get(word, real);
  const T read = read_slot<T>(&slot);
  return memcmp(&back, &value, sizeof(T)) == 0 && memcmp(&read, &value, sizeof(T)) == 0;
}

} // namespace

TEST_CASE("values come back from registers and slots as they went in") {
  CHECK(passes<u32>(0x80000001u));
  CHECK(passes<s32>(-2));
  CHECK(passes<f32>(-0.0f));
  CHECK(passes<f32>(std::bit_cast<f32>(0x7fa00001u)));
  CHECK(passes<f64>(std::bit_cast<f64>(0x7ff4000000000001u)));
  if (sizeof(Word) == 8) {
    CHECK(passes<u64>(0x8000000000000001u));
    CHECK(passes<s64>(-2));
  }
}

TEST_CASE("integers are zero-extended where a register is wider") {
  Word word = ~Word{0};
  FloatRegister real{};
  Registers<s32>::put(word, real, -1);
  CHECK(word == 0xffffffffu);
}

TEST_CASE("a float in the float register has its bits in the low half") {
  Word word = 0;
  FloatRegister real{};
  Registers<f32>::put(word, real, 1.5f);
  const f64 whole = Registers<f64>::get(word, real);
  CHECK(static_cast<u32>(std::bit_cast<u64>(whole)) == std::bit_cast<u32>(1.5f));
}

} // namespace ebb
