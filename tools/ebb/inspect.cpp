// ebb inspect: sections, imports, exports, memories and features of a module.
//
// Loading answers what can be asked of a module; the list of sections is read here, after the
// module was found valid, so that its framing is known to be sound. A module that is valid but has
// instructions that are not executed yet is still described as far as its sections go.
#include "core/artifact/reader.h"
#include "tools/ebb/commands.h"
#include "tools/ebb/explain.h"
#include "tools/ebb/file.h"
#include "tools/ebb/memory.h"
#include "tools/ebb/print.h"
#include "tools/ebb/values.h"

#include <cinttypes>

namespace ebb::tool {
namespace {

constexpr size_t header_bytes = 8;

const char* section_name(uint8_t id) {
  constexpr const char* names[] = {"custom", "type",   "import",     "function", "table",
                                   "memory", "global", "export",     "start",    "element",
                                   "code",   "data",   "data count", "tag"};
  return id < sizeof names / sizeof names[0] ? names[id] : "unknown";
}

// A LEB128 number of a valid module.
uint64_t read_u64(std::span<const uint8_t> bytes, size_t& position) {
  uint64_t value = 0;
  for (unsigned shift = 0; position < bytes.size() && shift < 64; shift += 7) {
    const uint8_t byte = bytes[position++];
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) break;
  }
  return value;
}

uint32_t read_u32(std::span<const uint8_t> bytes, size_t& position) {
  return static_cast<uint32_t>(read_u64(bytes, position));
}

void print_name(const uint8_t* bytes, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    // Names are the guest's: what would steer a terminal is written as an escape.
    if (bytes[i] < ' ' || bytes[i] == 0x7f)
      print("\\x%02x", bytes[i]);
    else
      print("%c", bytes[i]);
  }
}

void print_name(StringView name) {
  print_name(reinterpret_cast<const uint8_t*>(name.data), name.size);
}

void print_sections(std::span<const uint8_t> bytes) {
  print("sections:\n");
  for (size_t position = header_bytes; position < bytes.size();) {
    const size_t start = position;
    const uint8_t id = bytes[position++];
    const size_t size = read_u32(bytes, position);
    if (size > bytes.size() - position) return;
    print("  %-10s %10zu bytes at 0x%zx", section_name(id), size, start);
    size_t content = position;
    const uint32_t count = read_u32(bytes, content);
    if (id == 0) {
      print(" \"");
      print_name(bytes.data() + content, count <= bytes.size() - content ? count : 0);
      print("\"");
    } else if (id == 8) {
      print(", function %" PRIu32, count);
    } else {
      print(", %" PRIu32 " items", count);
    }
    print("\n");
    position += size;
  }
}

void print_limits(const Limits& limits, const char* unit) {
  print(" %" PRIu64, limits.min);
  if (limits.has_max) print("..%" PRIu64, limits.max);
  print(" %s", unit);
  if (limits.is_64) print(", 64-bit");
}

void print_types(std::span<const ValType> types) {
  print("(");
  for (size_t i = 0; i < types.size(); ++i) {
    if (i != 0) print(", ");
    print_type(types[i]);
  }
  print(")");
}

void print_extern_type(const ExternType& type) {
  switch (type.kind) {
  case ExternKind::func:
    print("func ");
    print_types(type.func.params);
    print(" -> ");
    print_types(type.func.results);
    break;
  case ExternKind::table:
    print("table of ");
    print_type(type.table.element);
    print(",");
    print_limits(type.table.limits, "elements");
    break;
  case ExternKind::memory:
    print("memory,");
    print_limits(type.memory.limits, "pages");
    print(" of %" PRIu64 " bytes", type.memory.page_bytes());
    if (type.memory.is_shared) print(", shared");
    break;
  case ExternKind::global:
    print("%s global of ", type.global.is_mutable ? "mutable" : "constant");
    print_type(type.global.type);
    break;
  case ExternKind::tag:
    print("tag ");
    print_types(type.func.params);
    break;
  }
  print("\n");
}

void print_imports(const Module& module) {
  print("imports: %zu\n", module.import_count());
  for (size_t i = 0; i < module.import_count(); ++i) {
    const Import import = module.import(i);
    print("  \"");
    print_name(import.module);
    print("\" \"");
    print_name(import.name);
    print("\": ");
    print_extern_type(import.type);
  }
}

void print_exports(const Module& module) {
  print("exports: %zu\n", module.export_count());
  for (size_t i = 0; i < module.export_count(); ++i) {
    const Export exported = module.export_(i);
    print("  \"");
    print_name(exported.name);
    print("\": ");
    print_extern_type(exported.type);
  }
}

// Memories that the module defines, read from its section, since only exported ones are known by
// name.
void print_memories(std::span<const uint8_t> bytes) {
  constexpr uint8_t memory_section = 5;
  for (size_t position = header_bytes; position < bytes.size();) {
    const uint8_t id = bytes[position++];
    const size_t size = read_u32(bytes, position);
    if (size > bytes.size() - position) return;
    size_t content = position;
    position += size;
    if (id != memory_section) continue;
    const uint32_t count = read_u32(bytes, content);
    print("memories defined: %" PRIu32 "\n", count);
    for (uint32_t i = 0; i < count && content < position; ++i) {
      const uint8_t flags = bytes[content++];
      print("  %" PRIu32 ": from %" PRIu64, i, read_u64(bytes, content));
      if ((flags & 1) != 0) print(" to %" PRIu64, read_u64(bytes, content));
      print(" pages");
      if ((flags & 2) != 0) print(", shared");
      if ((flags & 4) != 0) print(", 64-bit");
      if ((flags & 8) != 0)
        print(" of %" PRIu64 " bytes", uint64_t{1} << (read_u32(bytes, content) & 63));
      print("\n");
    }
  }
}

void print_features(const FeatureSet& features) {
  print("features used:");
  for (size_t i = 0; i < feature_count; ++i)
    if (features.has(static_cast<Feature>(i))) print(" %s", feature_name(static_cast<Feature>(i)));
  print("\n");
}

const char* metering_text(Metering metering) {
  switch (metering) {
  case Metering::fuel:
    return ", counts fuel";
  case Metering::interruption:
    return ", can be interrupted";
  default:
    return "";
  }
}

// What a precompiled module says about itself and where its parts lie. It was loaded, so that it is
// known to be sound.
void print_artifact(std::span<const uint8_t> bytes) {
  const auto read = artifact::read_layout(bytes, nullptr);
  if (!read.ok()) return;
  const artifact::Layout layout = read.value();
  const artifact::Header& header = layout.header;
  print("precompiled: version %" PRIu32 ", %s profile%s, bytecode %08" PRIx32 "\n", header.version,
        header.profile == static_cast<uint8_t>(artifact::Profile::wide) ? "wide" : "narrow",
        metering_text(artifact::metering_of(header.flags)), header.bytecode);
  print("largest frame: %" PRIu32 " slots\n", header.extent_max);
  print("sections:\n");
  for (size_t i = 1; i < artifact::section_id_count; ++i) {
    const ByteRange range = layout.sections[i];
    if (range.size == 0) continue;
    const auto id = static_cast<artifact::SectionId>(i);
    print("  %-14s %10" PRIu32 " bytes at 0x%" PRIx32, artifact::section_name(id), range.size,
          range.offset);
    const uint32_t unit = artifact::item_bytes(id);
    if (unit > 4) print(", %" PRIu32 " items", range.size / unit);
    print("\n");
  }
}

void print_part(const char* name, const ResourcesRequired::Part& part) {
  print("  %-14s %12" PRIu64 " bytes in %" PRIu64 " requests\n", name, part.bytes, part.requests);
}

void print_resources(const Module& module) {
  const Result<ResourcesRequired> required = resources_required(module);
  if (!required.ok())
    return print("to instantiate: impossible, %s\n", error_message(required.error()));
  const ResourcesRequired& needs = required.value();
  print("to instantiate, over a pool, in a store of its own:\n");
  print_part("store", needs.store);
  print_part("instance", needs.instance);
  print_part("host functions", needs.host_functions);
  print_part("memories", needs.memories);
  print_part("tables", needs.tables);
  print_part("stack", needs.stack);
  print_part("total", needs.total());
}

int describe(const Options& options, std::span<const uint8_t> bytes, const Allocator& allocator) {
  Config config;
  config.allocator = &allocator;
  Diagnostic diagnostic;
  auto engine = Engine::create(config, &diagnostic);
  if (!engine.ok()) return explain(options, Step::engine, engine.error(), diagnostic);
  const auto module = Module::load_borrowed(engine.value(), bytes, &diagnostic);
  if (!module.ok()) {
    if (error_class(module.error()) != ErrorClass::unsupported ||
        !Module::validate(allocator, bytes).ok())
      return explain(options, Step::module, module.error(), diagnostic);
    print_sections(bytes);
    print_memories(bytes);
    flush_output();
    return explain(options, Step::module, module.error(), diagnostic);
  }
  const bool is_artifact = artifact::is_artifact(bytes);
  if (is_artifact)
    print_artifact(bytes);
  else
    print_sections(bytes);
  print_imports(module.value());
  print_exports(module.value());
  if (!is_artifact) print_memories(bytes);
  print("functions: %zu\n", module.value().function_count());
  print_features(module.value().features_used());
  print("compiled module: %zu bytes\n", module.value().stats().used);
  print_resources(module.value());
  return 0;
}

} // namespace

int inspect(const Options& options) {
  File file;
  if (const char* problem = file.read(options.file)) return explain_file(options, problem);
  Memory memory;
  if (const char* problem = memory.create(options)) return explain_file(options, problem);
  return describe(options, file.bytes(), memory.allocator());
}

} // namespace ebb::tool
