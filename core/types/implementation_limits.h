// The implementation limits of error/limits.def as constants, `limits::types_max` and so on.
#pragma once

#include <cstdint>

namespace ebb::limits {

#define EBB_LIMIT(name, value, unit, error, message) inline constexpr uint32_t name = value;
#include "error/limits.def"
#undef EBB_LIMIT

} // namespace ebb::limits
