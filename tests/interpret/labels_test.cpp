// The labels that the compiler lists are those that a walk through its code finds.
#include "core/compile/function_compiler.h"
#include "core/interpret/translation.h"
#include "core/validate/decode_module.h"
#include "tests/collections/collections_test.h"
#include "tests/needs.h"
#include "tests/runtime/module_builder.h"

#include <doctest/doctest.h>

#include <random>
#include <vector>

namespace ebb {
namespace {

using testing::Bytes;
using testing::ModuleBuilder;

/// Bodies made of blocks in blocks, branches to them, and calls.
class Bodies {
public:
  explicit Bodies(uint32_t seed) : random_(seed) {}

  Bytes make() {
    code_.clear();
    put(0, 1);
    return code_;
  }
  /// At least so many bytes, which need far branches if they are more than 64 KiB.
  Bytes make_long(size_t bytes) {
    code_.clear();
    while (code_.size() < bytes) {
      add({0x02, 0x40}); // block
      put(1, 2);
      add({0x0b});
    }
    return code_;
  }

private:
  uint32_t pick(uint32_t below) { return static_cast<uint32_t>(random_()) % below; }
  void add(std::initializer_list<uint8_t> bytes) { code_.insert(code_.end(), bytes); }
  uint8_t label(uint32_t open) { return static_cast<uint8_t>(pick(open)); }

  void put(uint32_t depth, uint32_t open) {
    constexpr uint32_t depth_max = 6;
    for (uint32_t left = 1 + pick(5); left > 0; left--) {
      switch (pick(depth < depth_max ? 9 : 5)) {
      case 0:
        add({0x10, 0}); // call 0
        break;
      case 1:
        add({0x20, 0, 0x0d, label(open)}); // br_if
        break;
      case 2:
        add({0x20, 0, 0x41, 1, 0x6a, 0x21, 0}); // local 0 plus 1
        break;
      case 3:
        add({0x20, 0, 0x20, 0, 0x48, 0x0d, label(open)}); // br_if of a comparison
        break;
      case 4:
        if (pick(3) != 0) break;
        if (pick(2) == 0)
          add({0x0c, label(open)}); // br
        else
          add({0x20, 0, 0x0e, 2, label(open), label(open), label(open)}); // br_table
        return;
      case 5:
      case 6:
        nest(0x03, depth, open);
        break;
      case 7:
        nest(0x02, depth, open);
        break;
      default:
        add({0x20, 0});
        nest(0x04, depth, open);
        break;
      }
    }
  }

  void nest(uint8_t opcode, uint32_t depth, uint32_t open) {
    add({opcode, 0x40});
    put(depth + 1, open + 1);
    if (opcode == 0x04 && pick(2) == 0) {
      add({0x05});
      put(depth + 1, open + 1);
    }
    add({0x0b});
  }

  std::minstd_rand random_;
  Bytes code_;
};

std::vector<uint32_t> targets(const Vec<Label>& labels) {
  std::vector<uint32_t> found;
  for (const Label& label : labels)
    if (label.is_target()) found.push_back(label.bits);
  return found;
}

struct Counts {
  size_t innermost = 0, others = 0, far = 0;
};

/// Compiles a body with all options and compares the labels listed with those found.
void check_labels(const Bytes& body, Counts& counts) {
  testing::PoolHeap memory;
  Heap& heap = memory.heap();
  ModuleBuilder builder;
  const uint32_t type = builder.type({testing::i32}, {});
  builder.func(builder.type({}, {}), {}, {0});
  builder.func(type, body, {0});
  const Bytes bytes = builder.build();
  TypeRegistry types(heap);
  ModuleDecl decl(heap);
  REQUIRE(decode_module(bytes, FeatureSet::all(), types, heap, decl, nullptr).ok());
  for (const Metering metering : {Metering::none, Metering::interruption, Metering::fuel}) {
    CAPTURE(static_cast<int>(metering));
    Vec<uint8_t> code(heap), offset_map(heap);
    Vec<Label> listed(heap), found(heap);
    Vec<uint32_t> positions(heap), bits(heap);
    BodyValidator validator(decl, types, FeatureSet::all(), heap);
    CompileOptions options;
    options.metering = metering;
    FunctionCompiler compiler(decl, {code, offset_map, &listed}, validator, options, heap);
    Function function;
    REQUIRE(compiler.compile(FuncIndex{1}, function).ok());
    const uint8_t* begin = code.data() + function.code_offset;
    const uint8_t* end = begin + function.code_bytes;
    REQUIRE(find_labels(begin, end, {found, positions, bits}).ok());
    CHECK(targets(listed) == targets(found));
    for (const Label& label : found)
      (label.is_innermost() ? counts.innermost : counts.others)++;
    for (const uint8_t* at = begin; at < end; at = take_apart(at).next)
      counts.far += take_apart(at).code_op == Op::far_br ? 1 : 0;
  }
}

} // namespace

TEST_CASE("labels and innermost loops are listed as they are found" * needs_full_build()) {
  Counts counts;
  for (uint32_t seed = 1; seed <= 2000; seed++) {
    CAPTURE(seed);
    check_labels(Bodies(seed).make(), counts);
  }
  CHECK(counts.innermost > 1000);
  CHECK(counts.others > 10000);
  CHECK(counts.far == 0);
}

TEST_CASE("the same in functions so long that they have far branches" * needs_full_build()) {
  Counts counts;
  for (uint32_t seed = 1; seed <= 8; seed++) {
    CAPTURE(seed);
    check_labels(Bodies(seed).make_long(size_t{66} * 1024), counts);
  }
  CHECK(counts.innermost > 100);
  CHECK(counts.far > 1000);
}

TEST_CASE("a label is found by its offset" * needs_full_build()) {
  for (const uint32_t count : {1u, 2u, 3u, 7u, 100u}) {
    std::vector<Label> labels(count);
    for (uint32_t i = 0; i < count; i++)
      labels[i].bits = (3 * i + 1) << Label::shift | (i % 4);
    const LabelList list{labels.data(), nullptr, count};
    for (uint32_t i = 0; i < count; i++)
      CHECK(list.place_of(labels[i].offset()) == i);
  }
}

} // namespace ebb
