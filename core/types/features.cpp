#include "core/types/features.h"

namespace ebb {
namespace {

struct Row {
  const char* name;
  const char* documentation;
};

constexpr Row rows[] = {
#define EBB_FEATURE(name, text, documentation) {text, documentation},
#include "core/types/features.def"
#undef EBB_FEATURE
};

} // namespace

const char* feature_name(Feature feature) { return rows[static_cast<size_t>(feature)].name; }
const char* feature_documentation(Feature feature) {
  return rows[static_cast<size_t>(feature)].documentation;
}

} // namespace ebb
