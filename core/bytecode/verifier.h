// The verifier: proves of a function's compact bytecode, whatever its bytes, that running it cannot
// leave its store.
//
// Two linear passes over the code. The first finds where instructions start, where backward
// branches land and how calls cut the references that are known to be good; the second checks every
// rule of README.md at every instruction, in order. It knows nothing of the module but what
// VerifyContext tells, so that it depends neither on how a module was read nor on how it is stored.
//
// Expected: once per function, at load or before the first call. Scratch memory is a quarter of the
// code's bytes, and in functions with references one and a quarter times them, given back before it
// returns.
#pragma once

#include "collections/heap.h"
#include "core/bytecode/function.h"
#include "core/types/limits.h"
#include "core/types/type_registry.h"

#include <span>

namespace ebb {

/// What the code of a module may name. The functions get `module` and an index below their count.
struct VerifyContext {
  const void* module = nullptr;
  const SubType& (*type_at)(const void* module, uint32_t index) = nullptr;
  const SubType& (*function_type_at)(const void* module, uint32_t index) = nullptr;
  const GlobalType& (*global_at)(const void* module, uint32_t index) = nullptr;
  const TableType& (*table_at)(const void* module, uint32_t index) = nullptr;
  const MemoryType& (*memory_at)(const void* module, uint32_t index) = nullptr;
  uint32_t types = 0;
  uint32_t functions = 0; ///< Imported ones included.
  uint32_t imported_functions = 0;
  uint32_t globals = 0;
  uint32_t tables = 0;
  uint32_t memories = 0;
  uint32_t elems = 0;
  uint32_t datas = 0;
  std::span<const uint8_t> code; ///< Of all functions.
  bool wide = false; ///< The profile: whether 64-bit results may sit in the accumulator.
  Metering metering = Metering::none; ///< What the code must do.
};

/// Whether a function's frame fits a type's parameters and results, and its code lies in the code.
/// What calls use of a callee, so it must hold for every function of a module before any of them
/// runs. Does not look at the code itself. Fails: bytecode_record.
Result<void> verify_record(std::span<const uint8_t> code, const Function& function,
                           std::span<const ValType> params, std::span<const ValType> results);

/// Verifies a function of a type, its record and the pins behind its code included.
/// Fails: bytecode_… errors, one for each group of rules in README.md, and out_of_memory. On
/// failure: nothing is held, and `bad_offset`, unless null, is where the offending instruction
/// starts in the function's code.
Result<void> verify_function(const VerifyContext& context, const Function& function,
                             const SubType& type, Heap& scratch, uint32_t* bad_offset = nullptr);

/// Verifies a constant: code without parameters that gives one value and can neither trap, branch
/// nor call. Fails: as above. On failure: as above.
Result<void> verify_constant(const VerifyContext& context, const Function& function, ValType type,
                             Heap& scratch, uint32_t* bad_offset = nullptr);

} // namespace ebb
