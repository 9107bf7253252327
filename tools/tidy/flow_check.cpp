// Each function with a body is looked at once; of templates, every instantiation, because only
// there is known what is called. clang-tidy reports the same words at the same place once.
#include "tools/tidy/flow_check.h"

#include "clang/AST/ExprCXX.h"
#include "clang/AST/RecursiveASTVisitor.h"
#include "clang/ASTMatchers/ASTMatchers.h"

namespace ebb_tidy {

using namespace clang;
using namespace clang::ast_matchers;

FlowCheckBase::FlowCheckBase(StringRef name, tidy::ClangTidyContext* context, FlowCheck kind)
    : ClangTidyCheck(name, context), names_(Options), kind_(kind) {}

void FlowCheckBase::storeOptions(tidy::ClangTidyOptions::OptionMap& map) {
  names_.store(Options, map);
}

void FlowCheckBase::registerMatchers(MatchFinder* finder) {
  finder->addMatcher(
      functionDecl(isDefinition(), unless(isImplicit()), unless(isExpansionInSystemHeader()))
          .bind("function"),
      this);
}

void FlowCheckBase::check(const MatchFinder::MatchResult& match) {
  const auto* function = match.Nodes.getNodeAs<FunctionDecl>("function");
  if (!function || function->isDependentContext() || !function->doesThisDeclarationHaveABody())
    return;
  if (!facts_) facts_ = std::make_unique<FunctionFacts>(names_, *match.Context);
  ResultFlow flow(names_, *facts_, *match.Context, *function);
  for (const FlowFinding& finding : flow.run()) {
    if (finding.check != kind_) continue;
    diag(finding.location, finding.message);
    explain(finding.callee);
  }
  look_at(*function, *match.Context);
}

void FlowCheckBase::onEndOfTranslationUnit() { facts_.reset(); }

void FlowCheckBase::explain(const FunctionDecl* callee) {
  // The way is short to read; recursion cannot make it endless.
  constexpr int steps_max = 6;
  for (int i = 0; i < steps_max && callee; ++i) {
    const ValueDecl* next = facts_->allocates_by(*callee);
    if (!next) return;
    diag(callee->getLocation(), "%0 comes to %1", DiagnosticIDs::Note) << callee << next;
    callee = dyn_cast<FunctionDecl>(next);
  }
}

namespace {

/// The requests for memory that a body makes itself.
class RequestVisitor : public RecursiveASTVisitor<RequestVisitor> {
public:
  explicit RequestVisitor(FunctionFacts& facts) : facts_(facts) {}
  struct Request {
    SourceLocation location;
    const FunctionDecl* callee;
  };

  bool TraverseLambdaExpr(LambdaExpr* lambda) {
    for (Expr* init : lambda->capture_inits())
      if (!TraverseStmt(init)) return false;
    return true;
  }
  bool TraverseUnaryExprOrTypeTraitExpr(UnaryExprOrTypeTraitExpr*) { return true; }
  bool VisitCallExpr(CallExpr* call) {
    if (facts_.allocates(*call)) requests.push_back({call->getBeginLoc(), call->getDirectCallee()});
    return true;
  }
  bool VisitCXXConstructExpr(CXXConstructExpr* construct) {
    if (facts_.allocates(*construct->getConstructor()))
      requests.push_back({construct->getBeginLoc(), construct->getConstructor()});
    return true;
  }
  bool VisitCXXNewExpr(CXXNewExpr* expression) {
    const FunctionDecl* operator_new = expression->getOperatorNew();
    if (operator_new && !operator_new->isReservedGlobalPlacementOperator())
      requests.push_back({expression->getBeginLoc(), operator_new});
    return true;
  }
  std::vector<Request> requests;

private:
  FunctionFacts& facts_;
};

} // namespace

void AllocInUnwindCheck::look_at(const FunctionDecl& function, ASTContext& context) {
  if (!names_.is_releasing(function)) return;
  RequestVisitor visitor(*facts_);
  visitor.TraverseDecl(const_cast<FunctionDecl*>(&function));
  for (const RequestVisitor::Request& request : visitor.requests) {
    diag(context.getSourceManager().getExpansionLoc(request.location),
         "%0 requests memory; what gives back, moves or undoes may not")
        << &function;
    explain(request.callee);
  }
}

} // namespace ebb_tidy
