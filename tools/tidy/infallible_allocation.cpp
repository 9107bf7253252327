// The lists below name what glibc, musl, newlib or libstdc++ allocate for, in some version or for
// some argument. A function that hands memory out only on refusal of nothing (mmap, sbrk) is in
// them too: all memory enters through the embedder's Allocator.
#include "tools/tidy/infallible_allocation.h"

#include "tools/tidy/names.h"

#include "clang/AST/ExprCXX.h"
#include "clang/AST/StmtCXX.h"
#include "clang/ASTMatchers/ASTMatchFinder.h"
#include "clang/ASTMatchers/ASTMatchers.h"

namespace ebb_tidy {

using namespace clang;
using namespace clang::ast_matchers;

namespace {

constexpr const char* default_functions =
    // Memory itself.
    "malloc;calloc;realloc;reallocarray;aligned_alloc;posix_memalign;memalign;valloc;pvalloc;mmap;"
    "mmap64;mremap;brk;sbrk;shmat;VirtualAlloc;HeapAlloc;"
    // Copies of texts, and lines of any length.
    "strdup;strndup;wcsdup;asprintf;vasprintf;getline;getdelim;getwline;realpath;getcwd;"
    "get_current_dir_name;tempnam;strerror;strerror_l;strsignal;strcoll;strxfrm;"
    // Streams and formatted text: buffers, and work areas for wide fields.
    "fopen;fopen64;fdopen;freopen;tmpfile;popen;open_memstream;fmemopen;setvbuf;printf;fprintf;"
    "sprintf;snprintf;dprintf;vprintf;vfprintf;vsprintf;vsnprintf;vdprintf;wprintf;fwprintf;"
    "swprintf;scanf;fscanf;sscanf;vscanf;vfscanf;vsscanf;puts;fputs;putchar;fputc;putc;fwrite;"
    "fread;"
    "getc;getchar;fgetc;fgets;perror;syslog;"
    // Directories and trees of files.
    "opendir;fdopendir;scandir;glob;ftw;nftw;fts_open;wordexp;"
    // Sorting and searching.
    "qsort;qsort_r;tsearch;hcreate;hsearch;regcomp;regexec;"
    // The environment, time zones, locales.
    "setenv;putenv;setlocale;newlocale;duplocale;iconv_open;tzset;localtime;localtime_r;mktime;"
    "strftime;catopen;gettext;"
    // Names of hosts and people.
    "getaddrinfo;gethostbyname;gethostbyaddr;getservbyname;getnameinfo;if_nameindex;getpwnam;"
    "getpwuid;getgrnam;getgrgid;getlogin;getifaddrs;"
    // Start, end, threads and what is loaded.
    "atexit;at_quick_exit;on_exit;__cxa_atexit;__cxa_thread_atexit;pthread_create;"
    "pthread_setspecific;pthread_atfork;thrd_create;tss_set;sem_open;timer_create;dlopen;dlsym;"
    "dlerror;backtrace;backtrace_symbols;system;posix_spawn;posix_spawnp;"
    // The C++ library.
    "operator new;operator new[];std::get_temporary_buffer;std::stable_sort;std::stable_partition;"
    "std::inplace_merge;std::make_shared;std::allocate_shared;std::make_unique;std::to_string;"
    "std::async;std::current_exception;std::make_exception_ptr;std::rethrow_exception;"
    "std::set_terminate;std::call_once;std::getline";

constexpr const char* default_types =
    "std::vector;std::deque;std::list;std::forward_list;std::map;std::multimap;std::set;"
    "std::multiset;std::unordered_map;std::unordered_multimap;std::unordered_set;"
    "std::unordered_multiset;std::flat_map;std::flat_set;std::stack;std::queue;std::priority_queue;"
    "std::basic_string;std::function;std::move_only_function;std::copyable_function;std::any;"
    "std::unique_ptr;std::shared_ptr;std::weak_ptr;std::enable_shared_from_this;std::valarray;"
    "std::allocator;std::pmr::polymorphic_allocator;std::pmr::memory_resource;"
    "std::pmr::monotonic_buffer_resource;std::pmr::unsynchronized_pool_resource;"
    "std::basic_stringstream;std::basic_istringstream;std::basic_ostringstream;std::basic_ostream;"
    "std::basic_istream;std::basic_iostream;std::basic_fstream;std::basic_ifstream;"
    "std::basic_ofstream;std::basic_stringbuf;std::basic_filebuf;std::basic_syncbuf;std::locale;"
    "std::basic_regex;std::match_results;std::thread;std::jthread;std::stop_source;"
    "std::stop_callback;std::future;std::shared_future;std::promise;std::packaged_task;"
    "std::condition_variable_any;std::filesystem::path;std::filesystem::directory_iterator;"
    "std::filesystem::recursive_directory_iterator;std::filesystem::directory_entry;"
    "std::runtime_error;std::logic_error;std::system_error;std::out_of_range;"
    "std::invalid_argument;std::length_error;std::exception_ptr;std::generator";

} // namespace

InfallibleAllocationCheck::InfallibleAllocationCheck(StringRef name,
                                                     tidy::ClangTidyContext* context)
    : ClangTidyCheck(name, context), function_list_(Options.get("FunctionList", default_functions)),
      type_list_(Options.get("TypeList", default_types)),
      allowed_list_(Options.get("AllowedList", "")), functions_(split_list(function_list_)),
      types_(split_list(type_list_)), allowed_(split_list(allowed_list_)) {}

void InfallibleAllocationCheck::storeOptions(tidy::ClangTidyOptions::OptionMap& map) {
  Options.store(map, "FunctionList", function_list_);
  Options.store(map, "TypeList", type_list_);
  Options.store(map, "AllowedList", allowed_list_);
}

void InfallibleAllocationCheck::registerMatchers(MatchFinder* finder) {
  const auto is_ours = unless(isExpansionInSystemHeader());
  finder->addMatcher(cxxNewExpr(is_ours).bind("new"), this);
  finder->addMatcher(declRefExpr(is_ours, to(functionDecl())).bind("function"), this);
  finder->addMatcher(varDecl(is_ours).bind("variable"), this);
  finder->addMatcher(fieldDecl(is_ours).bind("field"), this);
  finder->addMatcher(functionDecl(is_ours, unless(isImplicit())).bind("declaration"), this);
  finder->addMatcher(cxxConstructExpr(is_ours).bind("construct"), this);
  finder->addMatcher(callExpr(is_ours).bind("call"), this);
  finder->addMatcher(cxxRecordDecl(is_ours, isDefinition()).bind("class"), this);
  finder->addMatcher(cxxThrowExpr(is_ours).bind("throw"), this);
  finder->addMatcher(
      stmt(is_ours, anyOf(coawaitExpr(), coyieldExpr(), coreturnStmt())).bind("suspend"), this);
}

void InfallibleAllocationCheck::check(const MatchFinder::MatchResult& match) {
  sources_ = match.SourceManager;
  if (const auto* expression = match.Nodes.getNodeAs<CXXNewExpr>("new")) {
    check_new(*expression);
  } else if (const auto* reference = match.Nodes.getNodeAs<DeclRefExpr>("function")) {
    check_function(*reference);
  } else if (const auto* variable = match.Nodes.getNodeAs<VarDecl>("variable")) {
    check_variable(*variable);
  } else if (const auto* field = match.Nodes.getNodeAs<FieldDecl>("field")) {
    check_type(field->getType(), field->getLocation(), "this field");
  } else if (const auto* function = match.Nodes.getNodeAs<FunctionDecl>("declaration")) {
    check_type(function->getReturnType(), function->getLocation(), "what this function returns");
  } else if (const auto* construct = match.Nodes.getNodeAs<CXXConstructExpr>("construct")) {
    check_type(construct->getType(), construct->getBeginLoc(), "this object");
  } else if (const auto* call = match.Nodes.getNodeAs<CallExpr>("call")) {
    check_type(call->getType(), call->getBeginLoc(), "what this call returns");
  } else if (const auto* record = match.Nodes.getNodeAs<CXXRecordDecl>("class")) {
    for (const CXXBaseSpecifier& base : record->bases())
      check_type(base.getType(), base.getBeginLoc(), "this base class");
  } else if (const auto* thrown = match.Nodes.getNodeAs<CXXThrowExpr>("throw")) {
    report(thrown->getBeginLoc(), "throwing allocates the exception");
  } else if (const auto* statement = match.Nodes.getNodeAs<Stmt>("suspend")) {
    report(statement->getBeginLoc(), "a coroutine's frame is allocated");
  }
}

void InfallibleAllocationCheck::check_new(const CXXNewExpr& expression) {
  const FunctionDecl* function = expression.getOperatorNew();
  // In a template that depends on its arguments only the instantiation knows; placement says
  // enough.
  if (!function && expression.getNumPlacementArgs() != 0) return;
  if (function && function->isReservedGlobalPlacementOperator()) return;
  const bool is_fallible_door = function && !function->isReplaceableGlobalAllocationFunction() &&
                                expression.getNumPlacementArgs() != 0 &&
                                isNoexceptExceptionSpec(function->getExceptionSpecType()) &&
                                !sources_->isInSystemHeader(function->getLocation());
  if (is_fallible_door) return;
  report(expression.getBeginLoc(), "'new' allocates without a Heap; use Box, Rc or Vec, or "
                                   "construct in memory that a Heap gave");
}

void InfallibleAllocationCheck::check_function(const DeclRefExpr& reference) {
  const auto* function = cast<FunctionDecl>(reference.getDecl());
  const auto* method = dyn_cast<CXXMethodDecl>(function);
  if (method) return;
  std::string name = qualified_name(*function);
  StringRef plain = name;
  plain.consume_front("__builtin_");
  // The C library is seen as ::name and as std::name.
  StringRef in_std = plain;
  in_std.consume_front("std::");
  const bool is_known =
      contains(functions_, plain) || (in_std != plain && contains(functions_, in_std));
  if (!is_known || contains(allowed_, plain)) return;
  const bool is_placement = function->isReservedGlobalPlacementOperator();
  if (is_placement) return;
  report(reference.getBeginLoc(), "'" + plain.str() + "' may allocate, and not by a Heap");
}

std::string InfallibleAllocationCheck::allocating_type(QualType type) const {
  if (type.isNull() || type->isReferenceType() || type->isPointerType() || type->isDependentType())
    return {};
  const auto* record = type.getCanonicalType()->getBaseElementTypeUnsafe()->getAsCXXRecordDecl();
  if (!record) return {};
  std::string name = qualified_name(*record);
  return contains(types_, name) && !contains(allowed_, name) ? name : std::string();
}

void InfallibleAllocationCheck::check_type(QualType type, SourceLocation location, StringRef what) {
  const std::string name = allocating_type(type);
  if (!name.empty())
    report(location, what.str() + " is a '" + name + "', which allocates without a Heap");
}

void InfallibleAllocationCheck::check_variable(const VarDecl& variable) {
  check_type(variable.getType(), variable.getLocation(),
             isa<ParmVarDecl>(variable) ? "this parameter" : "this variable");
  if (variable.hasGlobalStorage() && !variable.getType()->isDependentType() &&
      variable.isThisDeclarationADefinition() &&
      variable.needsDestruction(variable.getASTContext()) == QualType::DK_cxx_destructor)
    report(variable.getLocation(),
           "the destructor of a static variable is registered with atexit, which may allocate");
}

void InfallibleAllocationCheck::report(SourceLocation location, const std::string& message) {
  const SourceLocation at = sources_->getExpansionLoc(location);
  if (at.isInvalid() || sources_->isInSystemHeader(at)) return;
  // A declaration, its initialiser and the constructor in it are one finding.
  const size_t type = message.find('\'');
  const std::string key = sources_->getFilename(at).str() + ":" +
                          std::to_string(sources_->getExpansionLineNumber(at)) + ":" +
                          (type == std::string::npos ? message : message.substr(type));
  if (found_.insert(key).second) diag(at, message);
}

} // namespace ebb_tidy
