// Writing a compiled module as a precompiled one.
#pragma once

#include "collections/byte_sink.h"
#include "core/artifact/module_image.h"

namespace ebb {

struct ArtifactOptions {
  bool wide = false;                  ///< The profile for which the module was compiled.
  Metering metering = Metering::none; ///< As it was compiled.
  bool strip = false;                 ///< Leave names and the map of offsets out.
};

/// Writes a module that has the compact code of all of its functions. The bytes depend on the
/// module and the options alone. A table of the types is made in `heap` meanwhile. Fails:
/// out_of_memory, module_too_large, and as the sink. On failure: the sink may have taken some
/// bytes.
Result<void> write_artifact(const ModuleImage& image, const ArtifactOptions& options,
                            const ByteSink& sink, Heap& heap);

} // namespace ebb
