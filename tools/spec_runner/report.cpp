// Each line begins with a letter: p and a count, f and a failure, s and a skip, e for the end.
#include "tools/spec_runner/report.h"

#include "tools/spec_runner/skips.h"

#include <cinttypes>

namespace ebb::spec {
namespace {

std::string on_one_line(std::string text) {
  for (char& character : text)
    if (static_cast<unsigned char>(character) < ' ') character = ' ';
  return text;
}

} // namespace

void Report::failed(const std::string& what) {
  const std::string text = script_ + ":" + std::to_string(*line_) + ": " + on_one_line(what);
  std::fprintf(stream_, "f%s\n", text.c_str());
}

void Report::skipped(const std::string& reason) {
  std::fprintf(stream_, "s%s\n", skip_entry(script_, *line_, reason).c_str());
}

void Report::finish() {
  std::fprintf(stream_, "p%" PRIu64 "\ne\n", passed_);
  std::fflush(stream_);
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
  case 's':
    ++skipped;
    skips.push_back(rest);
    break;
  case 'e':
    complete = true;
    break;
  default:
    break;
  }
}

} // namespace ebb::spec
