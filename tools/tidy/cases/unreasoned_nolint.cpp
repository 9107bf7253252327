// What a NOLINT has to say. Expectations stand a line above, because a NOLINT ends its line.
#include "error/result.h"

namespace {

/// Fails: out_of_memory.
ebb::Result<void> act();

void without_a_reason() {
  // expect-next: ebb-unreasoned-nolint
  static_cast<void>(act()); // NOLINT
  // expect-next: ebb-unreasoned-nolint
  static_cast<void>(act()); // NOLINT(ebb-unread-result)
  // expect-next: ebb-unreasoned-nolint
  static_cast<void>(act()); // NOLINT(ebb-unread-result):
  // expect-next: ebb-unreasoned-nolint
  static_cast<void>(act()); // NOLINT(*): names every check there is
  // expect-next: ebb-unreasoned-nolint
  // NOLINTNEXTLINE
  static_cast<void>(act());
  // expect-next: ebb-unreasoned-nolint
  // NOLINTBEGIN(ebb-unread-result)
  static_cast<void>(act());
  // NOLINTEND(ebb-unread-result)
}

void with_a_reason() {
  static_cast<void>(act()); // NOLINT(ebb-unread-result): nothing was begun that could be left
  // NOLINTNEXTLINE(ebb-unread-result,ebb-swallowed-oom): nothing was begun that could be left
  static_cast<void>(act());
  // NOLINTBEGIN(ebb-unread-result): nothing was begun that could be left
  static_cast<void>(act());
  static_cast<void>(act());
  // NOLINTEND(ebb-unread-result)
}

} // namespace
