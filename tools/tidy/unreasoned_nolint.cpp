// A NOLINT silences warnings on its own line, so this check speaks as an error, which NOLINT cannot
// silence. The form is
//
//     // NOLINT(check-a,check-b): why this is right
//
// and the same for NOLINTNEXTLINE and NOLINTBEGIN; NOLINTEND needs no reason.
#include "tools/tidy/unreasoned_nolint.h"

#include "llvm/Support/Regex.h"

namespace ebb_tidy {

using namespace clang;

class UnreasonedNolintCheck::Handler : public CommentHandler {
public:
  explicit Handler(UnreasonedNolintCheck& check) : check_(check) {}
  bool HandleComment(Preprocessor& preprocessor, SourceRange range) override {
    const SourceManager& sources = preprocessor.getSourceManager();
    if (sources.isInSystemHeader(range.getBegin())) return false;
    const CharSourceRange text = CharSourceRange::getCharRange(range);
    check_.look_at(Lexer::getSourceText(text, sources, preprocessor.getLangOpts()),
                   range.getBegin(), is_alone(sources, range.getBegin()));
    return false;
  }

private:
  /// Whether nothing stands before a comment on its line.
  static bool is_alone(const SourceManager& sources, SourceLocation location) {
    const unsigned column = sources.getSpellingColumnNumber(location);
    const SourceLocation begin = location.getLocWithOffset(1 - static_cast<int>(column));
    const StringRef line(sources.getCharacterData(begin), column - 1);
    return line.trim().empty();
  }

  UnreasonedNolintCheck& check_;
};

UnreasonedNolintCheck::UnreasonedNolintCheck(StringRef name, tidy::ClangTidyContext* context)
    : ClangTidyCheck(name, context), handler_(std::make_unique<Handler>(*this)) {}

UnreasonedNolintCheck::~UnreasonedNolintCheck() = default;

void UnreasonedNolintCheck::registerPPCallbacks(const SourceManager&, Preprocessor* preprocessor,
                                                Preprocessor*) {
  preprocessor->addCommentHandler(handler_.get());
}

void UnreasonedNolintCheck::look_at(StringRef comment, SourceLocation location, bool is_alone) {
  static constexpr const char* word = "NOLINT";
  for (size_t at = comment.find(word); at != StringRef::npos; at = comment.find(word, at + 1)) {
    StringRef rest = comment.substr(at + 6);
    const SourceLocation here = location.getLocWithOffset(static_cast<int>(at));
    if (rest.consume_front("END")) continue;
    const bool is_for_others = rest.consume_front("NEXTLINE") || rest.consume_front("BEGIN");
    // Beside no code it silences nothing, and may be a word of prose.
    if (is_alone && !is_for_others) continue;
    llvm::Regex form("^\\(([a-zA-Z0-9.,* -]+)\\): *[^ ]+ +[^ ]+");
    llvm::SmallVector<StringRef, 2> parts;
    const bool names_all = form.match(rest, &parts) && parts[1].trim() == "*";
    if (!parts.empty() && !names_all) continue;
    diag(here, "a NOLINT names the checks it silences and says why: NOLINT(check): reason",
         DiagnosticIDs::Error);
  }
}

} // namespace ebb_tidy
