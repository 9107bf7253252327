// Names: which declarations are the failing ones. Checks ask here and nowhere else what a Result,
// an error and out_of_memory are, so that embedders can name wrappers of their own by options.
#pragma once

#include "clang-tidy/ClangTidyCheck.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/Decl.h"
#include "clang/AST/Expr.h"

#include <string>
#include <vector>

namespace ebb_tidy {

/// "a;b;c" as its parts.
std::vector<std::string> split_list(llvm::StringRef list);
bool contains(const std::vector<std::string>& list, llvm::StringRef name);

/// The qualified name without inline namespaces and template arguments.
std::string qualified_name(const clang::NamedDecl& declaration);

/// The expression inside of parentheses, implicit and explicit conversions that keep the value,
/// cleanups, temporaries and __builtin_expect.
const clang::Expr* bare(const clang::Expr* expression);

class Names {
public:
  explicit Names(const clang::tidy::ClangTidyCheck::OptionsView& options);
  void store(const clang::tidy::ClangTidyCheck::OptionsView& options,
             clang::tidy::ClangTidyOptions::OptionMap& map) const;

  bool is_result(clang::QualType type) const;
  bool is_error(clang::QualType type) const;
  /// Either of them, not through a pointer or a reference.
  bool is_failing(clang::QualType type) const { return is_result(type) || is_error(type); }
  /// A method of the Result class itself.
  bool is_result_method(const clang::FunctionDecl& function) const;
  /// The enumerator that an expression is, or null.
  const clang::EnumConstantDecl* error_constant(const clang::Expr* expression) const;
  bool is_none(const clang::EnumConstantDecl& constant) const;
  bool is_out_of_memory(const clang::EnumConstantDecl& constant) const;
  /// The enum, or null where the translation unit has none.
  const clang::EnumDecl* error_enum(const clang::ASTContext& context) const;
  const std::string& out_of_memory() const { return out_of_memory_; }

  /// A function or a field that holds one, by which memory is requested.
  bool is_allocating_root(const clang::ValueDecl& declaration) const;
  /// A function that shows an error to people, and does not pass it on.
  bool only_shows(const clang::FunctionDecl& function) const;
  /// What declares that a failure in its scope is absorbed by design.
  bool is_benign(const clang::Stmt& statement) const;
  /// A function that by its name gives back or undoes, and returns nothing.
  bool is_releasing(const clang::FunctionDecl& function) const;
  /// Whether a place is in the expansion of an assertion.
  bool is_asserted(clang::SourceLocation location, const clang::SourceManager& sources,
                   const clang::LangOptions& language) const;

  /// Whether a place is in an expectation of a test, which tells of what it does not expect.
  bool is_expectation(clang::SourceLocation location, const clang::SourceManager& sources,
                      const clang::LangOptions& language) const;

private:
  std::string result_;
  std::string error_;
  std::string none_;
  std::string out_of_memory_;
  std::string allocating_list_;
  std::string showing_list_;
  std::string benign_list_;
  std::string releasing_list_;
  std::string assertion_list_;
  std::string expectation_list_;
  std::vector<std::string> allocating_;
  std::vector<std::string> showing_;
  std::vector<std::string> benign_;
  std::vector<std::string> releasing_;
  std::vector<std::string> assertions_;
  std::vector<std::string> expectations_;
};

} // namespace ebb_tidy
