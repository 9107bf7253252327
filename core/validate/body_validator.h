// BodyValidator: decodes and type-checks the instructions of one function body or constant
// expression after the other.
//
// It is driven by its user, who calls `step` for each instruction and may look at the state in
// between; the bytecode compiler runs in lockstep with it. It keeps its stacks in heap memory,
// recurses nowhere, and keeps what it has allocated for the next body. A body costs memory in
// proportion to its bytes, and time too: the bound on the length of a type list (params_max,
// results_max) is the only factor.
//
// The algorithm is the one in the specification's appendix. Operands are a stack of types; a
// control frame remembers where its operands start. After an unconditional branch the frame is
// unreachable: its operands are cut off, and operands that are missing are of the bottom type.
#pragma once

#include "core/binary/instruction.h"
#include "core/validate/type_reader.h"

namespace ebb {

enum class FrameKind : uint8_t { function, block, loop, if_, else_, try_table };

/// An open block. Looks into `params` and `results` are good until the next step.
struct ControlFrame {
  FrameKind kind = FrameKind::function;
  bool unreachable = false; ///< Whether the code now read in this frame cannot be reached.
  bool has_value_type = false;
  ValType value_type;            ///< The only result, where the type is written that way.
  const SubType* type = nullptr; ///< The function type, where there is one.
  uint32_t height = 0;           ///< Of the operand stack below the block's parameters.
  uint32_t set_locals = 0;       ///< Internal: the number of locals known to be set on entry.
  uint32_t checked_by = 0;       ///< Internal: the br_table that last checked this label.

  std::span<const ValType> params() const {
    if (type == nullptr || kind == FrameKind::function) return {};
    return type->params();
  }
  std::span<const ValType> results() const {
    if (type != nullptr) return type->results();
    return {&value_type, has_value_type ? size_t{1} : size_t{0}};
  }
  /// What a branch to this block carries.
  std::span<const ValType> label_types() const {
    return kind == FrameKind::loop ? params() : results();
  }
};

/// A run of declared locals of one type.
struct LocalRun {
  uint32_t end = 0; ///< The index after the last, parameters counted.
  ValType type;
};

class BodyValidator {
public:
  /// All arguments must outlive the validator.
  BodyValidator(const ModuleDecl& module, const TypeRegistry& types, FeatureSet features,
                Heap& heap);
  BodyValidator(const BodyValidator&) = delete;
  BodyValidator& operator=(const BodyValidator&) = delete;

  /// Starts with the body of a function that is not imported and reads its local declarations.
  /// Fails: out_of_memory, too_many_locals, too_many_function_locals, and what decoding and
  /// validation report.
  Result<void> begin_function(FuncIndex function);
  /// Starts with a constant expression, which must give `expected` and may read the first
  /// `globals_visible` globals. It ends at its end instruction, at or before the end of the range.
  /// Fails: out_of_memory.
  Result<void> begin_const_expr(ByteRange range, ValType expected, size_t globals_visible);

  /// Reads and checks the next instruction. False after the end of the body; `out` is that last end
  /// then. Fails: out_of_memory, and what decoding and validation report. On failure: only begin_…
  /// may follow.
  Result<bool> step(Instruction& out);
  /// Reads and checks the next instruction if that is easy and it is right, and hands it to `user`:
  /// see body_quick.h, which defines it. If not, it says false, nothing that counts has changed,
  /// and `step` must follow. Fails: as `user`.
  template <class User> Result<bool> step_quickly(User& user);
  /// Whether the next instruction is an `end`.
  bool next_is_end() const {
    constexpr uint8_t end = 0x0b;
    return !reader_.at_end() && *reader_.cursor() == end;
  }
  /// Reads and checks all that is left of a function's body. Fails: as `step`.
  Result<void> finish();

  /// The offset in the module of what is read next; after a failure, of what failed.
  uint32_t offset() const { return failed_ ? error_offset_ : reader_.offset(); }
  /// The offset of the instruction read last; at the beginning, of the first.
  uint32_t instruction_offset() const { return reader_.offset_of(instruction_); }
  /// The function begun last, or `no_function`.
  FuncIndex function() const { return function_; }
  /// The features that the instructions read so far need, over all bodies.
  FeatureSet features_used() const { return features_used_; }

  // The function's locals.
  uint32_t param_count() const { return param_count_; }
  uint32_t local_count() const { return local_count_; }
  /// Of a parameter or local; the index is in range.
  ValType local_type(uint32_t index) const {
    return index < cached_locals_ ? local_cache_[index] : local_type_slow(index);
  }

  // What the last step found.
  /// The operand type of drop, select (the type chosen), local.set, local.tee, global.set,
  /// ref.is_null, ref.as_non_null, br_on_null, br_on_non_null, ref.test and ref.cast. Bottom in
  /// unreachable code.
  ValType operand_type() const { return operand_type_; }
  /// The frame that the last else or end closed.
  const ControlFrame& closed_frame() const { return closed_frame_; }
  /// The labels of the last br_table, which no quick step is, the default last.
  std::span<const uint32_t> br_labels() const { return {labels_.data(), labels_.size()}; }

  // The state now.
  /// Whether the next instruction can be reached.
  bool reachable() const { return control_.size() != 0 && !control(0).unreachable; }
  size_t control_depth() const { return control_.size(); }
  /// The open block that a label names: 0 is the innermost.
  const ControlFrame& control(size_t label) const { return control_[control_.size() - 1 - label]; }
  std::span<const ValType> label_types(size_t label) const { return control(label).label_types(); }
  size_t operand_count() const { return operands_.size(); }
  /// The type of an operand: 0 is the top.
  ValType operand(size_t depth) const { return operands_[operands_.size() - 1 - depth]; }
  std::span<const ValType> operands() const { return {operands_.data(), operands_.size()}; }

  /// The type of a function, or of a call_indirect or call_ref's type index; the index has been
  /// checked.
  const SubType& func_type(FuncIndex index) const { return module_.function_type(index); }
  const SubType& type(TypeIndex index) const { return module_.types.get(index); }

private:
  static constexpr uint32_t local_cache_size = 64;

  // Decoding: body_decode.cpp. The reader stands at what is wrong after a failure.
  Result<void> read_locals();
  Result<void> decode(Instruction& out);
  Result<void> decode_immediate(Instruction& out, Immediate immediate);
  Result<void> decode_memory_operand(Instruction& out);
  Result<void> decode_br_table(Instruction& out);
  Result<void> decode_catches();
  Result<void> decode_cast(Instruction& out);
  Result<void> decode_select_types(Instruction& out);
  Result<void> decode_bytes(Instruction& out);
  Result<bool> fail(Error error, uint32_t offset);

  // The quick way: body_quick.h.
  bool pop_quickly(ValType type);
  bool pop_quickly(ValType first, ValType second);
  bool has_local_quickly(uint32_t index);
  bool push_quickly(ValType type);
  bool call_quickly(const SubType& type);
  bool open_quickly(FrameKind kind, uint8_t type);
  bool close_quickly();
  bool is_bare_label(uint32_t label) const;

  // Operands.
  Result<void> push(ValType type);
  Result<void> push(std::span<const ValType> types);
  Result<ValType> pop_any();
  Result<ValType> pop(ValType expected);
  Result<ValType> pop_ref();
  Result<void> pop(std::span<const ValType> expected);
  Result<void> check_top(std::span<const ValType> expected, bool replace);
  void set_unreachable();

  // Checking: control and locals in body_control.cpp, the rest in body_check.cpp and
  // body_objects.cpp.
  Result<void> check(const Instruction& in);
  Result<void> check_const(const Instruction& in);
  Result<void> check_immediate(const Instruction& in, Immediate immediate);
  Result<void> check_signature(const Instruction& in);
  Result<void> check_special(const Instruction& in);
  Result<void> check_variable(const Instruction& in);
  Result<void> check_table(const Instruction& in);
  Result<void> check_reference(const Instruction& in);
  Result<void> check_select(const Instruction& in);
  Result<void> check_object(const Instruction& in);
  Result<void> check_struct(const Instruction& in);
  Result<void> check_array(const Instruction& in);
  Result<void> check_array_access(const Instruction& in, const SubType& array);
  Result<void> check_array_segment(const Instruction& in, const SubType& array);
  Result<void> check_control(const Instruction& in);
  Result<void> check_block(const Instruction& in, FrameKind kind);
  Result<void> check_else();
  Result<void> check_end();
  Result<void> check_br_table();
  Result<void> check_br_on_null(const Instruction& in);
  Result<void> check_br_on_cast(const Instruction& in);
  Result<void> check_call(const SubType& callee, bool is_tail);
  Result<void> check_indirect_call(const Instruction& in, bool is_tail);
  Result<void> check_catches();
  Result<void> check_local(const Instruction& in);

  Result<ControlFrame*> label(uint32_t index);
  Result<const SubType*> defined_type(uint32_t index, CompositeKind kind) const;
  Result<void> close_frame();
  bool is_local_set(uint32_t index) const {
    return (set_bits_[index / 32] >> (index % 32) & 1) != 0;
  }
  ValType local_type_slow(uint32_t index) const;
  ValType address_type(const Instruction& in) const {
    return module_.memories[in.index].limits.address_type();
  }
  ValType ref_to(uint32_t type_index, bool nullable) const {
    return ValType::ref(HeapType::concrete(module_.types[TypeIndex{type_index}]), nullable);
  }

  const ModuleDecl& module_;
  const TypeRegistry& types_;
  FeatureSet features_;
  FeatureSet features_used_ = FeatureSet::mvp();
  TypeReader type_reader_;
  Reader reader_;
  const uint8_t* instruction_ = nullptr;
  size_t floor_ = 0; ///< The height of the innermost frame.
  Vec<ValType> operands_;
  Vec<ControlFrame> control_;
  Vec<uint32_t> labels_;
  Vec<CatchClause> catches_;
  Vec<LocalRun> runs_;
  Vec<uint32_t> set_bits_;   // a bit for each local that is set, if any local needs it
  Vec<uint32_t> set_locals_; // the locals that were set, in order
  const SubType* function_type_ = nullptr;
  FuncIndex function_ = no_function;
  uint32_t param_count_ = 0;
  uint32_t local_count_ = 0;
  uint32_t cached_locals_ = 0;
  uint32_t globals_visible_ = 0;
  uint32_t br_table_serial_ = 0;
  uint32_t error_offset_ = 0;
  uint32_t quick_locals_ = 0;     // how many of the cached ones the quick way knows
  bool tracks_locals_ = false;    // whether some local cannot start as zero or null
  bool has_plain_memory_ = false; // a memory whose addresses have 32 bits, the first
  bool is_const_ = false;
  bool failed_ = false;
  ValType operand_type_;
  ControlFrame closed_frame_;
  ValType local_cache_[local_cache_size];
};

} // namespace ebb
