// Target: the collections against those of the standard library, while memory is refused: a call
// that fails leaves everything as it was, one that does not gives what the model gives.
#include "fuzz/input.h"
#include "fuzz/target.h"

#include "collections/deque.h"
#include "collections/hash_map.h"
#include "collections/slab.h"
#include "collections/string.h"
#include "collections/vec.h"

#include <deque>
#include <map>
#include <string>
#include <vector>

namespace {

using namespace ebb;
using namespace ebb::fuzz;

constexpr const char* name = "collections";
constexpr size_t steps_max = 1000;
constexpr size_t items_max = 2000;

void must(bool holds, const char* what) {
  if (!holds) fail(name, what);
}

/// Owns a block of the heap, so that items that are lost, doubled or moved wrongly show as misuse.
class Item {
public:
  static Result<Item> create(Heap& heap, uint32_t value) {
    const Block block = EBB_TRY(heap.allocate(sizeof value, alignof(uint32_t)));
    *static_cast<uint32_t*>(block.pointer) = value;
    return Item(heap, block);
  }
  Item(Item&& other) noexcept : heap_(other.heap_), block_(std::exchange(other.block_, Block())) {}
  Item& operator=(Item&& other) noexcept {
    if (this == &other) return *this;
    drop();
    heap_ = other.heap_;
    block_ = std::exchange(other.block_, Block());
    return *this;
  }
  ~Item() { drop(); }
  uint32_t value() const { return *static_cast<const uint32_t*>(block_.pointer); }
  bool is_moved_from() const { return !block_; }

private:
  Item(Heap& heap, Block block) : heap_(&heap), block_(block) {}
  void drop() {
    if (block_) heap_->release(block_, alignof(uint32_t));
    block_ = {};
  }
  Heap* heap_;
  Block block_;
};

/// Few buckets, so that entries meet.
struct PoorHash {
  uint64_t operator()(uint32_t key) const { return key % 13 * 0x9e3779b97f4a7c15u; }
};

/// Runs a call under a plan of the input's: what it returns must be what was injected.
class Calls {
public:
  Calls(Input& input, WatchedMemory& memory) : input_(input), memory_(memory) {}
  template <class Call> bool succeed(Call&& call, const char* what) {
    FaultInjector::Plan plan;
    if (input_.one_in(3)) {
      plan.mode = FaultInjector::Mode::from_nth;
      plan.n = 1 + input_.below(3);
    }
    memory_.injector().begin(plan);
    const auto result = call();
    memory_.check_call(result.error(), what);
    memory_.end_plan();
    return result.ok();
  }

private:
  Input& input_;
  WatchedMemory& memory_;
};

template <class T> void check_equal(const Vec<T>& vec, const std::vector<T>& model) {
  must(vec.size() == model.size() && vec.capacity() >= vec.size(), "Vec: another size");
  for (size_t i = 0; i < model.size(); ++i)
    must(vec[i] == model[i], "Vec: another element");
}

void vec_of_numbers(Input& input, Calls& calls, Heap& heap) {
  Vec<uint16_t> vec(heap);
  std::vector<uint16_t> model;
  for (size_t step = 0; step < steps_max && !input.is_empty(); ++step) {
    const uint16_t value = input.u16();
    const size_t at = model.empty() ? 0 : value % (model.size() + 1);
    switch (input.below(10)) {
    case 0:
    case 1:
      if (calls.succeed([&] { return vec.push(value); }, "push")) model.push_back(value);
      break;
    case 2: {
      if (at == model.size()) break;
      // An element of its own, which growing moves.
      if (calls.succeed([&] { return vec.push(vec[at]); }, "push")) model.push_back(model[at]);
      break;
    }
    case 3:
      if (calls.succeed([&] { return vec.insert(at, value); }, "insert"))
        model.insert(model.begin() + static_cast<ptrdiff_t>(at), value);
      break;
    case 4: {
      const size_t count = std::min<size_t>(value % 40, model.size() - std::min(at, model.size()));
      if (model.size() + count > items_max) break;
      if (calls.succeed([&] { return vec.append(vec.data() + at, count); }, "append")) {
        const std::vector<uint16_t> copy(model.begin() + static_cast<ptrdiff_t>(at),
                                         model.begin() + static_cast<ptrdiff_t>(at + count));
        model.insert(model.end(), copy.begin(), copy.end());
      }
      break;
    }
    case 5:
      if (at == model.size()) break;
      must(vec.remove(at) == model[at], "Vec: removed another");
      model.erase(model.begin() + static_cast<ptrdiff_t>(at));
      break;
    case 6:
      if (at == model.size()) break;
      must(vec.remove_swap(at) == model[at], "Vec: removed another");
      model[at] = model.back();
      model.pop_back();
      break;
    case 7:
      if (calls.succeed([&] { return vec.resize(value % items_max); }, "resize"))
        model.resize(value % items_max);
      break;
    case 8:
      if (calls.succeed([&] { return vec.reserve(value % items_max); }, "reserve"))
        must(vec.capacity() >= value % items_max, "Vec: reserved too little");
      break;
    default:
      vec.truncate(at);
      model.resize(at);
      if (input.one_in(2)) vec.shrink_to_fit();
    }
    check_equal(vec, model);
  }
}

void vec_of_items(Input& input, Calls& calls, Heap& heap) {
  Vec<Item> vec(heap);
  std::vector<uint32_t> model;
  for (size_t step = 0; step < steps_max && !input.is_empty(); ++step) {
    const uint32_t value = input.byte();
    const size_t at = model.empty() ? 0 : value % (model.size() + 1);
    switch (input.below(4)) {
    case 0:
    case 1: {
      Result<Item> item = Item::create(heap, value);
      must(item.ok(), "no item");
      Item pushed = std::move(item).value();
      if (calls.succeed([&] { return vec.insert(at, std::move(pushed)); }, "insert"))
        model.insert(model.begin() + static_cast<ptrdiff_t>(at), value);
      else
        must(!pushed.is_moved_from(), "Vec: a refused item was moved from");
      break;
    }
    case 2:
      if (at == model.size()) break;
      must(vec.remove(at).value() == model[at], "Vec: removed another");
      model.erase(model.begin() + static_cast<ptrdiff_t>(at));
      break;
    default:
      if (calls.succeed([&] { return vec.reserve(value); }, "reserve")) break;
      must(vec.size() == model.size(), "Vec: a refused growth changed it");
    }
    must(vec.size() == model.size(), "Vec: another size");
    for (size_t i = 0; i < model.size(); ++i)
      must(vec[i].value() == model[i], "Vec: another element");
  }
}

void deque(Input& input, Calls& calls, Heap& heap) {
  Deque<uint32_t> queue(heap);
  std::deque<uint32_t> model;
  for (size_t step = 0; step < steps_max && !input.is_empty(); ++step) {
    const uint32_t value = input.byte();
    switch (input.below(7)) {
    case 0:
    case 1:
      if (calls.succeed([&] { return queue.push_back(value); }, "push_back"))
        model.push_back(value);
      break;
    case 2:
      if (calls.succeed([&] { return queue.push_front(value); }, "push_front"))
        model.push_front(value);
      break;
    case 3:
      if (model.empty()) break;
      // An element of its own, which growing moves.
      if (calls.succeed([&] { return queue.push_front(queue.back()); }, "push_front"))
        model.push_front(model.back());
      break;
    case 4:
      if (model.empty()) break;
      must(queue.pop_front() == model.front(), "Deque: another front");
      model.pop_front();
      break;
    case 5:
      if (model.empty()) break;
      must(queue.pop_back() == model.back(), "Deque: another back");
      model.pop_back();
      break;
    default:
      if (calls.succeed([&] { return queue.reserve(value); }, "reserve"))
        must(queue.capacity() >= value, "Deque: reserved too little");
    }
    must(queue.size() == model.size(), "Deque: another size");
    for (size_t i = 0; i < model.size(); ++i)
      must(queue[i] == model[i], "Deque: another element");
  }
}

void hash_map(Input& input, Calls& calls, Heap& heap) {
  HashMap<uint32_t, Item, PoorHash> map(heap);
  std::map<uint32_t, uint32_t> model;
  for (size_t step = 0; step < steps_max && !input.is_empty(); ++step) {
    const uint32_t key = input.byte();
    switch (input.below(6)) {
    case 0:
    case 1: {
      Item item = Item::create(heap, key * 3).value();
      bool was_new = false;
      if (calls.succeed(
              [&]() -> Result<void> {
                was_new = EBB_TRY(map.insert(key, std::move(item))).is_new;
                return {};
              },
              "insert")) {
        must(was_new == model.emplace(key, key * 3).second, "HashMap: new where it was not");
      } else {
        must(!item.is_moved_from(), "HashMap: a refused item was moved from");
      }
      break;
    }
    case 2: {
      Item item = Item::create(heap, key * 5 + 1).value();
      const bool was_there = model.count(key) != 0;
      const bool set = calls.succeed([&] { return map.set(key, std::move(item)); }, "set");
      must(set || !was_there, "HashMap: overwriting failed");
      if (set) model[key] = key * 5 + 1;
      break;
    }
    case 3:
    case 4:
      must(map.remove(key) == (model.erase(key) != 0), "HashMap: removed what was not there");
      break;
    default:
      if (input.one_in(16)) {
        map.clear();
        model.clear();
      } else {
        static_cast<void>(calls.succeed([&] { return map.reserve(key); }, "reserve"));
      }
    }
    must(map.size() == model.size() && map.check(), "HashMap: an invariant is broken");
    for (const auto& [wanted, value] : model)
      must(map.find(wanted) != nullptr && map.find(wanted)->value() == value, "HashMap: lost");
    size_t seen = 0;
    for (const auto& entry : map)
      seen += model.count(entry.key);
    must(seen == model.size(), "HashMap: iterates over something else");
  }
}

void slab(Input& input, Calls& calls, Heap& heap) {
  Slab<uint32_t> things(heap);
  std::map<std::pair<uint32_t, uint32_t>, uint32_t> model;
  std::vector<SlabHandle> handles;
  for (size_t step = 0; step < steps_max && !input.is_empty(); ++step) {
    const uint32_t value = input.byte();
    if (input.below(2) == 0) {
      SlabHandle handle;
      if (calls.succeed(
              [&]() -> Result<void> {
                handle = EBB_TRY(things.insert(value));
                return {};
              },
              "insert")) {
        must(model.emplace(std::pair(handle.index, handle.generation), value).second,
             "Slab: a handle is given twice");
        handles.push_back(handle);
      }
    } else if (!handles.empty()) {
      const SlabHandle handle = handles[value % handles.size()];
      const bool was_there = model.erase({handle.index, handle.generation}) != 0;
      must(things.remove(handle) == was_there, "Slab: removed what was gone");
    }
    must(things.size() == model.size(), "Slab: another size");
    for (const SlabHandle& handle : handles) {
      const auto found = model.find({handle.index, handle.generation});
      const uint32_t* thing = things.get(handle);
      must((thing != nullptr) == (found != model.end()), "Slab: a stale handle names something");
      if (thing != nullptr) must(*thing == found->second, "Slab: another thing");
    }
  }
}

void string(Input& input, Calls& calls, Heap& heap) {
  String text(heap);
  std::string model;
  for (size_t step = 0; step < steps_max && !input.is_empty(); ++step) {
    const uint8_t value = input.byte();
    if (input.one_in(3) && model.size() < items_max) {
      const size_t at = model.empty() ? 0 : value % model.size();
      const StringView own(text.data() + at, model.size() - at);
      if (calls.succeed([&] { return text.append(own); }, "append")) model += model.substr(at);
    } else if (calls.succeed([&] { return text.push(static_cast<char>(value)); }, "push")) {
      model.push_back(static_cast<char>(value));
    }
    must(text == StringView(model.data(), model.size()), "String: another text");
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  WatchedMemory memory(name);
  Heap heap(memory.allocator());
  Calls calls(input, memory);
  using Test = void (*)(Input&, Calls&, Heap&);
  constexpr Test tests[] = {&vec_of_numbers, &vec_of_items, &deque, &hash_map, &slab, &string};
  tests[input.below(sizeof tests / sizeof tests[0])](input, calls, heap);
  must(heap.stats().used == 0, "a collection kept memory");
  return 0;
}
