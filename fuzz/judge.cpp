// See judge.h.
#include "fuzz/judge.h"

#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

namespace ebb::fuzz {
namespace {

constexpr size_t batch_cases_max = 128;

#ifndef EBB_JUDGE
#define EBB_JUDGE "judge.mjs"
#endif

std::string number_of(const Bytes& bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const uint8_t byte : bytes)
    hash = (hash ^ byte) * 0x100000001b3;
  char text[20];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

} // namespace

Judge::Judge(const char* target, char kind, Agree agree)
    : target_(target), kind_(kind), agree_(agree) {
  const char* node = std::getenv("EBB_FUZZ_NODE");
  if (node != nullptr && *node != 0 && !start(node))
    fail(target_, "the judge does not start", node);
}

Judge::~Judge() {
  if (!is_there()) return;
  ask_batch();
  close(to_);
  close(from_);
}

bool Judge::start(const char* node) {
  int to[2];
  int from[2];
  if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0) return false;
  const char* script = std::getenv("EBB_FUZZ_JUDGE");
  if (script == nullptr) script = EBB_JUDGE;
  const pid_t child = fork();
  if (child < 0) return false;
  if (child == 0) {
    dup2(to[0], 0);
    dup2(from[1], 1);
    unsetenv("LD_PRELOAD");
    execlp(node, node, script, static_cast<char*>(nullptr));
    _exit(127);
  }
  signal(SIGPIPE, SIG_IGN);
  close(to[0]);
  close(from[1]);
  to_ = to[1];
  from_ = from[0];
  return true;
}

void Judge::put(const void* bytes, size_t size) {
  const char* at = static_cast<const char*>(bytes);
  while (size != 0) {
    const ssize_t count = write(to_, at, size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail(target_, "the judge does not listen");
    at += count;
    size -= static_cast<size_t>(count);
  }
}

void Judge::get(void* bytes, size_t size) {
  char* at = static_cast<char*>(bytes);
  while (size != 0) {
    const ssize_t count = read(from_, at, size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail(target_, "the judge does not answer");
    at += count;
    size -= static_cast<size_t>(count);
  }
}

void Judge::ask(const Bytes& bytes, std::string own) {
  if (!is_there()) return;
  const uint32_t size = static_cast<uint32_t>(bytes.size());
  put(&kind_, 1);
  put(&size, sizeof size);
  put(bytes.data(), bytes.size());
  batch_.push_back({bytes, std::move(own)});
  // Small batches first, so that the fuzzing engine's own trials are judged at once.
  if (batch_.size() > batch_cases_) ask_batch();
}

void Judge::ask_batch() {
  if (batch_.empty()) return;
  const char end[5] = {'f', 0, 0, 0, 0};
  put(end, sizeof end);
  uint32_t total = 0;
  get(&total, sizeof total);
  std::string answers(total, '\0');
  get(answers.data(), total);
  size_t at = 0;
  for (const Case& asked : batch_) {
    const size_t line_end = answers.find('\n', at);
    if (line_end == std::string::npos) fail(target_, "the judge did not answer everything");
    const std::string other = answers.substr(at, line_end - at);
    at = line_end + 1;
    if (agree_(asked.bytes, asked.own, other)) continue;
    const std::string file = std::string("disagreement-") + number_of(asked.bytes) + ".wasm";
    write_file(file, asked.bytes);
    std::fprintf(stderr, "here:  %s\nthere: %s\n", asked.own.c_str(), other.c_str());
    fail(target_, "the engines disagree", file.c_str());
  }
  batch_.clear();
  if (batch_cases_ < batch_cases_max) batch_cases_ = 2 * batch_cases_ + 1;
}

} // namespace ebb::fuzz
