// See outcome.h.
#include "tests/oom/outcome.h"

#include <cstring>

namespace ebb::oom {
namespace {

struct OutcomeText {
  const char* name;
  const char* meaning;
};

constexpr OutcomeText texts[outcome_count] = {
    {"not run", "a run that was never begun"},
    {"clean", "came back as out_of_memory"},
    {"told", "the guest saw -1 from a grow"},
    {"same result", "a declared fallback took over"},
    {"wrong result", "another result, or a failure that nobody reported"},
    {"leak", "blocks held after teardown"},
    {"crash", "the process died or took too long"},
    {"broken on retry", "the same call failed without an injection"},
};

} // namespace

const char* outcome_name(Outcome outcome) { return texts[static_cast<size_t>(outcome)].name; }

const char* outcome_meaning(Outcome outcome) { return texts[static_cast<size_t>(outcome)].meaning; }

void Run::blame(Outcome bad, const char* why) {
  if (is_bad(outcome)) return;
  outcome = bad;
  size_t length = strlen(why);
  if (length > sizeof(what) - 1) length = sizeof(what) - 1;
  memcpy(what, why, length);
  what[length] = '\0';
}

void Tally::add(const Run& run) {
  // A run that was never begun is no good end.
  const Outcome outcome = run.outcome == Outcome::not_run ? Outcome::crash : run.outcome;
  ++counts[static_cast<size_t>(outcome)];
  injected += run.injected;
  if (run.retried) ++retried;
  if (run.followed) ++followed;
}

bool Tally::is_good() const {
  for (size_t i = 0; i < outcome_count; ++i)
    if (is_bad(static_cast<Outcome>(i)) && counts[i] != 0) return false;
  return true;
}

void rows_of(const Tally& tally, Row (&rows)[row_count]) {
  size_t count = 0;
  rows[count++] = {"requests", "made without failures: the points there are", tally.requests};
  rows[count++] = {"points", "of these tried, each in every shape", tally.points};
  rows[count++] = {"injected", "failures returned to a caller in the core", tally.injected};
  rows[count++] = {"retried", "times the same was asked again", tally.retried};
  rows[count++] = {"followed", "times all that comes afterwards was run too", tally.followed};
  rows[count++] = {"sites", "call stacks that ask for memory", tally.sites_known};
  rows[count++] = {"sites reached", "of these with a failure injected", tally.sites_reached};
  for (size_t i = 1; i < outcome_count; ++i)
    rows[count++] = {texts[i].name, texts[i].meaning, tally.counts[i]};
}

} // namespace ebb::oom
