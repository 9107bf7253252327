#include "error/diagnostic.h"

#include <cstring>
#include <doctest/doctest.h>
#include <string>

using namespace ebb;

namespace {
std::string text(const Diagnostic& diagnostic, size_t size = 512) {
  std::string buffer(size, '#');
  const size_t length = render(diagnostic, buffer.data(), size);
  REQUIRE(length < size);
  CHECK(buffer[length] == '\0');
  CHECK(strlen(buffer.c_str()) == length);
  return buffer.substr(0, length);
}
Diagnostic import_of(const std::string& module, const std::string& name) {
  Diagnostic diagnostic;
  diagnostic.set(Error::unknown_import)
      .set_import(module.data(), module.size(), name.data(), name.size());
  return diagnostic;
}
} // namespace

TEST_CASE("refusals say what, how much and by whom") {
  Diagnostic diagnostic;
  diagnostic.set(Error::out_of_memory);
  CHECK(text(diagnostic) == "out of memory");
  diagnostic.set_refusal(Resource::memory, 65536, RefusalCause::budget, 100000);
  CHECK(text(diagnostic) ==
        "out of memory: memory of 65536 bytes refused by the budget of 100000 bytes");
  diagnostic.set_refusal(Resource::heap, 12, RefusalCause::allocator);
  CHECK(text(diagnostic) == "out of memory: heap of 12 bytes refused by the allocator");
  diagnostic.set_refusal(Resource::table, 0, RefusalCause::limits_callback);
  CHECK(text(diagnostic) == "out of memory: table refused by the limits callback");
}

TEST_CASE("places") {
  Diagnostic diagnostic;
  diagnostic.set(Error::type_mismatch).set_offset(0x1f3).set_function(12);
  CHECK(text(diagnostic) == "type mismatch (at offset 0x1f3 in function 12)");
  diagnostic.set(Error::type_mismatch).set_offset(0);
  CHECK(text(diagnostic) == "type mismatch (at offset 0x0)");
  diagnostic.set(Error::type_mismatch).set_function(4294967294u);
  CHECK(text(diagnostic) == "type mismatch (in function 4294967294)");
}

TEST_CASE("imports, exit codes, limits") {
  CHECK(text(import_of("env", "f")) ==
        std::string(error_message(Error::unknown_import)) + " \"env\" \"f\"");
  Diagnostic diagnostic;
  diagnostic.set(Error::exit).set_exit_code(-2147483647 - 1);
  CHECK(text(diagnostic) == "exit with code -2147483648");
  diagnostic.set(Error::type_mismatch).set_limit(UINT64_MAX);
  CHECK(text(diagnostic) == "type mismatch: the limit is 18446744073709551615");
}

TEST_CASE("names of modules cannot command a terminal") {
  CHECK(text(import_of("a\"b\\", "\x1b[2J\xc2\x9bm")).find("\"a\\x22b\\x5c\" \"\\x1b[2J\\x9bm\"") !=
        std::string::npos);
}

TEST_CASE("names are cut between characters") {
  std::string long_name(63, 'x');
  long_name += "\xc3\xa4tail";
  const Diagnostic diagnostic = import_of(long_name, std::string(500, 'y'));
  CHECK(diagnostic.import_module_size == 63);
  CHECK(diagnostic.import_name_size == 64);
}

TEST_CASE("rendering is cut to fit, between characters, at every size") {
  const Diagnostic diagnostic = import_of("\xe2\x82\xac\xe2\x82\xac", "\xf0\x9f\x98\x80");
  const std::string whole = text(diagnostic);
  for (size_t size = 1; size < whole.size() + 3; ++size) {
    const std::string part = text(diagnostic, size);
    CHECK(part.size() <= size - 1);
    CHECK(whole.compare(0, part.size(), part) == 0);
    if (part.size() < whole.size()) {
      CHECK((static_cast<unsigned char>(whole[part.size()]) & 0xc0) != 0x80);
    }
  }
  char untouched = 'u';
  CHECK(render(diagnostic, &untouched, 0) == 0);
  CHECK(untouched == 'u');
}
