#include "error/error.h"

#include <cstring>
#include <doctest/doctest.h>
#include <set>
#include <string>

using namespace ebb;

TEST_CASE("every error has a name of its own, a class, a message and a sentence") {
  std::set<std::string> names;
  for (unsigned i = 1; error_class(static_cast<Error>(i)) != ErrorClass::none; ++i) {
    const Error error = static_cast<Error>(i);
    CHECK(names.insert(error_name(error)).second);
    CHECK(strlen(error_message(error)) > 0);
    const std::string documentation = error_documentation(error);
    REQUIRE(!documentation.empty());
    CHECK(documentation.back() == '.');
    CHECK(std::string(error_class_name(error_class(error))) != "none");
  }
  CHECK(names.size() > 80);
}

TEST_CASE("known errors are in their classes") {
  CHECK(error_class(Error::none) == ErrorClass::none);
  CHECK(error_class(Error::out_of_memory) == ErrorClass::resource);
  CHECK(error_class(Error::unexpected_end) == ErrorClass::malformed);
  CHECK(error_class(Error::type_mismatch) == ErrorClass::invalid);
  CHECK(error_class(Error::stale_handle) == ErrorClass::usage);
  CHECK(std::string(error_message(Error::out_of_memory)) == "out of memory");
  CHECK(std::string(error_class_name(ErrorClass::trap)) == "trap");
}

TEST_CASE("a number that is no error is harmless") {
  CHECK(error_class(static_cast<Error>(255)) == ErrorClass::none);
  CHECK(std::string(error_class_name(static_cast<ErrorClass>(99))) == "none");
}
