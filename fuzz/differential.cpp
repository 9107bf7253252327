// Target: a module made of the input behaves the same in every way that it can be run here, and in
// another engine where there is one (judge.h).
#include "fuzz/generator.h"
#include "fuzz/judge.h"
#include "fuzz/outcome.h"

#include <string>

namespace {

using namespace ebb;
using namespace ebb::fuzz;

constexpr const char* name = "differential";

bool is_exhausted(const std::string& outcome) {
  return outcome.find("exhausted") != std::string::npos;
}

/// How deep calls may nest is for each engine to say, and what comes after that differs too.
bool agree(const Bytes&, const std::string& own, const std::string& other) {
  return own == other || is_exhausted(own) || is_exhausted(other);
}

/// The ways beside the plain ones, one for each input.
Way other_way(uint8_t choice) {
  Way way;
  way.encoding = (choice & 1) != 0 ? Config::Encoding::threaded : Config::Encoding::compact;
  way.preparation =
      (choice & 2) != 0 ? Config::Preparation::at_first_call : Config::Preparation::at_load;
  if ((choice & 16) != 0) way.preparation = Config::Preparation::threaded_at_first_call;
  way.precompiled = (choice & 4) != 0;
  way.wide = (choice & 8) != 0 && sizeof(void*) == 8;
  return way;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Judge judge(name, 'x', &agree);
  Input input(data, size);
  const uint8_t choice = input.byte();
  const Bytes wasm = generate_module(input);
  WatchedMemory memory(name);
  Way compact;
  Way threaded;
  threaded.encoding = Config::Encoding::threaded;
  const std::string outcome = outcome_of(wasm, compact, memory.allocator());
  for (const Way& way : {threaded, other_way(choice)}) {
    const std::string other = outcome_of(wasm, way, memory.allocator());
    if (outcome == other) continue;
    write_file("disagreement.wasm", wasm);
    std::fprintf(stderr, "compact: %s\nother:   %s\n", outcome.c_str(), other.c_str());
    fail(name, "ways to run a module differ");
  }
  // Generated modules are valid and can run.
  if (outcome.rfind("refused", 0) == 0) {
    write_file("disagreement.wasm", wasm);
    fail(name, "a generated module is refused", outcome.c_str());
  }
  judge.ask(wasm, outcome);
  return 0;
}
