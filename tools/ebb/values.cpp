// See values.h.
#include "tools/ebb/values.h"

#include "tools/ebb/print.h"

#include <cerrno>
#include <cinttypes>
#include <cmath>
#include <cstdlib>
#include <cstring>

namespace ebb::tool {
namespace {

// An integer of `bits` bits, signed or not, in its two's complement.
bool read_integer(const char* word, unsigned bits, uint64_t& value) {
  const bool negative = word[0] == '-';
  const char* digits = negative || word[0] == '+' ? word + 1 : word;
  if (digits[0] < '0' || digits[0] > '9') return false;
  const bool hexadecimal = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
  char* end = nullptr;
  errno = 0;
  const uint64_t magnitude = std::strtoull(digits, &end, hexadecimal ? 16 : 10);
  if (errno != 0 || *end != '\0') return false;
  const uint64_t maximum = bits == 64 ? UINT64_MAX : (uint64_t{1} << bits) - 1;
  const uint64_t minimum_magnitude = uint64_t{1} << (bits - 1);
  if (magnitude > (negative ? minimum_magnitude : maximum)) return false;
  value = negative ? uint64_t{0} - magnitude : magnitude;
  return true;
}

bool read_f32(const char* word, Val& value) {
  char* end = nullptr;
  const float number = std::strtof(word, &end);
  value = Val::f32(number);
  return end != word && *end == '\0';
}

bool read_f64(const char* word, Val& value) {
  char* end = nullptr;
  const double number = std::strtod(word, &end);
  value = Val::f64(number);
  return end != word && *end == '\0';
}

bool read_reference(const char* word, ValType type, Val& value) {
  const bool is_extern = type.heap_type() == HeapType(AbstractHeapType::extern_);
  uint64_t number = 0;
  if (is_extern && read_integer(word, 64, number)) {
    value = Val::extern_ref(ExternRef::of(number));
    return true;
  }
  if (!type.is_nullable() || std::strcmp(word, "null") != 0) return false;
  value = Val::zero(type);
  return true;
}

const char* heap_type_name(AbstractHeapType type) {
  switch (type) {
  case AbstractHeapType::any:
    return "any";
  case AbstractHeapType::eq:
    return "eq";
  case AbstractHeapType::i31:
    return "i31";
  case AbstractHeapType::struct_:
    return "struct";
  case AbstractHeapType::array:
    return "array";
  case AbstractHeapType::none:
    return "none";
  case AbstractHeapType::func:
    return "func";
  case AbstractHeapType::nofunc:
    return "nofunc";
  case AbstractHeapType::extern_:
    return "extern";
  case AbstractHeapType::noextern:
    return "noextern";
  case AbstractHeapType::exn:
    return "exn";
  case AbstractHeapType::noexn:
    return "noexn";
  case AbstractHeapType::bottom:
    break;
  }
  return "bottom";
}

} // namespace

bool read_value(const char* word, ValType type, Val& value) {
  uint64_t bits = 0;
  switch (type.kind()) {
  case ValKind::i32:
    if (!read_integer(word, 32, bits)) return false;
    value = Val::i32(static_cast<int32_t>(static_cast<uint32_t>(bits)));
    return true;
  case ValKind::i64:
    if (!read_integer(word, 64, bits)) return false;
    value = Val::i64(static_cast<int64_t>(bits));
    return true;
  case ValKind::f32:
    return read_f32(word, value);
  case ValKind::f64:
    return read_f64(word, value);
  case ValKind::ref:
    return read_reference(word, type, value);
  case ValKind::v128:
  case ValKind::bottom:
    break;
  }
  return false;
}

void print_value(const Val& value) {
  switch (value.kind()) {
  case Val::Kind::i32:
    return print("%" PRId32 "\n", value.as_i32());
  case Val::Kind::i64:
    return print("%" PRId64 "\n", value.as_i64());
  case Val::Kind::f32:
    return print("%.9g\n", static_cast<double>(value.as_f32()));
  case Val::Kind::f64:
    return print("%.17g\n", value.as_f64());
  case Val::Kind::v128:
    return print("0x%016" PRIx64 "%016" PRIx64 "\n", value.as_v128().high, value.as_v128().low);
  case Val::Kind::func:
    return print("%s\n", value.is_null() ? "null" : "funcref");
  case Val::Kind::extern_:
    if (!value.is_null()) return print("externref %" PRIu64 "\n", value.as_extern().value);
    break;
  case Val::Kind::any:
    if (!value.is_null()) return print("anyref %" PRIu64 "\n", value.as_extern().value);
    break;
  case Val::Kind::exn:
    break;
  }
  print("null\n");
}

void print_type(ValType type) {
  switch (type.kind()) {
  case ValKind::i32:
    return print("i32");
  case ValKind::i64:
    return print("i64");
  case ValKind::f32:
    return print("f32");
  case ValKind::f64:
    return print("f64");
  case ValKind::v128:
    return print("v128");
  case ValKind::bottom:
    return print("bottom");
  case ValKind::ref:
    break;
  }
  const char* null = type.is_nullable() ? "null " : "";
  const HeapType heap_type = type.heap_type();
  if (heap_type.is_abstract())
    return print("(ref %s%s)", null, heap_type_name(heap_type.abstract()));
  print("(ref %s$%" PRIu32 ")", null, heap_type.type_id().value);
}

} // namespace ebb::tool
