// FunctionFacts: what one translation unit tells about its functions: whether one requests memory,
// and whether its Result can be out_of_memory.
//
// A body that can be seen is believed first. Of a function that is only declared, the documentation
// comment counts: "Fails: a, b." The house demands it of every function that can fail. Whoever
// cannot be seen and says nothing is not taken to allocate, and is taken to be able to run out of
// memory: both err to where a finding would be wrong less often.
#pragma once

#include "tools/tidy/names.h"

#include "llvm/ADT/DenseMap.h"

namespace ebb_tidy {

class FunctionFacts {
public:
  FunctionFacts(const Names& names, clang::ASTContext& context);

  /// Whether a call may request memory, by itself or by what it calls.
  bool allocates(const clang::CallExpr& call);
  bool allocates(const clang::FunctionDecl& function);
  /// The next step on the way from a function that allocates to the request; null at its end.
  const clang::ValueDecl* allocates_by(const clang::FunctionDecl& function);
  /// Whether the Result or the error that an expression gives may be out_of_memory.
  bool may_run_out(const clang::Expr& expression);
  /// Whether a call gives out_of_memory and nothing else.
  bool always_runs_out(const clang::CallExpr& call);

private:
  struct Facts {
    bool allocates = false;
    bool may_run_out = false;
    const clang::ValueDecl* by = nullptr;
  };
  class BodyVisitor;
  /// What a "Fails:" list says.
  enum class Documented { nothing, out_of_memory, other_errors };

  const Facts& facts_of(const clang::FunctionDecl& function);
  Documented documented(const clang::FunctionDecl& function);
  std::string comment_of(const clang::FunctionDecl& function);
  bool is_error_name(llvm::StringRef name);

  const Names& names_;
  clang::ASTContext& context_;
  const clang::EnumDecl* errors_;
  llvm::DenseMap<const clang::FunctionDecl*, Facts> known_;
  llvm::DenseMap<const clang::FunctionDecl*, bool> always_;
};

/// The field that an indirect call reads its function from, or null.
const clang::FieldDecl* called_field(const clang::CallExpr& call);

} // namespace ebb_tidy
