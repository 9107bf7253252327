// See artifact_mutation.h.
#include "fuzz/artifact_mutation.h"

#include "core/artifact/reader.h"
#include "core/bytecode/bytecode.h"
#include "fuzz/guest_run.h"

#include <algorithm>
#include <cstring>
#include <memory>

namespace ebb::fuzz {
namespace {

constexpr const char* name = "artifact";

class Random {
public:
  explicit Random(uint64_t seed) : state_(seed * 2 + 1) {}
  uint32_t next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>(state_ >> 33);
  }
  uint32_t below(size_t bound) { return bound == 0 ? 0 : static_cast<uint32_t>(next() % bound); }

private:
  uint64_t state_;
};

template <class T> T read_at(const Bytes& file, size_t at) {
  T value{};
  if (at + sizeof(T) <= file.size()) std::memcpy(&value, file.data() + at, sizeof(T));
  return value;
}
template <class T> void write_at(Bytes& file, size_t at, T value) {
  if (at + sizeof(T) <= file.size()) std::memcpy(file.data() + at, &value, sizeof(T));
}

class ArtifactMutator {
public:
  ArtifactMutator(Bytes& file, const Bytes& other, uint64_t seed)
      : file_(file), other_(other), random_(seed) {}
  void run();

private:
  struct Section {
    size_t entry; ///< Of the table, in the file.
    uint32_t id;
    size_t begin;
    size_t bytes;
  };
  static std::vector<Section> sections_of(const Bytes& file);
  const Section* pick_section(artifact::SectionId id) const;
  void alter();
  void flip_bit();
  void set_word();
  void splice_section();
  void resize_section();
  void alter_code();
  void shift_target();
  void swap_opcode();
  void alter_record();
  void cut();

  Bytes& file_;
  const Bytes& other_;
  Random random_;
  std::vector<Section> sections_;
};

std::vector<ArtifactMutator::Section> ArtifactMutator::sections_of(const Bytes& file) {
  std::vector<Section> sections;
  if (file.size() < sizeof(artifact::Header)) return sections;
  const auto header = read_at<artifact::Header>(file, 0);
  size_t at = sizeof(artifact::Header) + header.section_count * sizeof(artifact::SectionEntry);
  for (size_t i = 0; i < header.section_count && at <= file.size(); ++i) {
    const size_t place = sizeof(artifact::Header) + i * sizeof(artifact::SectionEntry);
    const auto entry = read_at<artifact::SectionEntry>(file, place);
    at = (at + artifact::alignment - 1) / artifact::alignment * artifact::alignment;
    if (entry.bytes > file.size() || at > file.size() - entry.bytes) break;
    sections.push_back({place, entry.id, at, entry.bytes});
    at += entry.bytes;
  }
  return sections;
}

const ArtifactMutator::Section* ArtifactMutator::pick_section(artifact::SectionId id) const {
  for (const Section& section : sections_)
    if (section.id == static_cast<uint32_t>(id)) return &section;
  return nullptr;
}

void ArtifactMutator::flip_bit() {
  if (file_.empty()) return;
  file_[random_.below(file_.size())] ^= static_cast<uint8_t>(1u << random_.below(8));
}

void ArtifactMutator::set_word() {
  constexpr uint32_t words[] = {0,      1,      2,          3,          0x7f,       0xff,
                                0xffff, 0x8000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
  const size_t at = random_.below(file_.size() / 4 + 1) * 4;
  uint32_t word = read_at<uint32_t>(file_, at);
  switch (random_.below(3)) {
  case 0:
    word = words[random_.below(sizeof words / sizeof words[0])];
    break;
  case 1:
    word += random_.below(2) == 0 ? 1u : ~0u;
    break;
  default:
    word = read_at<uint32_t>(file_, random_.below(file_.size() / 4 + 1) * 4);
    break;
  }
  write_at(file_, at, word);
}

/// A section's contents from another file, where it has the same one.
void ArtifactMutator::splice_section() {
  const std::vector<Section> others = sections_of(other_);
  if (others.empty() || sections_.empty()) return;
  const Section& to = sections_[random_.below(sections_.size())];
  for (const Section& from : others) {
    if (from.id != to.id) continue;
    const size_t bytes = std::min(from.bytes, to.bytes);
    std::memcpy(file_.data() + to.begin, other_.data() + from.begin, bytes);
    return;
  }
}

/// Takes items out of a section or doubles some, with what the header and the table say of it.
void ArtifactMutator::resize_section() {
  if (sections_.empty()) return;
  const Section section = sections_[random_.below(sections_.size())];
  const auto unit =
      std::max<size_t>(artifact::item_bytes(static_cast<artifact::SectionId>(std::min<uint32_t>(
                           section.id, static_cast<uint32_t>(artifact::SectionId::count) - 1))),
                       1);
  // Whole words, so that what follows stays where it must be.
  const size_t piece = unit % artifact::alignment == 0 ? unit : unit * artifact::alignment;
  if (section.bytes < piece) return;
  const size_t items = section.bytes / piece;
  const size_t at = section.begin + random_.below(items) * piece;
  const auto begin = file_.begin() + static_cast<ptrdiff_t>(at);
  const bool grows = random_.below(2) == 0;
  if (grows) {
    const Bytes copy(begin, begin + static_cast<ptrdiff_t>(piece));
    file_.insert(begin, copy.begin(), copy.end());
  } else {
    file_.erase(begin, begin + static_cast<ptrdiff_t>(piece));
  }
  const auto change = static_cast<uint32_t>(grows ? piece : size_t{0} - piece);
  auto entry = read_at<artifact::SectionEntry>(file_, section.entry);
  entry.bytes += change;
  write_at(file_, section.entry, entry);
  auto header = read_at<artifact::Header>(file_, 0);
  header.file_bytes = static_cast<uint32_t>(file_.size());
  write_at(file_, 0, header);
}

void ArtifactMutator::alter_code() {
  const Section* code = pick_section(artifact::SectionId::code);
  if (code == nullptr) return;
  const size_t at = code->begin + random_.below(code->bytes);
  const size_t from = code->begin + random_.below(code->bytes);
  const size_t most = code->begin + code->bytes - std::max(at, from);
  switch (random_.below(3)) {
  case 0:
    file_[at] = static_cast<uint8_t>(random_.next());
    return;
  case 1:
    file_[at] ^= static_cast<uint8_t>(1u << random_.below(8));
    return;
  default:
    std::memmove(file_.data() + at, file_.data() + from,
                 std::min<size_t>(most, 2 + random_.below(30)));
  }
}

/// A number of the code that may be a branch's distance moves by a little.
void ArtifactMutator::shift_target() {
  const Section* code = pick_section(artifact::SectionId::code);
  if (code == nullptr || code->bytes < 4) return;
  const size_t at = code->begin + random_.below(code->bytes / 2 - 1) * 2;
  const int shift = static_cast<int>(random_.below(9)) * 2 - 8;
  if (random_.below(2) == 0)
    write_at(file_, at, static_cast<uint16_t>(read_at<uint16_t>(file_, at) + shift));
  else
    write_at(file_, at,
             static_cast<uint32_t>(read_at<uint32_t>(file_, at) + static_cast<uint32_t>(shift)));
}

/// Puts an opcode where a number looks like one.
void ArtifactMutator::swap_opcode() {
  const Section* code = pick_section(artifact::SectionId::code);
  if (code == nullptr || code->bytes < 4) return;
  constexpr auto forms = static_cast<uint32_t>(Form::compact_count);
  for (int tries = 0; tries < 32; ++tries) {
    const size_t at = code->begin + random_.below(code->bytes / 2) * 2;
    if (read_at<uint16_t>(file_, at) >= forms) continue;
    return write_at(file_, at, static_cast<uint16_t>(random_.below(forms)));
  }
}

/// One field of a record of functions, segments, tables or the like.
void ArtifactMutator::alter_record() {
  std::vector<const Section*> records;
  for (const Section& section : sections_)
    if (section.id < static_cast<uint32_t>(artifact::SectionId::strings))
      records.push_back(&section);
  if (records.empty()) return;
  const Section& section = *records[random_.below(records.size())];
  const size_t at = section.begin + random_.below(section.bytes / 2 + 1) * 2;
  switch (random_.below(3)) {
  case 0:
    return write_at(file_, at, static_cast<uint16_t>(random_.below(16)));
  case 1:
    return write_at(file_, at, static_cast<uint16_t>(read_at<uint16_t>(file_, at) + 1));
  default:
    return write_at(file_, at, static_cast<uint16_t>(read_at<uint16_t>(file_, at) - 1));
  }
}

void ArtifactMutator::cut() {
  if (file_.empty()) return;
  file_.resize(random_.below(file_.size()));
  auto header = read_at<artifact::Header>(file_, 0);
  header.file_bytes = static_cast<uint32_t>(file_.size());
  if (random_.below(2) == 0) write_at(file_, 0, header);
}

void ArtifactMutator::alter() {
  sections_ = sections_of(file_);
  switch (random_.below(20)) {
  case 0:
    return flip_bit();
  case 1:
    return set_word();
  case 2:
    return splice_section();
  case 3:
    return resize_section();
  case 4:
  case 5:
  case 6:
    return alter_record();
  case 7:
    return random_.below(4) == 0 ? cut() : flip_bit();
  case 8:
  case 9:
  case 10:
  case 11:
    return shift_target();
  case 12:
  case 13:
  case 14:
  case 15:
    return swap_opcode();
  default:
    return alter_code();
  }
}

void ArtifactMutator::run() {
  for (uint32_t changes = 1 + random_.below(5) % 3; changes != 0; --changes)
    alter();
}

/// A store of the same engine that must not notice anything.
class Bystander {
public:
  Result<void> make(const Engine& engine) {
    store_.emplace_back(EBB_TRY(Store::create(engine)));
    MemoryType type;
    type.page_shift = 0;
    type.limits.min = bytes;
    memory_ = EBB_TRY(ebb::Memory::create(store_[0], type));
    const std::span<uint8_t> view = EBB_TRY(memory_.view(store_[0]));
    for (size_t i = 0; i < bytes; ++i)
      view[i] = static_cast<uint8_t>(i * 7);
    used_ = store_[0].stats().used;
    return {};
  }
  bool is_unchanged() {
    const auto view = memory_.view(store_[0]);
    if (!view.ok() || view.value().size() != bytes || store_[0].stats().used != used_) return false;
    for (size_t i = 0; i < bytes; ++i)
      if (view.value()[i] != static_cast<uint8_t>(i * 7)) return false;
    return true;
  }

private:
  static constexpr size_t bytes = 4096;
  std::vector<Store> store_;
  ebb::Memory memory_;
  size_t used_ = 0;
};

Result<void> use_module(const Engine& engine, const Module& module, ArtifactTally& tally) {
  StoreLimits limits;
  limits.budget_bytes = GuestLimits().store_bytes;
  Store store = EBB_TRY(Store::create(engine, limits));
  Linker linker = EBB_TRY(Linker::create(engine));
  EBB_TRY(define_imports(linker, store, module));
  const InstancePre pre = EBB_TRY(linker.instantiate_pre(module));
  store.set_fuel(GuestLimits().fuel);
  const Instance instance = EBB_TRY(pre.instantiate(store));
  ++tally.instantiated;
  Input arguments(nullptr, 0);
  // Twice: what the first round left in memory, tables and globals is what the second meets.
  for (int round = 0; round < 2; ++round)
    tally.calls += EBB_TRY(call_exports(store, instance, module, arguments, GuestLimits())).calls;
  if (store.stats().used > GuestLimits().store_bytes) fail(name, "a budget was exceeded");
  return {};
}

} // namespace

void mutate_artifact(Bytes& file, const Bytes& other, uint64_t seed) {
  ArtifactMutator(file, other, seed).run();
}

void run_artifact(std::span<const uint8_t> file, uint8_t settings, ArtifactTally& tally) {
  ++tally.files;
  // A block of the exact size, so that a sanitizer sees a step beyond it.
  const size_t room = std::max<size_t>(file.size(), 1);
  const std::unique_ptr<void, void (*)(void*)> flash(std::malloc(room), &std::free);
  if (!file.empty()) std::memcpy(flash.get(), file.data(), file.size());
  const std::span<const uint8_t> bytes(static_cast<const uint8_t*>(flash.get()), file.size());
  WatchedMemory memory(name);
  Config config = guest_config(memory.allocator(), (settings & 1) != 0 ? Config::Encoding::threaded
                                                                       : Config::Encoding::compact);
  if ((settings & 2) != 0) config.preparation = Config::Preparation::at_first_call;
  if ((settings & 8) != 0) config.preparation = Config::Preparation::threaded_at_first_call;
  const Result<Engine> engine = Engine::create(config);
  if (!engine.ok()) fail(name, "no engine", error_name(engine.error()));
  Bystander bystander;
  if (!bystander.make(engine.value()).ok()) fail(name, "no bystander");
  Diagnostic diagnostic;
  const Result<Module> module = (settings & 4) != 0
                                    ? Module::load(engine.value(), bytes, &diagnostic)
                                    : Module::load_borrowed(engine.value(), bytes, &diagnostic);
  if (!module.ok()) {
    ++tally.refused[static_cast<size_t>(module.error())];
    return;
  }
  ++tally.loaded;
  static_cast<void>(use_module(engine.value(), module.value(), tally).ok());
  if (!bystander.is_unchanged()) fail(name, "another store was changed");
  if (!file.empty() && std::memcmp(bytes.data(), file.data(), file.size()) != 0)
    fail(name, "the precompiled module was written to");
}

} // namespace ebb::fuzz
