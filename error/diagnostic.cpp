#include "error/diagnostic.h"

#include "error/build.h"

#include <cstring>

namespace ebb {
namespace {

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

/// The most bytes of `text`, at most `room`, that end between characters.
size_t cut(const char* text, size_t size, size_t room) {
  if (size <= room) return size;
  while (room > 0 && is_continuation(text[room]))
    --room;
  return room;
}

uint8_t copy_name(char* to, const char* name, size_t bytes) {
  const size_t size = cut(name, bytes, Diagnostic::name_bytes_max);
  if (size != 0) memcpy(to, name, size);
  return static_cast<uint8_t>(size);
}

class Writer {
public:
  Writer(char* buffer, size_t size) : buffer_(buffer), room_(size - 1) {}

  void bytes(const char* text, size_t size) {
    if (is_full_) return;
    const size_t fitting = cut(text, size, room_ - length_);
    is_full_ = fitting < size;
    memcpy(buffer_ + length_, text, fitting);
    length_ += fitting;
  }
  void text(const char* words) { bytes(words, strlen(words)); }
  void decimal(uint64_t value) {
    char digits[20];
    size_t first = sizeof(digits);
    do {
      digits[--first] = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value != 0);
    bytes(digits + first, sizeof(digits) - first);
  }
  void hexadecimal(uint64_t value) {
    char digits[18];
    size_t first = sizeof(digits);
    do {
      digits[--first] = "0123456789abcdef"[value & 15];
      value >>= 4;
    } while (value != 0);
    digits[--first] = 'x';
    digits[--first] = '0';
    bytes(digits + first, sizeof(digits) - first);
  }
  /// A name that a module chose: a terminal must not obey it.
  void quoted(const char* name, size_t size) {
    text("\"");
    size_t start = 0;
    for (size_t i = 0; i < size; ++i) {
      const unsigned char byte = static_cast<unsigned char>(name[i]);
      const bool is_c1 =
          byte == 0xc2 && i + 1 < size && static_cast<unsigned char>(name[i + 1]) < 0xa0;
      if (byte >= 0x20 && byte != 0x7f && byte != '"' && byte != '\\' && !is_c1) continue;
      bytes(name + start, i - start);
      const char* hex = "0123456789abcdef";
      const unsigned char shown = is_c1 ? static_cast<unsigned char>(name[++i]) : byte;
      const char escape[4] = {'\\', 'x', hex[shown >> 4], hex[shown & 15]};
      bytes(escape, sizeof(escape));
      start = i + 1;
    }
    bytes(name + start, size - start);
    text("\"");
  }
  size_t finish() {
    buffer_[length_] = '\0';
    return length_;
  }

private:
  char* buffer_;
  size_t room_;
  size_t length_ = 0;
  bool is_full_ = false;
};

void write_refusal(Writer& out, const Diagnostic& diagnostic) {
  if (diagnostic.cause == RefusalCause::none && diagnostic.resource == Resource::none) return;
  out.text(": ");
  if (diagnostic.resource != Resource::none) out.text(resource_name(diagnostic.resource));
  if (diagnostic.bytes_asked != 0) {
    if (diagnostic.resource != Resource::none) out.text(" of ");
    out.decimal(diagnostic.bytes_asked);
    out.text(" bytes");
  }
  switch (diagnostic.cause) {
  case RefusalCause::none:
    return;
  case RefusalCause::allocator:
    out.text(" refused by the allocator");
    return;
  case RefusalCause::limits_callback:
    out.text(" refused by the limits callback");
    return;
  case RefusalCause::budget:
    out.text(" refused by the budget");
    break;
  case RefusalCause::declared_maximum:
    out.text(" refused by its declared maximum");
    break;
  case RefusalCause::implementation_limit:
    out.text(" refused by the limit");
    break;
  }
  out.text(" of ");
  out.decimal(diagnostic.limit);
  out.text(" bytes");
}

void write_place(Writer& out, const Diagnostic& diagnostic) {
  const bool has_offset = diagnostic.wasm_offset != Diagnostic::no_offset;
  const bool has_function = diagnostic.function != Diagnostic::no_function;
  if (!has_offset && !has_function) return;
  out.text(" (");
  if (has_offset) {
    out.text("at offset ");
    out.hexadecimal(diagnostic.wasm_offset);
    if (has_function) out.text(" ");
  }
  if (has_function) {
    out.text("in function ");
    out.decimal(diagnostic.function);
  }
  out.text(")");
}

} // namespace

// Out of line, so that the empty one does not lie in the frame of every caller.
__attribute__((noinline)) void Diagnostic::clear() { *this = Diagnostic(); }

EBB_CALLED_IF_SMALL Diagnostic& Diagnostic::set(Error new_error) {
  clear();
  error = new_error;
  return *this;
}

Diagnostic& Diagnostic::set_refusal(Resource what, uint64_t bytes, RefusalCause who,
                                    uint64_t new_limit) {
  resource = what;
  bytes_asked = bytes;
  cause = who;
  limit = new_limit;
  return *this;
}

Diagnostic& Diagnostic::set_limit(uint64_t new_limit) {
  limit = new_limit;
  return *this;
}

Diagnostic& Diagnostic::set_offset(uint64_t offset) {
  wasm_offset = offset;
  return *this;
}

Diagnostic& Diagnostic::set_function(uint32_t index) {
  function = index;
  return *this;
}

Diagnostic& Diagnostic::set_import(const char* module, size_t module_bytes, const char* name,
                                   size_t name_bytes) {
  has_import = true;
  import_module_size = copy_name(import_module, module, module_bytes);
  import_name_size = copy_name(import_name, name, name_bytes);
  return *this;
}

Diagnostic& Diagnostic::set_exit_code(int32_t code) {
  exit_code = code;
  return *this;
}

const char* resource_name(Resource resource) {
  constexpr const char* names[] = {"none",  "heap",   "memory",   "table",
                                   "stack", "module", "instance", "type"};
  const size_t index = static_cast<size_t>(resource);
  return index < sizeof(names) / sizeof(names[0]) ? names[index] : "none";
}

size_t render(const Diagnostic& diagnostic, char* buffer, size_t size) {
  if (size == 0) return 0;
  Writer out(buffer, size);
  out.text(error_message(diagnostic.error));
  if (diagnostic.error == Error::out_of_memory) {
    write_refusal(out, diagnostic);
  } else if (diagnostic.error == Error::exit) {
    out.text(" with code ");
    if (diagnostic.exit_code < 0) out.text("-");
    const int64_t code = diagnostic.exit_code;
    out.decimal(static_cast<uint64_t>(code < 0 ? -code : code));
  } else if (diagnostic.limit != 0) {
    out.text(": the limit is ");
    out.decimal(diagnostic.limit);
  }
  if (diagnostic.has_import) {
    out.text(" ");
    out.quoted(diagnostic.import_module, diagnostic.import_module_size);
    out.text(" ");
    out.quoted(diagnostic.import_name, diagnostic.import_name_size);
  }
  if (diagnostic.detail != nullptr) {
    out.text(": ");
    out.text(diagnostic.detail);
  }
  write_place(out, diagnostic);
  return out.finish();
}

} // namespace ebb
