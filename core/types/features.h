// FeatureSet: which features of WebAssembly are on, or were used.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ebb {

enum class Feature : uint8_t {
#define EBB_FEATURE(name, text, documentation) name,
#include "core/types/features.def"
#undef EBB_FEATURE
};

inline constexpr size_t feature_count = 0
#define EBB_FEATURE(name, text, documentation) +1
#include "core/types/features.def"
#undef EBB_FEATURE
    ;
static_assert(feature_count < 32);

class FeatureSet {
public:
  /// All features.
  constexpr FeatureSet() = default;
  static constexpr FeatureSet all() { return FeatureSet(); }
  /// Only WebAssembly 1.0.
  static constexpr FeatureSet mvp() { return FeatureSet(bit(Feature::mvp)); }

  constexpr bool has(Feature feature) const { return (bits_ & bit(feature)) != 0; }
  constexpr FeatureSet& set(Feature feature, bool on = true) {
    bits_ = on ? bits_ | bit(feature) : bits_ & ~bit(feature);
    bits_ |= bit(Feature::mvp);
    return *this;
  }
  constexpr FeatureSet& add(FeatureSet other) {
    bits_ |= other.bits_;
    return *this;
  }
  constexpr bool operator==(const FeatureSet&) const = default;
  constexpr uint32_t bits() const { return bits_; }

private:
  constexpr explicit FeatureSet(uint32_t bits) : bits_(bits) {}
  static constexpr uint32_t bit(Feature feature) { return 1u << static_cast<unsigned>(feature); }
  uint32_t bits_ = (1u << feature_count) - 1;
};

/// The feature's name, such as "multi-memory".
const char* feature_name(Feature feature);
/// One sentence about it.
const char* feature_documentation(Feature feature);

} // namespace ebb
