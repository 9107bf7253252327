// Builds the modules of these tests section by section.
#pragma once

#include "tests/validate/module_bytes.h"

namespace ebb::testing {

constexpr uint8_t i32 = 0x7f;
constexpr uint8_t i64 = 0x7e;
constexpr uint8_t f32 = 0x7d;
constexpr uint8_t f64 = 0x7c;
constexpr uint8_t v128 = 0x7b;
constexpr uint8_t funcref = 0x70;
constexpr uint8_t externref = 0x6f;

/// Signed LEB128.
inline Bytes sleb(int64_t value) {
  Bytes bytes;
  for (;;) {
    const uint8_t low = static_cast<uint8_t>(value & 0x7f);
    value >>= 7;
    const bool is_last = (value == 0 && (low & 0x40) == 0) || (value == -1 && (low & 0x40) != 0);
    bytes.push_back(is_last ? low : static_cast<uint8_t>(low | 0x80));
    if (is_last) return bytes;
  }
}

// Instructions that tests use often.
inline Bytes i32_const(int32_t value) { return Bytes{0x41} + sleb(value); }
inline Bytes i64_const(int64_t value) { return Bytes{0x42} + sleb(value); }
inline Bytes local_get(uint32_t index) { return Bytes{0x20} + leb(index); }
inline Bytes call(uint32_t index) { return Bytes{0x10} + leb(index); }

/// Imports must be added before what is defined of the same kind; the calls return indices.
class ModuleBuilder {
public:
  uint32_t type(const Bytes& params, const Bytes& results) {
    return add(types_, func_type(params, results));
  }
  uint32_t import_func(std::string_view module, std::string_view field, uint32_t type_index) {
    add(imports_, name(module) + name(field) + Bytes{0} + leb(type_index));
    return function_count_++;
  }
  /// `description` is the kind and type of anything but a function.
  void import(std::string_view module, std::string_view field, const Bytes& description) {
    add(imports_, name(module) + name(field) + description);
  }
  uint32_t func(uint32_t type_index, const Bytes& code, const Bytes& locals = {0}) {
    add(functions_, leb(type_index));
    add(codes_, body(code, locals));
    return function_count_++;
  }
  ModuleBuilder& memory(const Bytes& limits) { return add(memories_, limits), *this; }
  ModuleBuilder& table(const Bytes& type_and_limits) {
    return add(tables_, type_and_limits), *this;
  }
  /// Type, mutability, initializer without its end.
  ModuleBuilder& global(uint8_t value_type, bool is_mutable, const Bytes& init) {
    add(globals_, Bytes{value_type, is_mutable ? uint8_t{1} : uint8_t{0}} + init + Bytes{0x0b});
    return *this;
  }
  ModuleBuilder& export_(std::string_view field, uint8_t kind, uint32_t index) {
    add(exports_, name(field) + Bytes{kind} + leb(index));
    return *this;
  }
  ModuleBuilder& export_func(std::string_view field, uint32_t index) {
    return export_(field, 0, index);
  }
  ModuleBuilder& elem(const Bytes& segment) { return add(elems_, segment), *this; }
  ModuleBuilder& data(const Bytes& segment) { return add(datas_, segment), *this; }
  ModuleBuilder& start(uint32_t index) { return start_ = leb(index), *this; }
  ModuleBuilder& custom(std::string_view title, const Bytes& contents) {
    customs_ += section(0, name(title) + contents);
    return *this;
  }

  Bytes build() const {
    Bytes module = header();
    put(module, 1, types_);
    put(module, 2, imports_);
    put(module, 3, functions_);
    put(module, 4, tables_);
    put(module, 5, memories_);
    put(module, 6, globals_);
    put(module, 7, exports_);
    if (!start_.empty()) module += section(8, start_);
    put(module, 9, elems_);
    if (datas_.count != 0) module += section(12, leb(datas_.count));
    put(module, 10, codes_);
    put(module, 11, datas_);
    return module += customs_;
  }

private:
  struct List {
    uint32_t count = 0;
    Bytes items;
  };
  static uint32_t add(List& items, const Bytes& item) {
    items.items += item;
    return items.count++;
  }
  static void put(Bytes& module, uint8_t id, const List& items) {
    if (items.count != 0) module += section(id, leb(items.count) + items.items);
  }

  List types_, imports_, functions_, tables_, memories_, globals_, exports_, elems_, codes_, datas_;
  Bytes start_;
  Bytes customs_;
  uint32_t function_count_ = 0;
};

} // namespace ebb::testing
