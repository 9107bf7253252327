// Executes commands one after the other. A command whose module is absent fails, or is skipped if
// the module was.
#include "tools/spec_runner/session.h"

#include "core/artifact/module_image.h"
#include "tests/oom/state_digest.h"
#include "tools/spec_runner/alter.h"
#include "tools/spec_runner/machine.h"
#include "tools/spec_runner/sweep.h"
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

// All features are asked for: what is off is not in the build.
bool is_left_out(Error error) { return is_small_build && error == Error::feature_disabled; }

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
      : file_(file), options_(options), conflicts_(conflicts), report_(report),
        sweep_(options, report, machine_store_) {
    if (options.alters) alterations_.emplace(options.compact, options.bytes_altered);
  }

  void run(const Script& script, const std::vector<uint8_t>& spectest);

private:
  Machine& machine() { return *machine_store_; }
  bool start(const std::vector<uint8_t>& spectest);
  Verdict run_command(const Command& command);
  void tell(const Command& command, const Verdict& verdict);
  void judge_branch(const Command& command, const Verdict& verdict);
  void end();
  Result<std::shared_ptr<Module>> load(std::vector<uint8_t> bytes);
  Result<Instance> instantiate(const Module& module);
  Result<std::vector<Val>> perform(const Instance& instance, const Action& action);
  Verdict execute(const Command& command);
  Verdict validate(const Command& command);
  Verdict validate(const Command& command, const std::vector<uint8_t>& bytes);
  Verdict define(const Command& command, bool is_instantiated);
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
  std::optional<Machine> machine_store_;
  Sweep sweep_;
  std::optional<Alterations> alterations_;
  std::map<std::string, Definition> definitions_;
  std::map<std::string, NamedInstance> instances_;
  Definition last_definition_;
  NamedInstance current_;
  bool registers_left_out_ =
      false; // Whether a module that is left out should have been registered.
};

// Gives spectest's table of 64-bit addresses 32-bit ones; who imports it is left out anyway.
void narrow_tables(std::vector<uint8_t>& bytes) {
  constexpr uint8_t table_section = 4;
  constexpr uint8_t funcref = 0x70;
  constexpr uint8_t flags_max_64 = 0x05;
  // Sections here are shorter than 128 bytes up to this one.
  size_t at = 8;
  while (at + 1 < bytes.size() && bytes[at] < table_section)
    at += size_t{2} + bytes[at + 1];
  const size_t end = at + 2 + bytes[at + 1];
  for (at += 2; at + 1 < end; ++at) {
    if (bytes[at] == funcref && bytes[at + 1] == flags_max_64) bytes[at + 1] = 0x01;
  }
}

// Engine, store, linker and the module that scripts may import.
bool Session::start(const std::vector<uint8_t>& spectest) {
  report_.begin(0);
  machine_store_.emplace(options_, sweep_.allocator());
  std::vector<uint8_t> bytes = spectest;
  if (!has_feature(Feature::memory64)) narrow_tables(bytes);
  const std::span<const uint8_t> kept = machine().keep(std::move(bytes));
  const Error error = sweep_.in_place(
      "start", [&] { return Sweep::Attempt{machine().start(kept), 0}; }, [&] { machine().stop(); });
  if (error == Error::none) return true;
  report_.failed("spectest: " + machine().explain(error));
  return false;
}

Verdict Session::run_command(const Command& command) {
  const auto conflict = conflicts_.reason(file_.name, command.line, command.kind_name);
  if (conflict) return Verdict::skipped(*conflict);
  if (has_module(command.kind) && command.file.empty()) return Verdict::skipped("text only");
  return options_.validate_only ? validate(command) : execute(command);
}

void Session::tell(const Command& command, const Verdict& verdict) {
  switch (verdict.kind) {
  case Verdict::Kind::passed:
    return report_.passed();
  case Verdict::Kind::failed:
    return report_.failed(command.kind_name + ": " + verdict.text);
  case Verdict::Kind::skipped:
    return report_.skipped(verdict.text);
  }
}

// In a disturbed run, after the command that met the refusal. Ends here unless the script is to be
// followed to its end.
void Session::judge_branch(const Command& command, const Verdict& verdict) {
  if (!sweep_.judge(verdict.kind == Verdict::Kind::passed)) {
    const Verdict again = run_command(command);
    sweep_.note_retry(again.kind == Verdict::Kind::passed, again.text);
  }
  if (!sweep_.follows()) end();
}

// Everything goes: no request may be made, nothing may be left.
void Session::end() {
  sweep_.begin_teardown();
  definitions_.clear();
  instances_.clear();
  last_definition_ = Definition();
  current_ = NamedInstance();
  if (machine_store_) machine().stop();
  sweep_.end_teardown();
  if (sweep_.is_branch()) sweep_.finish();
}

void Session::run(const Script& script, const std::vector<uint8_t>& spectest) {
  bool follows = false;
  if (options_.validate_only || start(spectest)) {
    for (const Command& command : script.commands) {
      if (options_.validate_only && !has_module(command.kind)) continue;
      if (!follows) report_.begin(command.line);
      sweep_.begin_command(command.line);
      const Verdict verdict = run_command(command);
      if (!sweep_.is_branch()) {
        tell(command, verdict);
      } else if (!follows) {
        judge_branch(command, verdict);
        follows = true;
      } else if (verdict.kind == Verdict::Kind::failed) {
        sweep_.note_followed("line " + std::to_string(command.line) + ": " + verdict.text);
        break;
      }
    }
  }
  if (alterations_) report_.judged(alterations_->judged());
  end();
  sweep_.report_sums();
}

// Loads bytes, precompiled before if the options say so.
Result<std::shared_ptr<Module>> Session::load(std::vector<uint8_t> bytes) {
  // Scripts expect a module that cannot run to be refused when it is loaded; of lazy ones the
  // result is not used.
  if (options_.precompiled || machine().is_lazy()) {
    std::vector<uint8_t> compiled;
    const Error error = sweep_.in_place("compile", [&] {
      auto made = machine().precompile(bytes);
      if (made.ok()) compiled = std::move(made).value();
      return Sweep::Attempt{made.error(), compiled.size()};
    });
    if (error != Error::none) return error;
    if (options_.precompiled) bytes = std::move(compiled);
  }
  const std::span<const uint8_t> kept = machine().keep(std::move(bytes));
  std::shared_ptr<Module> module;
  const Error error = sweep_.in_place(
      "load",
      [&] {
        auto made = machine().load(kept);
        if (!made.ok()) return Sweep::Attempt{made.error(), 0};
        module = std::move(made).value();
        return Sweep::Attempt{Error::none, oom::digest(*module)};
      },
      [&] { module.reset(); });
  if (error != Error::none) return error;
  return module;
}

Result<Instance> Session::instantiate(const Module& module) {
  Instance instance;
  const auto make = [&] {
    const Result<Instance> made = machine().instantiate(module);
    if (made.ok()) instance = made.value();
    return made.error();
  };
  // What a start function has done stays.
  const bool runs_code = module.image().decl.start != no_function;
  const Error error =
      runs_code ? sweep_.branching("instantiate", Sweep::Effects::guest, make)
                : sweep_.in_place("instantiate", [&] { return Sweep::Attempt{make(), 0}; });
  if (error != Error::none) return error;
  return instance;
}

Result<std::vector<Val>> Session::perform(const Instance& instance, const Action& action) {
  std::vector<Val> results;
  const Error error = sweep_.branching("call", Sweep::Effects::guest, [&] {
    auto performed = machine().perform(instance, action);
    if (performed.ok()) results = std::move(performed).value();
    return performed.error();
  });
  if (error != Error::none) return error;
  return results;
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
  const Verdict verdict = validate(command, *bytes);
  if (verdict.kind != Verdict::Kind::passed || !alterations_) return verdict;
  problem = alterations_->judge(*bytes, command.line);
  return problem.empty() ? verdict : Verdict::failed(problem);
}

Verdict Session::validate(const Command& command, const std::vector<uint8_t>& bytes) {
  Diagnostic diagnostic;
  const Error result = sweep_.in_place("validate", [&] {
    return Sweep::Attempt{
        Module::validate(sweep_.allocator(), bytes, FeatureSet::all(), &diagnostic).error(), 0};
  });
  if (!expects_rejection(command.kind)) {
    if (result == Error::none) return Verdict::passed();
    char text[256];
    render(diagnostic, text, sizeof text);
    return Verdict::failed("expected a valid module, got " + std::string(text));
  }
  if (result == Error::none)
    return Verdict::failed("expected '" + command.text + "', got a valid module");
  if (is_rejection(result)) return Verdict::passed();
  return Verdict::failed("expected '" + command.text + "', got " + error_name(result));
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
  absence.is_skip = (registers_left_out_ && error == Error::unknown_import) || is_left_out(error) ||
                    (error_class(error) == ErrorClass::unsupported &&
                     may_be_unsupported(file_.name, command.line));
  if (absence.is_skip)
    return Verdict::skipped(std::string(not_executed) + ": " + error_message(error));
  return Verdict::failed("got " + machine().explain(error));
}

void Session::set_current(const std::optional<std::string>& name, const NamedInstance& instance) {
  current_ = instance;
  if (name) instances_[*name] = instance;
}

Verdict Session::define(const Command& command, bool is_instantiated) {
  std::string problem;
  auto bytes = bytes_of(command, problem);
  if (!bytes) return Verdict::failed(problem);
  Definition definition;
  NamedInstance instance;
  Verdict verdict;
  const auto module = load(std::move(*bytes));
  if (!module.ok()) {
    verdict = absent_module(command, module.error(), definition.absence);
    instance.absence = definition.absence;
  } else {
    definition.module = module.value();
    if (is_instantiated) {
      const auto made = instantiate(*module.value());
      if (made.ok())
        instance.instance = made.value();
      else
        verdict = absent_module(command, made.error(), instance.absence);
    }
  }
  last_definition_ = definition;
  if (command.name) definitions_[*command.name] = definition;
  if (is_instantiated) set_current(command.name, instance);
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
    const auto made = instantiate(*definition.module);
    if (made.ok())
      instance.instance = made.value();
    else
      verdict = Verdict::failed("got " + machine().explain(made.error()));
  }
  set_current(command.instance, instance);
  return verdict;
}

Verdict Session::register_instance(const Command& command) {
  const NamedInstance& instance = instance_of(command.name);
  if (!instance.instance) {
    registers_left_out_ |= is_small_build && instance.absence.is_skip;
    return absent(instance.absence, "such instance");
  }
  const Error error = sweep_.branching("register", Sweep::Effects::none, [&] {
    return machine().register_as(*command.as, *instance.instance).error();
  });
  if (error == Error::none) return Verdict::passed();
  return Verdict::failed("got " + machine().explain(error));
}

Verdict Session::act(const Command& command) {
  const NamedInstance& instance = instance_of(command.action.module);
  if (!instance.instance) return absent(instance.absence, "such instance");
  const auto results = perform(*instance.instance, command.action);
  if (results.ok()) return Verdict::passed();
  return Verdict::failed(command.action.field + ": got " + machine().explain(results.error()));
}

Verdict Session::assert_return(const Command& command) {
  const NamedInstance& instance = instance_of(command.action.module);
  if (!instance.instance) return absent(instance.absence, "such instance");
  const auto results = perform(*instance.instance, command.action);
  const std::string& field = command.action.field;
  if (!results.ok()) return Verdict::failed(field + ": got " + machine().explain(results.error()));
  const std::vector<Val>& actual = results.value();
  if (actual.size() != command.expected.size())
    return Verdict::failed(field + ": expected " + std::to_string(command.expected.size()) +
                           " results, got " + std::to_string(actual.size()));
  for (size_t i = 0; i < actual.size(); ++i)
    if (!machine().matches(command.expected[i], actual[i]))
      return Verdict::failed(field + ": expected " + describe(command.expected[i]) + ", got " +
                             machine().describe(actual[i]));
  return Verdict::passed();
}

Verdict Session::assert_failure(const Command& command) {
  const NamedInstance& instance = instance_of(command.action.module);
  if (!instance.instance) return absent(instance.absence, "such instance");
  const auto results = perform(*instance.instance, command.action);
  const std::string wanted = command.kind == CommandKind::assert_exception
                                 ? std::string(error_message(Error::uncaught_exception))
                                 : command.text;
  if (results.ok())
    return Verdict::failed(command.action.field + ": expected '" + wanted + "', but it returned");
  if (is_trap_of_text(results.error(), wanted)) return Verdict::passed();
  return Verdict::failed(command.action.field + ": expected '" + wanted + "', got " +
                         machine().explain(results.error()));
}

Verdict Session::assert_rejected(const Command& command) {
  std::string problem;
  auto bytes = bytes_of(command, problem);
  if (!bytes) return Verdict::failed(problem);
  const auto module = load(std::move(*bytes));
  if (module.ok()) return Verdict::failed("expected '" + command.text + "', but it was loaded");
  if (is_left_out(module.error()))
    return Verdict::skipped(std::string(not_executed) + ": " + error_message(module.error()));
  if (is_rejection(module.error())) return Verdict::passed();
  return Verdict::failed("expected '" + command.text + "', got " +
                         machine().explain(module.error()));
}

Verdict Session::assert_not_instantiated(const Command& command) {
  std::string problem;
  auto bytes = bytes_of(command, problem);
  if (!bytes) return Verdict::failed(problem);
  const auto module = load(std::move(*bytes));
  if (!module.ok()) {
    Absence absence;
    return absent_module(command, module.error(), absence);
  }
  const auto made = instantiate(*module.value());
  if (made.ok()) return Verdict::failed("expected '" + command.text + "', but it was instantiated");
  const bool is_right = command.kind == CommandKind::assert_unlinkable
                            ? error_class(made.error()) == ErrorClass::link
                            : is_trap_of_text(made.error(), command.text);
  if (is_right) return Verdict::passed();
  return Verdict::failed("expected '" + command.text + "', got " + machine().explain(made.error()));
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
