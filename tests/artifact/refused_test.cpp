// Precompiled modules that do not fit, are cut off or are hostile: refused by name, and nothing is
// left behind.
#include "tests/artifact/artifacts.h"
#include "tests/needs.h"

#include <string>

using namespace ebb;
using namespace ebb::testing;

namespace {

struct Refused {
  Error error = Error::none;
  std::string text;
};

Refused load(const Engine& engine, const Aligned& bytes) {
  Diagnostic diagnostic;
  const Result<Module> module = Module::load_borrowed(engine, bytes.span(), &diagnostic);
  char text[300];
  render(diagnostic, text, sizeof(text));
  return {module.error(), module.ok() ? "" : text};
}

bool says(const Refused& refusal, const char* what) {
  return refusal.text.find(what) != std::string::npos;
}

void put(Bytes& bytes, size_t at, uint32_t value) {
  memcpy(bytes.data() + at, &value, sizeof(value));
}
uint32_t get(const Bytes& bytes, size_t at) {
  uint32_t value;
  memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

struct File {
  explicit File(const Engine& with, const Bytes& wasm)
      : engine(with), bytes(compiled(with, wasm)) {}
  /// Where an item of a section begins.
  size_t at(artifact::SectionId id, uint32_t index = 0, uint32_t offset = 0) const {
    const Aligned file(bytes);
    const ByteRange range = must(artifact::read_layout(file.span(), nullptr)).section(id);
    REQUIRE(range.size != 0);
    return range.offset + index * artifact::item_bytes(id) + offset;
  }
  /// What is said to the file with one word changed.
  Refused with(size_t where, uint32_t value) const {
    Bytes changed = bytes;
    put(changed, where, value);
    return load(engine, Aligned(changed));
  }
  const Engine& engine;
  Bytes bytes;
};

using artifact::SectionId;

} // namespace

TEST_CASE("what does not fit is refused by name, with what would fit") {
  World world;
  const File file(world.engine, add_module());
  Refused refusal = file.with(4, 2);
  CHECK(refusal.error == Error::artifact_version);
  CHECK(says(refusal, "reads version 1"));
  refusal = file.with(4, 1u << 24);
  CHECK(refusal.error == Error::artifact_byte_order);
  CHECK(says(refusal, "little-endian"));
  refusal = file.with(8, get(file.bytes, 8) ^ 1);
  CHECK(refusal.error == Error::artifact_bytecode);
  CHECK(says(refusal, "compile the .wasm anew"));
  refusal = file.with(16, 1u << 31);
  CHECK(refusal.error == Error::artifact_features);
  refusal = file.with(12, 2 | get(file.bytes, 12));
  CHECK(refusal.error == Error::artifact_profile);
  CHECK(says(refusal, "narrow and wide"));
  refusal = file.with(12, 0xff00 | get(file.bytes, 12));
  CHECK(refusal.error == Error::malformed_artifact);
  const Aligned shifted(Bytes{0} + file.bytes);
  Diagnostic diagnostic;
  const Error misaligned =
      Module::load_borrowed(world.engine, shifted.span().subspan(1), &diagnostic).error();
  CHECK(misaligned == Error::misaligned_bytes);
  CHECK(diagnostic.error == Error::misaligned_bytes);
  CHECK(error_class(misaligned) == ErrorClass::usage);
}

TEST_CASE("wide code is refused where registers hold 32 bits") {
  World world;
  CompileSettings settings;
  settings.profile = CompileSettings::Profile::wide;
  const Refused refusal =
      load(world.engine, Aligned(compiled(world.engine, add_module(), settings)));
  if (sizeof(void*) == 8) {
    CHECK(refusal.error == Error::none);
  } else {
    CHECK(refusal.error == Error::artifact_profile);
    CHECK(says(refusal, "narrow would run here"));
  }
}

TEST_CASE(
    "features that are off, fuel that is not counted and what cannot stop are refused by name" *
    needs_wasm_3()) {
  World plain;
  const Aligned bytes(compiled(plain.engine, rich_module(false)));
  Config config;
  config.features.set(Feature::bulk_memory, false);
  World without(config);
  Refused refusal = load(without.engine, bytes);
  CHECK(refusal.error == Error::feature_disabled);
  CHECK(says(refusal, "bulk-memory"));
  Config counting;
  counting.fuel = true;
  World with_fuel(counting);
  refusal = load(with_fuel.engine, bytes);
  CHECK(refusal.error == Error::artifact_without_fuel);
  CHECK(says(refusal, "with fuel"));
  Config interrupting;
  interrupting.interruption = true;
  World with_interruption(interrupting);
  refusal = load(with_interruption.engine, bytes);
  CHECK(refusal.error == Error::artifact_not_interruptible);
  CHECK(says(refusal, "with interruption"));
  CompileSettings settings;
  settings.interruption = true;
  const Aligned interruptible(compiled(plain.engine, rich_module(false), settings));
  CHECK(load(with_fuel.engine, interruptible).error == Error::artifact_without_fuel);
  CHECK(load(with_interruption.engine, interruptible).error == Error::none);
  // What counts fuel can be interrupted.
  settings.fuel = true;
  const Aligned counts(compiled(plain.engine, rich_module(false), settings));
  CHECK(load(with_interruption.engine, counts).error == Error::none);
}

TEST_CASE("a file that is cut off anywhere is refused" * needs_wasm_3()) {
  World world;
  for (const Bytes& wasm : {add_module(), rich_module(), recursive_module()}) {
    const Bytes whole = compiled(world.engine, wasm);
    const int64_t held = world.memory.held();
    for (size_t size = 4; size < whole.size(); ++size) {
      const Refused refusal = load(
          world.engine, Aligned(Bytes(whole.begin(), whole.begin() + static_cast<long>(size))));
      CHECK(refusal.error == Error::unexpected_end);
      CHECK(says(refusal, "cut off"));
    }
    Bytes longer = whole;
    longer.push_back(0);
    CHECK(load(world.engine, Aligned(longer)).error == Error::malformed_artifact);
    CHECK(world.memory.held() == held);
  }
}

// What a cut file says about its size does not help it.
TEST_CASE("a file that is cut off and lies about its size is refused" * needs_wasm_3()) {
  World world;
  const Bytes whole = compiled(world.engine, rich_module());
  for (size_t size = sizeof(artifact::Header); size < whole.size(); ++size) {
    Bytes cut(whole.begin(), whole.begin() + static_cast<long>(size));
    put(cut, 20, static_cast<uint32_t>(size));
    const Refused refusal = load(world.engine, Aligned(cut));
    CHECK(error_class(refusal.error) == ErrorClass::malformed);
  }
}

TEST_CASE("hostile section tables are refused" * needs_wasm_3()) {
  World world;
  const File file(world.engine, rich_module());
  const size_t table = sizeof(artifact::Header);
  const Error malformed = Error::malformed_artifact;
  CHECK(file.with(table, 0).error == malformed);
  CHECK(file.with(table, 200).error == malformed);
  CHECK(file.with(table + 5, get(file.bytes, table)).error == malformed);
  CHECK(file.with(table + 1, 0).error == malformed);
  CHECK(file.with(table + 1, UINT32_MAX).error == malformed);
  CHECK(file.with(table + 1, UINT32_MAX - 3).error == malformed);
  CHECK(file.with(table + 1, get(file.bytes, table + 1) + 4).error == malformed);
  CHECK(file.with(table + 6, get(file.bytes, table + 6) + 1).error == malformed);
  // What lies between the table and the first section.
  const size_t first = file.at(SectionId::types);
  REQUIRE(get(file.bytes, first - 4) < 1u << 24);
  CHECK(file.with(first - 4, get(file.bytes, first - 4) | 1u << 24).error == malformed);
  CHECK(file.with(12, get(file.bytes, 12) | 0xffff0000).error == malformed);
}

TEST_CASE("declarations that break a rule are refused" * needs_wasm_3()) {
  World world;
  const File file(world.engine, rich_module());
  const auto refused = [&](SectionId id, uint32_t index, uint32_t offset, uint32_t value) {
    const Refused refusal = file.with(file.at(id, index, offset), value);
    CAPTURE(static_cast<int>(id));
    CAPTURE(offset);
    CAPTURE(value);
    CHECK(error_class(refusal.error) == ErrorClass::malformed);
  };
  const uint32_t many = 0x7fffffff;
  refused(SectionId::types, 0, 0, UINT32_MAX);
  refused(SectionId::types, 0, 0, 3);
  for (const uint32_t offset : {0u, 4u, 8u, 12u, 16u, 20u}) {
    refused(SectionId::imports, 1, offset, UINT32_MAX);
    refused(SectionId::imports, 1, offset, many);
  }
  refused(SectionId::imported_types, 0, 0, 100);
  refused(SectionId::imported_types, 0, 0, UINT32_MAX);
  for (uint32_t offset = 0; offset < sizeof(Function); offset += 4)
    refused(SectionId::functions, 1, offset, UINT32_MAX);
  refused(SectionId::functions, 0, 12, 0); // no room for homes
  refused(SectionId::functions, 0, 12, 2); // none for the parameter
  refused(SectionId::functions, 0, 12, 0xffff);
  refused(SectionId::functions, 0, 12, 0x10002); // more references than slots
  refused(SectionId::constants, 0, 8, 1);
  refused(SectionId::constants, 0, 12, 2); // none for the result
  for (const uint32_t offset : {0u, 4u, 24u, 28u})
    refused(SectionId::tables, 0, offset, UINT32_MAX);
  refused(SectionId::tables, 0, 16, 3); // a maximum below the minimum
  for (const uint32_t offset : {0u, 4u, 8u, 16u})
    refused(SectionId::memories, 0, offset, UINT32_MAX & ~artifact::limits_is_shared);
  refused(SectionId::memories, 0, 0, 1 | 1 << 16); // pages of two bytes
  for (uint32_t global = 0; global < 6; ++global)
    for (const uint32_t offset : {0u, 4u, 8u})
      refused(SectionId::globals, global, offset, 99);
  refused(SectionId::globals, 3, 12, 1u << 20); // ref.func of nothing
  refused(SectionId::globals, 4, 12, 1);        // no such initializer
  refused(SectionId::globals, 5, 12, UINT32_MAX);
  for (const uint32_t offset : {0u, 4u, 8u, 12u})
    refused(SectionId::exports, 2, offset, 77777);
  refused(SectionId::exports, 0, 12, 5);
  for (const uint32_t offset : {0u, 4u, 8u, 12u, 20u})
    refused(SectionId::elems, 0, offset, 99);
  refused(SectionId::elems, 0, 0, 3); // no mode
  refused(SectionId::elems, 0, 0, 1 | 9 << artifact::elem_table_shift);
  refused(SectionId::elem_functions, 0, 0, 99);
  refused(SectionId::elem_inits, 0, 0, 99);
  refused(SectionId::elem_inits, 0, 4, 99);
  for (const uint32_t offset : {0u, 4u, 8u})
    refused(SectionId::datas, 0, offset, 99);
  refused(SectionId::datas, 0, 0, 1 | 1 << 16); // no such memory
  refused(SectionId::strings, 0, 0, 0xfffefdfc);
  refused(SectionId::offset_ranges, 0, 0, 99999);
  refused(SectionId::offset_ranges, 0, 4, 99999);
  CHECK(file.with(24, 0).error == Error::malformed_artifact);
  CHECK(file.with(24, 77).error == Error::malformed_artifact);
  CHECK(file.with(28, 0).error == Error::malformed_artifact);
}

TEST_CASE("a type whose last number goes on beyond its section is refused" * needs_wasm_3()) {
  World world;
  const Bytes wasm = header() + section(1, list({{0x5f, 1, 0x7f, 1}}));
  const File file(world.engine, wasm);
  const Aligned aligned(file.bytes);
  const ByteRange types =
      must(artifact::read_layout(aligned.span(), nullptr)).section(SectionId::types);
  Bytes changed = file.bytes;
  changed[types.offset + types.size - 1] |= 0x80;
  CHECK(says(load(world.engine, Aligned(changed)), "types go beyond their section"));
}

TEST_CASE("code that gives a number is no initial value of a table or an element" *
          needs_wasm_3()) {
  World world;
  const Bytes null = {0xd0, 0x70, 0x0b};
  const Bytes sum = {0x41, 1, 0x41, 2, 0x6a, 0x0b};
  const File file(world.engine, header() +
                                    section(2, list({name("m") + name("g") + Bytes{3, 0x70, 0}})) +
                                    section(4, list({Bytes{0x40, 0, 0x70, 0, 1} + null})) +
                                    section(5, list({{0, 1}})) +
                                    section(9, list({Bytes{5, 0x70, 1, 0x23, 0, 0x0b}})) +
                                    section(11, list({Bytes{0} + sum + Bytes{1, 7}})));
  REQUIRE(load(world.engine, Aligned(file.bytes)).error == Error::none);
  // Room for a reference, so that it is the verifier that looks.
  const size_t frame = file.at(SectionId::constants, 0, 12);
  const uint32_t extent = get(file.bytes, frame) + 1;
  for (const size_t init : {file.at(SectionId::tables, 0, 24), file.at(SectionId::elem_inits)}) {
    // The code was the segment's; now nothing else uses it.
    Bytes changed = file.bytes;
    put(changed, frame, extent | 1u << 16);
    put(changed, 28, extent);
    put(changed, file.at(SectionId::datas, 0, 8), 1);
    put(changed, init, 6);
    put(changed, init + 4, 0);
    CHECK(load(world.engine, Aligned(changed)).error == Error::bytecode_entry);
    put(changed, init + 4, 1);
    CHECK(error_class(load(world.engine, Aligned(changed)).error) == ErrorClass::malformed);
  }
}

TEST_CASE("exports out of order or twice are refused") {
  World world;
  ModuleBuilder m;
  m.type({}, {});
  const uint32_t function = m.func(0, {});
  m.export_func("aa", function).export_func("ab", function).export_func("b", function);
  const File file(world.engine, m.build());
  const size_t names = file.at(SectionId::strings);
  Bytes swapped = file.bytes;
  swapped[names + 1] = 'c';
  CHECK(load(world.engine, Aligned(swapped)).error == Error::malformed_artifact);
  swapped[names + 1] = 'b';
  CHECK(says(load(world.engine, Aligned(swapped)), "order of their names"));
}

TEST_CASE("memories that cannot be made here are refused by name" * needs_wasm_3()) {
  World world;
  const File file(world.engine, rich_module());
  const Refused refusal = file.with(file.at(SectionId::memories), artifact::limits_is_shared);
  CHECK(refusal.error == Error::unsupported_shared_memory);
}

// Every byte outside of the code changed in several ways: an error or a module, and nothing is left
// behind.
TEST_CASE("changed bytes leave nothing behind" * needs_wasm_3()) {
  World world(config_of(Config::Encoding::compact));
  for (const Bytes& wasm : {rich_module(), recursive_module()}) {
    const File file(world.engine, wasm);
    const size_t code = file.at(SectionId::code);
    const int64_t held = world.memory.held();
    uint64_t loaded = 0;
    uint64_t refused = 0;
    for (size_t i = 4; i < file.bytes.size(); ++i) {
      if (i >= code) break;
      for (const int flip : {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x10, 0x80, 0xff}) {
        Bytes changed = file.bytes;
        changed[i] = static_cast<uint8_t>(changed[i] ^ flip);
        const Refused refusal = load(world.engine, Aligned(changed));
        ++(refusal.error == Error::none ? loaded : refused);
        CHECK(error_class(refusal.error) != ErrorClass::resource);
        CHECK(error_class(refusal.error) != ErrorClass::trap);
      }
    }
    CHECK(world.memory.held() == held);
    CHECK(refused > loaded);
  }
}
