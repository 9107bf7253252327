// Precompiled modules that fit: the same bytes everywhere, and modules that run as those of the
// .wasm do.
#include "core/binary/reader.h"
#include "tests/artifact/artifacts.h"
#include "tests/needs.h"

#include <algorithm>

using namespace ebb;
using namespace ebb::testing;

namespace {

CompileSettings settings_of(CompileSettings::Profile profile, bool strip = false,
                            bool fuel = false) {
  CompileSettings settings;
  settings.profile = profile;
  settings.strip = strip;
  settings.fuel = fuel;
  return settings;
}
constexpr auto narrow = CompileSettings::Profile::narrow;
constexpr auto wide = CompileSettings::Profile::wide;
constexpr bool runs_wide = sizeof(void*) == 8;

Module load(const Engine& engine, const Aligned& bytes) {
  Diagnostic diagnostic;
  Result<Module> module = Module::load_borrowed(engine, bytes.span(), &diagnostic);
  char text[300];
  render(diagnostic, text, sizeof(text));
  REQUIRE_MESSAGE(module.ok(), text);
  return std::move(module).value();
}

Bytes serialized(const Module& module, bool strip = false) {
  Bytes out;
  must(module.serialize({&append_to, &out}, strip));
  return out;
}

Result<int32_t> plus_one(Caller&, int32_t value) { return value + 1; }
Result<void> nothing(Caller&) { return {}; }

} // namespace

// Everything but the code, which changes with the instructions: these bytes are the format of
// version 1.
TEST_CASE("the bytes of a precompiled module are those that the page says") {
  World world;
  Bytes bytes = compiled(world.engine, add_module(), settings_of(narrow, true));
  const Aligned file(bytes);
  const artifact::Layout layout = must(artifact::read_layout(file.span(), nullptr));
  const ByteRange code = layout.section(artifact::SectionId::code);
  Bytes head(bytes.begin(), bytes.begin() + code.offset);
  for (size_t i = 8; i < 12; ++i)
    head[i] = 0xee; // the fingerprint of the instructions
  const Function function = must(Result<Function>([&] {
    Function found;
    memcpy(&found, bytes.data() + layout.section(artifact::SectionId::functions).offset,
           sizeof(found));
    return found;
  }()));
  const Bytes code_bytes = {static_cast<uint8_t>(function.code_bytes), 0, 0, 0};
  const Bytes code_offset = {static_cast<uint8_t>(function.code_offset), 0, 0, 0};
  const Bytes section_bytes = {static_cast<uint8_t>(code.size), 0, 0, 0};
  const Bytes file_bytes = {static_cast<uint8_t>(bytes.size()), 0, 0, 0};
  const Bytes expected =
      Bytes{0, 'e', 'b', 'b', 1, 0, 0, 0, 0xee, 0xee, 0xee, 0xee, 0, 0, 5, 0, 1, 0, 0, 0} +
      file_bytes + Bytes{0xff, 0xff, 0xff, 0xff, 6, 0, 0, 0} +
      Bytes{1, 6, 0, 0, 0, 4, 16, 0, 0, 0, 10, 16, 0, 0, 0, 15, 3, 0, 0, 0, 18} + section_bytes +
      Bytes{0, 0, 0} +
      // A final function of two parameters and three values, all i32.
      Bytes{0xa4, 0x80, 3, 0, 0, 0, 0, 0} +
      // The function: code, type, extent, references of its frame.
      code_offset + code_bytes + Bytes{0, 0, 0, 0, 6, 0, 0, 0} +
      // The export, and its name.
      Bytes{static_cast<uint8_t>(code.offset - 4), 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0} +
      Bytes{'a', 'd', 'd', 0};
  CHECK(head == expected);
}

TEST_CASE("the same input and options give the same bytes, whatever else the engine did" *
          needs_wasm_3()) {
  World fresh;
  World used(config_of(Config::Encoding::compact));
  const Bytes other = compiled(used.engine, add_module());
  const Module kept = used.load(recursive_module());
  for (const Bytes& wasm : {add_module(), rich_module(), recursive_module()})
    for (const auto profile : {narrow, wide})
      CHECK(compiled(fresh.engine, wasm, settings_of(profile)) ==
            compiled(used.engine, wasm, settings_of(profile)));
}

TEST_CASE("a precompiled module runs as its .wasm" * needs_wasm_3()) {
  in_both_encodings([](Config config) {
    for (const auto profile : {narrow, wide}) {
      if (profile == wide && !runs_wide) continue;
      for (const bool strip : {false, true}) {
        World world(config);
        const Aligned bytes(
            compiled(world.engine, rich_module(false), settings_of(profile, strip)));
        const Module module = load(world.engine, bytes);
        const Instance instance = must(world.linker.instantiate(world.store, module));
        // 5 + 1, 9 in memory, 41 after the start function, 1 + 2.
        CHECK(must(world.typed<int32_t(int32_t)>(instance, "sum").call(world.store, 5)) == 59);
        CHECK(must(world.typed<int32_t(int32_t)>(instance, "summit").call(world.store, 7)) == 8);
        CHECK(must(instance.get_global(world.store, "")).type(world.store).ok());
        CHECK(error_of(instance.get_func(world.store, "su")) == Error::unknown_export);
      }
    }
  });
}

TEST_CASE("imports of a precompiled module are those of its .wasm" * needs_wasm_3()) {
  World world;
  const Aligned bytes(compiled(world.engine, rich_module()));
  const Module precompiled = load(world.engine, bytes);
  const Module plain = world.load(rich_module());
  REQUIRE(precompiled.import_count() == 3);
  for (size_t i = 0; i < 3; ++i) {
    CHECK(precompiled.import(i).module == plain.import(i).module);
    CHECK(precompiled.import(i).name == plain.import(i).name);
    CHECK(precompiled.import(i).type.kind == plain.import(i).type.kind);
  }
  CHECK(precompiled.function_count() == plain.function_count());
  CHECK(precompiled.features_used() == plain.features_used());
  must(world.linker.define_func("host", "first", &plus_one));
  must(world.linker.define_func("host", "second", &nothing));
  const Global global = must(Global::create(world.store, {ValType::i32(), false}, Val::i32(3)));
  must(world.linker.define(world.store, "other", "g", global));
  const Instance instance = must(world.linker.instantiate(world.store, precompiled));
  CHECK(must(world.typed<int32_t(int32_t)>(instance, "sum").call(world.store, 5)) == 59);
}

TEST_CASE("a loaded module is written as it was read" * needs_wasm_3()) {
  Config config = config_of(Config::Encoding::compact);
  config.keep_names = true;
  config.keep_offsets = true;
  World world(config);
  for (const Bytes& wasm : {add_module(), rich_module(), recursive_module()}) {
    for (const auto profile : {narrow, wide}) {
      if (profile == wide && !runs_wide) continue;
      const Bytes first = compiled(world.engine, wasm, settings_of(profile));
      const Aligned bytes(first);
      CHECK(serialized(load(world.engine, bytes)) == first);
      CHECK(serialized(load(world.engine, bytes), true) ==
            compiled(world.engine, wasm, settings_of(profile, true)));
    }
    CHECK(serialized(world.load(wasm)) ==
          compiled(world.engine, wasm, settings_of(runs_wide ? wide : narrow)));
  }
}

TEST_CASE("names are there if they were kept and are wanted" * needs_wasm_3()) {
  Config config;
  config.keep_names = true;
  World world(config);
  const Aligned with(compiled(world.engine, rich_module(false)));
  const Aligned without(compiled(world.engine, rich_module(false), settings_of(narrow, true)));
  CHECK(load(world.engine, with).function_name(0) == StringView("f"));
  CHECK(load(world.engine, without).function_name(0).is_empty());
  World other;
  CHECK(load(other.engine, with).function_name(0).is_empty());
  CHECK(without.size() < with.size());
}

TEST_CASE("a copied module does not need its bytes" * needs_wasm_3()) {
  World world;
  Bytes bytes = compiled(world.engine, rich_module(false));
  // Where the copy is made from need not be aligned.
  bytes.insert(bytes.begin(), 0);
  Result<Module> module = Module::load(world.engine, std::span<const uint8_t>(bytes).subspan(1));
  REQUIRE(module.ok());
  for (uint8_t& byte : bytes)
    byte = 0xff;
  const Instance instance = must(world.linker.instantiate(world.store, module.value()));
  CHECK(must(world.typed<int32_t(int32_t)>(instance, "sum").call(world.store, 5)) == 59);
}

TEST_CASE("running in place takes no memory for code and data") {
  World world(config_of(Config::Encoding::compact));
  Bytes code;
  for (int i = 0; i < 20000; ++i)
    code += local_get(0) + i32_const(i) + Bytes{0x6a, 0x21, 0};
  ModuleBuilder m;
  m.type({i32}, {i32});
  m.export_func("f", m.func(0, code + local_get(0)));
  m.memory({0, 1}).data(Bytes{0, 0x41, 0, 0x0b} + sized(Bytes(30000, 1)));
  const Aligned bytes(compiled(world.engine, m.build()));
  const Module module = load(world.engine, bytes);
  CHECK(bytes.size() > 150000);
  CHECK(module.stats().used < 600);
}

TEST_CASE("fuel is counted by code that was compiled for it" * needs_wasm_3()) {
  Config config;
  config.fuel = true;
  World world(config);
  const Aligned bytes(compiled(world.engine, rich_module(false), settings_of(narrow, false, true)));
  const Module module = load(world.engine, bytes);
  const Instance instance = must(world.linker.instantiate(world.store, module));
  world.store.set_fuel(1);
  CHECK(error_of(world.typed<int32_t(int32_t)>(instance, "sum").call(world.store, 5)) ==
        Error::out_of_fuel);
}

TEST_CASE("code that was compiled for it is interrupted" * needs_wasm_3()) {
  Config config;
  config.interruption = true;
  World world(config);
  CompileSettings settings = settings_of(narrow, true);
  settings.interruption = true;
  const Aligned bytes(compiled(world.engine, rich_module(false), settings));
  const Module module = load(world.engine, bytes);
  CHECK(serialized(module, true) == compiled(world.engine, rich_module(false), settings));
  const Instance instance = must(world.linker.instantiate(world.store, module));
  world.store.interrupt_handle().interrupt();
  const auto sum = world.typed<int32_t(int32_t)>(instance, "sum");
  CHECK(error_of(sum.call(world.store, 5)) == Error::interrupted);
  CHECK(sum.call(world.store, 5).ok());
}

namespace {

/// "sum" adds up n, n - 1, … 1, what the imported function says of n, and as much again.
Bytes summing_module() {
  ModuleBuilder builder;
  const uint32_t one = builder.type({i32}, {i32});
  const uint32_t next = builder.import_func("env", "next", one);
  // (loop (sum += left) (left -= 1) (br_if 0 left)), with n in local 0
  const Bytes rounds = local_get(0) + Bytes{0x21, 2, 0x03, 0x40} + local_get(1) + local_get(2) +
                       Bytes{0x6a, 0x21, 1} + local_get(2) + i32_const(1) +
                       Bytes{0x6b, 0x22, 2, 0x0d, 0, 0x0b};
  builder.export_func("sum", builder.func(one,
                                          rounds + local_get(0) + call(next) + local_get(1) +
                                              Bytes{0x6a, 0x21, 1} + rounds + local_get(1),
                                          {1, 2, i32}));
  return builder.build();
}

Result<int32_t> zero(Caller&, int32_t) { return 0; }

/// Links instances so that each calls the next. The letters say how their code was compiled:
/// counting fuel, interruptible, or plain.
Instance chain(World& world, const char* letters) {
  CompileSettings settings;
  settings.fuel = *letters == 'f';
  settings.interruption = *letters == 'i';
  const Aligned bytes(compiled(world.engine, summing_module(), settings));
  const Module module = must(Module::load(world.engine, bytes.span()));
  Linker linker = must(Linker::create(world.engine));
  if (letters[1] == '\0') {
    must(linker.define_func("env", "next", &zero));
  } else {
    const Instance behind = chain(world, letters + 1);
    must(linker.define(world.store, "env", "next", must(behind.get_func(world.store, "sum"))));
  }
  return must(linker.instantiate(world.store, module));
}

/// What a run costs that is interrupted wherever it looks. Sets how often it was.
uint64_t price_of(World& world, const char* letters, int32_t& pauses) {
  constexpr uint64_t plenty = 1'000'000;
  constexpr int32_t n = 10;
  const Instance first = chain(world, letters);
  const InterruptHandle handle = world.store.interrupt_handle();
  world.store.set_fuel(plenty);
  const Val args[] = {Val::i32(n)};
  Execution execution = must(must(first.get_func(world.store, "sum")).start(world.store, args));
  handle.interrupt();
  for (pauses = 0; must(execution.run()) == Execution::State::suspended; ++pauses)
    handle.interrupt();
  world.store.clear_interrupt();
  Val result[1];
  must(execution.results(result));
  CHECK(result[0].as_i32() == static_cast<int32_t>(strlen(letters)) * n * (n + 1));
  return plenty - world.store.fuel();
}

} // namespace

TEST_CASE("instances that count fuel, are interruptible, or neither, call each other") {
  in_both_encodings([](const Config& config) {
    World world(config);
    int32_t pauses = 0;
    const uint64_t price = price_of(world, "f", pauses);
    CHECK(price > 100);
    // The start of the function and each round.
    CHECK(pauses == 1 + 2 * 10);
    CHECK(price_of(world, "p", pauses) == 0);
    CHECK(pauses == 0);
    CHECK(price_of(world, "i", pauses) == 0);
    CHECK(pauses == 1 + 2 * 10);
    for (const char* letters : {"fifpf", "iffpfi", "pfifp", "ipif", "fpifi"}) {
      CAPTURE(letters);
      const auto counted = std::count(letters, letters + strlen(letters), 'f');
      const auto plain = std::count(letters, letters + strlen(letters), 'p');
      CHECK(price_of(world, letters, pauses) == price * static_cast<uint64_t>(counted));
      CHECK(pauses == (static_cast<int32_t>(strlen(letters)) - plain) * (1 + 2 * 10));
    }
  });
}

TEST_CASE("what cannot be compiled or written says so") {
  World world;
  Bytes out;
  Diagnostic diagnostic;
  const ByteSink sink{&append_to, &out};
  CHECK(error_of(Module::compile(world.engine, Bytes{0, 'a', 's', 'm', 2, 0, 0, 0}, {}, sink,
                                 &diagnostic)) == Error::unknown_version);
  CHECK(diagnostic.error == Error::unknown_version);
  CHECK(error_of(Module::compile(world.engine, function_module(func_type({}, {i32}), {}), {},
                                 sink)) == Error::type_mismatch);
  CHECK(out.empty());
  const ByteSink full{
      [](void*, const uint8_t*, size_t) -> Result<void> { return Error::host_failure; }, nullptr};
  CHECK(error_of(Module::compile(world.engine, add_module(), {}, full)) == Error::host_failure);
}

namespace {

/// Takes so many pieces, then fails.
struct Sink {
  explicit Sink(size_t most) : pieces_max(most) {}

  const size_t pieces_max;
  size_t pieces = 0;
  size_t calls_after = 0;
  Bytes bytes;

  static Result<void> write(void* context, const uint8_t* bytes, size_t count) {
    Sink& self = *static_cast<Sink*>(context);
    if (self.pieces > self.pieces_max) ++self.calls_after;
    if (self.pieces++ == self.pieces_max) return Error::host_failure;
    return append_to(&self.bytes, bytes, count);
  }
  ByteSink sink() { return {&write, this}; }
};

/// A module with so many more groups of types behind its own, each of which moves what follows it
/// in the precompiled module. It has `type_count` types.
Bytes shifted(const Bytes& module, uint32_t type_count, uint32_t groups) {
  Reader reader(std::span<const uint8_t>(module).subspan(header().size() + 1),
                static_cast<uint32_t>(header().size() + 1));
  const ByteRange contents = must(reader.sized_range());
  const auto at = [&](uint32_t offset) { return module.begin() + static_cast<ptrdiff_t>(offset); };
  uint32_t group_count = module[contents.offset];
  Bytes types(at(contents.offset + 1), at(contents.offset + contents.size));
  for (uint32_t i = 0; i < groups; ++i, ++group_count) {
    const uint8_t mutability = i % 2;
    switch (i % 4) {
    case 0:
      types += func_type({}, Bytes(i % 3, testing::i32));
      break;
    case 1:
      types += Bytes{0x5e, 0x77, mutability};
      break;
    case 2:
      types += Bytes{0x50, 0, 0x5f, 2, 0x7e, mutability, 0x64, 0x6b, 0};
      break;
    default: {
      // A structure and one below it.
      const Bytes field = {0x6e, mutability};
      types += Bytes{0x4e, 2, 0x50, 0, 0x5f, 1} + field + Bytes{0x50, 1} + leb(type_count) +
               Bytes{0x5f, 2} + field + Bytes{0x7f, 0};
      ++type_count;
    }
    }
    ++type_count;
  }
  Bytes out(module.begin(), at(static_cast<uint32_t>(header().size() + 1)));
  out += sized(leb(group_count) + types);
  out.insert(out.end(), at(contents.offset + contents.size), module.end());
  return out;
}

/// Imports of one module under several names, two memories, tags, segments for both memories.
Bytes wide_module() {
  const Bytes offset = {0x41, 0, 0x0b};
  return header() + section(1, list({func_type({}, {}), func_type({testing::i32}, {})})) +
         section(2, list({name("one") + name("a") + Bytes{0, 0},
                          name("one") + name("b") + Bytes{2, 0, 1},
                          name("two") + name("c") + Bytes{4, 0, 1},
                          name("two") + name("d") + Bytes{3, testing::i64, 0}})) +
         section(5, list({{0, 1}, {1, 0, 2}})) + section(13, list({{0, 0}, {0, 1}})) +
         section(11, list({Bytes{0} + offset + sized({1}), Bytes{2, 1} + offset + sized({2, 3}),
                           Bytes{1} + sized({4, 5, 6, 7, 8})}));
}

/// A function type of more values than are handed over together.
Bytes long_type_module() {
  return header() + section(1, list({func_type(Bytes(700, testing::i32), {})}));
}

/// Each piece fails in turn: nothing is handed over after it, and the error is that of the sink.
template <class Write> void check_failing_sinks(Write&& write) {
  Sink whole(SIZE_MAX);
  must(write(whole.sink()));
  CHECK(whole.pieces >= 1);
  for (size_t piece = 0; piece < whole.pieces; ++piece) {
    Sink cut(piece);
    CHECK(error_of(write(cut.sink())) == Error::host_failure);
    CHECK(cut.calls_after == 0);
    CHECK(cut.bytes.size() < whole.bytes.size());
    CHECK(std::equal(cut.bytes.begin(), cut.bytes.end(), whole.bytes.begin()));
  }
}

} // namespace

TEST_CASE("a sink that fails at any piece ends the writing with its error" * needs_wasm_3()) {
  Config config = config_of(Config::Encoding::compact);
  config.keep_names = true;
  World world(config);
  struct Wasm {
    Bytes bytes;
    uint32_t type_count;
  };
  for (const Wasm& wasm : {Wasm{rich_module(), 4}, Wasm{recursive_module(), 5},
                           Wasm{wide_module(), 2}, Wasm{long_type_module(), 1}}) {
    // What is handed over together depends on where things lie.
    for (uint32_t shift = 0; shift < 200; ++shift) {
      CAPTURE(shift);
      const Bytes moved = shifted(wasm.bytes, wasm.type_count, shift);
      const Module module = world.load(moved);
      const HeapStats before = world.engine.stats();
      const auto compile = [&](const ByteSink& sink) {
        return Module::compile(world.engine, moved, {}, sink);
      };
      const auto serialize = [&](const ByteSink& sink) { return module.serialize(sink); };
      check_failing_sinks(compile);
      check_failing_sinks(serialize);
      CHECK(world.engine.stats().used == before.used);
    }
  }
}
