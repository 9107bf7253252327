// A forward analysis over clang's control flow graph. Paths that meet are kept apart while they are
// few, so that what one test taught stays true at the next; then they are merged. Findings are made
// in a last pass over what is stable, so that none comes from a state that was still growing.
#include "tools/tidy/result_flow.h"

#include "clang/AST/ExprCXX.h"
#include "clang/AST/RecursiveASTVisitor.h"
#include "clang/AST/StmtCXX.h"

namespace ebb_tidy {

using namespace clang;

namespace {

/// The object of a call of a Result's own method, or null.
const Expr* result_object(const Names& names, const Expr* expression, llvm::StringRef* method) {
  const auto* call = dyn_cast_or_null<CXXMemberCallExpr>(expression);
  if (!call || !call->getMethodDecl()) return nullptr;
  const CXXMethodDecl& declaration = *call->getMethodDecl();
  if (!names.is_result_method(declaration)) return nullptr;
  if (isa<CXXConversionDecl>(declaration)) {
    *method = "ok";
  } else if (declaration.getDeclName().isIdentifier()) {
    *method = declaration.getName();
  } else {
    return nullptr;
  }
  return call->getImplicitObjectArgument();
}

/// A value that another object or function handed over.
bool is_from_elsewhere(const Expr* plain) {
  const auto* reference = dyn_cast_or_null<DeclRefExpr>(plain);
  return isa_and_nonnull<MemberExpr, ArraySubscriptExpr>(plain) ||
         (reference && isa<VarDecl>(reference->getDecl()));
}

} // namespace

/// Finds what is to be followed: declarations first, so that uses can be told apart later.
class ResultFlow::Collector : public RecursiveASTVisitor<Collector> {
public:
  explicit Collector(ResultFlow& flow) : flow_(flow) {}
  // A lambda's body is a function of its own.
  bool TraverseLambdaExpr(LambdaExpr* lambda) {
    for (Expr* init : lambda->capture_inits())
      if (!TraverseStmt(init)) return false;
    return true;
  }
  bool TraverseUnaryExprOrTypeTraitExpr(UnaryExprOrTypeTraitExpr*) { return true; }
  bool TraverseCXXNoexceptExpr(CXXNoexceptExpr*) { return true; }
  bool TraverseDecltypeTypeLoc(DecltypeTypeLoc) { return true; }
  bool TraverseTypeLoc(TypeLoc) { return true; }

  bool VisitVarDecl(VarDecl* variable) {
    if (!variable->isLocalVarDecl() || variable->isStaticLocal()) return true;
    const QualType type = variable->getType();
    const bool keeps_temporary =
        type->isReferenceType() && variable->getInit() &&
        flow_.names_.is_failing(type.getNonReferenceType()) &&
        (bare(variable->getInit())->isPRValue() || type->isRValueReferenceType());
    // `auto&& r = (named)` is another name of it, and as good as a copy.
    const bool is_alias =
        type->isLValueReferenceType() && !type->getPointeeType().isConstQualified();
    if (flow_.names_.is_failing(type) || keeps_temporary ||
        (is_alias && flow_.names_.is_failing(type.getNonReferenceType())))
      flow_.add_variable(*variable, false);
    return true;
  }
  bool VisitCallExpr(CallExpr* call) {
    calls_.push_back(call);
    if (flow_.names_.is_benign(*call)) add_benign(*call);
    return true;
  }
  bool VisitCXXConstructExpr(CXXConstructExpr* construct) {
    if (flow_.names_.is_benign(*construct)) add_benign(*construct);
    return true;
  }
  void finish() {
    for (const CallExpr* call : calls_)
      flow_.add_call(*call);
  }

private:
  void add_benign(const Stmt& statement) {
    const Stmt* block = &statement;
    while (block && !isa<CompoundStmt>(block))
      block = flow_.parents_->getParent(block);
    if (block) flow_.benign_.push_back({statement.getBeginLoc(), block->getEndLoc()});
  }

  ResultFlow& flow_;
  std::vector<const CallExpr*> calls_;
};

ResultFlow::ResultFlow(const Names& names, FunctionFacts& facts, ASTContext& context,
                       const FunctionDecl& function)
    : names_(names), facts_(facts), context_(context), function_(function) {}

std::vector<FlowFinding> ResultFlow::run() {
  if (names_.is_result_method(function_)) return {};
  parents_ = std::make_unique<ParentMap>(function_.getBody());
  if (const auto* constructor = dyn_cast<CXXConstructorDecl>(&function_))
    for (const CXXCtorInitializer* init : constructor->inits())
      if (init->getInit()) parents_->addStmt(init->getInit());
  collect();
  if (holders_.empty()) return {};
  CFG::BuildOptions options;
  options.AddInitializers = true;
  options.PruneTriviallyFalseEdges = true;
  options.setAllAlwaysAdd();
  graph_ = CFG::buildCFG(&function_, function_.getBody(), &context_, options);
  if (!graph_) return {};
  solve();
  return findings_;
}

void ResultFlow::collect() {
  for (const ParmVarDecl* parameter : function_.parameters()) {
    const QualType type = parameter->getType();
    const bool is_owned = names_.is_result(type) || (type->isRValueReferenceType() &&
                                                     names_.is_result(type.getNonReferenceType()));
    if (is_owned && parameter->getDeclName()) add_variable(*parameter, true);
  }
  Collector collector(*this);
  collector.TraverseStmt(function_.getBody());
  if (const auto* constructor = dyn_cast<CXXConstructorDecl>(&function_))
    for (const CXXCtorInitializer* init : constructor->inits())
      if (init->getInit()) collector.TraverseStmt(init->getInit());
  collector.finish();
}

void ResultFlow::add_variable(const VarDecl& variable, bool may_run_out) {
  Holder holder;
  holder.variable = &variable;
  holder.name = variable.getNameAsString();
  holder.may_run_out = may_run_out;
  holder.scope_end = function_.getBody()->getEndLoc();
  variables_[&variable] = static_cast<unsigned>(holders_.size());
  holders_.push_back(std::move(holder));
}

void ResultFlow::add_call(const CallExpr& call) {
  if (!call.isPRValue() || !names_.is_failing(call.getType())) return;
  llvm::StringRef method;
  if (result_object(names_, &call, &method)) return;
  // What goes on to somebody is followed there.
  if (use_of(call) == Use::hand_on) return;
  Holder holder;
  holder.call = &call;
  const FunctionDecl* callee = call.getDirectCallee();
  holder.name = callee ? callee->getNameAsString() : "this call";
  holder.may_run_out = facts_.may_run_out(call);
  calls_[&call] = static_cast<unsigned>(holders_.size());
  holders_.push_back(std::move(holder));
}

int ResultFlow::holder_of(const Expr* expression) const {
  expression = bare(expression);
  if (const auto* reference = dyn_cast_or_null<DeclRefExpr>(expression)) {
    const auto* variable = dyn_cast<VarDecl>(reference->getDecl());
    const auto found = variables_.find(variable);
    return found == variables_.end() ? -1 : static_cast<int>(found->second);
  }
  if (const auto* call = dyn_cast_or_null<CallExpr>(expression)) {
    const auto found = calls_.find(call);
    if (found != calls_.end()) return static_cast<int>(found->second);
    // std::move(r) is r.
    if (call->isCallToStdMove()) return holder_of(call->getArg(0));
  }
  return -1;
}

// --- How a value is used, by what stands around it.

const Stmt* ResultFlow::parent_of(const Stmt* child) const { return parents_->getParent(child); }

/// Whether a statement's value is thrown away by its parent.
bool ResultFlow::is_discarded(const Stmt* child, const Stmt* parent) const {
  if (!parent) return false;
  if (const auto* compound = dyn_cast<CompoundStmt>(parent)) {
    const Stmt* outer = parent_of(parent);
    const bool is_value = outer && isa<StmtExpr>(outer) && compound->body_back() == child;
    return !is_value;
  }
  if (const auto* branch = dyn_cast<IfStmt>(parent)) return branch->getCond() != child;
  if (const auto* loop = dyn_cast<WhileStmt>(parent)) return loop->getCond() != child;
  if (const auto* loop = dyn_cast<DoStmt>(parent)) return loop->getCond() != child;
  if (const auto* loop = dyn_cast<ForStmt>(parent)) return loop->getCond() != child;
  if (isa<CXXForRangeStmt, LabelStmt, AttributedStmt, SwitchCase>(parent)) return true;
  if (const auto* pair = dyn_cast<BinaryOperator>(parent))
    return pair->getOpcode() == BO_Comma && pair->getLHS() == child;
  if (const auto* cast = dyn_cast<CastExpr>(parent)) return cast->getType()->isVoidType();
  return false;
}

ResultFlow::Use ResultFlow::use_of(const Expr& expression) const {
  if (names_.is_expectation(expression.getBeginLoc(), context_.getSourceManager(),
                            context_.getLangOpts()))
    return Use::hand_on;
  const Stmt* child = &expression;
  for (const Stmt* parent = parent_of(child); parent; child = parent, parent = parent_of(child)) {
    if (is_discarded(child, parent)) return Use::nothing;
    if (isa<UnaryExprOrTypeTraitExpr>(parent)) return Use::nothing;
    llvm::StringRef method;
    if (result_object(names_, dyn_cast<Expr>(parent), &method)) {
      if (cast<CallExpr>(parent)->getCallee() != child) return Use::hand_on;
      if (method == "ok") return use_of_bool(*cast<Expr>(parent));
      if (method == "value") return Use::value;
      if (method == "value_or") return Use::fallback;
      if (method == "error") return use_of_error(*cast<Expr>(parent));
      return Use::hand_on;
    }
    if (isa<MemberExpr, ParenExpr, ImplicitCastExpr, ExprWithCleanups, MaterializeTemporaryExpr,
            CXXBindTemporaryExpr, ConstantExpr, FullExpr, StmtExpr>(parent))
      continue;
    if (isa<CompoundStmt>(parent)) continue; // the value of a statement expression
    const auto* cast_to = dyn_cast<ExplicitCastExpr>(parent);
    if (cast_to && names_.is_failing(cast_to->getType())) continue;
    const auto* call = dyn_cast<CallExpr>(parent);
    if (call && call->isCallToStdMove()) continue;
    if (const auto* assignment = dyn_cast<CXXOperatorCallExpr>(parent)) {
      if (assignment->getOperator() != OO_Equal) return Use::hand_on;
      if (assignment->getArg(0) == child) return Use::assigned;
      // std::ignore takes everything and keeps nothing.
      const auto* left = dyn_cast_or_null<DeclRefExpr>(bare(assignment->getArg(0)));
      const bool is_ignored = left && left->getDecl()->getDeclName().isIdentifier() &&
                              left->getDecl()->getName() == "ignore";
      return is_ignored ? Use::nothing : Use::hand_on;
    }
    if (names_.is_error(expression.getType())) return use_of_error(expression);
    return call && is_borrowed_by(*call, child) ? Use::nothing : Use::hand_on;
  }
  return Use::hand_on;
}

/// Whether a call only looks at one of its arguments and answers nothing: its caller still has it.
bool ResultFlow::is_borrowed_by(const CallExpr& call, const Stmt* argument) const {
  const FunctionDecl* callee = call.getDirectCallee();
  if (!callee || isa<CXXOperatorCallExpr>(call) || !callee->getReturnType()->isVoidType())
    return false;
  for (unsigned i = 0; i < call.getNumArgs() && i < callee->getNumParams(); ++i) {
    if (call.getArg(i) != argument) continue;
    const QualType type = callee->getParamDecl(i)->getType();
    return type->isLValueReferenceType() && type->getPointeeType().isConstQualified();
  }
  return false;
}

/// The same for an Error, be it a variable, a call or what `.error()` gave.
ResultFlow::Use ResultFlow::use_of_error(const Expr& expression) const {
  const Stmt* child = &expression;
  for (const Stmt* parent = parent_of(child); parent; child = parent, parent = parent_of(child)) {
    if (is_discarded(child, parent)) return Use::nothing;
    if (const auto* comparison = dyn_cast<BinaryOperator>(parent)) {
      if (comparison->isEqualityOp()) return use_of_comparison(*comparison);
      if (comparison->isAssignmentOp() && comparison->getLHS() == child) return Use::assigned;
      return Use::hand_on;
    }
    if (isa<ParenExpr, ImplicitCastExpr, ExprWithCleanups, ConstantExpr, StmtExpr, CompoundStmt>(
            parent))
      continue;
    if (const auto* call = dyn_cast<CallExpr>(parent)) {
      const FunctionDecl* callee = call->getDirectCallee();
      return callee && names_.only_shows(*callee) ? Use::nothing : Use::hand_on;
    }
    return Use::hand_on;
  }
  return Use::hand_on;
}

ResultFlow::Use ResultFlow::use_of_comparison(const Expr& comparison) const {
  const auto& operation = cast<BinaryOperator>(comparison);
  const bool is_constant =
      names_.error_constant(operation.getLHS()) || names_.error_constant(operation.getRHS());
  return is_constant ? use_of_bool(comparison) : Use::hand_on;
}

/// Whether a bool decides a branch, or goes on as a value.
ResultFlow::Use ResultFlow::use_of_bool(const Expr& expression) const {
  if (is_asserted(expression)) return Use::nothing;
  const Stmt* child = &expression;
  for (const Stmt* parent = parent_of(child); parent; child = parent, parent = parent_of(child)) {
    if (const auto* branch = dyn_cast<IfStmt>(parent))
      if (branch->getCond() == child) return Use::test;
    if (const auto* loop = dyn_cast<WhileStmt>(parent))
      if (loop->getCond() == child) return Use::test;
    if (const auto* loop = dyn_cast<DoStmt>(parent))
      if (loop->getCond() == child) return Use::test;
    if (const auto* loop = dyn_cast<ForStmt>(parent))
      if (loop->getCond() == child) return Use::test;
    if (const auto* choice = dyn_cast<ConditionalOperator>(parent))
      if (choice->getCond() == child) return Use::test;
    if (const auto* pair = dyn_cast<BinaryOperator>(parent)) {
      if (pair->isLogicalOp() && pair->getLHS() == child) return Use::test;
      if (!pair->isLogicalOp() && pair->getOpcode() != BO_Comma) return Use::ask;
    }
    if (const auto* call = dyn_cast<CallExpr>(parent))
      if (call->getBuiltinCallee() != Builtin::BI__builtin_expect) return Use::ask;
    if (!isa<Expr>(parent) && !isa<CompoundStmt>(parent)) return Use::ask;
  }
  return Use::ask;
}

// --- One statement.

void ResultFlow::step(const Stmt& statement, States& states) {
  check_request(statement, states);
  if (const auto* declaration = dyn_cast<DeclStmt>(&statement)) {
    for (const Decl* each : declaration->decls()) {
      const auto found = variables_.find(dyn_cast<VarDecl>(each));
      if (found == variables_.end()) continue;
      const Stmt* block = parent_of(declaration);
      while (block && !isa<CompoundStmt>(block))
        block = parent_of(block);
      if (block) holders_[found->second].scope_end = block->getEndLoc();
      define(found->second, found->first->getInit(), statement, states);
    }
    return;
  }
  const auto* written = dyn_cast<CXXOperatorCallExpr>(&statement);
  if (written && written->getOperator() == OO_Equal) {
    const int holder = holder_of(written->getArg(0));
    if (holder >= 0) define(static_cast<unsigned>(holder), written->getArg(1), statement, states);
    return;
  }
  if (const auto* assignment = dyn_cast<BinaryOperator>(&statement)) {
    if (assignment->getOpcode() == BO_Assign) {
      const int holder = holder_of(assignment->getLHS());
      if (holder >= 0)
        define(static_cast<unsigned>(holder), assignment->getRHS(), statement, states);
    }
    return;
  }
  if (const auto* call = dyn_cast<CallExpr>(&statement)) {
    if (facts_.always_runs_out(*call)) tell_all(states);
    const auto found = calls_.find(call);
    if (found == calls_.end()) return;
    define(found->second, call, statement, states);
    apply(found->second, use_of(*call), *call, states);
    return;
  }
  if (const auto* reference = dyn_cast<DeclRefExpr>(&statement)) {
    if (const EnumConstantDecl* constant = names_.error_constant(reference)) {
      const Stmt* around = parent_of(reference);
      while (around && isa<ParenExpr, ImplicitCastExpr, ConstantExpr>(around))
        around = parent_of(around);
      const auto* operation = dyn_cast_or_null<BinaryOperator>(around);
      if (names_.is_out_of_memory(*constant) && !(operation && operation->isEqualityOp()))
        tell_all(states);
      return;
    }
    const int holder = holder_of(reference);
    if (holder >= 0) apply(static_cast<unsigned>(holder), use_of(*reference), *reference, states);
  }
}

/// A value begins; what the variable held before ends.
void ResultFlow::define(unsigned holder, const Expr* value, const Stmt& at, States& states) {
  const auto before = states.find(holder);
  if (before != states.end()) end_of_life(holder, before->second, true);
  State state;
  state.bits = unasked;
  state.origins = {&at};
  const Expr* plain = bare(value);
  while (const auto* construct = dyn_cast_or_null<CXXConstructExpr>(plain)) {
    if (construct->getNumArgs() != 1 || !names_.is_result(construct->getType())) break;
    const QualType inner = construct->getArg(0)->getType();
    // Made of a value, it is fine.
    if (!names_.is_failing(inner)) state.bits = fine;
    plain = bare(construct->getArg(0));
  }
  if (!plain) state.bits = fine;
  if (isa_and_nonnull<CXXConstructExpr, InitListExpr, CXXScalarValueInitExpr,
                      ImplicitValueInitExpr>(plain)) {
    const auto* construct = dyn_cast<CXXConstructExpr>(plain);
    if (!construct || construct->getNumArgs() == 0) state.bits = fine;
  }
  if (const EnumConstantDecl* constant = names_.error_constant(plain))
    state.bits = names_.is_none(*constant) ? fine : other_error;
  if (const VarDecl* variable = holders_[holder].variable) {
    if (value && !isa<ParmVarDecl>(variable)) {
      // What another followed value may be, this one may be.
      const int source = holder_of(value);
      const bool may = source >= 0 ? holders_[static_cast<unsigned>(source)].may_run_out
                                   : is_from_elsewhere(plain) || facts_.may_run_out(*value);
      if (may) holders_[holder].may_run_out = true;
    }
  }
  if (state.bits != unasked) state.origins.clear();
  states[holder] = std::move(state);
}

void ResultFlow::apply(unsigned holder, Use use, const Expr& at, States& states) {
  if (use == Use::hand_on) holders_[holder].is_handed_on = true;
  const auto known = states.find(holder);
  // What was forgotten is fine.
  if (known == states.end()) return;
  State& state = known->second;
  const Holder& about = holders_[holder];
  switch (use) {
  case Use::nothing:
  case Use::test:
  case Use::assigned:
    return;
  case Use::ask:
    if (state.bits & unasked) state.bits = (state.bits & ~unsigned{unasked}) | asked;
    return;
  case Use::value:
    if (state.bits & unasked) {
      find(FlowCheck::unread_result, at.getBeginLoc(),
           "the value of '" + about.name + "' is taken without asking whether there is one");
      state.bits = (state.bits & ~unsigned{unasked}) | fine;
    }
    return;
  case Use::fallback:
    if (about.may_run_out && (state.bits & (unasked | asked | failed)))
      find(FlowCheck::swallowed_oom, at.getBeginLoc(),
           "value_or() drops the error of '" + about.name + "', which may be out_of_memory");
    state.bits = handed;
    state.tests.clear();
    return;
  case Use::hand_on:
    if (state.bits & (unasked | asked))
      state.bits = (state.bits & ~(unsigned{unasked} | asked)) | handed;
    if (state.bits & failed) state.bits = (state.bits & ~unsigned{failed}) | told;
    state.tests.clear();
    return;
  }
}

/// The path answers with out_of_memory: whatever failed has been heard of.
void ResultFlow::tell_all(States& states) {
  for (auto& [holder, state] : states) {
    if (!(state.bits & failed)) continue;
    state.bits = (state.bits & ~unsigned{failed}) | told;
    state.tests.clear();
  }
}

/// Whether memory is requested where something has failed on every path.
void ResultFlow::check_request(const Stmt& statement, const States& states) {
  if (!is_looking_for_requests_) return;
  const FunctionDecl* callee = nullptr;
  bool allocates = false;
  if (const auto* call = dyn_cast<CallExpr>(&statement)) {
    callee = call->getDirectCallee();
    allocates = facts_.allocates(*call);
  } else if (const auto* construct = dyn_cast<CXXConstructExpr>(&statement)) {
    callee = construct->getConstructor();
    allocates = facts_.allocates(*callee);
  }
  if (!allocates) return;
  const SourceManager& sources = context_.getSourceManager();
  for (const auto& [holder, state] : states) {
    const Holder& about = holders_[holder];
    const bool has_failed = state.bits != 0 && (state.bits & ~(unsigned{failed} | told)) == 0;
    if (!has_failed || !about.may_run_out) continue;
    const SourceLocation at = statement.getBeginLoc();
    if (about.variable && about.scope_end.isValid() &&
        sources.isBeforeInTranslationUnit(about.scope_end, at))
      continue;
    const std::string name = callee ? "'" + callee->getNameAsString() + "'" : "this call";
    find(FlowCheck::alloc_in_unwind, at,
         name + " requests memory where '" + about.name + "' has just failed", callee);
    return;
  }
}

void ResultFlow::end_of_life(unsigned holder, const State& state, bool is_overwritten) {
  if (!is_reporting_) return;
  const Holder& about = holders_[holder];
  std::vector<SourceLocation> origins;
  for (const Stmt* origin : state.origins)
    origins.push_back(origin->getBeginLoc());
  // A parameter has none.
  if (origins.empty() && about.variable) origins.push_back(about.variable->getLocation());
  if (state.bits & unasked) {
    std::string message = about.call ? "the result of '" + about.name + "' is not read"
                          : is_overwritten
                              ? "'" + about.name + "' gets another value before it is read"
                              : "'" + about.name + "' is not read on every path";
    for (const SourceLocation origin : origins)
      find(FlowCheck::unread_result, origin, message);
  }
  if (!about.may_run_out) return;
  if ((state.bits & asked) && !about.is_handed_on)
    for (const SourceLocation origin : origins)
      find(FlowCheck::swallowed_oom, origin,
           "of '" + about.name + "' only a bool goes on; its error may be out_of_memory");
  if (state.bits & failed)
    for (const Expr* test : state.tests)
      find(FlowCheck::swallowed_oom, test->getBeginLoc(),
           "the failure of '" + about.name +
               "' is dropped or becomes another error; it may be out_of_memory");
}

// --- What a branch teaches.

void ResultFlow::learn(unsigned holder, bool is_fine, const Expr& test, States& states) {
  const auto found = states.find(holder);
  if (found == states.end()) return;
  State& state = found->second;
  unsigned bits = 0;
  if (is_fine) {
    if (state.bits & (unasked | asked | fine | handed)) bits |= fine;
    state.tests.clear();
  } else {
    if (state.bits & (unasked | asked)) {
      bits |= failed;
      state.tests.insert(&test);
    }
    if (state.bits & handed) bits |= told;
    bits |= state.bits & (unsigned{failed} | told | other_error);
  }
  state.bits = bits;
}

void ResultFlow::refine_comparison(const BinaryOperator& comparison, bool truth, States& states) {
  const EnumConstantDecl* constant = names_.error_constant(comparison.getRHS());
  const Expr* value = bare(comparison.getLHS());
  if (!constant) {
    constant = names_.error_constant(comparison.getLHS());
    value = bare(comparison.getRHS());
  }
  if (!constant) return;
  llvm::StringRef method;
  if (const Expr* object = result_object(names_, value, &method)) value = object;
  const int holder = holder_of(value);
  if (holder < 0) return;
  const bool is_equal = truth == (comparison.getOpcode() == BO_EQ);
  if (names_.is_none(*constant)) {
    learn(static_cast<unsigned>(holder), is_equal, comparison, states);
    return;
  }
  const auto found = states.find(static_cast<unsigned>(holder));
  if (found == states.end()) return;
  State& state = found->second;
  if (names_.is_out_of_memory(*constant)) {
    // Who asks for out_of_memory by name has thought of it.
    state.bits = is_equal ? told : (state.bits & unsigned{fine}) | other_error;
    state.tests.clear();
  } else if (is_equal) {
    state.bits = other_error;
    state.tests.clear();
  } else if (state.bits & unasked) {
    state.bits = (state.bits & ~unsigned{unasked}) | asked;
  }
}

void ResultFlow::refine(const Expr* condition, bool truth, States& states) {
  condition = bare(condition);
  if (!condition || is_asserted(*condition)) return;
  if (const auto* negation = dyn_cast<UnaryOperator>(condition)) {
    if (negation->getOpcode() == UO_LNot) refine(negation->getSubExpr(), !truth, states);
    return;
  }
  if (const auto* pair = dyn_cast<BinaryOperator>(condition)) {
    if (pair->isEqualityOp()) return refine_comparison(*pair, truth, states);
    if (pair->getOpcode() == BO_Comma) return refine(pair->getRHS(), truth, states);
    const bool decides_both =
        (pair->getOpcode() == BO_LAnd && truth) || (pair->getOpcode() == BO_LOr && !truth);
    if (!decides_both) return;
    refine(pair->getLHS(), truth, states);
    refine(pair->getRHS(), truth, states);
    return;
  }
  if (const auto* reference = dyn_cast<DeclRefExpr>(condition)) {
    // A constant bool stands for what it was made of.
    const auto* variable = dyn_cast<VarDecl>(reference->getDecl());
    if (variable && variable->isLocalVarDecl() && variable->getType().isConstQualified() &&
        variable->getType()->isBooleanType() && variable->getInit())
      refine(variable->getInit(), truth, states);
    return;
  }
  llvm::StringRef method;
  const Expr* object = result_object(names_, condition, &method);
  if (!object || method != "ok") return;
  const int holder = holder_of(object);
  if (holder >= 0) learn(static_cast<unsigned>(holder), truth, *condition, states);
}

/// Changes the states to those on the edge to one successor; false where no path goes there.
bool ResultFlow::leave_block(const CFGBlock& block, unsigned successor, States& states) {
  const Stmt* terminator = block.getTerminatorStmt();
  if (!terminator || block.succ_size() != 2 || isa<SwitchStmt, CXXForRangeStmt>(terminator))
    return true;
  // The first edge is the one of truth.
  const bool truth = successor == 0;
  const auto* logical = dyn_cast<BinaryOperator>(terminator);
  const Expr* condition =
      logical ? logical->getLHS() : dyn_cast_or_null<Expr>(block.getTerminatorCondition());
  if (!condition) return true;
  refine(condition, truth, states);
  // Control that came past the first half of `a && b` to its second decides by that.
  const auto* pair = dyn_cast<BinaryOperator>(condition->IgnoreParens());
  const Expr* last = block.getLastCondition();
  if (pair && pair->isLogicalOp() && last && bare(last) != bare(pair)) refine(last, truth, states);
  for (const auto& [holder, state] : states)
    if (state.bits == 0) return false;
  return true;
}

/// What only EBB_TRY and temporaries had, and is fine, can teach nothing more.
void ResultFlow::forget_what_is_fine(States& states) const {
  std::erase_if(states, [&](const auto& entry) {
    const Holder& about = holders_[entry.first];
    const bool is_named = about.variable && !about.variable->getLocation().isMacroID();
    return entry.second.bits == fine && !is_named;
  });
}

ResultFlow::States ResultFlow::merged(const Paths& paths) {
  States all;
  for (const States& states : paths) {
    for (const auto& [holder, state] : states) {
      State& into = all[holder];
      into.bits |= state.bits;
      into.tests.insert(state.tests.begin(), state.tests.end());
      into.origins.insert(state.origins.begin(), state.origins.end());
    }
  }
  // A value that one of the paths does not know is fine there.
  for (const States& states : paths)
    for (auto& [holder, state] : all)
      if (!states.contains(holder)) state.bits |= fine;
  return all;
}

// --- The rounds.

void ResultFlow::pass(const CFGBlock& block, const States& entry) {
  States states = entry;
  for (const CFGElement& element : block)
    if (const auto statement = element.getAs<CFGStmt>()) step(*statement->getStmt(), states);
  unsigned index = 0;
  for (const CFGBlock* next : block.succs()) {
    States out = states;
    const bool is_possible = leave_block(block, index++, out);
    if (!next || !is_possible) continue;
    if (next == &graph_->getExit() && !block.hasNoReturnElement()) {
      for (const auto& [holder, state] : out)
        end_of_life(holder, state, false);
    }
    if (is_reporting_ || is_looking_for_requests_) continue;
    forget_what_is_fine(out);
    enter(*next, std::move(out));
  }
}

/// Adds a path to a block, and the block to the work if that is news.
void ResultFlow::enter(const CFGBlock& block, States states) {
  Paths& paths = entries_[block.getBlockID()];
  if (!is_merged_[block.getBlockID()]) {
    if (!paths.insert(std::move(states)).second) return;
    is_merged_[block.getBlockID()] = paths.size() > paths_max;
    if (is_merged_[block.getBlockID()]) paths = {merged(paths)};
  } else {
    const States before = *paths.begin();
    States all = merged({before, std::move(states)});
    if (all == before) return;
    paths = {std::move(all)};
  }
  work_.push_back(&block);
}

void ResultFlow::solve() {
  entries_.resize(graph_->getNumBlockIDs());
  is_merged_.resize(graph_->getNumBlockIDs());
  States parameters;
  for (const auto& [variable, holder] : variables_)
    if (isa<ParmVarDecl>(variable)) parameters[holder].bits = unasked;
  entries_[graph_->getEntry().getBlockID()].insert(std::move(parameters));
  work_.push_back(&graph_->getEntry());
  while (!work_.empty()) {
    const CFGBlock* block = work_.front();
    work_.pop_front();
    const Paths paths = entries_[block->getBlockID()];
    for (const States& states : paths)
      pass(*block, states);
  }
  report();
}

void ResultFlow::report() {
  is_reporting_ = true;
  for (const CFGBlock* block : *graph_)
    for (const States& states : entries_[block->getBlockID()])
      pass(*block, states);
  is_reporting_ = false;
  // A request is one of unwinding if the failure is certain, by whatever path control came.
  is_looking_for_requests_ = true;
  for (const CFGBlock* block : *graph_)
    if (!entries_[block->getBlockID()].empty()) pass(*block, merged(entries_[block->getBlockID()]));
}

void ResultFlow::find(FlowCheck check, SourceLocation location, std::string message,
                      const FunctionDecl* callee) {
  if (!is_reporting_ && !is_looking_for_requests_) return;
  const SourceManager& sources = context_.getSourceManager();
  const SourceLocation at = sources.getExpansionLoc(location);
  if (is_benign(at)) return;
  if (!found_.insert({static_cast<int>(check), at.getRawEncoding()}).second) return;
  findings_.push_back({check, at, std::move(message), callee});
}

bool ResultFlow::is_benign(SourceLocation location) const {
  const SourceManager& sources = context_.getSourceManager();
  for (const SourceRange& range : benign_) {
    const SourceLocation begin = sources.getExpansionLoc(range.getBegin());
    const SourceLocation end = sources.getExpansionLoc(range.getEnd());
    if (!sources.isBeforeInTranslationUnit(location, begin) &&
        !sources.isBeforeInTranslationUnit(end, location))
      return true;
  }
  return false;
}

bool ResultFlow::is_asserted(const Expr& expression) const {
  return names_.is_asserted(expression.getBeginLoc(), context_.getSourceManager(),
                            context_.getLangOpts());
}

} // namespace ebb_tidy
