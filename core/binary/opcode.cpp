#include "core/binary/opcode.h"

#include <type_traits>

namespace ebb {
namespace {

constexpr OpcodeInfo infos[] = {
#define EBB_OPCODE(name, prefix, code, mnemonic, immediate, signature, feature)                    \
  {code, prefix, Immediate::immediate, Feature::feature},
#include "core/binary/opcodes.def"
#undef EBB_OPCODE
};

constexpr const char* mnemonics[] = {
#define EBB_OPCODE(name, prefix, code, mnemonic, immediate, signature, feature) mnemonic,
#include "core/binary/opcodes.def"
#undef EBB_OPCODE
};

constexpr size_t code_count(uint8_t prefix) {
  size_t count = 0;
  for (const OpcodeInfo& info : infos) {
    if (info.prefix == prefix && info.code >= count) count = info.code + size_t{1};
  }
  return count;
}

/// An opcode's number, as small as it can be; the largest says that there is none.
using Number = std::conditional_t<(opcode_count < UINT8_MAX), uint8_t, uint16_t>;
constexpr Number no_number = static_cast<Number>(-1);

template <size_t count> struct Table {
  Number numbers[count];
};

template <uint8_t prefix> constexpr auto make_table() {
  Table<code_count(prefix)> table{};
  for (Number& number : table.numbers)
    number = no_number;
  for (size_t i = 0; i < opcode_count; ++i) {
    if (infos[i].prefix == prefix) table.numbers[infos[i].code] = static_cast<Number>(i);
  }
  return table;
}

/// One-byte opcodes end before the prefixes, from 0xfb on.
template <uint8_t prefix> Opcode look_up(uint32_t code) {
  constexpr size_t count = code_count(prefix);
  if constexpr (count != 0) {
    static constexpr auto table = make_table<prefix>();
    if (code < count && table.numbers[code] != no_number) {
      return static_cast<Opcode>(table.numbers[code]);
    }
  }
  return no_opcode;
}

} // namespace

const OpcodeInfo& opcode_info(Opcode opcode) { return infos[static_cast<size_t>(opcode)]; }
const char* opcode_mnemonic(Opcode opcode) { return mnemonics[static_cast<size_t>(opcode)]; }

Opcode plain_opcode(uint8_t code) { return look_up<0>(code); }

Opcode prefixed_opcode(uint8_t prefix, uint32_t code) {
  switch (prefix) {
  case 0xfb:
    return look_up<0xfb>(code);
  case 0xfc:
    return look_up<0xfc>(code);
  case 0xfd:
    return look_up<0xfd>(code);
  default:
    return no_opcode;
  }
}

} // namespace ebb
