// ebb compile: a .wasm to a precompiled module, in memory first, so that a failure leaves no file.
#include "tools/ebb/commands.h"
#include "tools/ebb/explain.h"
#include "tools/ebb/file.h"
#include "tools/ebb/memory.h"
#include "tools/ebb/print.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace ebb::tool {
namespace {

// What the sink gets, in memory of the command's own.
struct Output {
  Pages pages;
  size_t size = 0;

  static Result<void> append(void* context, const uint8_t* bytes, size_t count) {
    Output& output = *static_cast<Output*>(context);
    if (count > output.pages.size() - output.size) {
      const size_t doubled = 2 * output.pages.size();
      const size_t wanted = output.size + count > doubled ? output.size + count : doubled;
      if (!output.pages.grow(wanted)) return Error::out_of_memory;
    }
    std::memcpy(output.pages.bytes() + output.size, bytes, count);
    output.size += count;
    return {};
  }
};

bool write_all(int descriptor, const unsigned char* bytes, size_t size) {
  while (size != 0) {
    const ssize_t count = write(descriptor, bytes, size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes += count;
    size -= static_cast<size_t>(count);
  }
  return true;
}

int write_file(const Options& options, const Output& output) {
  const int descriptor = open(options.output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  bool written = descriptor >= 0 && write_all(descriptor, output.pages.bytes(), output.size);
  if (descriptor >= 0 && close(descriptor) != 0) written = false;
  if (written) return 0;
  print_error("ebb: %s: cannot be written\n", options.output);
  if (descriptor >= 0) unlink(options.output);
  return exit_failed;
}

} // namespace

int compile(const Options& options) {
  File file;
  if (const char* problem = file.read(options.file)) return explain_file(options, problem);
  Memory memory;
  if (const char* problem = memory.create(options)) return explain_file(options, problem);
  Config config;
  config.allocator = &memory.allocator();
  config.encoding = Config::Encoding::compact;
  Diagnostic diagnostic;
  const auto engine = Engine::create(config, &diagnostic);
  if (!engine.ok()) return explain(options, Step::engine, engine.error(), diagnostic);
  CompileSettings settings;
  settings.profile =
      options.wide ? CompileSettings::Profile::wide : CompileSettings::Profile::narrow;
  settings.strip = options.strip;
  settings.fuel = options.count_fuel;
  settings.interruption = options.interruptible;
  Output output;
  const auto done = Module::compile(engine.value(), file.bytes(), settings,
                                    {&Output::append, &output}, &diagnostic);
  if (!done.ok()) return explain(options, Step::module, done.error(), diagnostic);
  return write_file(options, output);
}

} // namespace ebb::tool
