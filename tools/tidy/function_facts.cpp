// One walk over each body that is asked about, remembered. A function that is being looked at while
// it is asked for again (recursion) adds nothing to itself.
#include "tools/tidy/function_facts.h"

#include "clang/AST/DeclCXX.h"
#include "clang/AST/ExprCXX.h"
#include "clang/AST/RawCommentList.h"
#include "clang/AST/RecursiveASTVisitor.h"
#include "clang/AST/StmtCXX.h"

namespace ebb_tidy {

using namespace clang;

const FieldDecl* called_field(const CallExpr& call) {
  const auto* member = dyn_cast_or_null<MemberExpr>(bare(call.getCallee()));
  return member ? dyn_cast<FieldDecl>(member->getMemberDecl()) : nullptr;
}

class FunctionFacts::BodyVisitor : public RecursiveASTVisitor<BodyVisitor> {
public:
  BodyVisitor(FunctionFacts& owner, Facts& facts) : owner_(owner), facts_(facts) {}

  bool shouldVisitTemplateInstantiations() const { return true; }
  // What a lambda does happens where it is called.
  bool TraverseLambdaExpr(LambdaExpr* lambda) {
    for (Expr* init : lambda->capture_inits())
      if (!TraverseStmt(init)) return false;
    return true;
  }
  bool TraverseUnaryExprOrTypeTraitExpr(UnaryExprOrTypeTraitExpr*) { return true; }
  bool TraverseDecltypeTypeLoc(DecltypeTypeLoc) { return true; }
  bool TraverseCXXNoexceptExpr(CXXNoexceptExpr*) { return true; }

  bool VisitCallExpr(CallExpr* call) {
    const bool gives_error = owner_.names_.is_failing(call->getType());
    if (const FunctionDecl* callee = call->getDirectCallee()) {
      note_callee(*callee, gives_error);
      return true;
    }
    const FieldDecl* field = called_field(*call);
    if (field && owner_.names_.is_allocating_root(*field)) note_allocation(*field);
    if (gives_error) facts_.may_run_out = true;
    return true;
  }
  bool VisitCXXConstructExpr(CXXConstructExpr* construct) {
    note_callee(*construct->getConstructor(), false);
    return true;
  }
  bool VisitCXXNewExpr(CXXNewExpr* expression) {
    const FunctionDecl* operator_new = expression->getOperatorNew();
    if (operator_new && !operator_new->isReservedGlobalPlacementOperator())
      note_allocation(*operator_new);
    return true;
  }
  bool VisitDeclRefExpr(DeclRefExpr* reference) {
    const auto* constant = dyn_cast<EnumConstantDecl>(reference->getDecl());
    if (constant && owner_.names_.is_error(constant->getType())) {
      if (owner_.names_.is_out_of_memory(*constant)) facts_.may_run_out = true;
    } else if (const auto* variable = dyn_cast<VarDecl>(reference->getDecl())) {
      // What came from elsewhere may be anything; what was passed by value the call's arguments
      // say.
      const QualType type = variable->getType();
      if (variable->hasGlobalStorage() && owner_.names_.is_failing(type)) facts_.may_run_out = true;
      if (isa<ParmVarDecl>(variable) && type->isLValueReferenceType() &&
          owner_.names_.is_failing(type.getNonReferenceType()))
        facts_.may_run_out = true;
    }
    return true;
  }
  bool VisitMemberExpr(MemberExpr* member) {
    if (isa<FieldDecl>(member->getMemberDecl()) && owner_.names_.is_failing(member->getType()))
      facts_.may_run_out = true;
    return true;
  }
  bool VisitExplicitCastExpr(ExplicitCastExpr* cast) {
    if (owner_.names_.is_error(cast->getType()) && !cast->getSubExpr()->getType()->isEnumeralType())
      facts_.may_run_out = true;
    return true;
  }

private:
  void note_callee(const FunctionDecl& callee, bool gives_error) {
    if (owner_.names_.is_result_method(callee)) return;
    if (owner_.allocates(callee)) note_allocation(callee);
    if (gives_error && owner_.facts_of(callee).may_run_out) facts_.may_run_out = true;
  }
  void note_allocation(const ValueDecl& by) {
    facts_.allocates = true;
    if (!facts_.by) facts_.by = &by;
  }

  FunctionFacts& owner_;
  Facts& facts_;
};

FunctionFacts::FunctionFacts(const Names& names, ASTContext& context)
    : names_(names), context_(context), errors_(names.error_enum(context)) {}

bool FunctionFacts::allocates(const CallExpr& call) {
  if (const FunctionDecl* callee = call.getDirectCallee()) return allocates(*callee);
  const FieldDecl* field = called_field(call);
  return field && names_.is_allocating_root(*field);
}

bool FunctionFacts::allocates(const FunctionDecl& function) {
  return names_.is_allocating_root(function) || facts_of(function).allocates;
}

const ValueDecl* FunctionFacts::allocates_by(const FunctionDecl& function) {
  return names_.is_allocating_root(function) ? nullptr : facts_of(function).by;
}

bool FunctionFacts::may_run_out(const Expr& expression) {
  Facts facts;
  BodyVisitor visitor(*this, facts);
  visitor.TraverseStmt(const_cast<Expr*>(&expression));
  return facts.may_run_out;
}

const FunctionFacts::Facts& FunctionFacts::facts_of(const FunctionDecl& any_declaration) {
  const FunctionDecl* key = any_declaration.getCanonicalDecl();
  const auto found = known_.find(key);
  if (found != known_.end()) return found->second;
  known_[key] = Facts();
  Facts facts;
  const FunctionDecl* definition = nullptr;
  const bool is_system = context_.getSourceManager().isInSystemHeader(key->getLocation());
  const Documented says = is_system ? Documented::nothing : documented(any_declaration);
  if (any_declaration.hasBody(definition) && !definition->isDependentContext()) {
    if (!is_system) {
      BodyVisitor visitor(*this, facts);
      visitor.TraverseDecl(const_cast<FunctionDecl*>(definition));
    }
  } else {
    facts.may_run_out =
        names_.is_failing(any_declaration.getReturnType()) && says != Documented::other_errors;
  }
  if (says == Documented::out_of_memory && names_.is_failing(any_declaration.getReturnType())) {
    facts.allocates = facts.may_run_out = true;
  }
  if (names_.is_allocating_root(any_declaration)) facts.may_run_out = true;
  return known_[key] = facts;
}

std::string FunctionFacts::comment_of(const FunctionDecl& function) {
  const RawComment* comment = context_.getRawCommentForAnyRedecl(&function);
  if (!comment) return {};
  return comment->getFormattedText(context_.getSourceManager(), context_.getDiagnostics());
}

bool FunctionFacts::is_error_name(llvm::StringRef name) {
  if (!errors_) return false;
  for (const EnumConstantDecl* constant : errors_->enumerators())
    if (constant->getName() == name) return true;
  return false;
}

FunctionFacts::Documented FunctionFacts::documented(const FunctionDecl& function) {
  const std::string text = comment_of(function);
  const size_t at = text.find("Fails:");
  if (at == std::string::npos) return Documented::nothing;
  const llvm::StringRef rest = llvm::StringRef(text).substr(at + 6);
  const llvm::StringRef list = rest.take_until([](char c) { return c == '.' || c == ':'; });
  if (list.contains(names_.out_of_memory())) return Documented::out_of_memory;
  // Only a list that names errors and nothing else excludes others.
  llvm::SmallVector<llvm::StringRef, 8> words;
  llvm::SplitString(list, words, " ,;\n\t`");
  for (const llvm::StringRef word : words)
    if (word != "and" && word != "or" && !is_error_name(word)) return Documented::nothing;
  return words.empty() ? Documented::nothing : Documented::other_errors;
}

namespace {

/// Collects what a body returns.
class ReturnVisitor : public RecursiveASTVisitor<ReturnVisitor> {
public:
  bool TraverseLambdaExpr(LambdaExpr*) { return true; }
  bool VisitReturnStmt(ReturnStmt* statement) {
    values.push_back(statement->getRetValue());
    return true;
  }
  std::vector<const Expr*> values;
};

const Expr* without_conversion(const Expr* expression) {
  expression = bare(expression);
  while (const auto* construct = dyn_cast_or_null<CXXConstructExpr>(expression)) {
    if (construct->getNumArgs() != 1) break;
    expression = bare(construct->getArg(0));
  }
  return expression;
}

} // namespace

bool FunctionFacts::always_runs_out(const CallExpr& call) {
  const FunctionDecl* callee = call.getDirectCallee();
  if (!callee || !names_.is_failing(callee->getReturnType())) return false;
  const FunctionDecl* key = callee->getCanonicalDecl();
  const auto found = always_.find(key);
  if (found != always_.end()) return found->second;
  always_[key] = false;
  const FunctionDecl* definition = nullptr;
  bool always = false;
  if (callee->hasBody(definition) && !definition->isDependentContext()) {
    ReturnVisitor returns;
    returns.TraverseStmt(definition->getBody());
    always = !returns.values.empty();
    for (const Expr* value : returns.values) {
      const Expr* given = without_conversion(value);
      const EnumConstantDecl* constant = given ? names_.error_constant(given) : nullptr;
      const auto* inner = dyn_cast_or_null<CallExpr>(given);
      always = always && ((constant && names_.is_out_of_memory(*constant)) ||
                          (inner && always_runs_out(*inner)));
    }
  } else {
    const std::string text = comment_of(*callee);
    always = llvm::StringRef(text).contains("eturns " + names_.out_of_memory());
  }
  return always_[key] = always;
}

} // namespace ebb_tidy
