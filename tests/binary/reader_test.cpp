#include "core/binary/reader.h"

#include <doctest/doctest.h>

#include <cstring>
#include <vector>

using namespace ebb;

namespace {

using Bytes = std::vector<uint8_t>;

// What a reading gives from bytes of their own block, so that the sanitizers see the edges.
template <class Read> auto read(const Bytes& bytes, Read reading) {
  Reader reader(bytes, 100);
  const auto result = reading(reader);
  if (!result.ok()) CHECK(reader.offset() == 100);
  return result;
}
auto u32(const Bytes& bytes) {
  return read(bytes, [](Reader& reader) { return reader.u32(); });
}
auto s32(const Bytes& bytes) {
  return read(bytes, [](Reader& reader) { return reader.s32(); });
}
auto s33(const Bytes& bytes) {
  return read(bytes, [](Reader& reader) { return reader.s33(); });
}
auto u64(const Bytes& bytes) {
  return read(bytes, [](Reader& reader) { return reader.u64(); });
}
auto s64(const Bytes& bytes) {
  return read(bytes, [](Reader& reader) { return reader.s64(); });
}

} // namespace

TEST_CASE("LEB128 integers, their ends and their spare bits") {
  CHECK(u32({0x7f}).value() == 127);
  CHECK(u32({0x80, 0x01}).value() == 128);
  CHECK(u32({0x83, 0x00}).value() == 3);
  CHECK(u32({0xff, 0xff, 0xff, 0xff, 0x0f}).value() == UINT32_MAX);
  CHECK(u32({0xff, 0xff, 0xff, 0xff, 0x1f}).error() == Error::integer_too_large);
  CHECK(u32({0xff, 0xff, 0xff, 0xff, 0x8f, 0x00}).error() == Error::integer_too_long);
  CHECK(u32({}).error() == Error::unexpected_end);
  CHECK(u32({0x80}).error() == Error::unexpected_end);

  CHECK(s32({0x3f}).value() == 63);
  CHECK(s32({0x40}).value() == -64);
  CHECK(s32({0x7f}).value() == -1);
  CHECK(s32({0xff, 0x00}).value() == 127);
  CHECK(s32({0x80, 0x80, 0x80, 0x80, 0x78}).value() == INT32_MIN);
  CHECK(s32({0xff, 0xff, 0xff, 0xff, 0x07}).value() == INT32_MAX);
  CHECK(s32({0xff, 0xff, 0xff, 0xff, 0x0f}).error() == Error::integer_too_large);
  CHECK(s32({0x80, 0x80, 0x80, 0x80, 0x70}).error() == Error::integer_too_large);

  CHECK(s33({0x80, 0x80, 0x80, 0x80, 0x08}).value() == int64_t{1} << 31);
  CHECK(s33({0xff, 0xff, 0xff, 0xff, 0x0f}).value() == int64_t{UINT32_MAX});
  CHECK(s33({0x80, 0x80, 0x80, 0x80, 0x70}).value() == -(int64_t{1} << 32));
  CHECK(s33({0xff, 0xff, 0xff, 0xff, 0x1f}).error() == Error::integer_too_large);

  const Bytes ones(9, 0xff);
  const auto ending = [&](uint8_t last) {
    Bytes bytes = ones;
    bytes.push_back(last);
    return bytes;
  };
  CHECK(u64(ending(0x01)).value() == UINT64_MAX);
  CHECK(u64(ending(0x02)).error() == Error::integer_too_large);
  CHECK(s64(ending(0x7f)).value() == -1);
  CHECK(s64(ending(0x00)).value() == INT64_MAX);
  CHECK(s64(ending(0x01)).error() == Error::integer_too_large);
  CHECK(s64(ending(0xff)).error() == Error::integer_too_long);
}

TEST_CASE("ranges, names and counts stay within the bytes") {
  const Bytes bytes = {0x03, 'a', 'b', 'c', 0x05, 'x'};
  Reader reader(bytes, 1000);
  const ByteRange name = reader.name().value();
  CHECK(name.offset == 1001);
  CHECK(name.size == 3);
  CHECK(reader.name().error() == Error::length_out_of_bounds);
  CHECK(reader.offset() == 1004);
  CHECK(reader.count().error() == Error::length_out_of_bounds);
  CHECK(reader.u32_fixed().error() == Error::unexpected_end);
  CHECK(reader.bytes(3).error() == Error::unexpected_end);
  CHECK(reader.bytes(2).value().size() == 2);
  CHECK(reader.at_end());

  const Bytes many = {0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0};
  CHECK(Reader(many).count().error() == Error::length_out_of_bounds);
  const Bytes three = {0x03, 0, 0, 0};
  CHECK(Reader(three).count(1).value().claimed() == 3);
  CHECK(Reader(three).count(2).error() == Error::length_out_of_bounds);
}

TEST_CASE("UTF-8 in its shortest forms, without surrogates") {
  const auto check = [](const char* text) {
    const Bytes bytes(text, text + strlen(text));
    return is_utf8(bytes);
  };
  CHECK(check(""));
  CHECK(check("plain"));
  CHECK(check("\xc3\xa4\xe2\x82\xac\xf0\x9f\x8c\x8a"));
  CHECK(check("\xf4\x8f\xbf\xbf"));
  CHECK(!check("\xf4\x90\x80\x80"));
  CHECK(!check("\xc0\x80"));
  CHECK(!check("\xe0\x80\x80"));
  CHECK(!check("\xed\xa0\x80"));
  CHECK(!check("\xf0\x80\x80\x80"));
  CHECK(!check("\x80"));
  CHECK(!check("\xe2\x82"));
  CHECK(!check("\xff"));
}
