// The plugin's table of checks.
#include "tools/tidy/flow_check.h"
#include "tools/tidy/infallible_allocation.h"
#include "tools/tidy/unreasoned_nolint.h"

#include "clang-tidy/ClangTidyModule.h"
#include "clang-tidy/ClangTidyModuleRegistry.h"

namespace ebb_tidy {

class EbbModule : public clang::tidy::ClangTidyModule {
public:
  void addCheckFactories(clang::tidy::ClangTidyCheckFactories& factories) override {
    factories.registerCheck<InfallibleAllocationCheck>("ebb-infallible-allocation");
    factories.registerCheck<UnreadResultCheck>("ebb-unread-result");
    factories.registerCheck<SwallowedOomCheck>("ebb-swallowed-oom");
    factories.registerCheck<AllocInUnwindCheck>("ebb-alloc-in-unwind");
    factories.registerCheck<UnreasonedNolintCheck>("ebb-unreasoned-nolint");
  }
};

static clang::tidy::ClangTidyModuleRegistry::Add<EbbModule>
    registration("ebb", "Checks that no allocation is infallible and no failure gets lost.");

} // namespace ebb_tidy
