// See target.h.
#include "fuzz/target.h"

#include "tools/spec_runner/system_allocator.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace ebb::fuzz {
namespace {

constexpr size_t live_blocks_max = 8000;
/// Entries of the injector's table have 32 bytes, and an eighth stays free.
constexpr size_t table_words = live_blocks_max * 5;

} // namespace

void fail(const char* target, const char* what, const char* detail) {
  std::fprintf(stderr, "%s: %s%s%s\n", target, what, *detail != 0 ? ": " : "", detail);
  std::fflush(nullptr);
  std::abort();
}

WatchedMemory::WatchedMemory(const char* target)
    : target_(target), below_(spec::system_allocator()), table_(table_words),
      injector_(below_, table_.data(), table_.size() * sizeof(uint64_t)),
      allocator_(injector_.allocator()) {}

WatchedMemory::~WatchedMemory() {
  if (injector_.misuses() != 0) fail(target_, "a block was released or resized wrongly");
  if (injector_.is_table_full()) return;
  if (injector_.live_blocks() != 0) fail(target_, "memory was not given back");
}

void WatchedMemory::check_call(Error error, const char* what) {
  const FaultInjector::Counts& counts = injector_.counts();
  const bool is_refused = counts.injected > counts.injected_benign;
  if (counts.while_unwinding != 0) fail(target_, "memory was requested while unwinding", what);
  if (is_refused && error != Error::out_of_memory) fail(target_, "a refusal was not told", what);
  if (!is_refused && counts.injected == 0 && counts.refused_below == 0 &&
      error == Error::out_of_memory)
    fail(target_, "out of memory without a refusal", what);
}

void WatchedMemory::end_plan() {
  injector_.call_returned();
  injector_.begin();
}

Bytes read_file(const std::string& path) {
  Bytes bytes;
  FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return bytes;
  uint8_t buffer[4096];
  for (size_t count; (count = std::fread(buffer, 1, sizeof buffer, file)) != 0;)
    bytes.insert(bytes.end(), buffer, buffer + count);
  std::fclose(file);
  return bytes;
}

void write_file(const std::string& path, const Bytes& bytes) {
  FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) fail("fuzz", "cannot write", path.c_str());
  const size_t written = std::fwrite(bytes.data(), 1, bytes.size(), file);
  if (std::fclose(file) != 0 || written != bytes.size()) fail("fuzz", "cannot write", path.c_str());
}

std::vector<std::string> files_below(const std::string& path, const char* ending) {
  std::vector<std::string> files;
  if (!std::filesystem::is_directory(path)) return {path};
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path))
    if (entry.is_regular_file() && (*ending == 0 || entry.path().extension() == ending))
      files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

} // namespace ebb::fuzz
