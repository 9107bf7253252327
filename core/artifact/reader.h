// Reading a precompiled module: everything but the code is checked here; the code is proven by the
// verifier.
//
// Functions, code, names and data stay where they lie; what depends on the engine (types, and what
// mentions types) becomes vectors of the image's heap. The format leaves no freedom that reading
// does not need: every list follows the one before it without gaps, so each byte is looked at once
// and the time is linear in the file, code and data apart.
#pragma once

#include "core/artifact/format.h"
#include "error/diagnostic.h"

namespace ebb {

namespace artifact {

/// Header and places of the sections of a file that this build can read.
struct Layout {
  Header header;
  ByteRange sections[section_id_count];
  ByteRange section(SectionId id) const { return sections[static_cast<size_t>(id)]; }
};

/// Reads header and section table, and checks that they fit the file and this build. Fails:
/// magic_mismatch, unexpected_end, malformed_artifact, artifact_version, artifact_byte_order,
/// artifact_bytecode, artifact_profile, artifact_features; what would fit is in the diagnostic.
/// Allocates nothing.
Result<Layout> read_layout(std::span<const uint8_t> bytes, Diagnostic* diagnostic);

} // namespace artifact

struct ReadSettings {
  FeatureSet features;                ///< What the module may need.
  Metering metering = Metering::none; ///< What its code must do at least.
  bool keep_names = false;
  bool keep_offsets = false;
};

/// Fills `image` (whose heap and registry are set) from a precompiled module, which must begin at a
/// multiple of 4 and stay as it is while the image lives. Fails: as read_layout; feature_disabled,
/// artifact_without_fuel, artifact_not_interruptible, malformed_artifact, malformed_utf8, limits,
/// misaligned_bytes, out_of_memory. On failure: the image may be partly filled, and is to be
/// destroyed.
Result<void> read_artifact(std::span<const uint8_t> bytes, const ReadSettings& settings,
                           ModuleImage& image, Diagnostic* diagnostic);

} // namespace ebb
