// Instructions on whole tables and memories, and accesses to memories other than the first or
// through 64-bit addresses. Rare and slow by themselves, so that they read their operands here and
// not in handlers.
#include "core/bytecode/code_bytes.h"
#include "core/interpret/machine_state.h"
#include "core/interpret/numeric_small.h"
#include "error/build.h"

#include <utility>

namespace ebb {
namespace {

/// Operands as they lie in the code, both encodings alike.
struct Operands {
  const uint8_t* at;
  uint64_t* fp;
  RefBits* rp;

  uint64_t& slot(size_t byte) const { return fp[read_code<uint16_t>(at + byte)]; }
  RefBits& ref(size_t byte) const {
    return rp[-1 - static_cast<ptrdiff_t>(read_code<uint16_t>(at + byte))];
  }
  uint32_t index(size_t byte) const { return read_code<uint32_t>(at + byte) & ~far_address_64; }
  bool is_64(size_t byte) const {
    return has_feature(Feature::memory64) && (read_code<uint32_t>(at + byte) & far_address_64) != 0;
  }
  /// An address or size: i64 or i32.
  uint64_t address(size_t byte, bool wide) const {
    return wide ? slot(byte) : static_cast<uint32_t>(slot(byte));
  }
  uint32_t number(size_t byte) const { return static_cast<uint32_t>(slot(byte)); }
};

bool done(Machine& m, Result<void> result) {
  if (result.ok()) return true;
  m.error = result.error();
  return false;
}

/// How much work is done between two looks at fuel and interruptions.
constexpr uint64_t piece_bytes = uint64_t{64} * 1024;
constexpr uint64_t piece_elements = piece_bytes / sizeof(RefBits);

/// What such work costs.
constexpr uint64_t charge_of_bytes(uint64_t bytes) { return bytes / 64 + (bytes % 64 != 0); }
constexpr uint64_t charge_of_elements(uint64_t elements) { return elements; }

/// Charges for work that is done, in code that is metered. False if the run is suspended.
bool charge(Machine& m, uint64_t cost) {
  const Metering metering = m.instance->module->metering;
  if (metering == Metering::none) return true;
  const uint64_t charged = metering == Metering::fuel ? cost : 0;
  if (machine_charge(m, charged)) return true;
  machine_suspend(m, charged);
  return false;
}

/// The same part seen from the other end.
Part mirrored(Part part, uint64_t count) {
  return part.count > count ? part : Part{count - part.first - part.count, part.count};
}

/// What a grow instruction answers: the old size, or -1. New elements or 64 bytes are charged for.
bool answer_grow(Machine& m, uint64_t& slot, Result<uint64_t> grown, bool is_64, uint64_t cost) {
  // NOLINTNEXTLINE(ebb-swallowed-oom): the specification lets memory.grow and table.grow answer -1
  if (grown.ok())
    slot = grown.value();
  else
    slot = is_64 ? UINT64_MAX : UINT32_MAX;
  m.refresh_memory();
  m.repeats = false;
  return !grown.ok() || charge(m, cost);
}

/// An instruction that fills, copies or initializes: what it is given, whatever it works on.
struct Bulk {
  Op op;
  uint32_t target, source; ///< Indices; the source's only where it has one.
  uint64_t to, from, count;
};

bool is_of_table(Op op) { return op < Op::memory_size; }

EBB_INLINE_UNLESS_SMALL Bulk read_bulk(Op op, const Operands& in) {
  const bool fills = op == Op::table_fill || op == Op::memory_fill;
  const bool copies = op == Op::table_copy || op == Op::memory_copy;
  const bool to_64 = in.is_64(6);
  const bool from_64 = copies && in.is_64(10);
  Bulk bulk{op, in.index(6), fills ? 0 : in.index(10), in.address(0, to_64), 0, 0};
  bulk.from = op == Op::table_fill ? in.ref(2) : in.address(2, from_64);
  bulk.count = in.address(4, to_64 && (fills || from_64));
  return bulk;
}

EBB_INLINE_UNLESS_SMALL Result<void> run_part(Machine& m, const Bulk& in, Part part) {
  InstanceState& instance = *m.instance;
  const auto from = static_cast<uint32_t>(in.from), count = static_cast<uint32_t>(in.count);
  switch (in.op) {
  case Op::table_fill:
    return table_fill(*instance.tables[in.target], in.to, in.from, in.count, part);
  case Op::table_copy: {
    TableState& to = *instance.tables[in.target];
    const TableState& source = *instance.tables[in.source];
    if (copies_backward(to, source, in.to, in.from)) part = mirrored(part, in.count);
    return table_copy(to, source, in.to, in.from, in.count, part);
  }
  case Op::table_init:
    return table_init(instance, in.target, in.source, in.to, from, count, part);
  case Op::memory_fill:
    return memory_fill(*instance.memories[in.target], in.to, static_cast<uint8_t>(in.from),
                       in.count, part);
  case Op::memory_copy: {
    MemoryState& to = *instance.memories[in.target];
    const MemoryState& source = *instance.memories[in.source];
    if (copies_backward(to, source, in.to, in.from)) part = mirrored(part, in.count);
    return memory_copy(to, source, in.to, in.from, in.count, part);
  }
  default:
    EBB_ASSERT(in.op == Op::memory_init);
    return memory_init(instance, in.target, in.source, in.to, from, count, part);
  }
}

/// Runs it all, in code that is metered piece by piece. When the run is suspended between two, or
/// behind the last, the instruction is to be run again, and goes on from there.
EBB_INLINE_UNLESS_SMALL bool run_bulk(Machine& m, Op op, const Operands& operands) {
  const Bulk in = read_bulk(op, operands);
  if (m.instance->module->metering == Metering::none) return done(m, run_part(m, in, Part{}));
  const uint64_t piece = is_of_table(op) ? piece_elements : piece_bytes;
  uint64_t at = std::exchange(m.progress, 0);
  if (in.count == 0) return done(m, run_part(m, in, Part{}));
  while (at < in.count) {
    const uint64_t now = in.count - at < piece ? in.count - at : piece;
    if (!done(m, run_part(m, in, Part{at, now}))) return false;
    at += now;
    if (charge(m, is_of_table(op) ? charge_of_elements(now) : charge_of_bytes(now))) continue;
    m.progress = at;
    m.repeats = true;
    return false;
  }
  return true;
}

} // namespace

bool machine_table_op(Machine& m, Op op, const uint8_t* operands, uint64_t* fp) {
  const Operands in{operands, fp, m.rp};
  InstanceState& instance = *m.instance;
  switch (op) {
  case Op::table_get:
  case Op::table_set: {
    const TableState& table = *instance.tables[in.index(4)];
    const bool is_get = op == Op::table_get;
    const uint64_t index = in.address(is_get ? 2 : 0, in.is_64(4));
    if (index >= table.size) {
      m.error = Error::out_of_bounds_table_access;
      return false;
    }
    if (is_get)
      in.ref(0) = table.elements[index];
    else
      table.elements[index] = in.ref(2);
    return true;
  }
  case Op::table_size:
    in.slot(0) = instance.tables[in.index(2)]->size;
    return true;
  case Op::table_grow: {
    TableState& table = *instance.tables[in.index(6)];
    const bool wide = in.is_64(6);
    const uint64_t delta = in.address(2, wide);
    return answer_grow(m, in.slot(0), table_grow(m.store, table, delta, in.ref(4)), wide,
                       charge_of_elements(delta));
  }
  case Op::table_fill:
    return run_bulk(m, Op::table_fill, in);
  case Op::table_copy:
    return run_bulk(m, Op::table_copy, in);
  case Op::table_init:
    return run_bulk(m, Op::table_init, in);
  default:
    EBB_ASSERT(op == Op::elem_drop);
    instance.dropped_elems[in.index(0)] = 1;
    return true;
  }
}

bool machine_memory_op(Machine& m, Op op, const uint8_t* operands, uint64_t* fp) {
  const Operands in{operands, fp, m.rp};
  InstanceState& instance = *m.instance;
  switch (op) {
  case Op::memory_size:
    in.slot(0) = instance.memories[in.index(2)]->size_pages();
    return true;
  case Op::memory_grow: {
    const bool wide = in.is_64(4);
    MemoryState& memory = *instance.memories[in.index(4)];
    const uint64_t before = memory.size_bytes;
    const Result<uint64_t> grown = memory_grow(m.store, memory, in.address(2, wide));
    return answer_grow(m, in.slot(0), grown, wide, charge_of_bytes(memory.size_bytes - before));
  }
  case Op::memory_fill:
    return run_bulk(m, Op::memory_fill, in);
  case Op::memory_copy:
    return run_bulk(m, Op::memory_copy, in);
  case Op::memory_init:
    return run_bulk(m, Op::memory_init, in);
  default:
    EBB_ASSERT(op == Op::data_drop);
    instance.dropped_datas[in.index(0)] = 1;
    return true;
  }
}

namespace {

/// The bytes of an access, or null after setting the error.
uint8_t* far_bytes(Machine& m, const Operands& in, size_t address_at, size_t bytes) {
  const MemoryState& memory = *m.instance->memories[in.index(4)];
  const uint64_t base = in.address(address_at, in.is_64(4));
  const uint64_t offset = read_code<uint64_t>(in.at + 8);
  const uint64_t at = base + offset;
  if (at < base || !range_fits(at, bytes, memory.size_bytes)) {
    m.error = Error::out_of_bounds_memory_access;
    return nullptr;
  }
  return memory.base + at;
}

template <class MemoryType, class Value> bool far_load(Machine& m, const Operands& in) {
  const uint8_t* bytes = far_bytes(m, in, 2, sizeof(MemoryType));
  if (bytes == nullptr) return false;
  MemoryType loaded;
  memcpy(&loaded, bytes, sizeof(loaded));
  // NOLINTNEXTLINE(bugprone-signed-char-misuse): a load8_s extends the sign
  const Value value = static_cast<Value>(loaded);
  in.slot(0) = static_cast<uint64_t>(value);
  return true;
}

template <class MemoryType> bool far_store(Machine& m, const Operands& in) {
  uint8_t* bytes = far_bytes(m, in, 0, sizeof(MemoryType));
  if (bytes == nullptr) return false;
  const MemoryType stored = static_cast<MemoryType>(in.slot(2));
  memcpy(bytes, &stored, sizeof(stored));
  return true;
}

// What small builds go by: the same access of the first memory.
[[maybe_unused]] constexpr Op near_ops[] = {
    Op::i64_load8_s,  Op::i64_load8_u, Op::i64_load16_s, Op::i64_load16_u, Op::i64_load32_s,
    Op::i64_load32_u, Op::i64_load,    Op::i32_load8_s,  Op::i32_load16_s, Op::i64_store8,
    Op::i64_store16,  Op::i64_store32, Op::i64_store};

} // namespace

bool machine_far_access(Machine& m, Op op, const uint8_t* operands, uint64_t* fp) {
  const Operands in{operands, fp, m.rp};
  if constexpr (is_small_build) {
    const Op near = near_ops[static_cast<size_t>(op) - static_cast<size_t>(Op::far_load8_s)];
    const bool is_load = near < Op::i32_store;
    uint8_t* bytes = far_bytes(m, in, is_load ? 2 : 0, accessed_bytes(near));
    if (bytes == nullptr) return false;
    if (is_load)
      in.slot(0) = load_value(near, bytes);
    else
      store_value(near, bytes, in.slot(2));
    return true;
  }
  switch (op) {
  case Op::far_load8_s:
    return far_load<int8_t, int64_t>(m, in);
  case Op::far_load8_u:
    return far_load<uint8_t, uint64_t>(m, in);
  case Op::far_load16_s:
    return far_load<int16_t, int64_t>(m, in);
  case Op::far_load16_u:
    return far_load<uint16_t, uint64_t>(m, in);
  case Op::far_load32_s:
    return far_load<int32_t, int64_t>(m, in);
  case Op::far_load32_u:
    return far_load<uint32_t, uint64_t>(m, in);
  case Op::far_load64:
    return far_load<uint64_t, uint64_t>(m, in);
  case Op::far_load8_s32:
    return far_load<int8_t, uint32_t>(m, in);
  case Op::far_load16_s32:
    return far_load<int16_t, uint32_t>(m, in);
  case Op::far_store8:
    return far_store<uint8_t>(m, in);
  case Op::far_store16:
    return far_store<uint16_t>(m, in);
  case Op::far_store32:
    return far_store<uint32_t>(m, in);
  default:
    EBB_ASSERT(op == Op::far_store64);
    return far_store<uint64_t>(m, in);
  }
}

} // namespace ebb
