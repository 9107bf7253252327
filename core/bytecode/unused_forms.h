// Forms of threaded code that are not used: no program that was looked at runs them often enough to
// be worth a handler, and what they would do is done by two instructions.
//
// forms_threaded.h says which forms there could be, by lists for many instructions at once; what
// of these is not used is listed in unused_forms.def, which tools/bench/superinstructions/choose
// writes. Only forms with pins are, since all others are what these are made of.
#pragma once

#include "core/bytecode/bytecode.h"

namespace ebb {

struct UnusedForms {
  bool is_unused[static_cast<size_t>(Form::end)] = {};

  constexpr bool operator[](Form form) const { return is_unused[static_cast<size_t>(form)]; }
};

consteval UnusedForms make_unused_forms() {
  UnusedForms made;
// The list is for where handlers call each other, and names pins that are not there elsewhere; a
// build that counts has all forms, so that it may turn out that one is worth its handler.
#if EBB_INT_PINS > 1 && EBB_FLOAT_PINS > 1 && !defined(EBB_COUNT_INSTRUCTIONS)
#define EBB_UNUSED(form) made.is_unused[static_cast<size_t>(Form::form)] = true;
#include "core/bytecode/unused_forms.def"
#undef EBB_UNUSED
#endif
  return made;
}
inline constexpr UnusedForms unused_forms = make_unused_forms();

} // namespace ebb
