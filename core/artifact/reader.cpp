#include "core/artifact/reader.h"

#include "core/artifact/artifact_reader.h"
#include "core/bytecode/bytecode.h"
#include "core/types/implementation_limits.h"

namespace ebb {
namespace artifact {

Error ArtifactReader::bad(uint32_t at, const char* what) {
  if (diagnostic_ != nullptr) {
    diagnostic_->set(Error::malformed_artifact).set_offset(at);
    diagnostic_->detail = what;
  }
  return Error::malformed_artifact;
}

Error ArtifactReader::over_limit(Error error, uint32_t at) {
  if (diagnostic_ != nullptr) diagnostic_->set(error).set_offset(at);
  return error;
}

Result<void> ArtifactReader::run() {
  EBB_TRY(read_header());
  EBB_TRY(read_types());
  EBB_TRY(read_imports());
  EBB_TRY(read_functions());
  EBB_TRY(read_memories());
  EBB_TRY(read_tags());
  EBB_TRY(read_globals());
  if (vectors_ != section(SectionId::vectors).size)
    return bad(section(SectionId::vectors).offset, "vectors that no global has");
  EBB_TRY(read_tables());
  EBB_TRY(read_exports());
  EBB_TRY(read_elems());
  EBB_TRY(read_datas());
  EBB_TRY(read_start());
  return read_offsets();
}

Result<void> ArtifactReader::read_header() {
  if (reinterpret_cast<uintptr_t>(bytes_.data()) % alignment != 0) {
    if (diagnostic_ != nullptr) {
      diagnostic_->set(Error::misaligned_bytes);
      diagnostic_->detail = "a multiple of 4 would fit";
    }
    return Error::misaligned_bytes;
  }
  layout_ = EBB_TRY(read_layout(bytes_, diagnostic_));
  EBB_TRY(check_features());
  EBB_TRY(check_metering());
  decl_.bytes = bytes_;
  image_.bytes = bytes_.data();
  const ByteRange code = section(SectionId::code);
  image_.code = bytes_.subspan(code.offset, code.size);
  image_.wide = layout_.header.profile == static_cast<uint8_t>(Profile::wide);
  image_.metering = metering_of(layout_.header.flags);
  if (settings_.keep_names) decl_.names = section(SectionId::names);
  return {};
}

Result<void> ArtifactReader::check_metering() {
  if (metering_of(layout_.header.flags) >= settings_.metering) return {};
  const bool wants_fuel = settings_.metering == Metering::fuel;
  const Error error = wants_fuel ? Error::artifact_without_fuel : Error::artifact_not_interruptible;
  if (diagnostic_ != nullptr) {
    diagnostic_->set(error).set_offset(offsetof(Header, flags));
    diagnostic_->detail =
        wants_fuel ? "compile the .wasm with fuel" : "compile the .wasm with interruption";
  }
  return error;
}

Result<void> ArtifactReader::check_features() {
  for (size_t i = 0; i < feature_count; ++i) {
    if ((layout_.header.features >> i & 1) == 0) continue;
    const Feature feature = static_cast<Feature>(i);
    if (!settings_.features.has(feature)) {
      if (diagnostic_ != nullptr) {
        diagnostic_->set(Error::feature_disabled).set_offset(offsetof(Header, features));
        diagnostic_->detail = feature_name(feature);
      }
      return Error::feature_disabled;
    }
    decl_.features_used.set(feature);
  }
  return {};
}

/// Names lie one behind the other.
Result<void> ArtifactReader::check_name(ByteRange name, uint32_t& next, uint32_t at) {
  const ByteRange strings = section(SectionId::strings);
  if (name.offset != next || name.size > strings.offset + strings.size - next)
    return bad(at, "a name does not follow the one before it");
  if (name.size > limits::name_bytes_max) return over_limit(Error::name_too_long, at);
  next += name.size;
  if (is_utf8(decl_.slice(name))) return {};
  if (diagnostic_ != nullptr) diagnostic_->set(Error::malformed_utf8).set_offset(name.offset);
  return Error::malformed_utf8;
}

Result<void> ArtifactReader::read_imports() {
  const uint32_t imports = count(SectionId::imports);
  if (imports > limits::imports_max)
    return over_limit(Error::too_many_imports, where(SectionId::imports, 0));
  decl_.imports = Vec<ImportDecl>::view(image_.heap, items<ImportDecl>(SectionId::imports));
  decl_.functions = Vec<TypeIndex>::view(image_.heap, items<TypeIndex>(SectionId::imported_types));
  uint32_t next = section(SectionId::strings).offset;
  for (uint32_t i = 0; i < imports; ++i) {
    const ImportDecl& import = decl_.imports[i];
    const uint32_t at = where(SectionId::imports, i);
    const bool repeats = i != 0 && import.module.offset == decl_.imports[i - 1].module.offset &&
                         import.module.size == decl_.imports[i - 1].module.size;
    if (!repeats) EBB_TRY(check_name(import.module, next, at));
    EBB_TRY(check_name(import.name, next, at + 8));
    EBB_TRY(check_import(import, at));
  }
  if (decl_.imported_functions != decl_.functions.size())
    return bad(where(SectionId::imported_types, 0),
               "as many types as imported functions are needed");
  for (uint32_t i = 0; i < decl_.imported_functions; ++i) {
    const TypeIndex type = decl_.functions[i];
    if (type.value >= decl_.types.size() || !decl_.types.get(type).is_func())
      return bad(where(SectionId::imported_types, i), "not the type of a function");
  }
  return {};
}

/// Imports come first in each index space, in order.
Result<void> ArtifactReader::check_import(const ImportDecl& import, uint32_t at) {
  if (word(at + offsetof(ImportDecl, kind)) > static_cast<uint32_t>(ExternKind::tag))
    return bad(at + offsetof(ImportDecl, kind), "no kind of import");
  uint32_t* counter = nullptr;
  uint32_t available = UINT32_MAX;
  switch (import.kind) {
  case ExternKind::func:
    counter = &decl_.imported_functions;
    break;
  case ExternKind::table:
    counter = &decl_.imported_tables;
    available = count(SectionId::tables);
    break;
  case ExternKind::memory:
    counter = &decl_.imported_memories;
    available = count(SectionId::memories);
    break;
  case ExternKind::global:
    counter = &decl_.imported_globals;
    available = count(SectionId::globals);
    break;
  case ExternKind::tag:
    counter = &decl_.imported_tags;
    available = count(SectionId::tags);
    break;
  }
  if (import.index != *counter || import.index >= available)
    return bad(at + offsetof(ImportDecl, index), "imports are not in order");
  ++*counter;
  return {};
}

Result<void> ArtifactReader::read_functions() {
  image_.functions = items<Function>(SectionId::functions);
  image_.constants = items<Function>(SectionId::constants);
  if (function_count() > limits::functions_max)
    return over_limit(Error::too_many_functions, where(SectionId::functions, 0));
  for (uint32_t i = 0; i < image_.functions.size(); ++i)
    EBB_TRY(check_function(image_.functions[i], where(SectionId::functions, i), false));
  for (uint32_t i = 0; i < image_.constants.size(); ++i)
    EBB_TRY(check_function(image_.constants[i], where(SectionId::constants, i), true));
  return {};
}

Result<void> ArtifactReader::check_function(const Function& function, uint32_t at,
                                            bool is_constant) {
  const uint64_t code_end = uint64_t{function.code_offset} + function.code_bytes;
  // Behind the code there are at least the two counts of its pins.
  if (function.code_bytes == 0 || code_end + 2 > image_.code.size())
    return bad(at, "a function's code lies outside of the code");
  const uint32_t least = uint32_t{function.frame_refs} + pin_homes;
  bool holds = function.extent >= least && function.extent <= layout_.header.extent_max &&
               function.extent <= limits::frame_slots_max + pin_homes;
  if (is_constant) {
    if (function.type.value != 0)
      return bad(at + offsetof(Function, type), "an initializer takes nothing");
  } else {
    if (function.type.value >= decl_.types.size() || !decl_.types.get(function.type).is_func())
      return bad(at + offsetof(Function, type), "not the type of a function");
    const SubType& type = decl_.types.get(function.type);
    for (const SlotCounts part : {slot_counts(type.params()), slot_counts(type.results())})
      holds = holds && part.numbers <= function.frame_numbers() && part.refs <= function.frame_refs;
  }
  if (!holds) return bad(at + offsetof(Function, extent), "a frame is too small or too large");
  return {};
}

Result<void> ArtifactReader::read_exports() {
  const uint32_t exports = count(SectionId::exports);
  if (exports > limits::exports_max)
    return over_limit(Error::too_many_exports, where(SectionId::exports, 0));
  decl_.exports = Vec<ExportDecl>::view(image_.heap, items<ExportDecl>(SectionId::exports));
  const ByteRange strings = section(SectionId::strings);
  uint32_t next = strings.offset;
  if (!decl_.imports.is_empty())
    next = decl_.imports.back().name.offset + decl_.imports.back().name.size;
  const size_t counts[] = {function_count(), decl_.tables.size(), decl_.memories.size(),
                           decl_.globals.size(), decl_.tags.size()};
  for (uint32_t i = 0; i < exports; ++i) {
    const ExportDecl& exported = decl_.exports[i];
    const uint32_t at = where(SectionId::exports, i);
    EBB_TRY(check_name(exported.name, next, at));
    const uint32_t kind = word(at + offsetof(ExportDecl, kind));
    if (kind > static_cast<uint32_t>(ExternKind::tag) || exported.index >= counts[kind])
      return bad(at + offsetof(ExportDecl, index), "an export names nothing");
    if (i == 0) continue;
    const std::span<const uint8_t> a = decl_.slice(decl_.exports[i - 1].name);
    const std::span<const uint8_t> b = decl_.slice(exported.name);
    const size_t common = a.size() < b.size() ? a.size() : b.size();
    const int order = common == 0 ? 0 : memcmp(a.data(), b.data(), common);
    if (order > 0 || (order == 0 && a.size() >= b.size()))
      return bad(at, "exports are not in the order of their names");
  }
  if (next != strings.offset + strings.size) return bad(next, "bytes behind the names");
  return {};
}

Result<void> ArtifactReader::read_start() {
  decl_.start = FuncIndex{layout_.header.start};
  if (decl_.start == no_function) return {};
  if (decl_.start.value >= function_count() ||
      !decl_.types.get(type_index_of(decl_.start.value)).values().empty())
    return bad(offsetof(Header, start), "not a start function");
  return {};
}

Result<void> ArtifactReader::read_offsets() {
  const std::span<const OffsetRange> ranges = items<OffsetRange>(SectionId::offset_ranges);
  const ByteRange map = section(SectionId::offset_map);
  if (ranges.empty() && map.size == 0) return {};
  if (ranges.size() != image_.functions.size())
    return bad(where(SectionId::offset_ranges, 0), "as many ranges as functions are needed");
  for (uint32_t i = 0; i < ranges.size(); ++i)
    if (ranges[i].begin > ranges[i].end || ranges[i].end > map.size)
      return bad(where(SectionId::offset_ranges, i), "a range lies outside of the map");
  if (!settings_.keep_offsets) return {};
  image_.offset_ranges = ranges;
  image_.offset_map = bytes_.subspan(map.offset, map.size);
  return {};
}

} // namespace artifact

Result<void> read_artifact(std::span<const uint8_t> bytes, const ReadSettings& settings,
                           ModuleImage& image, Diagnostic* diagnostic) {
  return artifact::ArtifactReader(bytes, settings, image, diagnostic).run();
}

} // namespace ebb
