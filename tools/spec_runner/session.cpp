// Executes commands one after the other. A command whose module is absent fails, or is skipped if
// the module was.
#include "tools/spec_runner/session.h"

#include "tools/spec_runner/machine.h"
#include "tools/spec_runner/system_allocator.h"
#include "tools/spec_runner/traps.h"

#include <filesystem>

namespace ebb::spec {
namespace {

// What became of a command.
struct Verdict {
  enum class Kind : uint8_t { passed, failed, skipped };
  Kind kind = Kind::passed;
  std::string text;

  static Verdict passed() { return {}; }
  static Verdict failed(std::string text) { return {Kind::failed, std::move(text)}; }
  static Verdict skipped(std::string text) { return {Kind::skipped, std::move(text)}; }
};

bool is_rejection(Error error) {
  const ErrorClass kind = error_class(error);
  return kind == ErrorClass::malformed || kind == ErrorClass::invalid;
}

bool expects_rejection(CommandKind kind) {
  return kind == CommandKind::assert_invalid || kind == CommandKind::assert_malformed;
}

bool has_module(CommandKind kind) {
  switch (kind) {
  case CommandKind::module:
  case CommandKind::module_definition:
  case CommandKind::assert_invalid:
  case CommandKind::assert_malformed:
  case CommandKind::assert_unlinkable:
  case CommandKind::assert_uninstantiable:
    return true;
  default:
    return false;
  }
}

class Session {
public:
  Session(const ScriptFile& file, const Options& options, const Conflicts& conflicts,
          Report& report)
      : file_(file), options_(options), conflicts_(conflicts), report_(report), machine_(options) {}

  void run(const Script& script, const std::vector<uint8_t>& spectest);

private:
  Verdict execute(const Command& command);
  Verdict validate(const Command& command);
  Verdict define(const Command& command, bool instantiate);
  Verdict make_instance(const Command& command);
  Verdict register_instance(const Command& command);
  Verdict act(const Command& command);
  Verdict assert_return(const Command& command);
  Verdict assert_failure(const Command& command);
  Verdict assert_rejected(const Command& command);
  Verdict assert_not_instantiated(const Command& command);

  std::optional<std::vector<uint8_t>> bytes_of(const Command& command, std::string& problem);
  NamedInstance& instance_of(const std::optional<std::string>& name);
  Verdict absent(const Absence& absence, const char* what) const;
  Verdict absent_module(const Command& command, Error error, Absence& absence);
  void set_current(const std::optional<std::string>& name, const NamedInstance& instance);

  const ScriptFile& file_;
  const Options& options_;
  const Conflicts& conflicts_;
  Report& report_;
  Machine machine_;
  std::map<std::string, Definition> definitions_;
  std::map<std::string, NamedInstance> instances_;
  Definition last_definition_;
  NamedInstance current_;
};

void Session::run(const Script& script, const std::vector<uint8_t>& spectest) {
  std::string problem;
  if (!options_.validate_only && !machine_.start(spectest, problem)) {
    report_.begin(0);
    return report_.failed(problem);
  }
  for (const Command& command : script.commands) {
    report_.begin(command.line);
    Verdict verdict;
    const auto conflict = conflicts_.reason(file_.name, command.line, command.kind_name);
    if (conflict)
      verdict = Verdict::skipped(*conflict);
    else if (has_module(command.kind) && command.file.empty())
      verdict = Verdict::skipped("text only");
    else if (options_.validate_only && !has_module(command.kind))
      continue;
    else
      verdict = options_.validate_only ? validate(command) : execute(command);
    switch (verdict.kind) {
    case Verdict::Kind::passed:
      report_.passed();
      break;
    case Verdict::Kind::failed:
      report_.failed(command.kind_name + ": " + verdict.text);
      break;
    case Verdict::Kind::skipped:
      report_.skipped(verdict.text);
      break;
    }
  }
}

Verdict Session::execute(const Command& command) {
  switch (command.kind) {
  case CommandKind::module:
    return define(command, true);
  case CommandKind::module_definition:
    return define(command, false);
  case CommandKind::module_instance:
    return make_instance(command);
  case CommandKind::register_:
    return register_instance(command);
  case CommandKind::action:
    return act(command);
  case CommandKind::assert_return:
    return assert_return(command);
  case CommandKind::assert_trap:
  case CommandKind::assert_exhaustion:
  case CommandKind::assert_exception:
    return assert_failure(command);
  case CommandKind::assert_invalid:
  case CommandKind::assert_malformed:
    return assert_rejected(command);
  case CommandKind::assert_unlinkable:
  case CommandKind::assert_uninstantiable:
    return assert_not_instantiated(command);
  case CommandKind::assert_invalid_custom:
  case CommandKind::assert_malformed_custom:
    return Verdict::skipped("assertion about the text format or custom sections");
  case CommandKind::assert_suspension:
  case CommandKind::unknown:
    break;
  }
  return Verdict::failed("this kind of command is not supported");
}

Verdict Session::validate(const Command& command) {
  std::string problem;
  const auto bytes = bytes_of(command, problem);
  if (!bytes) return Verdict::failed(problem);
  const Allocator allocator = system_allocator();
  Diagnostic diagnostic;
  const auto result = Module::validate(allocator, *bytes, FeatureSet::all(), &diagnostic);
  if (!expects_rejection(command.kind)) {
    if (result.ok()) return Verdict::passed();
    char text[256];
    render(diagnostic, text, sizeof text);
    return Verdict::failed("expected a valid module, got " + std::string(text));
  }
  if (result.ok()) return Verdict::failed("expected '" + command.text + "', got a valid module");
  if (is_rejection(result.error())) return Verdict::passed();
  return Verdict::failed("expected '" + command.text + "', got " + error_name(result.error()));
}

std::optional<std::vector<uint8_t>> Session::bytes_of(const Command& command,
                                                      std::string& problem) {
  const auto path = std::filesystem::path(file_.path).parent_path() / command.file;
  auto bytes = read_file(path.string(), problem);
  if (!bytes) problem = path.string() + ": " + problem;
  return bytes;
}

NamedInstance& Session::instance_of(const std::optional<std::string>& name) {
  if (!name) return current_;
  return instances_[*name];
}

Verdict Session::absent(const Absence& absence, const char* what) const {
  if (absence.is_skip) return Verdict::skipped(std::string(not_executed) + ": depends on a skip");
  return Verdict::failed(std::string("no ") + what);
}

// A module that is refused: only instructions that are not executed yet, and only on known lines,
// are a reason to skip.
Verdict Session::absent_module(const Command& command, Error error, Absence& absence) {
  absence.is_skip =
      error_class(error) == ErrorClass::unsupported && may_be_unsupported(file_.name, command.line);
  if (absence.is_skip)
    return Verdict::skipped(std::string(not_executed) + ": " + error_message(error));
  return Verdict::failed("got " + machine_.explain(error));
}

void Session::set_current(const std::optional<std::string>& name, const NamedInstance& instance) {
  current_ = instance;
  if (name) instances_[*name] = instance;
}

Verdict Session::define(const Command& command, bool instantiate) {
  std::string problem;
  auto bytes = bytes_of(command, problem);
  if (!bytes) return Verdict::failed(problem);
  Definition definition;
  NamedInstance instance;
  Verdict verdict;
  const auto module = machine_.load(std::move(*bytes));
  if (!module.ok()) {
    verdict = absent_module(command, module.error(), definition.absence);
    instance.absence = definition.absence;
  } else {
    definition.module = module.value();
    if (instantiate) {
      const auto made = machine_.instantiate(*module.value());
      if (made.ok())
        instance.instance = made.value();
      else
        verdict = Verdict::failed("got " + machine_.explain(made.error()));
    }
  }
  last_definition_ = definition;
  if (command.name) definitions_[*command.name] = definition;
  if (instantiate) set_current(command.name, instance);
  return verdict;
}

Verdict Session::make_instance(const Command& command) {
  const Definition& definition = command.module ? definitions_[*command.module] : last_definition_;
  NamedInstance instance;
  instance.absence = definition.absence;
  Verdict verdict;
  if (!definition.module) {
    verdict = absent(definition.absence, "such definition");
  } else {
    const auto made = machine_.instantiate(*definition.module);
    if (made.ok())
      instance.instance = made.value();
    else
      verdict = Verdict::failed("got " + machine_.explain(made.error()));
  }
  set_current(command.instance, instance);
  return verdict;
}

Verdict Session::register_instance(const Command& command) {
  const NamedInstance& instance = instance_of(command.name);
  if (!instance.instance) return absent(instance.absence, "such instance");
  const auto result = machine_.register_as(*command.as, *instance.instance);
  if (result.ok()) return Verdict::passed();
  return Verdict::failed("got " + machine_.explain(result.error()));
}

Verdict Session::act(const Command& command) {
  const NamedInstance& instance = instance_of(command.action.module);
  if (!instance.instance) return absent(instance.absence, "such instance");
  const auto results = machine_.perform(*instance.instance, command.action);
  if (results.ok()) return Verdict::passed();
  return Verdict::failed(command.action.field + ": got " + machine_.explain(results.error()));
}

Verdict Session::assert_return(const Command& command) {
  const NamedInstance& instance = instance_of(command.action.module);
  if (!instance.instance) return absent(instance.absence, "such instance");
  const auto results = machine_.perform(*instance.instance, command.action);
  const std::string& field = command.action.field;
  if (!results.ok()) return Verdict::failed(field + ": got " + machine_.explain(results.error()));
  const std::vector<Val>& actual = results.value();
  if (actual.size() != command.expected.size())
    return Verdict::failed(field + ": expected " + std::to_string(command.expected.size()) +
                           " results, got " + std::to_string(actual.size()));
  for (size_t i = 0; i < actual.size(); ++i)
    if (!machine_.matches(command.expected[i], actual[i]))
      return Verdict::failed(field + ": expected " + describe(command.expected[i]) + ", got " +
                             machine_.describe(actual[i]));
  return Verdict::passed();
}

Verdict Session::assert_failure(const Command& command) {
  const NamedInstance& instance = instance_of(command.action.module);
  if (!instance.instance) return absent(instance.absence, "such instance");
  const auto results = machine_.perform(*instance.instance, command.action);
  const std::string wanted = command.kind == CommandKind::assert_exception
                                 ? std::string(error_message(Error::uncaught_exception))
                                 : command.text;
  if (results.ok())
    return Verdict::failed(command.action.field + ": expected '" + wanted + "', but it returned");
  if (is_trap_of_text(results.error(), wanted)) return Verdict::passed();
  return Verdict::failed(command.action.field + ": expected '" + wanted + "', got " +
                         machine_.explain(results.error()));
}

Verdict Session::assert_rejected(const Command& command) {
  std::string problem;
  auto bytes = bytes_of(command, problem);
  if (!bytes) return Verdict::failed(problem);
  const auto module = machine_.load(std::move(*bytes));
  if (module.ok()) return Verdict::failed("expected '" + command.text + "', but it was loaded");
  if (is_rejection(module.error())) return Verdict::passed();
  return Verdict::failed("expected '" + command.text + "', got " +
                         machine_.explain(module.error()));
}

Verdict Session::assert_not_instantiated(const Command& command) {
  std::string problem;
  auto bytes = bytes_of(command, problem);
  if (!bytes) return Verdict::failed(problem);
  const auto module = machine_.load(std::move(*bytes));
  if (!module.ok()) {
    Absence absence;
    return absent_module(command, module.error(), absence);
  }
  const auto made = machine_.instantiate(*module.value());
  if (made.ok()) return Verdict::failed("expected '" + command.text + "', but it was instantiated");
  const bool is_right = command.kind == CommandKind::assert_unlinkable
                            ? error_class(made.error()) == ErrorClass::link
                            : is_trap_of_text(made.error(), command.text);
  if (is_right) return Verdict::passed();
  return Verdict::failed("expected '" + command.text + "', got " + machine_.explain(made.error()));
}

} // namespace

void run_script(const ScriptFile& file, const Options& options, const Conflicts& conflicts,
                const std::vector<uint8_t>& spectest, Report& report) {
  std::string problem;
  const auto script = read_script(file.path, problem);
  if (!script) {
    report.begin(0);
    return report.failed(problem);
  }
  Session(file, options, conflicts, report).run(*script, spectest);
}

} // namespace ebb::spec
