// Runs the exports of a module that another tool made, and tells what came of each as text.
#pragma once

#include "fuzz/target.h"

namespace ebb::fuzz {

/// For each exported function, called with zeros in the order of declaration: name, `=`, and its
/// results or the trap's class. Imported functions answer with zeros. Numbers are the bits of a
/// double, as JavaScript has them, i64 is decimal and ends in `n`. A module that does not come to
/// run gives the reason instead.
std::string run_exports(const Bytes& wasm, Config::Encoding encoding);

} // namespace ebb::fuzz
