#include "core/platform/platform.h"
#include "tests/runtime/runtime_test.h"

#include <string>

using namespace ebb;
using namespace ebb::testing;

namespace {

/// Hooks that keep what is written and give what is foreseen.
struct Recorder {
  std::string written;
  std::string input = "hello";
  uint64_t slept = 0;
  uint64_t now = 5000;

  WasiHooks hooks() {
    WasiHooks made;
    made.context = this;
    made.clock_now = [](void* self, WasiClock, uint64_t* nanoseconds) -> uint16_t {
      *nanoseconds = static_cast<Recorder*>(self)->now;
      return 0;
    };
    made.clock_resolution = [](void*, WasiClock, uint64_t* nanoseconds) -> uint16_t {
      *nanoseconds = 1;
      return 0;
    };
    made.random = [](void*, uint8_t* bytes, size_t count) -> uint16_t {
      memset(bytes, 7, count);
      return 0;
    };
    made.read = [](void* self, uint32_t, uint8_t* bytes, size_t count, size_t* done) -> uint16_t {
      std::string& left = static_cast<Recorder*>(self)->input;
      *done = count < left.size() ? count : left.size();
      memcpy(bytes, left.data(), *done);
      left.erase(0, *done);
      return 0;
    };
    made.write = [](void* self, uint32_t, const uint8_t* bytes, size_t count,
                    size_t* done) -> uint16_t {
      static_cast<Recorder*>(self)->written.append(reinterpret_cast<const char*>(bytes), count);
      *done = count;
      return 0;
    };
    made.sleep = [](void* self, uint64_t nanoseconds) -> uint16_t {
      static_cast<Recorder*>(self)->slept += nanoseconds;
      return 0;
    };
    made.yield = [](void*) -> uint16_t { return 0; };
    return made;
  }
};

/// A guest that exports each imported function as it is, and its memory.
struct Guest {
  Guest() {
    context.args = args;
    context.environment = environment;
    context.hooks = recorder.hooks();
    must(wasi_add_to_linker(world.linker, &context));
  }

  /// Calls a function through a guest, since functions use their caller's memory.
  template <class... Args> Error call(const char* name, uint32_t* answer, Args... args_of_call) {
    if (!instance.is_null()) must(instance.release(world.store));
    ModuleBuilder builder;
    const Bytes params = {code_of<Args>()...};
    const bool has_result = strcmp(name, "proc_exit") != 0;
    const uint32_t type = builder.type(params, has_result ? Bytes{testing::i32} : Bytes{});
    const uint32_t run = builder.type({}, {testing::i32});
    builder.import_func("wasi_snapshot_preview1", name, type);
    builder.import("env", "memory", {2, 0, 1});
    Bytes code;
    ((code += constant(args_of_call)), ...);
    builder.export_func(
        "run", builder.func(run, code + testing::call(0) + (has_result ? Bytes{} : i32_const(0))));
    builder.export_("memory", 2, 0);
    world.linker.allow_shadowing(true);
    must(world.linker.define(world.store, "env", "memory", memory));
    instance = world.instantiate(builder.build());
    const auto func = world.typed<uint32_t()>(instance, "run");
    const Result<uint32_t> result = func.call(world.store);
    if (result.ok()) *answer = result.value();
    return result.error();
  }
  template <class... Args> uint32_t ask(const char* name, Args... args_of_call) {
    uint32_t answer = 9999;
    const Error error = call(name, &answer, args_of_call...);
    CHECK_MESSAGE(error == Error::none, error_name(error));
    return answer;
  }
  template <class T> T load(uint32_t at) {
    T value;
    const std::span<uint8_t> bytes(reinterpret_cast<uint8_t*>(&value), sizeof(T));
    must(memory.read(world.store, at, bytes));
    return value;
  }
  template <class T> void store(uint32_t at, T value) {
    const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(&value), sizeof(T));
    must(memory.write(world.store, at, bytes));
  }

  template <class T> static uint8_t code_of() {
    return sizeof(T) == 8 ? testing::i64 : testing::i32;
  }
  static Bytes constant(uint32_t value) { return i32_const(static_cast<int32_t>(value)); }
  static Bytes constant(uint64_t value) { return i64_const(static_cast<int64_t>(value)); }

  static MemoryType one_page() {
    MemoryType type;
    type.limits.min = 1;
    return type;
  }

  World world;
  Recorder recorder;
  WasiContext context;
  StringView args[2] = {"prog", "x y"};
  StringView environment[1] = {"A=b"};
  Memory memory = must(Memory::create(world.store, one_page()));
  Instance instance;
};

constexpr uint32_t badf = 8;
constexpr uint32_t fault = 21;
constexpr uint32_t inval = 28;
constexpr uint32_t spipe = 70;

} // namespace

TEST_CASE("arguments and environment are written as WASI says") {
  Guest guest;
  CHECK(guest.ask("args_sizes_get", 0u, 4u) == 0);
  CHECK(guest.load<uint32_t>(0) == 2);
  CHECK(guest.load<uint32_t>(4) == 9);
  CHECK(guest.ask("args_get", 16u, 100u) == 0);
  CHECK(guest.load<uint32_t>(16) == 100);
  CHECK(guest.load<uint32_t>(20) == 105);
  char text[9];
  must(guest.memory.read(guest.world.store, 100, {reinterpret_cast<uint8_t*>(text), sizeof(text)}));
  CHECK(std::string(text, 9) == std::string("prog\0x y\0", 9));
  CHECK(guest.ask("environ_sizes_get", 0u, 4u) == 0);
  CHECK(guest.load<uint32_t>(4) == 4);
  CHECK(guest.ask("args_get", 65534u, 100u) == fault);
  CHECK(guest.ask("args_get", 16u, 65530u) == fault);
}

TEST_CASE("streams are read and written through lists of buffers") {
  Guest guest;
  must(guest.memory.write(guest.world.store, 200, {reinterpret_cast<const uint8_t*>("abcdef"), 6}));
  guest.store<uint32_t>(0, 200);
  guest.store<uint32_t>(4, 2);
  guest.store<uint32_t>(8, 203);
  guest.store<uint32_t>(12, 3);
  CHECK(guest.ask("fd_write", 1u, 0u, 2u, 40u) == 0);
  CHECK(guest.load<uint32_t>(40) == 5);
  CHECK(guest.recorder.written == "abdef");
  CHECK(guest.ask("fd_read", 0u, 0u, 2u, 40u) == 0);
  CHECK(guest.load<uint32_t>(40) == 5);
  CHECK(guest.load<uint8_t>(204) == 'l');
  CHECK(guest.ask("fd_write", 0u, 0u, 2u, 40u) == badf);
  CHECK(guest.ask("fd_write", 7u, 0u, 2u, 40u) == badf);
  CHECK(guest.ask("fd_write", 1u, 65535u, 2u, 40u) == fault);
  guest.store<uint32_t>(12, 0xffffffff);
  CHECK(guest.ask("fd_write", 1u, 0u, 2u, 40u) == fault);
  CHECK(guest.ask("fd_seek", 1u, uint64_t{0}, 0u, 0u) == spipe);
  CHECK(guest.ask("fd_prestat_get", 3u, 0u) == badf);
  CHECK(guest.ask("fd_fdstat_get", 1u, 300u) == 0);
  CHECK(guest.load<uint8_t>(300) == 2);
  CHECK(guest.ask("fd_close", 1u) == 0);
  CHECK(guest.ask("fd_close", 1u) == badf);
  CHECK(guest.ask("fd_write", 1u, 0u, 1u, 40u) == badf);
}

TEST_CASE("clocks, random numbers and waiting come from the hooks") {
  Guest guest;
  CHECK(guest.ask("clock_time_get", 1u, uint64_t{0}, 8u) == 0);
  CHECK(guest.load<uint64_t>(8) == 5000);
  CHECK(guest.ask("clock_time_get", 9u, uint64_t{0}, 8u) == inval);
  CHECK(guest.ask("random_get", 30u, 2u) == 0);
  CHECK(guest.load<uint32_t>(28) == 0x07070000);
  CHECK(guest.ask("random_get", 65536u, 0u) == 0);
  CHECK(guest.ask("random_get", 65536u, 1u) == fault);
  // Two clocks, one absolute: the earlier one, of 300, is waited for.
  guest.store<uint64_t>(1000, 11);
  guest.store<uint8_t>(1008, 0);
  guest.store<uint32_t>(1016, 1);
  guest.store<uint64_t>(1024, 400);
  guest.store<uint16_t>(1040, 0);
  guest.store<uint64_t>(1048, 22);
  guest.store<uint8_t>(1056, 0);
  guest.store<uint32_t>(1064, 1);
  guest.store<uint64_t>(1072, 5300);
  guest.store<uint16_t>(1088, 1);
  CHECK(guest.ask("poll_oneoff", 1000u, 2000u, 2u, 40u) == 0);
  CHECK(guest.recorder.slept == 300);
  CHECK(guest.load<uint32_t>(40) == 1);
  CHECK(guest.load<uint64_t>(2000) == 22);
  CHECK(guest.ask("poll_oneoff", 1000u, 2000u, 0u, 40u) == inval);
  CHECK(guest.ask("sched_yield") == 0);
}

TEST_CASE("exit ends the guest with its code") {
  Guest guest;
  uint32_t answer = 0;
  CHECK(guest.call("proc_exit", &answer, 33u) == Error::exit);
  CHECK(guest.world.store.diagnostic().exit_code == 33);
}

TEST_CASE("the platform has clocks and entropy") {
  uint64_t first = 0;
  uint64_t second = 0;
  CHECK(platform_now(PlatformClock::monotonic, &first));
  platform_sleep(1000);
  CHECK(platform_now(PlatformClock::monotonic, &second));
  CHECK(second >= first + 1000);
  CHECK(platform_entropy(&first, sizeof(first)));
  CHECK(platform_entropy(&second, sizeof(second)));
  CHECK(first != second);
  const uint32_t word = 1;
  CHECK(platform_park(&word, 2, 1000));
  CHECK(!platform_park(&word, 1, 1000));
  CHECK(platform_wake(&word, 1) == 0);
}

namespace {

/// Asks for an open, a closed and an unknown descriptor, which goes in front of the other
/// arguments.
template <class... Args> void check_errno(const char* name, uint32_t expected, Args... others) {
  CAPTURE(name);
  Guest guest;
  CHECK(guest.ask(name, 1u, others...) == expected);
  CHECK(guest.ask(name, 3u, others...) == badf);
  CHECK(guest.ask("fd_close", 1u) == 0);
  CHECK(guest.ask(name, 1u, others...) == badf);
}

} // namespace

TEST_CASE("what needs files answers with the errno of a host that has none") {
  constexpr uint32_t notdir = 54, notsock = 57, notsup = 58, nosys = 52;
  const uint64_t wide = 0;
  check_errno("fd_advise", spipe, wide, wide, 0u);
  check_errno("fd_allocate", spipe, wide, wide);
  check_errno("fd_datasync", inval);
  check_errno("fd_fdstat_set_flags", notsup, 0u);
  check_errno("fd_fdstat_set_rights", notsup, wide, wide);
  check_errno("fd_filestat_set_size", inval, wide);
  check_errno("fd_filestat_set_times", notsup, wide, wide, 0u);
  check_errno("fd_pread", spipe, 0u, 0u, wide, 0u);
  check_errno("fd_prestat_get", badf, 0u);
  check_errno("fd_prestat_dir_name", badf, 0u, 0u);
  check_errno("fd_pwrite", spipe, 0u, 0u, wide, 0u);
  check_errno("fd_readdir", notdir, 0u, 0u, wide, 0u);
  check_errno("fd_renumber", notsup, 2u);
  check_errno("fd_seek", spipe, wide, 0u, 0u);
  check_errno("fd_sync", inval);
  check_errno("fd_tell", spipe, 0u);
  check_errno("path_create_directory", notdir, 0u, 0u);
  check_errno("path_filestat_get", notdir, 0u, 0u, 0u, 0u);
  check_errno("path_filestat_set_times", notdir, 0u, 0u, 0u, wide, wide, 0u);
  check_errno("path_link", notdir, 0u, 0u, 0u, 0u, 0u, 0u);
  check_errno("path_open", notdir, 0u, 0u, 0u, 0u, wide, wide, 0u, 0u);
  check_errno("path_readlink", notdir, 0u, 0u, 0u, 0u, 0u);
  check_errno("path_remove_directory", notdir, 0u, 0u);
  check_errno("path_rename", notdir, 0u, 0u, 0u, 0u, 0u);
  check_errno("path_unlink_file", notdir, 0u, 0u);
  check_errno("sock_accept", notsock, 0u, 0u);
  check_errno("sock_recv", notsock, 0u, 0u, 0u, 0u, 0u);
  check_errno("sock_send", notsock, 0u, 0u, 0u, 0u);
  check_errno("sock_shutdown", notsock, 0u);
  Guest guest;
  CHECK(guest.ask("path_symlink", 0u, 0u, 0u, 0u, 0u) == notdir);
  CHECK(guest.ask("path_symlink", 0u, 0u, 7u, 0u, 0u) == badf);
  CHECK(guest.ask("proc_raise", 1u) == nosys);
}

TEST_CASE("a guest without a memory is told so by what writes to it") {
  Recorder recorder;
  WasiContext context;
  context.hooks = recorder.hooks();
  World world;
  must(wasi_add_to_linker(world.linker, &context));
  struct Function {
    std::string name;
    Bytes params;
  };
  const uint8_t i = testing::i32, l = testing::i64;
  const Function functions[] = {
      {"args_get", {i, i}},          {"args_sizes_get", {i, i}},    {"environ_get", {i, i}},
      {"environ_sizes_get", {i, i}}, {"clock_res_get", {i, i}},     {"clock_time_get", {i, l, i}},
      {"fd_fdstat_get", {i, i}},     {"fd_filestat_get", {i, i}},   {"fd_read", {i, i, i, i}},
      {"fd_write", {i, i, i, i}},    {"poll_oneoff", {i, i, i, i}}, {"random_get", {i, i}}};
  for (const Function& function : functions) {
    CAPTURE(function.name);
    ModuleBuilder builder;
    const uint32_t type = builder.type(function.params, {i});
    const uint32_t run = builder.type({}, {i});
    builder.import_func("wasi_snapshot_preview1", function.name, type);
    Bytes code;
    for (const uint8_t param : function.params)
      code += param == l ? i64_const(0) : i32_const(function.name == "fd_read" ? 0 : 1);
    builder.export_func("run", builder.func(run, code + testing::call(0)));
    const Instance instance = world.instantiate(builder.build());
    const auto func = world.typed<int32_t()>(instance, "run");
    CHECK(error_of(func.call(world.store)) == Error::unknown_export);
  }
  CHECK(recorder.written.empty());
  CHECK(recorder.slept == 0);
}

TEST_CASE("a memory by another name's kind is no memory") {
  WasiContext context;
  World world;
  must(wasi_add_to_linker(world.linker, &context));
  ModuleBuilder builder;
  const uint32_t type = builder.type({testing::i32, testing::i32}, {testing::i32});
  builder.import_func("wasi_snapshot_preview1", "args_get", type);
  const uint32_t run = builder.func(builder.type({}, {testing::i32}),
                                    i32_const(0) + i32_const(0) + testing::call(0));
  builder.export_func("memory", run);
  const Instance instance = world.instantiate(builder.build());
  CHECK(error_of(world.typed<int32_t()>(instance, "memory").call(world.store)) ==
        Error::wrong_kind);
}
