// Header and section table: what a file says about itself, and whether this build can do with it.
#include "core/artifact/reader.h"

namespace ebb::artifact {
namespace {

Error refuse(Diagnostic* diagnostic, Error error, const char* detail, uint64_t offset) {
  if (diagnostic != nullptr) {
    diagnostic->set(error).set_offset(offset);
    diagnostic->detail = detail;
  }
  return error;
}

constexpr uint32_t swapped(uint32_t value) { return __builtin_bswap32(value); }
static_assert(version == 1);

Error check_header(const Header& header, size_t size, Diagnostic* diagnostic) {
  if (header.bytecode != bytecode_fingerprint())
    return refuse(diagnostic, Error::artifact_bytecode, "compile the .wasm anew with this build",
                  offsetof(Header, bytecode));
  if (header.profile > static_cast<uint8_t>(Profile::wide))
    return refuse(diagnostic, Error::artifact_profile, "this build knows narrow and wide",
                  offsetof(Header, profile));
  if (header.profile == static_cast<uint8_t>(Profile::wide) && sizeof(void*) < 8)
    return refuse(diagnostic, Error::artifact_profile, "it is wide, and narrow would run here",
                  offsetof(Header, profile));
  if ((header.flags & ~flags_known) != 0 || header.flags == flags_known)
    return refuse(diagnostic, Error::malformed_artifact, "unknown flags", offsetof(Header, flags));
  if ((header.features & ~FeatureSet::all().bits()) != 0)
    return refuse(diagnostic, Error::artifact_features, "it was compiled by a later build",
                  offsetof(Header, features));
  if (header.file_bytes > size)
    return refuse(diagnostic, Error::unexpected_end, "the file is cut off", size);
  if (header.file_bytes != size || size % alignment != 0)
    return refuse(diagnostic, Error::malformed_artifact,
                  "bytes behind the end, or padding is missing", header.file_bytes);
  return Error::none;
}

} // namespace

Result<Layout> read_layout(std::span<const uint8_t> bytes, Diagnostic* diagnostic) {
  if (!is_artifact(bytes)) return refuse(diagnostic, Error::magic_mismatch, "no .ebb", 0);
  Layout layout{};
  Header& header = layout.header;
  // The version says how to read what follows it.
  memcpy(&header, bytes.data(), bytes.size() < sizeof(header) ? bytes.size() : sizeof(header));
  if (bytes.size() >= 8 && header.version == swapped(version))
    return refuse(diagnostic, Error::artifact_byte_order, "little-endian would fit", 4);
  if (bytes.size() >= 8 && header.version != version)
    return refuse(diagnostic, Error::artifact_version, "this build reads version 1", 4);
  if (bytes.size() < sizeof(header))
    return refuse(diagnostic, Error::unexpected_end, "the file is cut off", bytes.size());
  const Error error = check_header(header, bytes.size(), diagnostic);
  if (error != Error::none) return error;

  if (header.section_count >= section_id_count || table_end(header.section_count) > bytes.size())
    return refuse(diagnostic, Error::malformed_artifact, "too many sections",
                  offsetof(Header, section_count));
  // Goes on to where the next section begins.
  const auto is_padded = [&](uint64_t& at) {
    for (; at % alignment != 0 && at < bytes.size(); ++at)
      if (bytes[static_cast<size_t>(at)] != 0) return false;
    return true;
  };
  uint64_t next = sizeof(Header) + header.section_count * sizeof(SectionEntry);
  if (!is_padded(next))
    return refuse(diagnostic, Error::malformed_artifact, "padding is not zero", next);
  uint32_t last_id = 0;
  for (uint32_t i = 0; i < header.section_count; ++i) {
    const size_t at = sizeof(Header) + i * sizeof(SectionEntry);
    SectionEntry entry;
    memcpy(&entry, bytes.data() + at, sizeof(entry));
    if (entry.id <= last_id || entry.id >= section_id_count)
      return refuse(diagnostic, Error::malformed_artifact, "section ids do not ascend", at);
    last_id = entry.id;
    const uint32_t unit = item_bytes(static_cast<SectionId>(entry.id));
    if (entry.bytes == 0 || entry.bytes % unit != 0 || next + entry.bytes > bytes.size())
      return refuse(diagnostic, Error::malformed_artifact, "a section's size is wrong", at + 1);
    layout.sections[entry.id] = {static_cast<uint32_t>(next), entry.bytes};
    next += entry.bytes;
    if (!is_padded(next))
      return refuse(diagnostic, Error::malformed_artifact, "padding is not zero", next);
  }
  if (next != bytes.size())
    return refuse(diagnostic, Error::malformed_artifact, "sections do not fill the file",
                  table_end(header.section_count));
  return layout;
}

} // namespace ebb::artifact
