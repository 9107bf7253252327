// Compiling, loading and writing precompiled modules with every request refused in turn.
#include "core/state/load.h"
#include "tests/artifact/artifacts.h"
#include "tests/collections/collections_test.h"
#include "tests/needs.h"

#include <optional>

using namespace ebb;
using namespace ebb::testing;

namespace {

Bytes precompiled(const Bytes& wasm) {
  World world;
  return compiled(world.engine, wasm);
}

template <Config::Encoding encoding> struct InEngine {
  explicit InEngine(oom::Test& test) : allocator(test.allocator()) {}
  Result<void> setup() {
    Config config = config_of(encoding);
    config.allocator = &allocator;
    config.fixed_seed = true;
    config.keep_names = true;
    config.keep_offsets = true;
    engine.emplace(EBB_TRY(Engine::create(config)));
    return {};
  }
  uint64_t digest() const { return engine->stats().used; }

  const Allocator& allocator;
  std::optional<Engine> engine;
};

template <Config::Encoding encoding, BytesOwnership ownership> struct Load : InEngine<encoding> {
  explicit Load(oom::Test& test)
      : InEngine<encoding>(test), rich(precompiled(rich_module())),
        recursive(precompiled(recursive_module())) {}
  Result<void> act() {
    for (const Aligned* bytes : {&rich, &recursive}) {
      const Result<Module> module = ownership == BytesOwnership::copied
                                        ? Module::load(*this->engine, bytes->span())
                                        : Module::load_borrowed(*this->engine, bytes->span());
      if (!module.ok()) return module.error();
    }
    return {};
  }
  Aligned rich;
  Aligned recursive;
};

/// The functions that load one kind of module only.
struct LoadOneKind : InEngine<Config().encoding> {
  explicit LoadOneKind(oom::Test& test) : InEngine(test), rich(precompiled(rich_module())) {}
  Result<void> act() {
    EBB_TRY(Module::load_wasm(*engine, rich_module()));
    EBB_TRY(Module::load_precompiled(*engine, rich.span()));
    return {};
  }
  Aligned rich;
};

struct Compile : InEngine<Config().encoding> {
  using InEngine::InEngine;
  Result<void> act() {
    written = 0;
    const ByteSink sink{[](void* context, const uint8_t*, size_t count) -> Result<void> {
                          *static_cast<size_t*>(context) += count;
                          return {};
                        },
                        &written};
    EBB_TRY(Module::compile(*engine, rich_module(), {}, sink));
    return Module::compile(*engine, recursive_module(), {}, sink);
  }
  size_t written = 0;
};

struct Serialize : InEngine<Config::Encoding::compact> {
  using InEngine::InEngine;
  Result<void> setup() {
    EBB_TRY(InEngine::setup());
    module.emplace(EBB_TRY(Module::load(*engine, rich_module())));
    return {};
  }
  Result<void> act() {
    return module->serialize(
        {[](void*, const uint8_t*, size_t) -> Result<void> { return {}; }, nullptr});
  }
  std::optional<Module> module;
};

} // namespace

TEST_CASE("loading precompiled modules survives every refusal" * needs_wasm_3()) {
  constexpr auto compact = Config::Encoding::compact;
  constexpr auto threaded = Config().encoding;
  const oom::Report report =
      oom::oom_test<Load<compact, BytesOwnership::borrowed>>("load_ebb_in_place");
  CHECK(report.ok());
  CHECK(report.requests > 10);
  CHECK(oom::oom_test<Load<compact, BytesOwnership::copied>>("load_ebb_copied").ok());
  CHECK(oom::oom_test<Load<threaded, BytesOwnership::borrowed>>("load_ebb_threaded").ok());
}

TEST_CASE("loading one kind of module survives every refusal" * needs_wasm_3()) {
  CHECK(oom::oom_test<LoadOneKind>("load_one_kind").ok());
}

TEST_CASE("a module of the other kind is malformed where one kind is asked for") {
  const Bytes wasm = header() + section(0, Bytes(100));
  World world;
  const Aligned file(compiled(world.engine, wasm));
  CHECK(Module::load_wasm(world.engine, wasm).ok());
  CHECK(Module::load_precompiled(world.engine, file.span()).ok());
  CHECK(error_of(Module::load_wasm(world.engine, file.span())) == Error::magic_mismatch);
  CHECK(error_of(Module::load_precompiled(world.engine, Aligned(wasm).span())) ==
        Error::magic_mismatch);
}

TEST_CASE("compiling to precompiled modules survives every refusal" * needs_wasm_3()) {
  CHECK(oom::oom_test<Compile>("compile_ebb").ok());
}

TEST_CASE("writing precompiled modules survives every refusal" * needs_wasm_3()) {
  const oom::Report report = oom::oom_test<Serialize>("serialize_ebb");
  CHECK(report.ok());
  CHECK(report.requests >= 1);
}
