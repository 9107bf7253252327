// Counts how often each instruction of threaded code is run, and writes that to the file that the
// environment's EBB_COUNTS names: a line for each, its address, its count, its form, and its bytes
// if control may go on behind it. To the file that EBB_CALLS names goes how many of the
// instructions are calls of functions that call nothing and take few: what inlining could save. For
// builds with -Dcount_instructions=true.
#include "core/bytecode/bytecode.h"
#include "core/bytecode/code_bytes.h"
#include "core/interpret/machine_state.h"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <map>
#include <string>
#include <unordered_map>

namespace ebb {
namespace {

struct Count {
  const void* handler = nullptr; ///< Code may be gone when the counts are written.
  uint64_t runs = 0;
};

struct Name {
  std::string text;
  uint32_t bytes = 0;
};

std::string kinds_of(Kinds kinds) {
  std::string text;
  for (const Kind kind : {kinds.d, kinds.a, kinds.b, kinds.c})
    text += "nsakrpwhqvl"[static_cast<size_t>(kind)];
  return text;
}

/// What the handlers are called.
std::map<const void*, Name> names() {
  std::map<const void*, Name> found;
  for (size_t i = 0; i < static_cast<size_t>(Form::count); i++) {
    const Form form = static_cast<Form>(i);
    const FormInfo& info = form_info(form);
    const ThreadedShape& shape = threaded_shapes[i];
    const std::string text = std::string(op_name(info.op)) + "_" + kinds_of(info.kinds);
    const uint32_t bytes = shape.bytes + (shape.has_target ? uint32_t{sizeof(void*)} : 0);
    found[threaded_handlers()[i]] = {text, op_info(info.op).effect <= Effect::target ? bytes : 0};
    const Form metered = metered_form(form, Metering::fuel);
    const Form polled = metered_form(form, Metering::interruption);
    if (metered != form)
      found[threaded_handlers()[static_cast<size_t>(metered)]] = {"metered_" + text, 0};
    if (polled != form)
      found[threaded_handlers()[static_cast<size_t>(polled)]] = {"polled_" + text, 0};
  }
  return found;
}

class Counts {
public:
  Count& operator[](const uint8_t* pc) { return counts_[pc]; }
  ~Counts() {
    const char* path = getenv("EBB_COUNTS");
    FILE* file = path == nullptr ? nullptr : fopen(path, "w");
    if (file == nullptr) return;
    const std::map<const void*, Name> all = names();
    for (const auto& [pc, count] : counts_) {
      const auto found = all.find(count.handler);
      if (found == all.end()) continue;
      fprintf(file, "%" PRIuPTR " %" PRIu64 " %s %u\n", reinterpret_cast<uintptr_t>(pc), count.runs,
              found->second.text.c_str(), found->second.bytes);
    }
    fclose(file);
  }

private:
  std::unordered_map<const uint8_t*, Count> counts_;
};

/// How often a function of the same instance was called, and returned within so many instructions
/// without a call.
class Calls {
public:
  void see(const void* handler) {
    instructions_++;
    const auto found = kinds_.find(handler);
    if (found == kinds_.end()) return;
    if (found->second != Kind::ends) calls_++;
    if (found->second == Kind::ends && is_leaf_)
      for (size_t i = 0; i < std::size(most); i++)
        leaves_[i] += instructions_ - begin_ <= most[i] ? 1 : 0;
    is_leaf_ = found->second == Kind::calls;
    begin_ = instructions_;
  }
  Calls() {
    for (size_t i = 0; i < static_cast<size_t>(Form::count); i++) {
      const Op op = form_info(static_cast<Form>(i)).op;
      const std::string name = op_name(op);
      if (!is_call(op_info(op).effect) && name.rfind("return", 0) != 0) continue;
      kinds_[threaded_handlers()[i]] = name == "call"                 ? Kind::calls
                                       : name.rfind("return", 0) == 0 ? Kind::ends
                                                                      : Kind::calls_other;
    }
  }
  ~Calls() {
    const char* path = getenv("EBB_CALLS");
    FILE* file = path == nullptr ? nullptr : fopen(path, "w");
    if (file == nullptr) return;
    const auto percent = [&](uint64_t count) {
      return 100 * static_cast<double>(count) / static_cast<double>(instructions_);
    };
    fprintf(file, "%" PRIu64 " instructions, %.2f%% of them calls", instructions_, percent(calls_));
    for (size_t i = 0; i < std::size(most); i++)
      fprintf(file, ", %.2f%% of leaves of %u", percent(leaves_[i]), most[i]);
    fputs("\n", file);
    fclose(file);
  }

private:
  enum class Kind : uint8_t { calls, calls_other, ends };
  static constexpr unsigned most[] = {4, 8, 16, 32};

  std::unordered_map<const void*, Kind> kinds_;
  uint64_t instructions_ = 0;
  uint64_t calls_ = 0;
  uint64_t leaves_[std::size(most)] = {};
  uint64_t begin_ = 0; ///< Of the function that was called last.
  bool is_leaf_ = false;
};

Counts counts;

/// Made at the first instruction: the handlers' names are there by then.
Calls& calls() {
  static Calls all;
  return all;
}

} // namespace

void count_instruction(const uint8_t* pc) {
  Count& count = counts[pc];
  if (count.handler == nullptr) count.handler = read_code<const void*>(pc);
  count.runs++;
  calls().see(count.handler);
}

} // namespace ebb
