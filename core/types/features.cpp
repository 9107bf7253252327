#include "core/types/features.h"

namespace ebb {
namespace {

constexpr const char* names[] = {
#define EBB_FEATURE(name, text, documentation) text,
#include "core/types/features.def"
#undef EBB_FEATURE
};

constexpr const char* documentations[] = {
#define EBB_FEATURE(name, text, documentation) documentation,
#include "core/types/features.def"
#undef EBB_FEATURE
};

} // namespace

const char* feature_name(Feature feature) { return names[static_cast<size_t>(feature)]; }
const char* feature_documentation(Feature feature) {
  return documentations[static_cast<size_t>(feature)];
}

} // namespace ebb
