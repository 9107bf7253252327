// The defaults are Ebb's own names. An option that ends in "List" is separated by semicolons.
#include "tools/tidy/names.h"

#include "clang/AST/DeclCXX.h"
#include "clang/AST/DeclTemplate.h"
#include "clang/AST/ExprCXX.h"
#include "clang/Lex/Lexer.h"

#include <algorithm>

namespace ebb_tidy {

using namespace clang;

namespace {

constexpr const char* default_allocating =
    "ebb::Heap::allocate;ebb::Heap::resize;ebb::Heap::reserve;ebb::Heap::reserve_pages;"
    "ebb::Heap::commit_pages;ebb::Heap::grow_pages;ebb::Allocator::allocate;"
    "ebb::Allocator::resize;ebb::PageAllocator::reserve;ebb::PageAllocator::commit;"
    "ebb::PageAllocator::grow;malloc;calloc;realloc;reallocarray;aligned_alloc;posix_memalign;"
    "strdup;strndup;mmap;mremap";
constexpr const char* default_showing = "ebb::Diagnostic;ebb::error_name;ebb::error_message;"
                                        "ebb::error_documentation;ebb::error_class;printf;fprintf;"
                                        "snprintf";
constexpr const char* default_releasing =
    "release;free;drop;destroy;abandon;give_up;give_back;clear;reset;rollback;roll_back;undo;"
    "unwind;discard;discharge;leave;remove;swap;truncate;tear_down;reclaim";

constexpr const char* default_expectations =
    "CHECK;CHECK_FALSE;CHECK_EQ;CHECK_NE;CHECK_MESSAGE;REQUIRE;REQUIRE_FALSE;REQUIRE_EQ;REQUIRE_NE;"
    "EXPECT_TRUE;EXPECT_FALSE;EXPECT_EQ;EXPECT_NE;ASSERT_TRUE;ASSERT_FALSE;ASSERT_EQ;ASSERT_NE";

/// Whether a place is in the expansion of one of several macros.
bool is_in_macro(const std::vector<std::string>& macros, SourceLocation location,
                 const SourceManager& sources, const LangOptions& language) {
  while (location.isMacroID()) {
    if (contains(macros, Lexer::getImmediateMacroName(location, sources, language))) return true;
    location = sources.getImmediateMacroCallerLoc(location);
  }
  return false;
}

const NamedDecl* type_declaration(QualType type) {
  if (type.isNull() || type->isReferenceType() || type->isDependentType()) return nullptr;
  const QualType canonical = type.getCanonicalType();
  if (const auto* record = canonical->getAs<RecordType>()) return record->getDecl();
  if (const auto* enumeration = canonical->getAs<EnumType>()) return enumeration->getDecl();
  return nullptr;
}

} // namespace

std::vector<std::string> split_list(llvm::StringRef list) {
  std::vector<std::string> parts;
  llvm::SmallVector<llvm::StringRef, 32> pieces;
  list.split(pieces, ';', -1, false);
  for (const llvm::StringRef piece : pieces)
    if (!piece.trim().empty()) parts.push_back(piece.trim().str());
  return parts;
}

bool contains(const std::vector<std::string>& list, llvm::StringRef name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

std::string qualified_name(const NamedDecl& declaration) {
  std::string name = declaration.getNameAsString();
  for (const DeclContext* context = declaration.getDeclContext(); context;
       context = context->getParent()) {
    if (const auto* space = dyn_cast<NamespaceDecl>(context)) {
      if (space->isInline() || space->isAnonymousNamespace()) continue;
      name = space->getNameAsString() + "::" + name;
    } else if (const auto* record = dyn_cast<TagDecl>(context)) {
      name = record->getNameAsString() + "::" + name;
    }
  }
  return name;
}

const Expr* bare(const Expr* expression) {
  for (;;) {
    if (!expression) return nullptr;
    const Expr* inner = expression->IgnoreParenImpCasts();
    if (const auto* cleanups = dyn_cast<ExprWithCleanups>(inner)) {
      inner = cleanups->getSubExpr();
    } else if (const auto* temporary = dyn_cast<MaterializeTemporaryExpr>(inner)) {
      inner = temporary->getSubExpr();
    } else if (const auto* bound = dyn_cast<CXXBindTemporaryExpr>(inner)) {
      inner = bound->getSubExpr();
    } else if (const auto* constant = dyn_cast<ConstantExpr>(inner)) {
      inner = constant->getSubExpr();
    } else if (const auto* cast = dyn_cast<ExplicitCastExpr>(inner)) {
      if (cast->getType()->isVoidType()) return inner;
      inner = cast->getSubExpr();
    } else if (const auto* call = dyn_cast<CallExpr>(inner)) {
      if (call->getBuiltinCallee() == Builtin::BI__builtin_expect && call->getNumArgs() == 2)
        inner = call->getArg(0);
    }
    if (inner == expression) return expression;
    expression = inner;
  }
}

Names::Names(const tidy::ClangTidyCheck::OptionsView& options)
    : result_(options.get("ResultType", "ebb::Result")),
      error_(options.get("ErrorType", "ebb::Error")), none_(options.get("NoError", "none")),
      out_of_memory_(options.get("OutOfMemory", "out_of_memory")),
      allocating_list_(options.get("AllocatingFunctionList", default_allocating)),
      showing_list_(options.get("ShowingFunctionList", default_showing)),
      benign_list_(options.get("BenignList", "benign;Benign")),
      releasing_list_(options.get("ReleasingNameList", default_releasing)),
      assertion_list_(options.get("AssertionMacroList", "EBB_ASSERT;assert")),
      expectation_list_(options.get("ExpectationMacroList", default_expectations)),
      allocating_(split_list(allocating_list_)), showing_(split_list(showing_list_)),
      benign_(split_list(benign_list_)), releasing_(split_list(releasing_list_)),
      assertions_(split_list(assertion_list_)), expectations_(split_list(expectation_list_)) {}

void Names::store(const tidy::ClangTidyCheck::OptionsView& options,
                  tidy::ClangTidyOptions::OptionMap& map) const {
  options.store(map, "ResultType", result_);
  options.store(map, "ErrorType", error_);
  options.store(map, "NoError", none_);
  options.store(map, "OutOfMemory", out_of_memory_);
  options.store(map, "AllocatingFunctionList", allocating_list_);
  options.store(map, "ShowingFunctionList", showing_list_);
  options.store(map, "BenignList", benign_list_);
  options.store(map, "ReleasingNameList", releasing_list_);
  options.store(map, "AssertionMacroList", assertion_list_);
  options.store(map, "ExpectationMacroList", expectation_list_);
}

bool Names::is_result(QualType type) const {
  const NamedDecl* declaration = type_declaration(type);
  return declaration && isa<CXXRecordDecl>(declaration) && qualified_name(*declaration) == result_;
}

bool Names::is_error(QualType type) const {
  const NamedDecl* declaration = type_declaration(type);
  return declaration && isa<EnumDecl>(declaration) && qualified_name(*declaration) == error_;
}

bool Names::is_result_method(const FunctionDecl& function) const {
  const auto* method = dyn_cast<CXXMethodDecl>(&function);
  return method && qualified_name(*method->getParent()) == result_;
}

const EnumConstantDecl* Names::error_constant(const Expr* expression) const {
  const auto* reference = dyn_cast_or_null<DeclRefExpr>(bare(expression));
  if (!reference) return nullptr;
  const auto* constant = dyn_cast<EnumConstantDecl>(reference->getDecl());
  return constant && is_error(constant->getType()) ? constant : nullptr;
}

bool Names::is_none(const EnumConstantDecl& constant) const { return constant.getName() == none_; }

bool Names::is_out_of_memory(const EnumConstantDecl& constant) const {
  return constant.getName() == out_of_memory_;
}

const EnumDecl* Names::error_enum(const ASTContext& context) const {
  const DeclContext* scope = context.getTranslationUnitDecl();
  llvm::SmallVector<llvm::StringRef, 4> parts;
  llvm::StringRef(error_).split(parts, "::");
  for (const llvm::StringRef part : parts) {
    const DeclContext* next = nullptr;
    for (const NamedDecl* found : scope->lookup(&context.Idents.get(part))) {
      if (const auto* enumeration = dyn_cast<EnumDecl>(found)) return enumeration->getDefinition();
      if (const auto* inner = dyn_cast<DeclContext>(found)) next = inner;
    }
    if (!next) return nullptr;
    scope = next;
  }
  return nullptr;
}

bool Names::is_allocating_root(const ValueDecl& declaration) const {
  return contains(allocating_, qualified_name(declaration));
}

bool Names::only_shows(const FunctionDecl& function) const {
  if (contains(showing_, qualified_name(function))) return true;
  const auto* method = dyn_cast<CXXMethodDecl>(&function);
  return method && contains(showing_, qualified_name(*method->getParent()));
}

bool Names::is_benign(const Stmt& statement) const {
  const auto is_named = [&](const NamedDecl* declaration) {
    return declaration && declaration->getDeclName().isIdentifier() &&
           contains(benign_, declaration->getName());
  };
  // The reason is a text; a scope without one declares nothing.
  const auto has_reason = [](auto&& arguments) {
    for (const Expr* argument : arguments) {
      const auto* text = dyn_cast_or_null<StringLiteral>(bare(argument));
      if (text && text->getLength() != 0) return true;
    }
    return false;
  };
  if (const auto* construct = dyn_cast<CXXConstructExpr>(&statement))
    return is_named(construct->getConstructor()->getParent()) && has_reason(construct->arguments());
  if (const auto* call = dyn_cast<CallExpr>(&statement))
    return is_named(call->getDirectCallee()) && has_reason(call->arguments());
  return false;
}

bool Names::is_releasing(const FunctionDecl& function) const {
  if (isa<CXXDestructorDecl>(function)) return true;
  if (const auto* constructor = dyn_cast<CXXConstructorDecl>(&function))
    return constructor->isMoveConstructor();
  if (const auto* method = dyn_cast<CXXMethodDecl>(&function))
    if (method->isMoveAssignmentOperator()) return true;
  if (!function.getReturnType()->isVoidType() || !function.getDeclName().isIdentifier())
    return false;
  const llvm::StringRef name = function.getName();
  return std::any_of(releasing_.begin(), releasing_.end(), [&](const std::string& verb) {
    return name.starts_with(verb) && (name.size() == verb.size() || name[verb.size()] == '_');
  });
}

bool Names::is_asserted(SourceLocation location, const SourceManager& sources,
                        const LangOptions& language) const {
  return is_in_macro(assertions_, location, sources, language);
}

bool Names::is_expectation(SourceLocation location, const SourceManager& sources,
                           const LangOptions& language) const {
  return is_in_macro(expectations_, location, sources, language);
}

} // namespace ebb_tidy
