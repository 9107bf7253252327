// What the targets share: how they end when something does not hold, and memory that is watched.
#pragma once

#include "collections/fault_injector.h"
#include "core/runtime/ebb.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace ebb::fuzz {

using Bytes = std::vector<uint8_t>;

/// Ends the program, which is how fuzzing engines learn of a finding.
[[noreturn]] void fail(const char* target, const char* what, const char* detail = "");

/// A fault injector over the C library's allocator, under which sanitizers see each block.
class WatchedMemory {
public:
  explicit WatchedMemory(const char* target);
  WatchedMemory(const WatchedMemory&) = delete;
  WatchedMemory& operator=(const WatchedMemory&) = delete;
  /// Everything must have been given back, by the right size.
  ~WatchedMemory();

  FaultInjector& injector() { return injector_; }
  const Allocator& allocator() const { return allocator_; }
  /// What must hold once a call has returned `error` under a plan: it is out_of_memory if something
  /// was refused, and nothing was asked for while unwinding.
  void check_call(Error error, const char* what);
  /// The last plan is over.
  void end_plan();

private:
  const char* target_;
  Allocator below_;
  std::vector<uint64_t> table_;
  FaultInjector injector_;
  Allocator allocator_;
};

/// A number below `bound` of a random engine of the standard library.
template <class Engine> size_t random_below(Engine& random, size_t bound) {
  return static_cast<size_t>(random() % bound);
}

/// A whole file, or nothing.
Bytes read_file(const std::string& path);
void write_file(const std::string& path, const Bytes& bytes);
/// The files below a path, in the order of their names; of folders those with the ending.
std::vector<std::string> files_below(const std::string& path, const char* ending = "");

} // namespace ebb::fuzz
