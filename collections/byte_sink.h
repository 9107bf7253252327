// ByteSink: where a precompiled module is written to, piece by piece.
#pragma once

#include "collections/vec.h"

namespace ebb {

struct ByteSink {
  /// Takes the next bytes. Fails: as it likes; the writing then ends with that error.
  Result<void> (*write)(void* context, const uint8_t* bytes, size_t count) = nullptr;
  void* context = nullptr;

  /// Appends to a Vec, which must outlive the sink.
  static ByteSink to(Vec<uint8_t>& vec) {
    return {[](void* context, const uint8_t* bytes, size_t count) {
              return static_cast<Vec<uint8_t>*>(context)->append(bytes, count);
            },
            &vec};
  }
};

} // namespace ebb
