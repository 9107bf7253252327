#include "core/types/features.h"
#include "tests/needs.h"

#include <doctest/doctest.h>

#include <cstring>

using namespace ebb;

TEST_CASE("a FeatureSet starts with everything and never loses mvp" * needs_wasm_3()) {
  FeatureSet features;
  CHECK(features == FeatureSet::all());
  features.set(Feature::gc, false);
  CHECK(!features.has(Feature::gc));
  CHECK(features.has(Feature::custom_page_sizes));
  features.set(Feature::mvp, false);
  CHECK(features.has(Feature::mvp));
  FeatureSet used = FeatureSet::mvp();
  CHECK(!used.has(Feature::simd));
  used.add(features);
  CHECK(used == features);
}

TEST_CASE("features have names") {
  CHECK(strcmp(feature_name(Feature::multi_memory), "multi-memory") == 0);
  CHECK(strcmp(feature_name(Feature::custom_page_sizes), "custom-page-sizes") == 0);
  CHECK(strlen(feature_documentation(Feature::gc)) > 0);
}
