// Where control may come from elsewhere: labels, and the loops whose start can be in a register.
#include "core/bytecode/code_bytes.h"
#include "core/interpret/translation.h"

#include <bit>

namespace ebb {

namespace {

/// An instruction that may lead elsewhere: its targets, of so many bytes each.
struct Branch {
  Op op;
  Effect effect;
  const uint8_t* targets;
  const uint8_t* end;
};

/// Calls `function` for each instruction that may, which most do not, and where it is.
template <class Function>
void for_each_branch(const uint8_t* begin, const uint8_t* end, Function function) {
  for (const uint8_t* at = begin; at < end;) {
    const size_t form = read_code<uint16_t>(at);
    const FormShape& shape = form_shapes[form];
    const uint8_t* next = at + shape.bytes;
    if (shape.effect > Effect::enter) {
      Branch branch{form_infos[form].op, shape.effect, next, next};
      const uint8_t* extra = at + shape.extra;
      if (shape.effect == Effect::table_terminal)
        next += static_cast<size_t>(target_bytes(branch.op) * table_targets(branch.op, extra));
      else if (has_target(shape.effect))
        branch.targets -= target_bytes(branch.op);
      branch.end = next;
      function(at, branch);
    }
    at = next;
  }
}
static_assert(Effect::enter < Effect::target && Effect::acc_lost < Effect::enter);

/// Calls `function` with where each target leads.
template <class Function> void for_each_target(const Branch& branch, Function function) {
  const uint32_t bytes = target_bytes(branch.op);
  for (const uint8_t* field = branch.targets; field < branch.end; field += bytes)
    function(field + target_distance(branch.op, field));
}

} // namespace

namespace {

/// Lists labels, without their marks: first a bit for each halfword that is one.
Result<void> list_labels(const uint8_t* begin, const uint8_t* end, LabelSearch out) {
  constexpr size_t bits = 32;
  out.bits.clear();
  EBB_TRY(out.bits.resize((static_cast<size_t>(end - begin) / 2 + bits - 1) / bits));
  size_t count = 0;
  for_each_branch(begin, end, [&](const uint8_t*, const Branch& branch) {
    for_each_target(branch, [&](const uint8_t* to) {
      const size_t index = static_cast<size_t>(to - begin) / 2;
      const uint32_t bit = 1u << index % bits;
      count += (out.bits[index / bits] & bit) == 0 ? 1 : 0;
      out.bits[index / bits] |= bit;
    });
  });
  out.labels.clear();
  EBB_TRY(out.labels.reserve(count));
  for (size_t i = 0; i < out.bits.size(); i++) {
    for (uint32_t left = out.bits[i]; left != 0; left &= left - 1) {
      const size_t index = i * bits + static_cast<size_t>(std::countr_zero(left));
      out.labels.push_reserved(Label{static_cast<uint32_t>(index) << Label::shift | Label::target});
    }
  }
  return {};
}

/// What is known of labels while innermost loops are looked for. Those to which a branch goes back
/// are marked as such at first.
struct LoopSearch {
  static constexpr uint32_t no_branch = UINT32_MAX;

  std::span<Label> labels;
  uint32_t* branches; ///< The last branch back to it, or else the first one to it.
  uint32_t* calls;    ///< Twice the calls before it, and 1 if one lies before the last branch back.

  void note(const uint8_t* begin, const uint8_t* end);
  void judge();
};

void LoopSearch::note(const uint8_t* begin, const uint8_t* end) {
  for (size_t i = 0; i < labels.size(); i++)
    branches[i] = no_branch;
  const LabelList list{labels.data(), nullptr, static_cast<uint32_t>(labels.size())};
  uint32_t calls_so_far = 0;
  size_t passed = 0;
  for_each_branch(begin, end, [&](const uint8_t* at, const Branch& branch) {
    const uint32_t offset = static_cast<uint32_t>(at - begin);
    for (; passed < labels.size() && labels[passed].offset() <= offset; passed++)
      calls[passed] = calls_so_far * 2;
    if (is_call(branch.effect)) calls_so_far++;
    for_each_target(branch, [&](const uint8_t* to) {
      const uint32_t place = list.place_of(static_cast<uint32_t>(to - begin));
      if (to <= at) {
        labels[place].bits |= Label::innermost;
        branches[place] = offset;
        if (calls_so_far > calls[place] / 2) calls[place] |= 1;
      } else if (branches[place] == no_branch) {
        branches[place] = offset;
      }
    });
  });
}

/// Takes the mark from those that have a loop or call in them or are entered elsewhere, too.
void LoopSearch::judge() {
  uint32_t next_loop = UINT32_MAX;
  for (size_t i = labels.size(); i-- > 0;) {
    Label& label = labels[i];
    if (!label.is_innermost()) continue;
    const uint32_t start = label.offset();
    const uint32_t last = branches[i];
    bool fits = next_loop > last && (calls[i] & 1) == 0;
    for (size_t inner = i + 1; fits && inner < labels.size() && labels[inner].offset() <= last;
         inner++)
      fits = branches[inner] >= start;
    if (!fits) label.bits &= ~Label::innermost;
    next_loop = start;
  }
}

} // namespace

Result<void> find_labels(const uint8_t* begin, const uint8_t* end, LabelSearch out) {
  EBB_TRY(list_labels(begin, end, out));
  const size_t count = out.labels.size();
  out.positions.clear();
  EBB_TRY(out.positions.resize(count));
  // Nobody needs the bits any more.
  out.bits.clear();
  EBB_TRY(out.bits.resize(count));
  LoopSearch loops{out.labels.span(), out.positions.data(), out.bits.data()};
  loops.note(begin, end);
  loops.judge();
  return {};
}

bool Translation::finds_label_at(const uint8_t* at) {
  if (window_begin_ == nullptr || at >= window_begin_ + window_bytes) {
    window_begin_ = at;
    memset(window_, 0, window_bytes / 16);
    for_each_branch(in_.begin, in_.end, [&](const uint8_t*, const Branch& branch) {
      for_each_target(branch, [&](const uint8_t* to) {
        if (to < at || to >= at + window_bytes) return;
        const size_t index = static_cast<size_t>(to - at) / 2;
        window_[index / 8] = static_cast<uint8_t>(window_[index / 8] | 1u << index % 8);
      });
    });
  }
  const size_t index = static_cast<size_t>(at - window_begin_) / 2;
  return (window_[index / 8] >> index % 8 & 1) != 0;
}

} // namespace ebb
