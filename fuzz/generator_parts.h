// The class behind generator.h: generator.cpp makes modules, generator_code.cpp what lies in
// functions.
#pragma once

#include "fuzz/generator.h"

#include <string>

namespace ebb::fuzz {

using Bytes = std::vector<uint8_t>;

inline constexpr uint8_t i32 = 0x7f;
inline constexpr uint8_t i64 = 0x7e;
inline constexpr uint8_t f32 = 0x7d;
inline constexpr uint8_t f64 = 0x7c;
inline constexpr uint8_t funcref = 0x70;
inline constexpr uint8_t externref = 0x6f;
inline constexpr uint8_t no_type = 0x40;
inline constexpr uint8_t number_types[] = {i32, i64, f32, f64};

inline constexpr int depth_max = 6;
inline constexpr size_t body_bytes_max = 3000;
inline constexpr int32_t steps_max = 3000;
inline constexpr uint32_t pages_max = 3;
inline constexpr uint32_t table_max = 24;

inline void put_uleb(Bytes& to, uint64_t value) {
  do {
    const uint8_t low = value & 0x7f;
    value >>= 7;
    to.push_back(value == 0 ? low : static_cast<uint8_t>(low | 0x80));
  } while (value != 0);
}

inline void put_sleb(Bytes& to, int64_t value) {
  for (;;) {
    const uint8_t low = value & 0x7f;
    value >>= 7;
    if ((value == 0 && (low & 0x40) == 0) || (value == -1 && (low & 0x40) != 0))
      return to.push_back(low);
    to.push_back(static_cast<uint8_t>(low | 0x80));
  }
}

inline void put_name(Bytes& to, const std::string& name) {
  put_uleb(to, name.size());
  to.insert(to.end(), name.begin(), name.end());
}

inline void put_section(Bytes& to, uint8_t id, const Bytes& contents) {
  to.push_back(id);
  put_uleb(to, contents.size());
  to.insert(to.end(), contents.begin(), contents.end());
}

struct FuncType {
  Bytes params;
  Bytes results;
};

struct GlobalType {
  uint8_t type;
  bool is_mutable;
};

class Generator {
public:
  explicit Generator(Input& input) : input_(input) {}
  Bytes run();

private:
  // The module's parts.
  void choose_types();
  void choose_globals(Bytes& section);
  uint32_t add_type(const FuncType& type);
  Bytes function_body(uint32_t function);
  Bytes caller_body(uint32_t function);
  void mix_into_sum(uint8_t type, uint8_t factor);
  Bytes type_section() const;
  Bytes element_section() const;
  Bytes data_section();

  // Instructions.
  void op(uint8_t opcode) { code_.push_back(opcode); }
  void op_index(uint8_t opcode, uint64_t index) {
    op(opcode);
    put_uleb(code_, index);
  }
  void prefixed(uint32_t opcode) {
    op(0xfc);
    put_uleb(code_, opcode);
  }
  void i32_const(int32_t value) {
    op(0x41);
    put_sleb(code_, value);
  }
  void constant(uint8_t type);
  void zero(uint8_t type);
  void canonicalize(uint8_t type);
  void use_step();

  void expression(uint8_t type, int depth);
  void i32_expression(int depth);
  void i64_expression(int depth);
  void float_expression(uint8_t type, int depth);
  bool common_expression(uint8_t type, int depth);
  void reference(uint8_t type, int depth);
  void binary(uint8_t type, uint8_t first, uint8_t count, int depth);
  void binary_op(uint8_t type, uint8_t opcode, int depth);
  void address(int depth);
  void index_of_table(int depth);
  void load(uint8_t type, int depth);
  void store(int depth);
  void block(uint8_t type, int depth);
  void if_else(uint8_t type, int depth);
  bool call(uint8_t type, int depth);
  void arguments(const FuncType& type, int depth);
  void drop_to(const FuncType& type, uint8_t wanted);
  bool local_of(uint8_t type, uint32_t& index);
  bool global_of(uint8_t type, bool is_mutable, uint32_t& index);

  void statement(int depth);
  void statements(int depth, uint32_t most);
  void loop(int depth);
  void branch(int depth);
  void bulk(int depth);
  void table_statement(int depth);
  bool is_over() const { return input_.is_empty() || code_.size() > body_bytes_max; }
  uint8_t number_type() { return number_types[input_.below(4)]; }

  Input& input_;
  std::vector<FuncType> types_;
  std::vector<uint32_t> function_types_; ///< Imported ones first.
  std::vector<GlobalType> globals_;      ///< The first counts steps.
  bool has_memory_ = false;
  bool memory_is_64_ = false;
  bool has_table_ = false;
  bool has_data_ = false;
  Bytes data_;

  // The function that is being made.
  uint32_t function_ = 0;
  Bytes locals_;
  bool has_locals_ = true; ///< Beside parameters.
  Bytes code_;
  std::vector<uint8_t> labels_; ///< What a branch to each needs, the innermost last.
};

inline constexpr uint32_t note = 0;
inline constexpr uint32_t first_function = 1;

} // namespace ebb::fuzz
