// Result<T>: a value or an error, and the only way in which Ebb reports failure.
//
// A Result of a trivially copyable T is itself trivially copyable, so that the compiler returns it
// in registers where the target's calling convention allows; any other Result can only be moved.
// Reading the value of a failed Result is a programming error, caught by EBB_ASSERT in debug
// builds.
//
// Functions that take an argument by && and fail leave it unmoved: they move only once nothing can
// fail any more.
#pragma once

#include "error/assert.h"
#include "error/error.h"

#include <new>
#include <type_traits>
#include <utility>

namespace ebb {

template <class T> class Result;

template <> class [[nodiscard]] Result<void> {
public:
  using Value = void;
  constexpr Result() = default;
  constexpr Result(Error error) : error_(error) { EBB_ASSERT(error != Error::none); }

  constexpr bool ok() const { return error_ == Error::none; }
  constexpr explicit operator bool() const { return ok(); }
  constexpr Error error() const { return error_; }
  constexpr void value() const { EBB_ASSERT(ok()); }

private:
  Error error_ = Error::none;
};

static_assert(sizeof(Result<void>) == 1);

template <class T>
  requires std::is_trivially_copyable_v<T>
class [[nodiscard]] Result<T> {
public:
  using Value = T;
  constexpr Result(Error error) : none_{}, error_(error) { EBB_ASSERT(error != Error::none); }
  constexpr Result(T value) : value_(value) {}

  constexpr bool ok() const { return error_ == Error::none; }
  constexpr explicit operator bool() const { return ok(); }
  constexpr Error error() const { return error_; }
  constexpr T value() const {
    EBB_ASSERT(ok());
    return value_;
  }
  constexpr T value_or(T fallback) const { return ok() ? value_ : fallback; }

private:
  struct None {};
  union {
    None none_;
    T value_;
  };
  Error error_ = Error::none;
};

template <class T>
  requires(!std::is_trivially_copyable_v<T> && !std::is_void_v<T>)
class [[nodiscard]] Result<T> {
public:
  using Value = T;
  Result(Error error) : none_{}, error_(error) { EBB_ASSERT(error != Error::none); }
  Result(T&& value) : value_(std::move(value)) {}
  Result(Result&& other) noexcept : none_{}, error_(other.error_) {
    if (ok()) ::new (static_cast<void*>(&value_)) T(std::move(other.value_));
  }
  Result& operator=(Result&& other) noexcept {
    if (this == &other) return *this;
    this->~Result();
    return *::new (static_cast<void*>(this)) Result(std::move(other));
  }
  Result(const Result&) = delete;
  Result& operator=(const Result&) = delete;
  ~Result() {
    if (ok()) value_.~T();
  }

  bool ok() const { return error_ == Error::none; }
  explicit operator bool() const { return ok(); }
  Error error() const { return error_; }
  T& value() & {
    EBB_ASSERT(ok());
    return value_;
  }
  const T& value() const& {
    EBB_ASSERT(ok());
    return value_;
  }
  T value() && {
    EBB_ASSERT(ok());
    return std::move(value_);
  }

private:
  struct None {};
  union {
    None none_;
    T value_;
  };
  Error error_ = Error::none;
};

static_assert(sizeof(Result<uint32_t>) == 8);
static_assert(sizeof(Result<void*>) == 2 * sizeof(void*));
static_assert(std::is_trivially_copyable_v<Result<uint64_t>>);

} // namespace ebb

/// The value of a Result, or a return of its error from the function around it.
#define EBB_TRY(...)                                                                               \
  __extension__({                                                                                  \
    auto&& ebb_try_result = (__VA_ARGS__);                                                         \
    if (__builtin_expect(!ebb_try_result.ok(), 0)) return ebb_try_result.error();                  \
    static_cast<std::remove_reference_t<decltype(ebb_try_result)>&&>(ebb_try_result).value();      \
  })
