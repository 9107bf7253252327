// Export names: they must differ, and lookups want them in order.
//
// A merge sort from the bottom up. Each comparison reads at most the name that it puts in place, so
// the whole takes no more than the bytes of all names times the logarithm of their number, whatever
// the names are; a hash table would need a seed to promise as much.
#include "core/validate/module_decoder.h"

#include <cstring>

namespace ebb {
namespace {

// Below zero, zero or above, as the bytes of two names compare.
int compare(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  const size_t common = a.size() < b.size() ? a.size() : b.size();
  const int order = common == 0 ? 0 : memcmp(a.data(), b.data(), common);
  if (order != 0) return order;
  return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
}

class NameOrder {
public:
  explicit NameOrder(const ModuleDecl& module) : module_(module) {}
  int operator()(uint32_t a, uint32_t b) const {
    return compare(module_.slice(module_.exports[a].name), module_.slice(module_.exports[b].name));
  }

private:
  const ModuleDecl& module_;
};

// Merges the sorted runs [0, middle) and [middle, size) of `from` into `to`.
void merge(const NameOrder& order, const uint32_t* from, size_t middle, size_t size, uint32_t* to) {
  size_t left = 0;
  size_t right = middle;
  for (size_t i = 0; i < size; ++i) {
    const bool take_left = left < middle && (right == size || order(from[left], from[right]) <= 0);
    to[i] = take_left ? from[left++] : from[right++];
  }
}

} // namespace

Result<void> ModuleDecoder::sort_exports() {
  const size_t size = out_.exports.size();
  Vec<uint32_t>& sorted = out_.exports_by_name;
  EBB_TRY(sorted.resize(size));
  for (size_t i = 0; i < size; ++i)
    sorted[i] = static_cast<uint32_t>(i);
  if (size < 2) return {};
  Vec<uint32_t> merged(sorted.heap());
  EBB_TRY(merged.resize(size));
  const NameOrder order(out_);
  for (size_t run = 1; run < size; run *= 2) {
    for (size_t start = 0; start < size; start += 2 * run) {
      const size_t rest = size - start;
      const size_t middle = run < rest ? run : rest;
      merge(order, sorted.data() + start, middle, 2 * run < rest ? 2 * run : rest,
            merged.data() + start);
    }
    memcpy(sorted.data(), merged.data(), size * sizeof(uint32_t));
  }
  for (size_t i = 1; i < size; ++i) {
    if (order(sorted[i - 1], sorted[i]) == 0) return Error::duplicate_export_name;
  }
  return {};
}

} // namespace ebb
