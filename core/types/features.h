// FeatureSet: which features of WebAssembly are on, or were used.
//
// A set never has a feature that the build leaves out, and `has` says so where the compiler can see
// it: what asks for such a feature first is folded away.
#pragma once

#include "error/assert.h"
#include "error/build.h"
#include "error/error.h"

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
  /// All features of the build. A small one has WebAssembly 2.0 without vectors.
  constexpr FeatureSet() = default;
  static constexpr FeatureSet all() { return FeatureSet(); }
  /// Only WebAssembly 1.0.
  static constexpr FeatureSet mvp() { return FeatureSet(bit(Feature::mvp)); }

  constexpr bool has(Feature feature) const { return (bits_ & built & bit(feature)) != 0; }
  constexpr FeatureSet& set(Feature feature, bool on = true) {
    bits_ = on ? bits_ | (bit(feature) & built) : bits_ & ~bit(feature);
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
  static constexpr uint32_t built =
      is_small_build ? (1u << static_cast<unsigned>(Feature::simd)) - 1 : (1u << feature_count) - 1;
  uint32_t bits_ = built;
};

/// Whether the build has a feature.
constexpr bool has_feature(Feature feature) { return FeatureSet::all().has(feature); }
/// What an encoding is that only a feature gives a meaning: where the build leaves that out it is
/// refused by name.
constexpr Error unless_off(Error malformed, Feature feature) {
  return has_feature(feature) ? malformed : Error::feature_disabled;
}
/// Says that only builds with a feature come here, so that others leave out what follows.
constexpr void only_with(Feature feature) {
  if (!has_feature(feature)) EBB_UNREACHABLE();
}

/// The feature's name, such as "multi-memory".
const char* feature_name(Feature feature);
/// One sentence about it.
const char* feature_documentation(Feature feature);

} // namespace ebb
