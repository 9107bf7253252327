// A script: the commands of one test file, read from JSON into plain structures.
//
// The format is the one of the README beside the suites. Names and texts are kept as they are;
// numbers stay decimal strings until they are compared (see values.h), since what they mean depends
// on the type.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ebb::spec {

struct Value {
  std::string type;                ///< "i32", "v128", "externref", "either"…
  std::optional<std::string> text; ///< The value where it is a number, "null" or a NaN pattern.
  std::string lane_type;           ///< Of a v128.
  std::vector<std::string> lanes;  ///< Of a v128, lane 0 first.
  std::vector<Value> alternatives; ///< Of an "either".
};

struct Action {
  enum class Kind : uint8_t { invoke, get };
  Kind kind = Kind::invoke;
  std::optional<std::string> module; ///< The instance; the current one if absent.
  std::string field;
  std::vector<Value> args;
};

enum class CommandKind : uint8_t {
  module,
  module_definition,
  module_instance,
  register_,
  action,
  assert_return,
  assert_trap,
  assert_exhaustion,
  assert_exception,
  assert_suspension,
  assert_invalid,
  assert_malformed,
  assert_invalid_custom,
  assert_malformed_custom,
  assert_unlinkable,
  assert_uninstantiable,
  unknown,
};

struct Command {
  CommandKind kind = CommandKind::unknown;
  std::string kind_name; ///< As in the JSON.
  uint32_t line = 0;
  std::optional<std::string> name;     ///< Of the module, or of the instance to register.
  std::optional<std::string> as;       ///< What to register as.
  std::optional<std::string> instance; ///< How a module_instance is called.
  std::optional<std::string> module;   ///< Which definition a module_instance takes.
  std::string text;                    ///< The expected message.
  std::string file; ///< The binary, relative to the script; empty if there is only text.
  Action action;
  std::vector<Value> expected;
};

struct Script {
  std::string path;
  std::vector<Command> commands;
};

/// Reads a script. Nothing, with the reason in `problem`, if the file cannot be read or is not a
/// script.
std::optional<Script> read_script(const std::string& path, std::string& problem);

/// The whole of a file. Nothing, with the reason in `problem`, if it cannot be read.
std::optional<std::vector<uint8_t>> read_file(const std::string& path, std::string& problem);

} // namespace ebb::spec
