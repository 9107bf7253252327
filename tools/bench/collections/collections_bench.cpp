// HashMap and Vec beside absl::flat_hash_map and std::vector: the same work on both, in turn, and
// the ratio of the best times. Built with NDEBUG, or the comparison is unfair to Abseil. Memory
// comes from malloc on both sides.
#include "collections/hash_map.h"
#include "collections/vec.h"

#include <absl/container/flat_hash_map.h>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

using namespace ebb;

namespace {

Block malloc_allocate(void*, size_t bytes, size_t align, bool zeroed) {
  void* pointer = align <= 16 ? (zeroed ? calloc(1, bytes) : malloc(bytes)) : nullptr;
  return {pointer, pointer ? bytes : 0};
}
Block malloc_resize(void*, void* pointer, size_t old_bytes, size_t new_bytes, size_t,
                    bool may_move) {
  if (new_bytes <= old_bytes) return {pointer, old_bytes};
  if (!may_move) return {};
  void* moved = realloc(pointer, new_bytes);
  return {moved, moved ? new_bytes : 0};
}
void malloc_release(void*, void* pointer, size_t, size_t) { free(pointer); }

const Allocator malloc_allocator = {nullptr, malloc_allocate, malloc_resize, malloc_release,
                                    nullptr};

uint64_t sink;

uint64_t next_key(uint64_t* state) {
  *state += 0x9e3779b97f4a7c15u;
  uint64_t key = *state;
  key = (key ^ (key >> 30)) * 0xbf58476d1ce4e5b9u;
  key = (key ^ (key >> 27)) * 0x94d049bb133111ebu;
  return key ^ (key >> 31);
}

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// The best of several times, both sides in turn so that a change of clock speed meets both.
template <class Ours, class Theirs>
void compare(const char* name, size_t count, Ours ours, Theirs theirs) {
  double best_ours = 1e9;
  double best_theirs = 1e9;
  for (int round = 0; round < 15; ++round) {
    const double start = seconds();
    ours();
    const double middle = seconds();
    theirs();
    const double end = seconds();
    if (middle - start < best_ours) best_ours = middle - start;
    if (end - middle < best_theirs) best_theirs = end - middle;
  }
  const double scale = 1e9 / static_cast<double>(count);
  printf("%-28s %9zu  %8.2f ns  %8.2f ns  %5.2f\n", name, count, best_ours * scale,
         best_theirs * scale, best_ours / best_theirs);
}

void bench_map(size_t count) {
  const size_t repeats = count < 100000 ? 1000000 / count : 4;
  Heap heap(malloc_allocator);
  const auto key_of = [](size_t i) {
    uint64_t state = i * 0x9e3779b97f4a7c15u;
    return next_key(&state);
  };
  std::vector<uint64_t> keys(count);
  std::vector<uint64_t> others(count);
  for (size_t i = 0; i < count; ++i) {
    keys[i] = key_of(i);
    others[i] = key_of(i + count);
  }
  HashMap<uint64_t, uint32_t> ours(heap, {12345});
  absl::flat_hash_map<uint64_t, uint32_t> theirs;
  for (uint64_t key : keys) {
    if (!ours.set(key, static_cast<uint32_t>(key)).ok()) abort();
    theirs[key] = static_cast<uint32_t>(key);
  }
  compare(
      "map: build", count * repeats,
      [&] {
        for (size_t i = 0; i < repeats; ++i) {
          HashMap<uint64_t, uint32_t> map(heap, {12345});
          for (uint64_t key : keys) {
            if (!map.set(key, static_cast<uint32_t>(key)).ok()) abort();
          }
          sink += map.size();
        }
      },
      [&] {
        for (size_t i = 0; i < repeats; ++i) {
          absl::flat_hash_map<uint64_t, uint32_t> map;
          for (uint64_t key : keys)
            map.insert_or_assign(key, static_cast<uint32_t>(key));
          sink += map.size();
        }
      });
  const auto look_up = [&](const std::vector<uint64_t>& wanted, const char* name) {
    compare(
        name, count * repeats,
        [&] {
          for (size_t i = 0; i < repeats; ++i) {
            for (uint64_t key : wanted) {
              const uint32_t* found = ours.find(key);
              sink += found ? *found : 1;
            }
          }
        },
        [&] {
          for (size_t i = 0; i < repeats; ++i) {
            for (uint64_t key : wanted) {
              const auto found = theirs.find(key);
              sink += found != theirs.end() ? found->second : 1;
            }
          }
        });
  };
  look_up(keys, "map: look up, hit");
  look_up(others, "map: look up, miss");
  compare(
      "map: remove and insert", count * repeats,
      [&] {
        for (size_t i = 0; i < repeats; ++i) {
          for (uint64_t key : keys) {
            ours.remove(key);
            if (!ours.set(key, 1u).ok()) abort();
          }
        }
      },
      [&] {
        for (size_t i = 0; i < repeats; ++i) {
          for (uint64_t key : keys) {
            theirs.erase(key);
            theirs.insert_or_assign(key, 1u);
          }
        }
      });
}

__attribute__((noinline)) void push_many(Vec<uint64_t>& vec, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (!vec.push(i).ok()) abort();
  }
}
__attribute__((noinline)) void push_many(std::vector<uint64_t>& vec, size_t count) {
  for (size_t i = 0; i < count; ++i)
    vec.push_back(i);
}
template <class Vector> __attribute__((noinline)) void change_all(Vector& vec, uint64_t value) {
  for (uint64_t& item : vec)
    item = item * 3 + value;
}

void bench_vec(size_t count) {
  const size_t repeats = 4000000 / count + 1;
  Heap heap(malloc_allocator);
  compare(
      "vec: push", count * repeats,
      [&] {
        for (size_t i = 0; i < repeats; ++i) {
          Vec<uint64_t> vec(heap);
          push_many(vec, count);
          sink += vec[count / 2];
        }
      },
      [&] {
        for (size_t i = 0; i < repeats; ++i) {
          std::vector<uint64_t> vec;
          push_many(vec, count);
          sink += vec[count / 2];
        }
      });
  Vec<uint64_t> ours(heap);
  if (!ours.resize(count).ok()) abort();
  std::vector<uint64_t> theirs(count);
  compare(
      "vec: read and write", count * repeats,
      [&] {
        for (size_t i = 0; i < repeats; ++i)
          change_all(ours, i);
        sink += ours[0];
      },
      [&] {
        for (size_t i = 0; i < repeats; ++i)
          change_all(theirs, i);
        sink += theirs[0];
      });
}

} // namespace

int main() {
  printf("%-28s %9s  %11s  %11s  %5s\n", "", "steps", "Ebb", "other", "ratio");
  for (size_t count : {100, 10000, 1000000})
    bench_map(count);
  for (size_t count : {10, 1000, 1000000})
    bench_vec(count);
  return sink == 0;
}
