// Constant expressions, element segments and data segments.
#include "core/validate/module_decoder.h"

#include "core/types/implementation_limits.h"

namespace ebb {
namespace {

// Bits of an element segment's flags.
constexpr uint32_t elem_not_active = 1; // passive, or declarative with the next
constexpr uint32_t elem_explicit = 2; // active with a table index; declarative with the one before
constexpr uint32_t elem_expressions = 4;
constexpr uint32_t elem_flags_max = 7;

// A constant expression of a single instruction.
Init init_of(const Instruction& in, ValType type, uint32_t end_offset) {
  Init init;
  init.type = type;
  switch (in.op) {
  case Opcode::i32_const:
  case Opcode::i64_const:
  case Opcode::f32_const:
  case Opcode::f64_const:
    init.kind = Init::Kind::number;
    init.bits = in.imm;
    break;
  case Opcode::v128_const:
    init.kind = Init::Kind::v128;
    init.range = {end_offset - static_cast<uint32_t>(sizeof(in.bytes)), sizeof(in.bytes)};
    break;
  case Opcode::ref_null:
    init.kind = Init::Kind::ref_null;
    init.type = in.type;
    break;
  case Opcode::ref_func:
    init.kind = Init::Kind::ref_func;
    init.index = in.index;
    break;
  case Opcode::global_get:
    init.kind = Init::Kind::global_get;
    init.index = in.index;
    break;
  default:
    init.kind = Init::Kind::extended;
    break;
  }
  return init;
}

} // namespace

Result<Init> ModuleDecoder::read_init(ValType expected) {
  const ByteRange rest{reader_.offset(), static_cast<uint32_t>(reader_.remaining())};
  EBB_TRY(const_validator_.begin_const_expr(rest, expected, out_.globals.size()));
  Init init;
  Instruction in;
  uint32_t count = 0;
  for (bool more = true; more; ++count) {
    const Result<bool> step = const_validator_.step(in);
    if (!step) {
      error_offset_ = const_validator_.offset();
      return step.error();
    }
    more = step.value();
    if (in.op == Opcode::ref_func) EBB_TRY(declare_function(in.index));
    if (count == 0) init = init_of(in, expected, const_validator_.offset());
  }
  const ByteRange range = EBB_TRY(reader_.range(const_validator_.offset() - rest.offset));
  if (count != 2 || init.kind == Init::Kind::extended) {
    init.kind = Init::Kind::extended;
    init.type = expected;
    init.range = range;
  }
  return init;
}

// The functions are all known when anything can refer to one.
Result<void> ModuleDecoder::declare_function(uint32_t index) {
  if (out_.declared_functions.is_empty()) {
    EBB_TRY(out_.declared_functions.resize((out_.functions.size() + 31) / 32));
  }
  out_.declared_functions[index / 32] |= 1u << (index % 32);
  return {};
}

Result<void> ModuleDecoder::read_elems() {
  const WireCount count = EBB_TRY(reader_.count(2));
  if (count.claimed() > limits::elem_segments_max) return Error::too_many_elem_segments;
  for (uint32_t i = 0; i < count.claimed(); ++i)
    EBB_TRY(read_elem());
  return {};
}

Result<void> ModuleDecoder::read_elem() {
  const uint32_t flags = EBB_TRY(reader_.u32());
  if (flags > elem_flags_max) return Error::malformed_segment_kind;
  if (flags != 0) EBB_TRY(need(Feature::bulk_memory));
  const bool has_expressions = (flags & elem_expressions) != 0;
  ElemDecl elem;
  elem.type = has_expressions ? ValType::funcref() : ValType::ref(AbstractHeapType::func, false);
  if ((flags & elem_not_active) != 0) {
    elem.mode = (flags & elem_explicit) != 0 ? SegmentMode::declarative : SegmentMode::passive;
  } else {
    elem.mode = SegmentMode::active;
    if ((flags & elem_explicit) != 0) elem.table = TableIndex{EBB_TRY(reader_.u32())};
    if (elem.table.value >= out_.tables.size()) return Error::unknown_table;
    elem.offset = EBB_TRY(read_init(out_.tables[elem.table.value].type.limits.address_type()));
  }
  if ((flags & (elem_not_active | elem_explicit)) != 0) {
    if (has_expressions) {
      elem.type = EBB_TRY(type_reader_.ref_type(reader_));
    } else if (EBB_TRY(reader_.u8()) != 0) {
      return Error::malformed_reference_type;
    }
  }
  if (elem.mode == SegmentMode::active &&
      !types_.is_subtype(elem.type, out_.tables[elem.table.value].type.element)) {
    return Error::type_mismatch;
  }
  EBB_TRY(has_expressions ? read_elem_inits(elem) : read_elem_functions(elem));
  return out_.elems.push(elem);
}

Result<void> ModuleDecoder::read_elem_functions(ElemDecl& elem) {
  const WireCount count = EBB_TRY(reader_.count());
  elem.first = static_cast<uint32_t>(out_.elem_functions.size());
  elem.count = count.claimed();
  EBB_TRY(out_.elem_functions.reserve(out_.elem_functions.size() + count.limit(1)));
  for (uint32_t i = 0; i < count.claimed(); ++i) {
    const uint32_t index = EBB_TRY(reader_.u32());
    if (index >= out_.functions.size()) return Error::unknown_function;
    EBB_TRY(declare_function(index));
    EBB_TRY(out_.elem_functions.push(FuncIndex{index}));
  }
  return {};
}

Result<void> ModuleDecoder::read_elem_inits(ElemDecl& elem) {
  const WireCount count = EBB_TRY(reader_.count());
  elem.first = static_cast<uint32_t>(out_.elem_functions.size());
  for (uint32_t i = 0; i < count.claimed(); ++i) {
    const Init init = EBB_TRY(read_init(elem.type));
    EBB_TRY(add_elem_init(elem, init));
  }
  return {};
}

// Items stay a list of functions until one comes that is something else.
Result<void> ModuleDecoder::add_elem_init(ElemDecl& elem, const Init& init) {
  const bool is_function = init.kind == Init::Kind::ref_func;
  if (!elem.has_inits && (is_function || init.kind == Init::Kind::ref_null)) {
    EBB_TRY(out_.elem_functions.push(is_function ? init.func() : no_function));
    ++elem.count;
    return {};
  }
  if (!elem.has_inits) {
    const size_t first = out_.elem_inits.size();
    EBB_TRY(out_.elem_inits.reserve(first + elem.count + 1));
    for (uint32_t i = 0; i < elem.count; ++i) {
      const FuncIndex function = out_.elem_functions[elem.first + i];
      Init item;
      item.type = elem.type;
      item.kind = function == no_function ? Init::Kind::ref_null : Init::Kind::ref_func;
      if (function != no_function) item.index = function.value;
      out_.elem_inits.push_reserved(item);
    }
    out_.elem_functions.truncate(elem.first);
    elem.first = static_cast<uint32_t>(first);
    elem.has_inits = true;
  }
  EBB_TRY(out_.elem_inits.push(init));
  ++elem.count;
  return {};
}

Result<void> ModuleDecoder::read_datas() {
  const WireCount count = EBB_TRY(reader_.count(2));
  if (count.claimed() > limits::data_segments_max) return Error::too_many_data_segments;
  EBB_TRY(out_.datas.reserve_wire(count, 2));
  for (uint32_t i = 0; i < count.claimed(); ++i)
    EBB_TRY(read_data());
  return {};
}

Result<void> ModuleDecoder::read_data() {
  const uint32_t flags = EBB_TRY(reader_.u32());
  if (flags > 2) return Error::malformed_segment_kind;
  if (flags != 0) EBB_TRY(need(Feature::bulk_memory));
  DataDecl data;
  if (flags != 1) {
    data.mode = SegmentMode::active;
    if (flags == 2) data.memory = MemoryIndex{EBB_TRY(reader_.u32())};
    if (data.memory.value >= out_.memories.size()) return Error::unknown_memory;
    data.offset = EBB_TRY(read_init(out_.memories[data.memory.value].limits.address_type()));
  }
  data.bytes = EBB_TRY(reader_.sized_range());
  return out_.datas.push(data);
}

} // namespace ebb
