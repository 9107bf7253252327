// Judge: another engine's opinion of what a target made, asked in batches of one long-lived
// process.
//
// The process is `$EBB_FUZZ_NODE fuzz/judge.mjs`; where the variable is not set there is no judge
// and every question is passed over. What the engines disagree about is written to a file of its
// own before the program ends, because it is rarely the input that is being run then.
#pragma once

#include "fuzz/target.h"

#include <string>
#include <vector>

namespace ebb::fuzz {

class Judge {
public:
  /// `kind` as in judge.mjs. `agree` says whether another engine's answer fits Ebb's.
  using Agree = bool (*)(const Bytes& bytes, const std::string& own, const std::string& other);
  Judge(const char* target, char kind, Agree agree);
  Judge(const Judge&) = delete;
  Judge& operator=(const Judge&) = delete;
  /// Asks what was not asked yet.
  ~Judge();

  bool is_there() const { return to_ >= 0; }
  void ask(const Bytes& bytes, std::string own);

private:
  struct Case {
    Bytes bytes;
    std::string own;
  };
  bool start(const char* node);
  void ask_batch();
  void put(const void* bytes, size_t size);
  void get(void* bytes, size_t size);

  const char* target_;
  char kind_;
  Agree agree_;
  int to_ = -1;
  int from_ = -1;
  size_t batch_cases_ = 0;
  std::vector<Case> batch_;
};

} // namespace ebb::fuzz
