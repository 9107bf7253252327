// Reading scripts. The JSON library checks types by exceptions, which is why this program is built
// with them.
#include "tools/spec_runner/script.h"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sys/stat.h>

namespace ebb::spec {
namespace {

using nlohmann::json;

struct KindName {
  const char* name;
  CommandKind kind;
};

constexpr KindName kind_names[] = {
    {"module", CommandKind::module},
    {"module_definition", CommandKind::module_definition},
    {"module_instance", CommandKind::module_instance},
    {"register", CommandKind::register_},
    {"action", CommandKind::action},
    {"assert_return", CommandKind::assert_return},
    {"assert_trap", CommandKind::assert_trap},
    {"assert_exhaustion", CommandKind::assert_exhaustion},
    {"assert_exception", CommandKind::assert_exception},
    {"assert_suspension", CommandKind::assert_suspension},
    {"assert_invalid", CommandKind::assert_invalid},
    {"assert_malformed", CommandKind::assert_malformed},
    {"assert_invalid_custom", CommandKind::assert_invalid_custom},
    {"assert_malformed_custom", CommandKind::assert_malformed_custom},
    {"assert_unlinkable", CommandKind::assert_unlinkable},
    {"assert_uninstantiable", CommandKind::assert_uninstantiable},
};

CommandKind kind_of(const std::string& name) {
  for (const KindName& entry : kind_names)
    if (name == entry.name) return entry.kind;
  return CommandKind::unknown;
}

std::optional<std::string> optional_string(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

std::string string_or_empty(const json& object, const char* key) {
  return optional_string(object, key).value_or(std::string());
}

Value read_value(const json& source) {
  Value value;
  value.type = source.at("type").get<std::string>();
  if (value.type == "either") {
    for (const json& alternative : source.at("values"))
      value.alternatives.push_back(read_value(alternative));
  } else if (value.type == "v128") {
    value.lane_type = source.at("lane_type").get<std::string>();
    for (const json& lane : source.at("value"))
      value.lanes.push_back(lane.get<std::string>());
  } else {
    value.text = optional_string(source, "value");
  }
  return value;
}

Action read_action(const json& source) {
  Action action;
  action.kind = source.at("type") == "get" ? Action::Kind::get : Action::Kind::invoke;
  action.module = optional_string(source, "module");
  action.field = source.at("field").get<std::string>();
  if (const auto args = source.find("args"); args != source.end())
    for (const json& arg : *args)
      action.args.push_back(read_value(arg));
  return action;
}

Command read_command(const json& source) {
  Command command;
  command.kind_name = source.at("type").get<std::string>();
  command.kind = kind_of(command.kind_name);
  command.line = source.at("line").get<uint32_t>();
  command.name = optional_string(source, "name");
  command.as = optional_string(source, "as");
  command.instance = optional_string(source, "instance");
  command.module = optional_string(source, "module");
  command.text = string_or_empty(source, "text");
  command.file = string_or_empty(source, "binary_filename");
  if (command.file.empty() && string_or_empty(source, "module_type") != "text")
    command.file = string_or_empty(source, "filename");
  if (command.kind == CommandKind::unknown) return command;
  if (const auto action = source.find("action"); action != source.end())
    command.action = read_action(*action);
  if (const auto expected = source.find("expected"); expected != source.end())
    for (const json& value : *expected)
      command.expected.push_back(read_value(value));
  return command;
}

} // namespace

std::optional<std::vector<uint8_t>> read_file(const std::string& path, std::string& problem) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) {
    problem = std::strerror(errno);
    return std::nullopt;
  }
  if (!S_ISREG(status.st_mode)) {
    problem = S_ISDIR(status.st_mode) ? "is a directory" : "is not a file";
    return std::nullopt;
  }
  std::ifstream stream(path, std::ios::binary);
  std::vector<uint8_t> bytes(static_cast<size_t>(status.st_size));
  if (!stream.read(reinterpret_cast<char*>(bytes.data()),
                   static_cast<std::streamsize>(bytes.size()))) {
    problem = "cannot be read";
    return std::nullopt;
  }
  return bytes;
}

std::optional<Script> read_script(const std::string& path, std::string& problem) {
  const auto bytes = read_file(path, problem);
  if (!bytes) return std::nullopt;
  try {
    const json source = json::parse(bytes->begin(), bytes->end());
    Script script;
    script.path = path;
    for (const json& command : source.at("commands"))
      script.commands.push_back(read_command(command));
    return script;
  } catch (const json::exception& exception) {
    problem = exception.what();
    return std::nullopt;
  }
}

} // namespace ebb::spec
