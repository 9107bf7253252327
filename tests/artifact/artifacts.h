// What the tests of precompiled modules share: a module that has a bit of everything, and its
// compiled bytes.
#pragma once

#include "core/artifact/reader.h"
#include "tests/runtime/runtime_test.h"

namespace ebb::testing {

/// Bytes at a multiple of 8, as a file in flash would lie.
class Aligned {
public:
  explicit Aligned(const Bytes& bytes) : words_(bytes.size() / 8 + 2), size_(bytes.size()) {
    if (size_ != 0) memcpy(words_.data(), bytes.data(), size_);
  }
  std::span<const uint8_t> span() const {
    return {reinterpret_cast<const uint8_t*>(words_.data()), size_};
  }
  uint8_t* data() { return reinterpret_cast<uint8_t*>(words_.data()); }
  size_t size() const { return size_; }

private:
  std::vector<uint64_t> words_;
  size_t size_;
};

inline Result<void> append_to(void* context, const uint8_t* bytes, size_t count) {
  Bytes& to = *static_cast<Bytes*>(context);
  to.insert(to.end(), bytes, bytes + count);
  return {};
}

inline Bytes compiled(const Engine& engine, const Bytes& wasm, CompileSettings settings = {}) {
  Bytes out;
  Diagnostic diagnostic;
  const Result<void> done =
      Module::compile(engine, wasm, settings, {&append_to, &out}, &diagnostic);
  char text[300];
  render(diagnostic, text, sizeof(text));
  REQUIRE_MESSAGE(done.ok(), text);
  return out;
}

/// (func (export "add") (param i32 i32) (result i32) …)
inline Bytes add_module() {
  ModuleBuilder builder;
  builder.type({i32, i32}, {i32});
  builder.export_func("add", builder.func(0, local_get(0) + local_get(1) + Bytes{0x6a}));
  return builder.build();
}

/// Uses every section of the format. Exports: "sum" calls through the table and reads memory,
/// globals and data.
inline Bytes rich_module(bool with_imports = true) {
  ModuleBuilder m;
  m.type({}, {});
  m.type({i32}, {i32});
  m.type({}, {i64, f64});
  m.type({i32, f32}, {externref});
  if (with_imports) {
    m.import_func("host", "first", 1);
    m.import_func("host", "second", 0);
    m.import("other", "g", {3, i32, 0});
  }
  const uint32_t shift = with_imports ? 2 : 0;
  const uint32_t globals = with_imports ? 1 : 0;
  m.table({funcref, 1, 4, 8}).table({externref, 0, 2});
  m.memory({1, 1, 3});
  m.global(i32, true, i32_const(40));
  m.global(v128, false, Bytes{0xfd, 0x0c} + Bytes(16, 7));
  m.global(funcref, false, Bytes{0xd2} + leb(shift));
  m.global(i32, false, i32_const(1) + i32_const(2) + Bytes{0x6a});
  m.global(externref, false, {0xd0, externref});
  m.func(1, local_get(0) + Bytes{0x41, 1, 0x6a});
  m.func(0, Bytes{0x23} + leb(globals) + i32_const(1) + Bytes{0x6a, 0x24} + leb(globals));
  m.func(2, i64_const(-5) + Bytes{0x44, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f});
  // Element 0 of the table is function 0: table(local 0), plus the first byte of memory, plus
  // global 40, plus 3.
  m.func(1, local_get(0) + i32_const(0) + Bytes{0x11, 1, 0} + i32_const(0) +
                Bytes{0x2d, 0, 0, 0x6a} + Bytes{0x23} + leb(globals) + Bytes{0x6a, 0x23} +
                leb(globals + 3) + Bytes{0x6a});
  m.export_func("sum", shift + 3).export_func("pair", shift + 2).export_("memory", 2, 0);
  m.export_("a table", 1, 0).export_("", 3, globals + 1).export_func("summit", shift);
  m.elem(Bytes{0, 0x41, 0, 0x0b, 2} + leb(shift) + leb(shift + 1));
  m.elem(Bytes{5, funcref, 2, 0xd0, funcref, 0x0b, 0xd2} + leb(shift) + Bytes{0x0b});
  m.elem(Bytes{5, funcref, 1, 0x23} + leb(globals + 2) + Bytes{0x0b});
  m.data({0, 0x41, 0, 0x0b, 3, 9, 8, 7}).data({1, 2, 'h', 'i'});
  m.start(shift + 1);
  m.custom("name", {1, 4, 1, 0, 1, 'f'});
  return m.build();
}

/// A module with recursive types and subtyping.
inline Bytes recursive_module() {
  return header() +
         section(1, list({{0x4e, 2, 0x50, 0, 0x5f, 2, 0x63, 1,    1, 0x78, 0, 0x50,
                           1,    0, 0x5f, 3, 0x63, 1, 1,    0x78, 0, 0x7e, 1},
                          {0x50, 0, 0x60, 1, 0x63, 0, 1, 0x64, 1},
                          {0x5e, 0x77, 1},
                          func_type({0x7f}, {0x7f})})) +
         section(3, list({{4}})) + section(6, list({{0x63, 3, 1, 0xd0, 3, 0x0b}})) +
         section(7, list({name("same") + Bytes{0, 0}})) + section(10, list({body({0x20, 0})}));
}

inline uint64_t hash_of(const Bytes& bytes) {
  uint64_t state = 14695981039346656037u;
  for (const uint8_t byte : bytes)
    state = (state ^ byte) * 1099511628211u;
  return state;
}

} // namespace ebb::testing
