// Diagnostic: what a person needs to know beside the error code.
//
// It has a fixed size, is filled without allocating and rendered into a buffer of the caller's,
// because it is needed most when there is no memory left. Names that do not fit are cut between
// characters.
#pragma once

#include "error/error.h"

#include <cstddef>
#include <cstdint>

namespace ebb {

/// What was asked for when it was refused.
enum class Resource : uint8_t { none, heap, memory, table, stack, module, instance, type };

/// Who refused, in `Diagnostic::cause`.
enum class RefusalCause : uint8_t {
  none,
  allocator,            ///< The embedder's allocator had no more.
  budget,               ///< The heap's limit, which is in `limit`.
  declared_maximum,     ///< The maximum that the module declares.
  implementation_limit, ///< A limit of Ebb or of the configuration.
  limits_callback,      ///< The embedder's callback said no.
};

struct Diagnostic {
  static constexpr uint32_t no_function = UINT32_MAX;
  static constexpr uint64_t no_offset = UINT64_MAX;
  static constexpr size_t name_bytes_max = 64;

  Error error = Error::none;
  Resource resource = Resource::none;
  RefusalCause cause = RefusalCause::none;
  uint8_t import_module_size = 0;
  uint8_t import_name_size = 0;
  bool has_import = false;
  uint32_t function = no_function;
  int32_t exit_code = 0;
  uint64_t bytes_asked = 0;
  uint64_t limit = 0;
  uint64_t wasm_offset = no_offset;
  const char* detail =
      nullptr; ///< What else there is to say: a text that lives as long as the program.
  char import_module[name_bytes_max] = {};
  char import_name[name_bytes_max] = {};

  void clear();
  /// Begins a new report. Returns itself, so that the others can follow.
  Diagnostic& set(Error new_error);
  Diagnostic& set_refusal(Resource what, uint64_t bytes, RefusalCause who, uint64_t new_limit = 0);
  Diagnostic& set_limit(uint64_t new_limit);
  Diagnostic& set_offset(uint64_t offset);
  Diagnostic& set_function(uint32_t index);
  Diagnostic& set_import(const char* module, size_t module_bytes, const char* name,
                         size_t name_bytes);
  Diagnostic& set_exit_code(int32_t code);
};

const char* resource_name(Resource resource);

/// Writes one line for people, without a line feed, for instance
///   out of memory: memory of 65536 bytes refused by the budget of 100000 bytes
///   unknown import "env" "f"
///   type mismatch (at offset 0x1f3 in function 12)
/// cut to fit and ended by a NUL. Returns the length without the NUL. Never allocates.
size_t render(const Diagnostic& diagnostic, char* buffer, size_t size);

} // namespace ebb
