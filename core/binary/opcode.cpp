#include "core/binary/opcode.h"

namespace ebb {
namespace {

constexpr OpcodeInfo infos[] = {
#define EBB_OPCODE(name, prefix, code, mnemonic, immediate, signature, feature)                    \
  {mnemonic, code, prefix, Immediate::immediate, Feature::feature},
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

template <size_t count> struct Table {
  Opcode opcodes[count];
};

template <uint8_t prefix> constexpr auto make_table() {
  Table<code_count(prefix)> table{};
  for (Opcode& opcode : table.opcodes)
    opcode = no_opcode;
  for (size_t i = 0; i < opcode_count; ++i) {
    if (infos[i].prefix == prefix) table.opcodes[infos[i].code] = static_cast<Opcode>(i);
  }
  return table;
}

constexpr auto plain = make_table<0>(); // 0xfb and above are prefixes
constexpr auto fb = make_table<0xfb>();
constexpr auto fc = make_table<0xfc>();
constexpr auto fd = make_table<0xfd>();

template <size_t count> Opcode look_up(const Table<count>& table, uint32_t code) {
  return code < count ? table.opcodes[code] : no_opcode;
}

} // namespace

const OpcodeInfo& opcode_info(Opcode opcode) { return infos[static_cast<size_t>(opcode)]; }

Opcode plain_opcode(uint8_t code) { return look_up(plain, code); }

Opcode prefixed_opcode(uint8_t prefix, uint32_t code) {
  switch (prefix) {
  case 0xfb:
    return look_up(fb, code);
  case 0xfc:
    return look_up(fc, code);
  case 0xfd:
    return look_up(fd, code);
  default:
    return no_opcode;
  }
}

} // namespace ebb
