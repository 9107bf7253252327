// Input: a fuzzer's bytes, read as decisions. Behind the end everything is zero, so that every
// input is a valid one and a shorter input makes a shorter run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ebb::fuzz {

class Input {
public:
  Input(const uint8_t* bytes, size_t size) : bytes_(bytes), size_(size) {}

  bool is_empty() const { return position_ == size_; }
  size_t left() const { return size_ - position_; }
  uint8_t byte() { return is_empty() ? uint8_t{0} : bytes_[position_++]; }
  uint16_t u16() {
    const uint16_t low = byte();
    return static_cast<uint16_t>(low | byte() << 8);
  }
  uint32_t u32() {
    const uint32_t low = u16();
    return low | uint32_t{u16()} << 16;
  }
  uint64_t u64() {
    const uint64_t low = u32();
    return low | uint64_t{u32()} << 32;
  }
  /// A number below `bound`, which is not 0; a byte is read if that is enough.
  uint32_t below(uint32_t bound) { return (bound <= 256 ? byte() : u32()) % bound; }
  bool one_in(uint32_t count) { return below(count) == count - 1; }
  std::span<const uint8_t> rest() {
    const std::span<const uint8_t> all(bytes_ + position_, size_ - position_);
    position_ = size_;
    return all;
  }

private:
  const uint8_t* bytes_;
  size_t size_;
  size_t position_ = 0;
};

} // namespace ebb::fuzz
