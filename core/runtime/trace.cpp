// Backtraces: names of functions and frames as text, without allocating.
#include "core/binary/reader.h"
#include "core/runtime/runtime_state.h"
#include "core/runtime/store.h"

namespace ebb {
namespace {

constexpr uint8_t function_names_id = 1;

/// The name of a function in the contents of a name section; empty if it has none. Fails where the
/// section is malformed, which custom sections may be.
Result<ByteRange> find_name(Reader section, uint32_t function) {
  while (!section.at_end()) {
    const uint8_t id = section.take();
    const uint32_t bytes = EBB_TRY(section.u32());
    const uint32_t base = section.offset();
    Reader names(EBB_TRY(section.bytes(bytes)), base);
    if (id != function_names_id) continue;
    const uint32_t count = EBB_TRY(names.u32());
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t index = EBB_TRY(names.u32());
      const ByteRange name = EBB_TRY(names.name());
      if (index == function) return name;
      if (index > function) break;
    }
  }
  return ByteRange();
}

/// Cuts to fit and ends with a NUL.
class Writer {
public:
  Writer(char* buffer, size_t bytes) : buffer_(buffer), room_(bytes - 1) {}
  void put(char letter) {
    if (used_ < room_) buffer_[used_++] = letter;
  }
  void put(const char* text) {
    while (*text != 0)
      put(*text++);
  }
  /// Names are the guest's: what could steer a terminal is not shown.
  void put_name(StringView text) {
    for (const char letter : text) {
      const unsigned char byte = static_cast<unsigned char>(letter);
      put(byte < 0x20 || byte == 0x7f ? '?' : letter);
    }
  }
  void put_number(uint64_t number, unsigned base) {
    char digits[20];
    size_t count = 0;
    do {
      digits[count++] = "0123456789abcdef"[number % base];
      number /= base;
    } while (number != 0);
    while (count != 0)
      put(digits[--count]);
  }
  size_t finish() {
    buffer_[used_] = 0;
    return used_;
  }

private:
  char* buffer_;
  size_t room_;
  size_t used_ = 0;
};

} // namespace

StringView function_name(const ModuleImage& image, uint32_t function) {
  const ByteRange section = image.decl.name_section();
  if (section.size == 0) return {};
  const std::span<const uint8_t> bytes{image.bytes + section.offset, section.size};
  const Result<ByteRange> name = find_name(Reader(bytes, section.offset), function);
  return name.ok() && name.value().size != 0 ? text_of(image, name.value()) : StringView();
}

size_t Store::trace_depth() const { return state_->trace_depth; }

size_t Store::trace_count() const { return state_->trace_count; }

BacktraceFrame Store::trace(size_t index) const {
  EBB_ASSERT(index < state_->trace_count);
  const TraceFrame& kept = state_->trace[index];
  BacktraceFrame frame;
  frame.function = kept.function;
  frame.wasm_offset =
      kept.wasm_offset == UINT32_MAX ? Diagnostic::no_offset : uint64_t{kept.wasm_offset};
  if (kept.instance < state_->instances.size()) {
    if (const InstanceState* instance = state_->instances[kept.instance]) {
      frame.instance = handle_of(*state_, *instance);
      if (instance->module != nullptr) frame.name = function_name(*instance->module, kept.function);
    }
  }
  return frame;
}

size_t Store::render_backtrace(char* buffer, size_t bytes) const {
  if (bytes == 0) return 0;
  Writer writer(buffer, bytes);
  for (size_t i = 0; i < trace_count(); ++i) {
    const BacktraceFrame frame = trace(i);
    writer.put("  #");
    writer.put_number(i, 10);
    writer.put(' ');
    if (!frame.name.is_empty()) {
      writer.put_name(frame.name);
      writer.put(" (function ");
      writer.put_number(frame.function, 10);
      writer.put(')');
    } else {
      writer.put("function ");
      writer.put_number(frame.function, 10);
    }
    if (frame.wasm_offset != Diagnostic::no_offset) {
      writer.put(" at offset 0x");
      writer.put_number(frame.wasm_offset, 16);
    }
    writer.put('\n');
  }
  if (trace_depth() > trace_count()) {
    writer.put("  and ");
    writer.put_number(trace_depth() - trace_count(), 10);
    writer.put(" more\n");
  }
  return writer.finish();
}

} // namespace ebb
