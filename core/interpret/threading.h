// Threading: from compact code, function by function, to code that the threaded machine runs.
//
// Opcodes become handler addresses, short offsets, immediates and targets long ones, branch targets
// absolute addresses, called functions pointers. The heaviest locals of each class are pinned in
// machine registers. translation.h says what becomes of an instruction.
#pragma once

#include "core/artifact/module_image.h"
#include "core/bytecode/bytecode.h"
#include "core/state/machine_table.h"

namespace ebb {

struct Machine;

// See MachineTable.
Result<void> make_ready(ModuleImage& image);
Result<void> begin_threading(Threading& threading);
Result<void> thread_next(Threading& threading, const Function& function, const uint8_t* code,
                         uint32_t source_bytes);
void finish_threading(Threading& threading);
Result<Block> thread_function(ModuleImage& image, const Function& function, const uint8_t* code,
                              const Vec<Label>* labels);

/// Where the compact instruction is that the code at `pc`, in a function, came from: an offset into
/// ModuleImage::code.
uint32_t compact_offset_of(const ModuleImage& image, const Function& function, const uint8_t* pc);

/// The wasm offset that the code at `pc` of a function came from, or UINT32_MAX where offsets are
/// not kept.
uint32_t wasm_offset_of(const ModuleImage& image, const Function& function, const uint8_t* pc);

/// Whether the instruction at `pc` of a module that is ready to run has this form.
bool code_is(const ModuleImage& image, const uint8_t* pc, Form form);

/// The function that runs in a machine which has stopped.
const Function& running_function(const Machine& m);

} // namespace ebb
