// Counts how often each instruction of threaded code is run, and writes that to the file that the
// environment's EBB_COUNTS names: a line for each, its address, its count, its form, and its bytes
// if control may go on behind it. For builds with -Dcount_instructions=true.
#include "core/bytecode/bytecode.h"
#include "core/bytecode/code_bytes.h"
#include "core/interpret/machine_state.h"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
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

Counts counts;

} // namespace

void count_instruction(const uint8_t* pc) {
  Count& count = counts[pc];
  if (count.handler == nullptr) count.handler = read_code<const void*>(pc);
  count.runs++;
}

} // namespace ebb
