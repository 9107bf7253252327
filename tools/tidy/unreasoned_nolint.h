// ebb-unreasoned-nolint: a NOLINT that does not name the checks it silences, or gives no reason.
#pragma once

#include "clang-tidy/ClangTidyCheck.h"
#include "clang/Lex/Preprocessor.h"

#include <memory>

namespace ebb_tidy {

class UnreasonedNolintCheck : public clang::tidy::ClangTidyCheck {
public:
  UnreasonedNolintCheck(llvm::StringRef name, clang::tidy::ClangTidyContext* context);
  ~UnreasonedNolintCheck() override;

  void registerPPCallbacks(const clang::SourceManager& sources, clang::Preprocessor* preprocessor,
                           clang::Preprocessor* expander) override;

private:
  class Handler;
  void look_at(llvm::StringRef comment, clang::SourceLocation location, bool is_alone);

  std::unique_ptr<Handler> handler_;
};

} // namespace ebb_tidy
