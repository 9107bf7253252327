// Each line begins with a letter: p and a count, f and a failure, s and a skip, a and how many
// altered modules were judged, n and a note, o and the sums of a sweep, k and a class of call
// stacks, e for the end.
#include "tools/spec_runner/report.h"

#include "tools/spec_runner/skips.h"

#include <cinttypes>
#include <cstring>
#include <sstream>

namespace ebb::spec {
namespace {

std::string on_one_line(std::string text) {
  for (char& character : text)
    if (static_cast<unsigned char>(character) < ' ') character = ' ';
  return text;
}

} // namespace

void Report::at(const std::string& operation, uint64_t request) {
  place_->request = request;
  std::strncpy(place_->operation, operation.c_str(), sizeof place_->operation - 1);
}

void Report::failed_at(uint32_t line, const std::string& what) {
  const std::string text = script_ + ":" + std::to_string(line) + ": " + on_one_line(what);
  std::fprintf(stream_, "f%s\n", text.c_str());
}

void Report::note(const std::string& what) {
  std::fprintf(stream_, "n%s: %s\n", script_.c_str(), on_one_line(what).c_str());
}

void Report::sums(const oom::Tally& tally) {
  std::fprintf(stream_, "o%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, tally.requests,
               tally.points, tally.injected, tally.retried, tally.followed);
  for (const uint64_t count : tally.counts)
    std::fprintf(stream_, " %" PRIu64, count);
  std::fprintf(stream_, "\n");
}

void Report::site(uint64_t key, bool is_reached) {
  std::fprintf(stream_, "k%" PRIu64 " %d\n", key, is_reached ? 1 : 0);
}

void Report::judged(uint64_t count) { std::fprintf(stream_, "a%" PRIu64 "\n", count); }

void Report::skipped(const std::string& reason) {
  std::fprintf(stream_, "s%s\n", skip_entry(script_, place_->line, reason).c_str());
}

void Report::finish() {
  std::fprintf(stream_, "p%" PRIu64 "\ne\n", passed_);
  std::fflush(stream_);
}

void Tally::add_sums(const Tally& other) {
  sums.requests += other.sums.requests;
  sums.points += other.sums.points;
  sums.injected += other.sums.injected;
  sums.retried += other.sums.retried;
  sums.followed += other.sums.followed;
  for (size_t i = 0; i < oom::outcome_count; ++i)
    sums.counts[i] += other.sums.counts[i];
  for (const auto& [key, is_reached] : other.sites)
    sites[key] |= is_reached;
}

void Tally::read(const std::string& line) {
  if (line.empty()) return;
  const std::string rest = line.substr(1);
  switch (line[0]) {
  case 'p':
    passed += std::stoull(rest);
    break;
  case 'f':
    ++failed;
    failures.push_back(rest);
    break;
  case 'a':
    judged += std::stoull(rest);
    break;
  case 's':
    ++skipped;
    skips.push_back(rest);
    break;
  case 'n':
    notes.push_back(rest);
    break;
  case 'o': {
    std::istringstream stream(rest);
    stream >> sums.requests >> sums.points >> sums.injected >> sums.retried >> sums.followed;
    for (uint64_t& count : sums.counts)
      stream >> count;
    break;
  }
  case 'k': {
    std::istringstream stream(rest);
    uint64_t key = 0;
    bool is_reached = false;
    stream >> key >> is_reached;
    sites[key] |= is_reached;
    break;
  }
  case 'e':
    complete = true;
    break;
  default:
    break;
  }
}

} // namespace ebb::spec
