// Memory that does not come through a Heap.
#include "collections/box.h"
#include "collections/vec.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

struct Plain {
  int value = 0;
};

// --- What must be found.

void by_new() {
  delete new Plain(); // expect: ebb-infallible-allocation
  delete[] new int[3]; // expect: ebb-infallible-allocation
  delete new (std::nothrow) Plain(); // expect: ebb-infallible-allocation
  operator delete(operator new(1)); // expect: ebb-infallible-allocation
}

template <class T> T* new_in_a_template() {
  return new T(); // expect: ebb-infallible-allocation
}

void by_the_c_library(const char* text, int* numbers) {
  free(malloc(1)); // expect: ebb-infallible-allocation
  free(std::calloc(1, 1)); // expect: ebb-infallible-allocation
  free(__builtin_malloc(1)); // expect: ebb-infallible-allocation
  free(strdup(text)); // expect: ebb-infallible-allocation
  std::printf("%s", text); // expect: ebb-infallible-allocation
  qsort(numbers, 3, sizeof(int), nullptr); // expect: ebb-infallible-allocation
  void* (*const hidden)(size_t) = &malloc; // expect: ebb-infallible-allocation
  free(hidden(1));
}

struct Holds {
  std::vector<int> numbers; // expect: ebb-infallible-allocation
  std::string names[2]; // expect: ebb-infallible-allocation
  std::function<void()> call; // expect: ebb-infallible-allocation
  std::unique_ptr<int> pointer; // expect: ebb-infallible-allocation
};

using Table = std::map<int, int>;

void by_type(std::string text) { // expect: ebb-infallible-allocation
  Table table; // expect: ebb-infallible-allocation
  const auto copy = text; // expect: ebb-infallible-allocation
  std::thread thread; // expect: ebb-infallible-allocation
}

std::string returned(); // expect: ebb-infallible-allocation
void takes(std::string_view text);
void takes_reference(const std::string& text);

void by_temporary() {
  takes(returned()); // expect: ebb-infallible-allocation
  takes_reference("made for the call"); // expect: ebb-infallible-allocation
  takes(std::to_string(1)); // expect: ebb-infallible-allocation
}

void by_algorithm(int* begin, int* end) {
  std::stable_sort(begin, end); // expect: ebb-infallible-allocation
}

struct Derived : std::vector<int> { // expect: ebb-infallible-allocation
};

struct WithDestructor {
  ~WithDestructor();
};
WithDestructor registered; // expect: ebb-infallible-allocation

void thrower() {
  throw 1; // expect: ebb-infallible-allocation
}

// --- What must not.

struct OwnDoor {
  static void* operator new(size_t bytes, ebb::Heap& heap) noexcept;
  static void operator delete(void* pointer, ebb::Heap& heap) noexcept;
};

ebb::Result<void> through_a_heap(ebb::Heap& heap) {
  const ebb::Block block = EBB_TRY(heap.allocate(sizeof(Plain), alignof(Plain)));
  ::new (block.pointer) Plain();
  alignas(Plain) unsigned char room[sizeof(Plain)];
  new (static_cast<void*>(room)) Plain();
  heap.release(block, alignof(Plain));
  OwnDoor* made = new (heap) OwnDoor();
  static_cast<void>(made);
  ebb::Vec<int> numbers(heap);
  EBB_TRY(numbers.push(1));
  const ebb::Box<Plain> box = EBB_TRY(ebb::Box<Plain>::create(heap));
  return {};
}

template <class T> T* placed(void* at) { return ::new (at) T(); }

void without(const std::string& named, std::vector<int>* several, std::string_view view) {
  takes(view);
  takes_reference(named);
  int numbers[] = {3, 1, 2};
  std::sort(numbers, numbers + 3);
  memcpy(numbers, several, 0);
  const std::pair<int, int> pair(1, 2);
  const auto lambda = [pair] { return pair.first; };
  static constexpr int constant = 1;
  numbers[0] = lambda() + constant;
}

struct Counts {
  void free(void*);
  int* malloc(int);
};

void own_names(Counts& counts) { counts.free(counts.malloc(1)); }

int by_reason() {
  // NOLINTNEXTLINE(ebb-infallible-allocation): the test of the only way out
  const std::string text = "reasoned";
  Plain plain;
  placed<Plain>(&plain);
  free(new_in_a_template<int>());
  return static_cast<int>(text.size());
}

} // namespace
