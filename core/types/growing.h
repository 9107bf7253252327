// What may grow at run time, and the question whether it may.
#pragma once

#include <cstdint>

namespace ebb {

/// What the limits callback is asked about.
enum class Growing : uint8_t { memory, table, stack };

/// Asked before a memory, table or stack is made or grows: sizes in bytes, for tables in elements;
/// `maximum` is the most it may ever have. False refuses, which the caller sees as out_of_memory
/// and the guest as -1.
struct LimitsCallback {
  bool (*allow)(void* context, Growing what, uint64_t from, uint64_t to,
                uint64_t maximum) = nullptr;
  void* context = nullptr;
};

} // namespace ebb
