// ebb-infallible-allocation: memory that comes by another door than a Heap, or whose refusal cannot
// be answered: new, malloc and its family, functions of the C library that allocate, types of the
// standard library that do.
#pragma once

#include "clang-tidy/ClangTidyCheck.h"

#include <set>
#include <string>
#include <vector>

namespace ebb_tidy {

class InfallibleAllocationCheck : public clang::tidy::ClangTidyCheck {
public:
  InfallibleAllocationCheck(llvm::StringRef name, clang::tidy::ClangTidyContext* context);

  void storeOptions(clang::tidy::ClangTidyOptions::OptionMap& map) override;
  void registerMatchers(clang::ast_matchers::MatchFinder* finder) override;
  void check(const clang::ast_matchers::MatchFinder::MatchResult& match) override;
  void onEndOfTranslationUnit() override { found_.clear(); }

private:
  void check_new(const clang::CXXNewExpr& expression);
  void check_function(const clang::DeclRefExpr& reference);
  void check_type(clang::QualType type, clang::SourceLocation location, llvm::StringRef what);
  void check_variable(const clang::VarDecl& variable);
  /// The name by which a type allocates, or empty.
  std::string allocating_type(clang::QualType type) const;
  void report(clang::SourceLocation location, const std::string& message);

  std::string function_list_;
  std::string type_list_;
  std::string allowed_list_;
  std::vector<std::string> functions_;
  std::vector<std::string> types_;
  std::vector<std::string> allowed_;
  const clang::SourceManager* sources_ = nullptr;
  /// Places by line: one line gets one finding of a kind.
  std::set<std::string> found_;
};

} // namespace ebb_tidy
