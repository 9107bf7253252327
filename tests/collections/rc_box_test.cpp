#include "collections/box.h"
#include "collections/rc.h"
#include "tests/collections/collections_test.h"

#include <doctest/doctest.h>
#include <thread>

using namespace ebb;
using ebb::testing::PoolHeap;
using ebb::testing::Token;

TEST_CASE("a Box owns one object and moves it by pointer") {
  PoolHeap base;
  {
    Box<Token> box = Box<Token>::create(base.heap(), base.heap(), 5).value();
    Token* where = box.get();
    Box<Token> other = std::move(box);
    CHECK(!box);
    CHECK(other.get() == where);
    CHECK(other->number() == 5);
    other = Box<Token>::create(base.heap(), base.heap(), 6).value();
    CHECK((*other).number() == 6);
    other.reset();
    CHECK(!other);
  }
  CHECK(base.is_empty());
}

TEST_CASE("a refused Box leaves its argument alone") {
  PoolHeap base;
  Heap none(base.heap(), 0);
  Token token(base.heap(), 9);
  CHECK(Box<Token>::create(none, std::move(token)).error() == Error::out_of_memory);
  CHECK(Rc<Token>::create(none, std::move(token)).error() == Error::out_of_memory);
  CHECK(token.number() == 9);
}

TEST_CASE("the last Rc destroys the object") {
  PoolHeap base;
  {
    Rc<Token> a = Rc<Token>::create(base.heap(), base.heap(), 5).value();
    Rc<Token> b = a;
    CHECK(a == b);
    CHECK(a.count() == 2);
    a.reset();
    CHECK(b.count() == 1);
    CHECK(b->number() == 5);
    Rc<Token>& alias = b;
    b = alias;
    CHECK(b->number() == 5);
    a = std::move(b);
    CHECK(!b);
    CHECK(a.count() == 1);
  }
  CHECK(base.is_empty());
}

TEST_CASE("Rcs may be copied and dropped in several threads") {
  PoolHeap base(1 << 16);
  Heap heap(base.heap(), Heap::no_limit, Heap::Threads::many);
  {
    Rc<int> shared = Rc<int>::create(heap, 1).value();
    const auto work = [&shared] {
      for (int i = 0; i < 20000; ++i) {
        Rc<int> mine = shared;
        if (*mine != 1) abort();
      }
    };
    std::thread a(work), b(work);
    a.join();
    b.join();
    CHECK(shared.count() == 1);
  }
  CHECK(base.is_empty());
}
