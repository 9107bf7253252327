#include "core/validate/validate.h"

#include "core/validate/body_validator.h"
#include "core/validate/decode_module.h"

namespace ebb {

Result<void> validate_module(std::span<const uint8_t> bytes, FeatureSet features, Heap& heap,
                             Diagnostic* diagnostic) {
  TypeRegistry types(heap);
  ModuleDecl module(heap);
  EBB_TRY(decode_module(bytes, features, types, heap, module, diagnostic));
  BodyValidator body(module, types, features, heap);
  for (size_t i = module.imported_functions; i < module.functions.size(); ++i) {
    const FuncIndex function{static_cast<uint32_t>(i)};
    const auto run = [&]() -> Result<void> {
      EBB_TRY(body.begin_function(function));
      return body.finish();
    };
    const Result<void> valid = run();
    if (valid) continue;
    if (diagnostic) {
      diagnostic->set(valid.error()).set_function(function.value);
      if (valid.error() != Error::out_of_memory) diagnostic->set_offset(body.offset());
    }
    return valid;
  }
  return {};
}

} // namespace ebb
