// FlowCheckBase: what the three checks have in common that report what ResultFlow finds.
#pragma once

#include "tools/tidy/result_flow.h"

#include "clang-tidy/ClangTidyCheck.h"

#include <memory>

namespace ebb_tidy {

class FlowCheckBase : public clang::tidy::ClangTidyCheck {
public:
  FlowCheckBase(llvm::StringRef name, clang::tidy::ClangTidyContext* context, FlowCheck kind);

  void storeOptions(clang::tidy::ClangTidyOptions::OptionMap& map) override;
  bool isLanguageVersionSupported(const clang::LangOptions& language) const override {
    return language.CPlusPlus11;
  }
  void registerMatchers(clang::ast_matchers::MatchFinder* finder) override;
  void check(const clang::ast_matchers::MatchFinder::MatchResult& match) override;
  void onEndOfTranslationUnit() override;

protected:
  /// More than the flow finds in a function.
  virtual void look_at(const clang::FunctionDecl&, clang::ASTContext&) {}
  /// Says by which calls a function comes to request memory.
  void explain(const clang::FunctionDecl* callee);

  Names names_;
  std::unique_ptr<FunctionFacts> facts_;

private:
  FlowCheck kind_;
};

/// ebb-unread-result: a Result or an Error that nobody reads.
class UnreadResultCheck : public FlowCheckBase {
public:
  UnreadResultCheck(llvm::StringRef name, clang::tidy::ClangTidyContext* context)
      : FlowCheckBase(name, context, FlowCheck::unread_result) {}
};

/// ebb-swallowed-oom: an out_of_memory that is dropped or becomes another error.
class SwallowedOomCheck : public FlowCheckBase {
public:
  SwallowedOomCheck(llvm::StringRef name, clang::tidy::ClangTidyContext* context)
      : FlowCheckBase(name, context, FlowCheck::swallowed_oom) {}
};

/// ebb-alloc-in-unwind: memory requested while giving back or undoing.
class AllocInUnwindCheck : public FlowCheckBase {
public:
  AllocInUnwindCheck(llvm::StringRef name, clang::tidy::ClangTidyContext* context)
      : FlowCheckBase(name, context, FlowCheck::alloc_in_unwind) {}

protected:
  void look_at(const clang::FunctionDecl& function, clang::ASTContext& context) override;
};

} // namespace ebb_tidy
