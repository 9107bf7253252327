// WASI preview 1 over the hooks of a WasiContext.
//
// Every pointer of the guest is checked against its memory; one that leaves it is answered with
// `fault`. Integers in memory are little-endian and may lie anywhere.
#include "core/wasi/wasi.h"

#include <cstring>

namespace ebb {
namespace {

// NOLINTNEXTLINE(performance-enum-size): guests are given 16 bits
enum class Errno : uint16_t {
  success = 0,
  badf = 8,
  fault = 21,
  inval = 28,
  nosys = 52,
  notdir = 54,
  notsock = 57,
  notsup = 58,
  overflow = 61,
  spipe = 70,
};

using Answer = Result<uint32_t>;

Answer answer(Errno error) { return static_cast<uint32_t>(error); }
Answer answer(uint16_t error) { return static_cast<uint32_t>(error); }

WasiContext& context_of(const Caller& caller) {
  return *static_cast<WasiContext*>(caller.context());
}

/// The guest's memory during one call. Null where a range leaves it.
class Bytes {
public:
  static Result<Bytes> of(Caller& caller) {
    const Memory memory = EBB_TRY(caller.memory());
    return Bytes(EBB_TRY(memory.view(caller)));
  }

  uint8_t* at(uint64_t offset, uint64_t count) const {
    if (count > bytes_.size() || offset > bytes_.size() - count) return nullptr;
    return bytes_.data() + offset;
  }
  template <class T> bool store(uint64_t offset, T value) const {
    uint8_t* to = at(offset, sizeof(T));
    if (to == nullptr) return false;
    for (size_t i = 0; i < sizeof(T); ++i)
      to[i] = static_cast<uint8_t>(static_cast<uint64_t>(value) >> (8 * i));
    return true;
  }
  /// Of a range that is known to be there.
  template <class T> static T get(const uint8_t* from) {
    uint64_t value = 0;
    for (size_t i = 0; i < sizeof(T); ++i)
      value |= uint64_t{from[i]} << (8 * i);
    return static_cast<T>(value);
  }

private:
  explicit Bytes(std::span<uint8_t> bytes) : bytes_(bytes) {}
  std::span<uint8_t> bytes_;
};

bool is_open(const WasiContext& context, uint32_t descriptor) {
  return descriptor < 3 && !context.closed[descriptor];
}

template <Errno error, class... Params> Answer always(Caller&, Params...) { return answer(error); }

template <Errno error, class... Params>
Answer if_open(Caller& caller, uint32_t descriptor, Params...) {
  return answer(is_open(context_of(caller), descriptor) ? error : Errno::badf);
}

/// The one path function whose descriptor comes behind a path.
Answer path_symlink(Caller& caller, uint32_t, uint32_t, uint32_t descriptor, uint32_t, uint32_t) {
  return answer(is_open(context_of(caller), descriptor) ? Errno::notdir : Errno::badf);
}

// --- Arguments and environment: strings, each ended by a NUL, behind a list of pointers to them.

Answer put_sizes(Caller& caller, std::span<const StringView> strings, uint32_t count_at,
                 uint32_t bytes_at) {
  const Bytes memory = EBB_TRY(Bytes::of(caller));
  uint64_t bytes = 0;
  for (const StringView string : strings)
    bytes += uint64_t{string.size} + 1;
  if (strings.size() > UINT32_MAX || bytes > UINT32_MAX) return answer(Errno::overflow);
  const bool stored = memory.store(count_at, static_cast<uint32_t>(strings.size())) &&
                      memory.store(bytes_at, static_cast<uint32_t>(bytes));
  return answer(stored ? Errno::success : Errno::fault);
}

Answer put_strings(Caller& caller, std::span<const StringView> strings, uint32_t pointers_at,
                   uint32_t bytes_at) {
  const Bytes memory = EBB_TRY(Bytes::of(caller));
  uint64_t pointer = pointers_at;
  uint64_t next = bytes_at;
  for (const StringView string : strings) {
    uint8_t* to = memory.at(next, uint64_t{string.size} + 1);
    if (to == nullptr || !memory.store(pointer, static_cast<uint32_t>(next))) {
      return answer(Errno::fault);
    }
    if (string.size != 0) memcpy(to, string.data, string.size);
    to[string.size] = 0;
    pointer += 4;
    next += uint64_t{string.size} + 1;
  }
  return answer(Errno::success);
}

Answer args_get(Caller& caller, uint32_t pointers, uint32_t bytes) {
  return put_strings(caller, context_of(caller).args, pointers, bytes);
}
Answer args_sizes_get(Caller& caller, uint32_t count, uint32_t bytes) {
  return put_sizes(caller, context_of(caller).args, count, bytes);
}
Answer environ_get(Caller& caller, uint32_t pointers, uint32_t bytes) {
  return put_strings(caller, context_of(caller).environment, pointers, bytes);
}
Answer environ_sizes_get(Caller& caller, uint32_t count, uint32_t bytes) {
  return put_sizes(caller, context_of(caller).environment, count, bytes);
}

// --- Clocks, random numbers, the end.

/// Clocks 2 and 3, of processor time, are not offered.
Errno clock_of(uint32_t id, WasiClock* clock) {
  if (id > 3) return Errno::inval;
  if (id > 1) return Errno::notsup;
  *clock = id == 0 ? WasiClock::realtime : WasiClock::monotonic;
  return Errno::success;
}

Answer clock_res_get(Caller& caller, uint32_t id, uint32_t result) {
  const WasiHooks& hooks = context_of(caller).hooks;
  WasiClock clock;
  if (const Errno error = clock_of(id, &clock); error != Errno::success) return answer(error);
  uint64_t nanoseconds = 0;
  const uint16_t error = hooks.clock_resolution(hooks.context, clock, &nanoseconds);
  if (error != 0) return answer(error);
  const Bytes memory = EBB_TRY(Bytes::of(caller));
  return answer(memory.store(result, nanoseconds) ? Errno::success : Errno::fault);
}

Answer clock_time_get(Caller& caller, uint32_t id, uint64_t, uint32_t result) {
  const WasiHooks& hooks = context_of(caller).hooks;
  WasiClock clock;
  if (const Errno error = clock_of(id, &clock); error != Errno::success) return answer(error);
  uint64_t nanoseconds = 0;
  const uint16_t error = hooks.clock_now(hooks.context, clock, &nanoseconds);
  if (error != 0) return answer(error);
  const Bytes memory = EBB_TRY(Bytes::of(caller));
  return answer(memory.store(result, nanoseconds) ? Errno::success : Errno::fault);
}

Answer random_get(Caller& caller, uint32_t bytes, uint32_t count) {
  const WasiHooks& hooks = context_of(caller).hooks;
  const Bytes memory = EBB_TRY(Bytes::of(caller));
  uint8_t* to = memory.at(bytes, count);
  if (to == nullptr) return answer(Errno::fault);
  return answer(count == 0 ? uint16_t{0} : hooks.random(hooks.context, to, count));
}

Answer sched_yield(Caller& caller) {
  const WasiHooks& hooks = context_of(caller).hooks;
  return answer(hooks.yield(hooks.context));
}

Result<void> proc_exit(Caller& caller, uint32_t code) {
  return caller.exit(static_cast<int32_t>(code));
}

// --- Standard streams.

Answer fd_close(Caller& caller, uint32_t descriptor) {
  WasiContext& context = context_of(caller);
  if (!is_open(context, descriptor)) return answer(Errno::badf);
  context.closed[descriptor] = true;
  return answer(Errno::success);
}

constexpr uint8_t character_device = 2;
constexpr uint64_t right_read = uint64_t{1} << 1;
constexpr uint64_t right_write = uint64_t{1} << 6;
constexpr uint64_t right_filestat = uint64_t{1} << 21;
constexpr uint64_t right_poll = uint64_t{1} << 27;

Answer fd_fdstat_get(Caller& caller, uint32_t descriptor, uint32_t result) {
  if (!is_open(context_of(caller), descriptor)) return answer(Errno::badf);
  const Bytes memory = EBB_TRY(Bytes::of(caller));
  uint8_t* stat = memory.at(result, 24);
  if (stat == nullptr) return answer(Errno::fault);
  memset(stat, 0, 24);
  stat[0] = character_device;
  const uint64_t rights =
      right_filestat | right_poll | (descriptor == 0 ? right_read : right_write);
  return answer(memory.store(uint64_t{result} + 8, rights) ? Errno::success : Errno::fault);
}

Answer fd_filestat_get(Caller& caller, uint32_t descriptor, uint32_t result) {
  if (!is_open(context_of(caller), descriptor)) return answer(Errno::badf);
  const Bytes memory = EBB_TRY(Bytes::of(caller));
  uint8_t* stat = memory.at(result, 64);
  if (stat == nullptr) return answer(Errno::fault);
  memset(stat, 0, 64);
  stat[16] = character_device;
  return answer(Errno::success);
}

/// Reads into or writes from a list of buffers, up to the first that is not served whole.
template <class Transfer>
Answer transfer(Caller& caller, uint32_t buffers, uint32_t buffer_count, uint32_t result,
                Transfer&& move) {
  const Bytes memory = EBB_TRY(Bytes::of(caller));
  const uint8_t* list = memory.at(buffers, uint64_t{buffer_count} * 8);
  if (list == nullptr) return answer(Errno::fault);
  uint32_t total = 0;
  for (uint32_t i = 0; i < buffer_count; ++i) {
    const uint32_t pointer = Bytes::get<uint32_t>(list + size_t{i} * 8);
    const uint32_t count = Bytes::get<uint32_t>(list + size_t{i} * 8 + 4);
    uint8_t* bytes = memory.at(pointer, count);
    if (bytes == nullptr) return answer(Errno::fault);
    if (count > UINT32_MAX - total) return answer(Errno::inval);
    if (count == 0) continue;
    size_t done = 0;
    const uint16_t error = move(bytes, count, &done);
    if (error != 0 && total == 0) return answer(error);
    if (error != 0) break;
    total += static_cast<uint32_t>(done);
    if (done < count) break;
  }
  return answer(memory.store(result, total) ? Errno::success : Errno::fault);
}

Answer fd_read(Caller& caller, uint32_t descriptor, uint32_t buffers, uint32_t count,
               uint32_t result) {
  const WasiContext& context = context_of(caller);
  if (!is_open(context, descriptor) || descriptor != 0) return answer(Errno::badf);
  const WasiHooks& hooks = context.hooks;
  return transfer(caller, buffers, count, result, [&](uint8_t* bytes, size_t wanted, size_t* done) {
    return hooks.read(hooks.context, descriptor, bytes, wanted, done);
  });
}

Answer fd_write(Caller& caller, uint32_t descriptor, uint32_t buffers, uint32_t count,
                uint32_t result) {
  const WasiContext& context = context_of(caller);
  if (!is_open(context, descriptor) || descriptor == 0) return answer(Errno::badf);
  const WasiHooks& hooks = context.hooks;
  return transfer(caller, buffers, count, result,
                  [&](const uint8_t* bytes, size_t wanted, size_t* done) {
                    return hooks.write(hooks.context, descriptor, bytes, wanted, done);
                  });
}

// --- Waiting. Standard streams count as ready, so only a list of nothing but clocks waits.

constexpr size_t subscription_bytes = 48;
constexpr size_t event_bytes = 32;
constexpr uint16_t absolute_time = 1;

struct Subscription {
  explicit Subscription(const uint8_t* from)
      : user_data(Bytes::get<uint64_t>(from)), type(from[8]),
        subject(Bytes::get<uint32_t>(from + 16)), timeout(Bytes::get<uint64_t>(from + 24)),
        flags(Bytes::get<uint16_t>(from + 40)) {}
  bool is_clock() const { return type == 0; }

  uint64_t user_data;
  uint8_t type;     // clock, read or write
  uint32_t subject; // clock or descriptor
  uint64_t timeout;
  uint16_t flags;
};

/// What became of a subscription: its error and, of clocks, how long it has to wait from now on.
struct Outcome {
  uint16_t error = 0;
  uint64_t wait = 0;
};

Outcome look_at(const WasiContext& context, const Subscription& subscription) {
  const WasiHooks& hooks = context.hooks;
  if (!subscription.is_clock()) {
    const bool is_there = is_open(context, subscription.subject) &&
                          (subscription.subject == 0) == (subscription.type == 1);
    return {static_cast<uint16_t>(is_there ? Errno::success : Errno::badf), 0};
  }
  WasiClock clock;
  const Errno error = clock_of(subscription.subject, &clock);
  if (error != Errno::success) return {static_cast<uint16_t>(error), 0};
  if ((subscription.flags & absolute_time) == 0) return {0, subscription.timeout};
  uint64_t now = 0;
  const uint16_t failed = hooks.clock_now(hooks.context, clock, &now);
  return {failed, subscription.timeout > now ? subscription.timeout - now : 0};
}

Answer poll_oneoff(Caller& caller, uint32_t subscriptions, uint32_t events, uint32_t count,
                   uint32_t result) {
  const WasiContext& context = context_of(caller);
  const Bytes memory = EBB_TRY(Bytes::of(caller));
  if (count == 0) return answer(Errno::inval);
  const uint8_t* from = memory.at(subscriptions, uint64_t{count} * subscription_bytes);
  uint8_t* to = memory.at(events, uint64_t{count} * event_bytes);
  if (from == nullptr || to == nullptr) return answer(Errno::fault);

  uint64_t shortest = UINT64_MAX;
  for (uint32_t i = 0; i < count; ++i) {
    const Subscription subscription(from + i * subscription_bytes);
    if (subscription.type > 2) return answer(Errno::inval);
    const Outcome outcome = look_at(context, subscription);
    shortest = outcome.wait < shortest ? outcome.wait : shortest;
  }
  uint32_t event_count = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const Subscription subscription(from + i * subscription_bytes);
    const Outcome outcome = look_at(context, subscription);
    if (outcome.wait > shortest) continue;
    uint8_t event[event_bytes] = {};
    for (size_t byte = 0; byte < 8; ++byte)
      event[byte] = static_cast<uint8_t>(subscription.user_data >> (8 * byte));
    event[8] = static_cast<uint8_t>(outcome.error);
    event[9] = static_cast<uint8_t>(outcome.error >> 8);
    event[10] = subscription.type;
    if (!subscription.is_clock() && outcome.error == 0) event[16] = 1;
    memcpy(to + event_count * event_bytes, event, event_bytes);
    ++event_count;
  }
  if (shortest != 0) {
    const uint16_t error = context.hooks.sleep(context.hooks.context, shortest);
    if (error != 0) return answer(error);
  }
  return answer(memory.store(result, event_count) ? Errno::success : Errno::fault);
}

constexpr StringView module_name = "wasi_snapshot_preview1";

} // namespace

Result<void> wasi_add_to_linker(Linker& linker, WasiContext* context) {
  const NamedHostFunc functions[] = {
#define EBB_WASI(name, ...) {#name, HostFunc::of(&__VA_ARGS__, context)},
#include "core/wasi/wasi.def"
#undef EBB_WASI
  };
  return linker.define_funcs(module_name, functions);
}

} // namespace ebb
