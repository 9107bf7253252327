// Alterations: what becomes of a module that is cut short, that has a wrong byte, or that needs a
// feature which is turned off.
//
// A module is cut at every byte: as a whole, and within each section and each body, whose lengths
// then agree with what is left, so that the reader of what is cut meets the end. Bytes are changed
// one at a time, by seed. Each of these is validated twice and loaded once, and whatever the bytes
// are, these must hold:
//   - there is a verdict: valid, malformed, invalid, or beyond a limit, at an offset in the bytes;
//   - it is the same the second time, and loading comes to the same or names something that is not
//     executed;
//   - nothing is held afterwards and nothing was given back wrongly;
//   - a part of a valid module is valid only where it ends with a section;
//   - with fewer features no more is valid.
// Of modules of more than some hundred bytes only every k-th cut is tried.
#pragma once

#include "collections/fault_injector.h"
#include "core/runtime/ebb.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ebb::spec {

class Alterations {
public:
  /// `bytes_altered` is how many single bytes of each module are changed.
  Alterations(bool compact, unsigned bytes_altered);
  Alterations(const Alterations&) = delete;
  Alterations& operator=(const Alterations&) = delete;
  ~Alterations();

  /// Judges what can be made of a module. What is wrong, as a text; empty if nothing is.
  std::string judge(std::span<const uint8_t> module, uint64_t seed);
  /// How many modules were judged.
  uint64_t judged() const { return judged_; }

private:
  using Bytes = std::vector<uint8_t>;
  struct Part;
  struct Verdict;

  std::string judge_features(std::span<const uint8_t> module);
  std::string judge_cuts(std::span<const uint8_t> module, uint64_t seed);
  std::string judge_cuts_within(std::span<const uint8_t> module, const Part& section,
                                uint64_t seed);
  std::string judge_bytes(std::span<const uint8_t> module, uint64_t seed);
  std::string judge_one(std::span<const uint8_t> bytes, bool may_be_valid);
  Verdict validate(std::span<const uint8_t> bytes, FeatureSet features);
  Verdict load(std::span<const uint8_t> bytes);
  std::string judge_memory(const char* after);

  const unsigned bytes_altered_;
  std::unique_ptr<uint64_t[]> table_; // of the injector's live blocks
  FaultInjector injector_;
  Allocator allocator_;
  std::optional<Engine> engine_;
  size_t held_ = 0;    // by the engine, but for slack
  uint64_t state_ = 0; // of the engine
  bool is_whole_valid_ = false;
  uint64_t judged_ = 0;
};

} // namespace ebb::spec
