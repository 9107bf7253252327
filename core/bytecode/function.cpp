#include "core/bytecode/function.h"

namespace ebb {

SlotCounts slot_counts(std::span<const ValType> types) {
  SlotCounts counts;
  for (const ValType type : types) {
    if (type.is_ref()) {
      ++counts.refs;
    } else {
      counts.numbers = static_cast<uint16_t>(counts.numbers + (type.is_v128() ? 2 : 1));
    }
  }
  return counts;
}

} // namespace ebb
