// Where control may come from elsewhere: labels, and the loops whose start can be in a register.
#include "core/bytecode/code_bytes.h"
#include "core/interpret/translation.h"

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

// Here an entry has above its two marks one for calls, and above that: of the
// target of a backward branch the last such branch, of another label the first branch to it, in
// halfwords.
void mark_layout(const uint8_t* begin, const uint8_t* end, uint32_t* layout) {
  constexpr uint32_t call = 4;
  constexpr uint32_t shift = 3;
  const size_t count = static_cast<size_t>(end - begin) / 2;
  bool has_loops = false;
  for_each_branch(begin, end, [&](const uint8_t* at, const Branch& branch) {
    const uint32_t index = static_cast<uint32_t>(static_cast<size_t>(at - begin) / 2);
    if (is_call(branch.effect)) layout[index] |= call;
    for_each_target(branch, [&](const uint8_t* to) {
      uint32_t& entry = layout[static_cast<size_t>(to - begin) / 2];
      if (to <= at) {
        has_loops = true;
        entry = (entry & call) | Layout::label | Layout::loop | index << shift;
      } else if ((entry & Layout::label) == 0) {
        entry |= Layout::label | index << shift;
      }
    });
  });
  // A loop whose start can be in a register has no loop and no call in it, and is entered at its
  // start.
  size_t next_loop = SIZE_MAX, next_call = SIZE_MAX;
  for (size_t i = has_loops ? count : 0; i-- > 0;) {
    // Most entries have nothing.
    while (i >= 4 && (layout[i] | layout[i - 1] | layout[i - 2] | layout[i - 3]) == 0)
      i -= 4;
    if ((layout[i] & call) != 0) next_call = i;
    if ((layout[i] & Layout::loop) == 0) continue;
    const size_t last = layout[i] >> shift;
    bool fits = next_loop > last && next_call > last;
    for (size_t inner = i + 1; fits && inner <= last; inner++)
      if ((layout[inner] & Layout::label) != 0 && layout[inner] >> shift < i) fits = false;
    if (!fits) layout[i] &= ~Layout::loop;
    next_loop = i;
  }
  for (size_t i = 0; i < count; i++)
    layout[i] &= Layout::marks;
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
