// Compares what the exports of modules come to: in both encodings, and in another engine where
// there is one (judge.h). For modules of other generators.
//
//   compare_exports FILE-OR-FOLDER…
//
// Ends with a message at the first difference.
#include "fuzz/judge.h"
#include "fuzz/run_exports.h"

#include <unistd.h>

namespace {

using namespace ebb;
using namespace ebb::fuzz;

constexpr const char* name = "compare_exports";
constexpr unsigned module_seconds_max = 60;

/// What comes after an engine ran out of stack, or was asked for what the judge cannot do (`?`), is
/// not compared.
bool agree(const Bytes&, const std::string& own, const std::string& other) {
  const size_t open =
      std::min(own.find("exhausted"), std::min(other.find("exhausted"), other.find('?')));
  if (open == std::string::npos) return own == other;
  const size_t end = other.rfind(' ', open);
  return end == std::string::npos || own.compare(0, end, other, 0, end) == 0 || open > own.size();
}

} // namespace

int main(int argc, char** argv) {
  size_t modules = 0;
  size_t refused = 0;
  {
    Judge judge(name, 'e', &agree);
    for (int i = 1; i < argc; ++i) {
      for (const std::string& path : files_below(argv[i], ".wasm")) {
        alarm(module_seconds_max);
        const Bytes wasm = read_file(path);
        const std::string compact = run_exports(wasm, Config::Encoding::compact);
        const std::string threaded = run_exports(wasm, Config::Encoding::threaded);
        if (compact != threaded) fail(name, "encodings differ", path.c_str());
        ++modules;
        if (compact.rfind("refused", 0) == 0)
          ++refused;
        else
          judge.ask(wasm, compact);
      }
    }
    alarm(0);
  }
  std::printf("%zu modules compared, %zu do not come to run here\n", modules - refused, refused);
  return modules > refused ? 0 : 1;
}
