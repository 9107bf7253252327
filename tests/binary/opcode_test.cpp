#include "core/binary/opcode.h"
#include "tests/needs.h"

#include <doctest/doctest.h>

#include <cstring>
#include <initializer_list>

using namespace ebb;

TEST_CASE("each instruction is found by its encoding, and nothing else is") {
  for (size_t i = 0; i < opcode_count; ++i) {
    const Opcode opcode = static_cast<Opcode>(i);
    const OpcodeInfo& info = opcode_info(opcode);
    if (info.prefix == 0) {
      CHECK(info.code < 0xfb);
      CHECK(plain_opcode(static_cast<uint8_t>(info.code)) == opcode);
    } else {
      CHECK(prefixed_opcode(info.prefix, info.code) == opcode);
    }
  }
  size_t found = 0;
  for (uint32_t code = 0; code < 256; ++code)
    found += plain_opcode(static_cast<uint8_t>(code)) != no_opcode;
  for (uint8_t prefix : {uint8_t{0xfb}, uint8_t{0xfc}, uint8_t{0xfd}}) {
    for (uint32_t code = 0; code < 1000; ++code)
      found += prefixed_opcode(prefix, code) != no_opcode;
    CHECK(prefixed_opcode(prefix, UINT32_MAX) == no_opcode);
  }
  CHECK(found == opcode_count);
}

TEST_CASE("instructions have mnemonics, immediates and features" * needs_wasm_3()) {
  CHECK(strcmp(opcode_mnemonic(Opcode::i32_add), "i32.add") == 0);
  CHECK(strcmp(opcode_mnemonic(Opcode::if_), "if") == 0);
  CHECK(opcode_info(Opcode::br_table).immediate == Immediate::br_table);
  CHECK(opcode_info(Opcode::v128_load32_lane).immediate == Immediate::mem32_lane);
  CHECK(opcode_info(Opcode::try_table).feature == Feature::exceptions);
  CHECK(opcode_info(Opcode::i32x4_relaxed_dot_i8x16_i7x16_add_s).code == 0x113);
}
