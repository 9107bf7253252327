// ResultFlow: follows every Result and Error of one function along its paths.
//
// Followed are local variables and parameters taken by value or by &&, and what calls return
// without giving it to anyone. Along a path such a value is unasked, known to be fine, known to be
// a failure, or handed on (returned, stored, passed to somebody). Where a path ends, or the
// variable gets another value, it must not be unasked, nor a failure that nobody has heard of.
// EBB_TRY needs no special case: it is an ordinary test followed by an ordinary return.
//
// A failure stops being one that must be handed on where the code compares it with out_of_memory,
// answers with out_of_memory itself, or knows that it is another error.
#pragma once

#include "tools/tidy/function_facts.h"

#include "clang/AST/ParentMap.h"
#include "clang/Analysis/CFG.h"

#include <compare>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace ebb_tidy {

/// What was found, by the check that reports it.
enum class FlowCheck { unread_result, swallowed_oom, alloc_in_unwind };

struct FlowFinding {
  FlowCheck check;
  clang::SourceLocation location;
  std::string message;
  /// What requests memory, for alloc_in_unwind.
  const clang::FunctionDecl* callee = nullptr;
};

class ResultFlow {
public:
  ResultFlow(const Names& names, FunctionFacts& facts, clang::ASTContext& context,
             const clang::FunctionDecl& function);
  /// All findings in the function, in no order, each place once.
  std::vector<FlowFinding> run();

private:
  /// The states in which a value may be; more than one where paths meet.
  enum StateBit : unsigned {
    unasked = 1,      ///< Nobody has looked.
    asked = 2,        ///< Whether it is fine was put into a bool.
    fine = 4,         ///< Known to be no failure.
    failed = 8,       ///< Known to be a failure, and nobody has heard of it.
    told = 16,        ///< Known to be a failure, and handed on.
    handed = 32,      ///< Handed on without having looked.
    other_error = 64, ///< Known not to be out_of_memory.
  };
  struct State {
    unsigned bits = 0;
    std::set<const clang::Expr*> tests;   ///< Where `failed` was learnt.
    std::set<const clang::Stmt*> origins; ///< Where an unread value came from.
    auto operator<=>(const State&) const = default;
  };
  /// The values of one path, or of several that were merged. What is not in it is fine.
  using States = std::map<unsigned, State>;
  /// The paths to one place.
  using Paths = std::set<States>;
  /// More paths to one place than this are merged, value by value.
  static constexpr size_t paths_max = 32;
  /// How an expression that names a followed value uses it.
  enum class Use { nothing, test, ask, value, fallback, assigned, hand_on };
  struct Holder {
    const clang::VarDecl* variable = nullptr; ///< Null for what a call returned.
    const clang::CallExpr* call = nullptr;
    std::string name;
    clang::SourceLocation scope_end; ///< Of a variable, where its block ends.
    bool may_run_out = true;
    bool is_handed_on = false; ///< Anywhere in the function.
  };

  class Collector;
  void collect();
  void add_variable(const clang::VarDecl& variable, bool may_run_out);
  void add_call(const clang::CallExpr& call);
  int holder_of(const clang::Expr* expression) const;
  Use use_of(const clang::Expr& expression) const;
  Use use_of_error(const clang::Expr& expression) const;
  bool is_borrowed_by(const clang::CallExpr& call, const clang::Stmt* argument) const;
  Use use_of_comparison(const clang::Expr& comparison) const;
  Use use_of_bool(const clang::Expr& expression) const;
  bool is_discarded(const clang::Stmt* child, const clang::Stmt* parent) const;
  const clang::Stmt* parent_of(const clang::Stmt* child) const;

  void step(const clang::Stmt& statement, States& states);
  void define(unsigned holder, const clang::Expr* value, const clang::Stmt& at, States& states);
  void apply(unsigned holder, Use use, const clang::Expr& at, States& states);
  void tell_all(States& states);
  void check_request(const clang::Stmt& statement, const States& states);
  void end_of_life(unsigned holder, const State& state, bool is_overwritten);

  void refine(const clang::Expr* condition, bool truth, States& states);
  void refine_comparison(const clang::BinaryOperator& comparison, bool truth, States& states);
  void learn(unsigned holder, bool is_fine, const clang::Expr& test, States& states);
  bool leave_block(const clang::CFGBlock& block, unsigned successor, States& states);
  void forget_what_is_fine(States& states) const;
  static States merged(const Paths& paths);
  void pass(const clang::CFGBlock& block, const States& entry);
  void enter(const clang::CFGBlock& block, States states);
  void solve();
  void report();

  void find(FlowCheck check, clang::SourceLocation location, std::string message,
            const clang::FunctionDecl* callee = nullptr);
  bool is_benign(clang::SourceLocation location) const;
  bool is_asserted(const clang::Expr& expression) const;

  const Names& names_;
  FunctionFacts& facts_;
  clang::ASTContext& context_;
  const clang::FunctionDecl& function_;
  std::unique_ptr<clang::ParentMap> parents_;
  std::unique_ptr<clang::CFG> graph_;
  std::vector<Holder> holders_;
  llvm::DenseMap<const clang::VarDecl*, unsigned> variables_;
  llvm::DenseMap<const clang::CallExpr*, unsigned> calls_;
  std::vector<clang::SourceRange> benign_;
  std::vector<FlowFinding> findings_;
  std::set<std::pair<int, unsigned>> found_;
  std::vector<Paths> entries_;
  std::vector<bool> is_merged_;
  std::deque<const clang::CFGBlock*> work_;
  bool is_reporting_ = false;
  bool is_looking_for_requests_ = false;
};

} // namespace ebb_tidy
