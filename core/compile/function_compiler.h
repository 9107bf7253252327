// FunctionCompiler: one function body (or constant expression) to compact bytecode, in one pass, in
// lockstep with the validator. Only a function whose short targets turn out not to reach is
// compiled a second time, which one of more than 64 KiB of wasm is not: it has far branches at
// once.
//
// The operand stack of the wasm code does not survive. It is kept symbolically: an entry is a
// constant, a local that is read where it is used, the accumulator, or its own slot in the frame.
// Every entry has a slot of its own (after the locals, by its height), to which it is written only
// when it must be. Invariants:
//   - at most one entry is in the accumulator: `acc_entry_`;
//   - below `flushed_`, no entry is a local or the accumulator; when a block opens, all entries are
//   flushed, so that what
//     lies below a block is the same on every path;
//   - entries that stand for a local are linked from it, so that a write to the local finds them
//   and saves the old value;
//   - `acc_slot_` is the slot whose value the accumulator also has, forgotten at every label.
// References live in slots of their own space and are always written.
//
// Scratch memory is kept from one function to the next. The work is linear in the body's bytes, but
// for br_table, whose labels may each need a move of the values that they carry.
#pragma once

#include "core/bytecode/function.h"
#include "core/bytecode/ops.h"
#include "core/compile/emitter.h"
#include "core/validate/body_validator.h"

#include <initializer_list>

namespace ebb {

struct CompileOptions {
  bool wide = sizeof(void*) == 8; ///< Whether the accumulator holds 64 bits.
  Metering metering = Metering::none;
  bool keep_offsets = false;
};

/// Where the compiler writes: behind what is there.
struct CompileOutput {
  Vec<uint8_t>& code;
  Vec<uint8_t>& offset_map;     ///< Code offset to wasm offset, LEB128 deltas, if offsets are kept.
  Vec<Label>* labels = nullptr; ///< Those of the last function, for who wants to know.
};

class FunctionCompiler {
public:
  /// All arguments must outlive the compiler.
  FunctionCompiler(const ModuleDecl& module, CompileOutput output, BodyValidator& validator,
                   const CompileOptions& options, Heap& heap);

  /// Compiles a defined function behind the code that is there and fills in `function`.
  /// Fails: validation errors, unsupported instructions, limits, out_of_memory. On failure: the
  /// code may be longer.
  Result<void> compile(FuncIndex index, Function& function);
  /// The same for a constant expression of a type.
  Result<void> compile_constant(ByteRange range, ValType type, size_t globals_visible,
                                Function& function);

private:
  enum class Where : uint8_t { constant, local, slot, acc };
  struct Entry {
    Where where;
    ValKind type;
    uint16_t slot;         ///< Its own, whether it is there or not.
    uint32_t next_pending; ///< Of entries that stand for the same local: the one below, + 1.
    /// The constant; of a local its index, and above 32 bits its slot.
    uint64_t bits;

    uint32_t local() const { return static_cast<uint32_t>(bits); }
    /// Where a number is read that is neither a constant nor in the accumulator.
    uint32_t read_slot() const {
      return where == Where::local ? static_cast<uint32_t>(bits >> 32) : slot;
    }
  };
  struct Local {
    uint16_t slot;
    ValKind type;
    bool is_set;      ///< On every way to here, or is cleared at the entry.
    uint32_t pending; ///< The topmost entry that stands for it, + 1.
    uint32_t weight;  ///< Uses, times eight for each loop around them; stays 0 for types that are
                      ///< never pinned.
  };
  /// What decides whether a loop is an innermost one: see `Label`.
  struct Loops {
    uint32_t label = 0;        ///< Of a loop, its place in the list.
    uint32_t back_end = 0;     ///< Behind the last branch back to here; 0 if there is none.
    bool has_call = false;     ///< Whether there is a call before that.
    bool is_target = false;    ///< Whether such a branch is to this very block.
    uint32_t here = no_loop;   ///< Where the first loop in it starts to which a branch goes back;
    uint32_t behind = no_loop; ///< and the first one that starts behind its own start.
    static constexpr uint32_t no_loop = UINT32_MAX;
  };
  struct Block {
    FrameKind kind;
    bool targeted = false;
    uint8_t loop_depth = 0;
    uint16_t numbers = 0; ///< Slots in use below the block's parameters.
    uint16_t refs = 0;
    uint32_t height = 0; ///< Entries below the parameters.
    uint32_t start = 0;  ///< Where it began.
    uint32_t region = 0; ///< Where that began which it is charged to.
    Loops loops;
    LabelFixups end;
    LabelFixups otherwise;   ///< Of an if: to its else.
    uint32_t set_locals = 0; ///< How many of `set_locals_` were set when it opened.
    LabelFixups stub;        ///< br_table entries that need a move first.
    uint32_t stub_serial = 0;
  };
  struct Values { ///< A sequence of types in slots.
    uint32_t entries = 0;
    SlotCounts slots;
  };

  // function_compiler.cpp: set-up and the instruction switch.
  Result<void> begin(std::span<const ValType> params, Function& function);
  Result<void> compile_in_reach(FuncIndex index, Function& function, Reach reach);
  Result<void> add_local(ValType type);
  Result<void> run();
  Result<void> finish_function(Function& function);
  Result<void> write_pins();
  Result<void> step_dead(Opcode op);
  Result<void> step(const Instruction& in);
  Result<void> step_variable(const Instruction& in);
  Result<void> step_constant(const Instruction& in);
  Result<void> local_get(uint32_t index);
  Result<void> local_set(uint32_t index, bool tee);
  Result<void> note_set(uint32_t index);
  Result<bool> redirect_to_local(const Entry& entry, uint32_t slot);
  Result<void> global_get(uint32_t index);
  Result<void> global_set(uint32_t index);
  void weigh(Local& local) const;
  void clear_at_entry(Local& local);
  void forget_set(uint32_t count);
  Local& local_of(const Entry& entry) { return locals_[entry.local()]; }
  void unlink(const Entry& entry);
  Result<void> step_numeric(const Instruction& in);
  Result<void> step_memory_access(const Instruction& in, Op op);
  Result<void> absolute_access(uint32_t address, Draft& draft);
  Result<void> far_access(const Instruction& in, Op op);
  Result<void> note_offset() {
    return is_small_build || !options_.keep_offsets ? Result<void>() : note_new_offset();
  }
  Result<void> note_new_offset();
  Error unsupported(Opcode op) const;

  // stack.cpp: the symbolic stack and how instructions take operands from it.
  static bool is_float(ValKind type) { return type == ValKind::f32 || type == ValKind::f64; }
  static uint32_t slots_of(ValKind type) { return type == ValKind::v128 ? 2 : 1; }
  bool fits_acc(ValKind type) const;
  Result<void> push(Where where, ValKind type, uint64_t bits = 0);
  Result<void> push_local(uint32_t local);
  Result<void> push_slots(std::span<const ValType> types);
  Entry pop();
  void truncate(size_t height);
  Result<void> flush(size_t index);
  Result<void> store_acc(const Entry& entry);
  Result<void> flush_acc();
  Result<void> flush_top(size_t count);
  Result<void> flush_block(size_t params);
  static uint64_t constant_source(const Entry& entry, Draft& draft);
  Result<void> copy_slot(const Entry& entry, uint32_t slot);
  Result<void> copy_to(const Entry& entry, uint32_t slot);
  Result<void> move_to(Entry& entry, uint32_t slot);
  Result<void> copy_range(uint32_t to, uint32_t from, uint32_t count);
  Result<void> ref_move_range(uint32_t to, uint32_t from, uint32_t count);
  Result<void> materialize(Entry& entry);
  Result<void> save_pending(uint32_t local);
  Operand operand(const Entry& entry) const;
  static Operand immediate(const Entry& entry);
  Result<void> fit(Draft& draft, Entry* a, Entry* b);
  Result<void> emit(Draft& draft);
  Result<void> emit_result(Draft& draft, ValKind type, Entry* a, Entry* b);
  Result<void> slot_operand(Entry& entry, Operand& out);
  void lose_acc();
  void acc_mirrors(uint32_t slot, ValKind type);
  void slot_written(uint32_t slot, uint32_t count = 1);
  Values values(std::span<const ValType> types) const;
  Result<void> note_frame(uint32_t numbers, uint32_t refs);

  // quick_steps.h: the same for what most instructions are.
  static bool is_number(ValKind type) { return type <= ValKind::f64; }
  static Form find_form(Op op, Kind d, Operand& a, Operand& b);
  Form choose_form(Op op, Kind d, Operand& a, Operand& b) const;
  Form choose_rare_form(Op op, Kind d, Operand& a, Operand& b) const;
  template <uint32_t count> void drop_numbers();
  Operand number(const Entry& entry) const;
  Result<void> push_number_of(uint32_t index);
  Result<void> push_number(Where where, ValKind type, uint64_t bits, uint32_t below = 0);
  template <uint32_t operands> Result<bool> quick_result(Op op, ValKind result, uint32_t extra);
  // What the validator calls.
  friend class BodyValidator;
  bool wants_step(Opcode op) const { return counts_fuel_ && region_is_due(op); }
  void before(Opcode op) {
    if (counts_fuel_) charge_for(op);
  }
  template <uint32_t operands> Result<void> quick_numeric(Opcode opcode, ValKind result);
  Result<void> quick_access(Opcode opcode, ValKind result, uint32_t offset);
  Result<void> quick_local_get(uint32_t index);
  template <bool is_tee> Result<void> quick_local_set(uint32_t index);
  Result<void> quick_constant(ValKind type, uint64_t bits) {
    return push_number(Where::constant, type, bits);
  }
  void quick_drop() { pop(); }
  Result<void> quick_select() { return select(); }
  Result<void> quick_global(uint32_t index, bool is_set) {
    return is_set ? global_set(index) : global_get(index);
  }
  Result<void> quick_call(uint32_t index);
  Result<void> quick_open(FrameKind kind) {
    return kind == FrameKind::if_ ? open_if({}) : open_block(kind, {});
  }
  Result<void> quick_close() { return handle_end(false); }
  Result<void> quick_branch(uint32_t label) { return branch(label); }
  Result<void> quick_branch_if(uint32_t label);

  // control.cpp: blocks, branches, returns.
  Result<void> open_block(FrameKind kind, std::span<const ValType> params);
  Result<void> open_if(std::span<const ValType> params);
  Result<void> handle_else();
  Result<void> handle_end(bool is_last);
  Result<void> branch(uint32_t label);
  Result<void> branch_if(uint32_t label);
  Result<void> branch_table();
  Result<void> branch_on_null(uint32_t label, bool on_null);
  Result<void> pop_condition(Draft& branch, bool negated);
  bool in_place(const Block& block, const Values& carried) const;
  Result<void> carry(const Block& block, std::span<const ValType> types);
  Result<void> jump(uint32_t label, Draft& branch);
  void note_back(Block& loop);
  void end_loops();
  Result<void> jump_over(uint32_t label, Draft& opposite);
  Result<void> go(uint32_t label);
  Result<void> emit_return();
  size_t block_index(uint32_t label) const { return blocks_.size() - 1 - label; }
  Block& block(uint32_t label) { return blocks_[block_index(label)]; }
  std::span<const ValType> results() const;

  // calls.cpp: calls, references, tables, bulk operations.
  Result<void> call(const Instruction& in);
  Result<void> emit_call(Draft& draft, const SubType& type, size_t outgoing_at, bool tail);
  Result<void> step_reference(const Instruction& in);
  Result<void> step_table(const Instruction& in);
  Result<void> step_bulk(const Instruction& in);
  Result<void> select();
  Result<void> pop_slots(std::initializer_list<Operand*> operands);
  Result<void> push_special(Draft& draft, ValKind type);
  Result<void> push_after(Draft& draft, ValKind type);
  uint32_t table_operand(uint32_t table) const;
  uint32_t memory_operand(uint32_t memory) const;

  // metering.cpp: fuel and interruption.
  Result<void> begin_metered();
  Result<void> begin_region();
  bool region_is_due(Opcode op) const;
  void charge_for(Opcode op);
  void charge();
  void note_exit(size_t block_index);
  void note_branch(size_t block_index);
  void rejoin_region(const Block& block, size_t block_index, bool is_certain);

  const ModuleDecl& decl_;
  CompileOutput output_;
  BodyValidator& validator_;
  const CompileOptions options_;
  Emitter emitter_;
  Vec<Entry> entries_;
  Vec<Local> locals_;
  Vec<Block> blocks_;
  Vec<uint32_t> set_locals_;      ///< Declared locals that are set on every way to here, in order.
  const SubType* type_ = nullptr; ///< Of the function; null for a constant expression.
  ValType constant_type_;
  Instruction instruction_;
  uint32_t numbers_ = 0; ///< Number slots in use: locals and entries.
  uint32_t refs_ = 0;
  SlotCounts params_;        ///< Of the function.
  uint32_t enter_at_ = 0;    ///< Where its `enter` is, if it declares numbers.
  uint32_t clear_first_ = 0; ///< The slots that this must clear.
  uint32_t clear_end_ = 0;
  uint32_t frame_numbers_ = 0;
  uint32_t frame_refs_ = 0;
  size_t flushed_ = 0;
  size_t dead_depth_ = 0; ///< Blocks opened in code that cannot be reached.
  uint32_t table_serial_ = 0;
  uint32_t acc_slot_ = no_slot;
  size_t acc_entry_ = no_entry;
  uint32_t call_end_ = 0; ///< Behind the last call.
  uint32_t noted_code_ = 0;
  uint32_t noted_wasm_ = 0;
  uint32_t region_ = 0;         ///< Where in the code the present region's charge is.
  uint32_t run_over_ = 0;       ///< Instructions of it that a branch may have skipped.
  bool is_past_branch_ = false; ///< Whether those that come now are such.
  bool is_at_label_ = false;
  size_t exit_ = SIZE_MAX; ///< The outermost block that was left in the middle and has not ended.
  bool live_ = true;
  bool counts_fuel_ = false;
  uint32_t no_local_ = 0; ///< Written in place of a local's field where there is none.

  static constexpr uint32_t no_slot = UINT32_MAX;
  static constexpr size_t no_entry = SIZE_MAX;
};

} // namespace ebb
