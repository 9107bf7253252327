// See alter.h.
#include "tools/spec_runner/alter.h"

#include "tests/oom/state_digest.h"
#include "tools/spec_runner/system_allocator.h"

#include <algorithm>
#include <cstdio>

namespace ebb::spec {
namespace {

constexpr size_t table_bytes = size_t{1} << 20;
// Bytes that the cuts of one module, or of one of its sections, may come to together.
constexpr size_t cut_bytes_max = 1000000;
constexpr size_t header_bytes = 8;
constexpr uint8_t custom_section = 0;
constexpr uint8_t code_section = 10;

// splitmix64, so that a seed gives the same everywhere.
uint64_t next(uint64_t& state) {
  uint64_t value = state += 0x9e3779b97f4a7c15u;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

// A length as the format writes it; false if there is none.
bool read_length(std::span<const uint8_t> bytes, size_t& at, size_t end, uint64_t& length) {
  length = 0;
  for (unsigned shift = 0; shift < 35 && at < end; shift += 7) {
    const uint8_t byte = bytes[at++];
    length |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

void put_length(std::vector<uint8_t>& to, size_t length) {
  do {
    const uint8_t low = length & 0x7f;
    length >>= 7;
    to.push_back(length != 0 ? low | 0x80 : low);
  } while (length != 0);
}

void put(std::vector<uint8_t>& to, std::span<const uint8_t> from) {
  to.insert(to.end(), from.begin(), from.end());
}

uint8_t altered(uint8_t byte, uint64_t random) {
  static constexpr uint8_t telling[] = {0x00, 0x01, 0x0b, 0x40, 0x63, 0x6f, 0x70, 0x7f, 0x80, 0xff};
  const uint64_t choice = random >> 8;
  switch (random % 4) {
  case 0:
    return static_cast<uint8_t>(choice);
  case 1:
    return static_cast<uint8_t>(byte ^ 1u << choice % 8);
  case 2:
    return telling[choice % std::size(telling)];
  default:
    return static_cast<uint8_t>(choice % 2 != 0 ? byte + 1 : byte - 1);
  }
}

FeatureSet all_but(Feature feature) { return FeatureSet::all().set(feature, false); }

std::string text_of(Error error) {
  return error == Error::none ? "valid" : std::string(error_name(error));
}

} // namespace

// Something with a length before it: a section or a body.
struct Alterations::Part {
  uint8_t id = custom_section; // of sections
  size_t begin = 0;            // of its length
  size_t contents = 0;
  size_t end = 0;

  bool read(std::span<const uint8_t> bytes, size_t at, size_t limit) {
    begin = at;
    uint64_t length = 0;
    if (!read_length(bytes, at, limit, length) || length > limit - at) return false;
    contents = at;
    end = at + static_cast<size_t>(length);
    return true;
  }
};

struct Alterations::Verdict {
  Error error = Error::none;
  uint64_t offset = Diagnostic::no_offset;
  uint32_t function = Diagnostic::no_function;

  Verdict(Error found, const Diagnostic& diagnostic) : error(found) {
    if (error == Error::none) return;
    offset = diagnostic.wasm_offset;
    function = diagnostic.function;
    is_told = diagnostic.error == error;
  }
  bool operator==(const Verdict&) const = default;
  bool is_told = true; // the diagnostic says the same
};

Alterations::Alterations(bool compact, unsigned bytes_altered)
    : bytes_altered_(bytes_altered), table_(new uint64_t[table_bytes / sizeof(uint64_t)]()),
      injector_(system_allocator(), table_.get(), table_bytes), allocator_(injector_.allocator()) {
  injector_.begin();
  Config config;
  config.allocator = &allocator_;
  config.fixed_seed = true;
  config.encoding = compact ? Config::Encoding::compact : Config::Encoding::threaded;
  Result<Engine> made = Engine::create(config);
  if (!made.ok()) return;
  engine_.emplace(std::move(made).value());
  held_ = injector_.live_bytes() - oom::slack_bytes(*engine_);
  state_ = oom::digest(*engine_);
}

Alterations::~Alterations() = default;

Alterations::Verdict Alterations::validate(std::span<const uint8_t> bytes, FeatureSet features) {
  Diagnostic diagnostic;
  const Result<void> done = Module::validate(allocator_, bytes, features, &diagnostic);
  return Verdict(done.error(), diagnostic);
}

Alterations::Verdict Alterations::load(std::span<const uint8_t> bytes) {
  Diagnostic diagnostic;
  const Result<Module> module = Module::load(*engine_, bytes, &diagnostic);
  return Verdict(module.error(), diagnostic);
}

std::string Alterations::judge_memory(const char* after) {
  const size_t held = injector_.live_bytes() - oom::slack_bytes(*engine_);
  if (held > held_)
    return std::to_string(held) + " bytes are held after " + after + ", " + std::to_string(held_) +
           " before";
  held_ = held; // less where an outgrown block went
  if (injector_.misuses() != 0) return misuse_name(injector_.first_misuse());
  if (oom::digest(*engine_) != state_) return std::string("the engine is another after ") + after;
  return {};
}

std::string Alterations::judge_one(std::span<const uint8_t> bytes, bool may_be_valid) {
  ++judged_;
  const Verdict found = validate(bytes, FeatureSet::all());
  std::string problem = judge_memory("validation");
  if (!problem.empty()) return problem;
  const ErrorClass kind = error_class(found.error);
  if (found.error != Error::none && kind != ErrorClass::malformed && kind != ErrorClass::invalid &&
      kind != ErrorClass::unsupported)
    return "no verdict, but " + text_of(found.error);
  if (!found.is_told) return "the diagnostic tells another error than " + text_of(found.error);
  if (found.offset != Diagnostic::no_offset && found.offset > bytes.size())
    return text_of(found.error) + " at offset " + std::to_string(found.offset) + " of " +
           std::to_string(bytes.size());
  if (!may_be_valid && found.error == Error::none) return "valid";
  if (!(validate(bytes, FeatureSet::all()) == found))
    return "not " + text_of(found.error) + " again";
  const Verdict loaded = load(bytes);
  problem = judge_memory("loading");
  if (!problem.empty()) return problem;
  if (!loaded.is_told) return "loading tells another error than " + text_of(loaded.error);
  if (!(loaded == found) && error_class(loaded.error) != ErrorClass::unsupported)
    return "validation says " + text_of(found.error) + " at " + std::to_string(found.offset) +
           ", loading " + text_of(loaded.error) + " at " + std::to_string(loaded.offset);
  return {};
}

std::string Alterations::judge_features(std::span<const uint8_t> module) {
  for (unsigned i = 0; i < feature_count; ++i) {
    const Feature feature = static_cast<Feature>(i);
    ++judged_;
    const Verdict found = validate(module, all_but(feature));
    if (found.error == Error::none && !is_whole_valid_)
      return std::string("valid only without ") + feature_name(feature);
    if (found.error == Error::out_of_memory) return "out of memory without a feature";
    const std::string problem = judge_memory(feature_name(feature));
    if (!problem.empty()) return problem;
  }
  return {};
}

std::string Alterations::judge_cuts(std::span<const uint8_t> module, uint64_t seed) {
  std::vector<Part> sections;
  std::vector<size_t> ends = {header_bytes};
  for (size_t at = header_bytes; at < module.size();) {
    Part section;
    section.id = module[at];
    if (!section.read(module, at + 1, module.size())) break;
    sections.push_back(section);
    ends.push_back(at = section.end);
  }
  const size_t step = module.size() * module.size() / cut_bytes_max + 1;
  for (size_t size = static_cast<size_t>(seed % step); size < module.size(); size += step) {
    const bool may_be_valid = std::find(ends.begin(), ends.end(), size) != ends.end();
    const std::string problem = judge_one(module.first(size), may_be_valid);
    if (!problem.empty()) return "cut to " + std::to_string(size) + " bytes: " + problem;
  }
  for (const Part& section : sections) {
    const std::string problem = judge_cuts_within(module, section, seed);
    if (!problem.empty()) return problem;
  }
  return {};
}

std::string Alterations::judge_cuts_within(std::span<const uint8_t> module, const Part& section,
                                           uint64_t seed) {
  std::vector<Part> parts = {section};
  size_t at = section.contents;
  uint64_t count = 0;
  if (section.id == code_section && read_length(module, at, section.end, count)) {
    Part body;
    for (; count != 0 && body.read(module, at, section.end); --count) {
      parts.push_back(body);
      at = body.end;
    }
  }
  const size_t step = 2 * (section.end - section.contents) * module.size() / cut_bytes_max + 1;
  for (const Part& part : parts) {
    for (size_t size = static_cast<size_t>(seed % step); size < part.end - part.contents;
         size += step) {
      Bytes contents;
      if (part.begin == section.begin) {
        contents.assign(module.begin() + static_cast<ptrdiff_t>(part.contents),
                        module.begin() + static_cast<ptrdiff_t>(part.contents + size));
      } else {
        contents.assign(module.begin() + static_cast<ptrdiff_t>(section.contents),
                        module.begin() + static_cast<ptrdiff_t>(part.begin));
        put_length(contents, size);
        put(contents, module.subspan(part.contents, size));
        put(contents, module.subspan(part.end, section.end - part.end));
      }
      Bytes bytes(module.begin(), module.begin() + static_cast<ptrdiff_t>(section.begin));
      put_length(bytes, contents.size());
      put(bytes, contents);
      put(bytes, module.subspan(section.end));
      // Bytes after the end of a body make an invalid module valid where they are cut off.
      const bool may_be_valid = section.id == custom_section || !is_whole_valid_;
      const std::string problem = judge_one(bytes, may_be_valid);
      if (!problem.empty())
        return "what begins at " + std::to_string(part.begin) + " cut to " + std::to_string(size) +
               " bytes: " + problem;
    }
  }
  return {};
}

std::string Alterations::judge_bytes(std::span<const uint8_t> module, uint64_t seed) {
  Bytes bytes(module.begin(), module.end());
  for (unsigned i = 0; i < bytes_altered_ && !bytes.empty(); ++i) {
    const size_t at = static_cast<size_t>(next(seed) % bytes.size());
    const uint8_t before = bytes[at];
    bytes[at] = altered(before, next(seed));
    std::string problem = judge_one(bytes, true);
    const Feature off = static_cast<Feature>(next(seed) % feature_count);
    if (problem.empty() && validate(bytes, all_but(off)).error == Error::none &&
        validate(bytes, FeatureSet::all()).error != Error::none)
      problem = std::string("valid only without ") + feature_name(off);
    if (!problem.empty())
      return "byte " + std::to_string(at) + " = " + std::to_string(bytes[at]) + ": " + problem;
    bytes[at] = before;
  }
  return {};
}

std::string Alterations::judge(std::span<const uint8_t> module, uint64_t seed) {
  if (!engine_) return "no engine";
  is_whole_valid_ = validate(module, FeatureSet::all()).error == Error::none;
  std::string problem = judge_one(module, true);
  if (problem.empty()) problem = judge_features(module);
  if (problem.empty()) problem = judge_cuts(module, seed);
  if (problem.empty()) problem = judge_bytes(module, next(seed));
  return problem;
}

} // namespace ebb::spec
