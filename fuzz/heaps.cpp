// Target: heaps under budgets and reserved heaps against a model that keeps their figures.
//
// A tree of heaps lies over a pool or over the C library, behind a fault injector. A request must
// be given exactly if no budget on its way and no refusal below forbids it; figures must be the sum
// of the blocks given; and what a reserved heap gives must not depend on what other heaps do, which
// a twin shows: a reserved heap of the same size alone, to which the same calls are made.
#include "fuzz/input.h"
#include "fuzz/target.h"

#include "collections/heap.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

namespace {

using namespace ebb;
using namespace ebb::fuzz;

constexpr const char* name = "heaps";
constexpr size_t heaps_max = 8;
constexpr size_t blocks_max = 64;
constexpr size_t steps_max = 400;

void must(bool holds, const char* what) {
  if (!holds) fail(name, what);
}

struct Held {
  size_t heap;
  Block block;
  Block twin; ///< The same block in the twin of a reserved heap.
  size_t align;
  uint8_t fill;
};

struct Node {
  std::unique_ptr<Heap> heap;
  std::unique_ptr<Heap> twin; ///< Of some that are reserved; these have no heaps below them.
  size_t parent = SIZE_MAX;
  bool is_reserved = false;
  size_t limit = Heap::no_limit;
  size_t used = 0; ///< What the model says.
  size_t peak = 0;
};

class World {
public:
  World(Input& input, WatchedMemory& memory, const Allocator& quiet)
      : input_(input), memory_(memory), quiet_(quiet) {
    Node root;
    root.limit = input_.one_in(2) ? Heap::no_limit : input_.u16() * size_t{4};
    root.heap = std::make_unique<Heap>(memory.allocator(), root.limit);
    nodes_.push_back(std::move(root));
  }
  ~World() {
    while (!held_.empty())
      release(held_.size() - 1);
    check();
    while (!nodes_.empty())
      nodes_.pop_back();
  }
  void step();

private:
  void add_heap();
  void allocate();
  void resize();
  void release(size_t index);
  void change_limit();
  void plan();
  void check() const;
  void check_contents(const Held& held) const;
  size_t source_of(size_t heap) const;
  bool has_room(size_t heap, size_t bytes) const;
  void charge(size_t heap, size_t more, size_t less);
  Heap* twin_of(size_t heap) const;
  FaultInjector::Counts counts() { return memory_.injector().counts(); }

  Input& input_;
  WatchedMemory& memory_;
  const Allocator& quiet_;
  std::vector<Node> nodes_;
  std::vector<Held> held_;
};

/// The heap whose pool serves, or the root.
size_t World::source_of(size_t heap) const {
  while (!nodes_[heap].is_reserved && nodes_[heap].parent != SIZE_MAX)
    heap = nodes_[heap].parent;
  return heap;
}

bool World::has_room(size_t heap, size_t bytes) const {
  const size_t last = source_of(heap);
  for (;; heap = nodes_[heap].parent) {
    if (bytes > nodes_[heap].limit - nodes_[heap].used) return false;
    if (heap == last) return true;
  }
}

void World::charge(size_t heap, size_t more, size_t less) {
  const size_t last = source_of(heap);
  for (;; heap = nodes_[heap].parent) {
    Node& node = nodes_[heap];
    node.used = node.used + more - less;
    node.peak = std::max(node.peak, node.used);
    if (heap == last) return;
  }
}

/// Only what is asked of a reserved heap itself is repeated in its twin, so heaps below one have
/// none.
Heap* World::twin_of(size_t heap) const { return nodes_[heap].twin.get(); }

void World::add_heap() {
  if (nodes_.size() == heaps_max) return;
  const size_t parent = input_.below(static_cast<uint32_t>(nodes_.size()));
  // A twin sees only what its own heap is asked for.
  if (nodes_[parent].twin) return;
  Node node;
  node.parent = parent;
  node.limit = 256 + input_.below(1024) * 16;
  node.heap = std::make_unique<Heap>(*nodes_[parent].heap, node.limit);
  if (input_.one_in(2)) {
    const FaultInjector::Counts before = counts();
    const Result<void> reserved = node.heap->reserve();
    const bool is_refused = counts().injected != before.injected;
    if (is_refused) must(!reserved.ok(), "a reservation was refused and succeeded");
    if (reserved.ok()) {
      // What the parent gave is known from its figures.
      const size_t given = nodes_[parent].heap->stats().used - nodes_[parent].used;
      must(given >= node.limit, "a reservation is too small");
      charge(parent, given, 0);
      node.is_reserved = true;
      if (input_.one_in(2)) {
        node.twin = std::make_unique<Heap>(quiet_, node.limit);
        must(node.twin->reserve().ok(), "no twin");
      }
    }
  }
  nodes_.push_back(std::move(node));
}

void World::allocate() {
  if (held_.size() == blocks_max) return;
  const size_t heap = input_.below(static_cast<uint32_t>(nodes_.size()));
  const size_t bytes = input_.one_in(4) ? input_.u16() % 8192 : input_.byte();
  // Beyond a granule, what fits depends on where a reserved heap's bytes happen to lie.
  const size_t align = size_t{1} << input_.below(nodes_[heap].is_reserved ? 5 : 7);
  const bool zeroed = input_.one_in(2);
  const bool had_room = has_room(heap, bytes == 0 ? 1 : bytes);
  const FaultInjector::Counts before = counts();
  const uint64_t requests = nodes_[heap].heap->stats().requests;
  const Result<Block> given = nodes_[heap].heap->allocate(bytes, align, zeroed);
  must(nodes_[heap].heap->stats().requests == requests + 1, "a request was not counted");
  Block twin;
  if (Heap* other = twin_of(heap)) {
    const Result<Block> same = other->allocate(bytes, align, zeroed);
    must(same.ok() == given.ok(), "what others do changes what a reserved heap gives");
    if (same.ok()) {
      twin = same.value();
      must(twin.bytes == given.value().bytes, "what others do changes how much is given");
    }
  }
  if (!given.ok()) {
    must(given.error() == Error::out_of_memory, "a refusal has another error");
    const bool is_injected = counts().injected != before.injected;
    const bool has_own_pool = nodes_[source_of(heap)].is_reserved;
    // Over the C library only budgets and the injector refuse.
    must(is_injected || has_own_pool || !had_room, "a request was refused without a reason");
    return;
  }
  const Block block = given.value();
  must(had_room, "a budget was exceeded");
  must(block.bytes >= bytes && reinterpret_cast<uintptr_t>(block.pointer) % align == 0,
       "a block is not what was asked for");
  const auto* content = static_cast<const uint8_t*>(block.pointer);
  if (zeroed)
    must(std::all_of(content, content + bytes, [](uint8_t b) { return b == 0; }),
         "a zeroed block is not");
  charge(heap, block.bytes, 0);
  held_.push_back({heap, block, twin, align, input_.byte()});
  std::memset(block.pointer, held_.back().fill, block.bytes);
}

void World::resize() {
  if (held_.empty()) return;
  Held& held = held_[input_.below(static_cast<uint32_t>(held_.size()))];
  const size_t bytes = 1 + (input_.one_in(4) ? input_.u16() % 8192 : input_.byte());
  const bool may_move = !input_.one_in(3);
  const Result<Block> changed =
      nodes_[held.heap].heap->resize(held.block, bytes, held.align, may_move);
  if (Heap* other = twin_of(held.heap)) {
    const Result<Block> same = other->resize(held.twin, bytes, held.align, may_move);
    must(same.ok() == changed.ok(), "what others do changes what a reserved heap gives");
    if (same.ok()) held.twin = same.value();
  }
  if (!changed.ok()) {
    must(bytes > held.block.bytes, "shrinking failed");
    return check_contents(held);
  }
  const Block block = changed.value();
  must(block.bytes >= bytes, "a block is smaller than asked for");
  const auto* content = static_cast<const uint8_t*>(block.pointer);
  const size_t kept = std::min(held.block.bytes, bytes);
  must(std::all_of(content, content + kept, [&](uint8_t b) { return b == held.fill; }),
       "a resized block lost its contents");
  if (!may_move) must(block.pointer == held.block.pointer, "a block moved that must not");
  charge(held.heap, block.bytes, held.block.bytes);
  held.block = block;
  std::memset(block.pointer, held.fill, block.bytes);
}

void World::check_contents(const Held& held) const {
  const auto* content = static_cast<const uint8_t*>(held.block.pointer);
  must(std::all_of(content, content + held.block.bytes, [&](uint8_t b) { return b == held.fill; }),
       "a block's contents changed");
}

void World::release(size_t index) {
  const Held held = held_[index];
  check_contents(held);
  nodes_[held.heap].heap->release(held.block, held.align);
  if (Heap* other = twin_of(held.heap)) other->release(held.twin, held.align);
  charge(held.heap, 0, held.block.bytes);
  held_.erase(held_.begin() + static_cast<ptrdiff_t>(index));
}

void World::change_limit() {
  const size_t heap = input_.below(static_cast<uint32_t>(nodes_.size()));
  Node& node = nodes_[heap];
  if (node.is_reserved) return;
  const size_t limit = input_.u16();
  const Result<void> set = node.heap->set_limit(limit);
  must(set.ok() == (limit >= node.used),
       "a limit below what is used was set, or one above was not");
  if (set.ok()) node.limit = limit;
}

void World::plan() {
  using Mode = FaultInjector::Mode;
  constexpr Mode modes[] = {Mode::none, Mode::nth, Mode::every_kth, Mode::byte_budget,
                            Mode::random};
  FaultInjector::Plan plan;
  plan.mode = modes[input_.below(5)];
  plan.n = 1 + input_.byte();
  if (plan.mode == Mode::byte_budget) plan.n *= 64;
  plan.seed = input_.byte();
  memory_.injector().call_returned();
  memory_.injector().begin(plan);
}

void World::check() const {
  for (const Node& node : nodes_) {
    const HeapStats stats = node.heap->stats();
    must(stats.used == node.used, "a heap's figure is not the sum of its blocks");
    must(stats.limit == node.limit, "a heap's limit is another");
    must(stats.peak == node.peak, "a heap's peak is wrong");
    if (node.twin)
      must(node.twin->stats().used == stats.used, "a reserved heap and its twin differ");
  }
}

void World::step() {
  switch (input_.below(16)) {
  case 0:
    add_heap();
    break;
  case 1:
    plan();
    break;
  case 2:
    change_limit();
    break;
  case 3:
  case 4:
  case 5:
  case 6:
    if (!held_.empty()) release(input_.below(static_cast<uint32_t>(held_.size())));
    break;
  case 7:
  case 8:
  case 9:
    resize();
    break;
  default:
    allocate();
  }
  // No call is under way between steps.
  memory_.injector().call_returned();
  check();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  WatchedMemory memory(name);
  WatchedMemory quiet(name);
  World world(input, memory, quiet.allocator());
  for (size_t steps = 0; steps < steps_max && !input.is_empty(); ++steps)
    world.step();
  return 0;
}
