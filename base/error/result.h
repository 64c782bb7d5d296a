// Result<T>: a T or an Errno, for everything a guest can cause. Operators' errors are absl::Status (runsc-cli only).
#pragma once

#include <new>
#include <type_traits>
#include <utility>

#include "base/error/errno.h"

namespace ringwall {

template <typename T>
class [[nodiscard]] Result {
  static_assert(!std::is_reference_v<T>, "return a pointer or a Ref instead of a reference");

 public:
  using value_type = T;

  Result(Errno error) : error_(error) {}                                        // NOLINT(google-explicit-constructor)
  Result(T value) : error_(static_cast<Errno>(0)), value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  template <typename U>
  requires(std::is_convertible_v<U, T> && !std::is_same_v<std::decay_t<U>, Result> && !std::is_same_v<std::decay_t<U>, Errno> &&
           !std::is_same_v<std::decay_t<U>, T>) Result(U&& value)
      : error_(static_cast<Errno>(0)), value_(std::forward<U>(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Result&& other) noexcept : error_(other.error_) {
    if (ok()) new (&value_) T(std::move(other.value_));
  }
  Result(const Result& other) : error_(other.error_) {
    if (ok()) new (&value_) T(other.value_);
  }
  Result& operator=(Result&& other) noexcept {
    if (this != &other) {
      this->~Result();
      new (this) Result(std::move(other));
    }
    return *this;
  }
  ~Result() {
    if (ok()) value_.~T();
  }

  bool ok() const { return static_cast<int32_t>(error_) == 0; }
  explicit operator bool() const { return ok(); }
  // Only when !ok().
  Errno error() const { return error_; }
  // Only when ok().
  T& value() & { return value_; }
  const T& value() const& { return value_; }
  T value() && { return std::move(value_); }
  T* operator->() { return &value_; }
  const T* operator->() const { return &value_; }
  T& operator*() & { return value_; }
  const T& operator*() const& { return value_; }
  T operator*() && { return std::move(value_); }
  T value_or(T fallback) && { return ok() ? std::move(value_) : std::move(fallback); }

 private:
  Errno error_;
  union {
    T value_;
  };
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() : error_(static_cast<Errno>(0)) {}
  Result(Errno error) : error_(error) {}  // NOLINT(google-explicit-constructor)
  bool ok() const { return static_cast<int32_t>(error_) == 0; }
  explicit operator bool() const { return ok(); }
  Errno error() const { return error_; }
  void value() const {}

 private:
  Errno error_;
};

template <typename T>
bool operator==(const Result<T>& r, Errno e) {
  return !r.ok() && r.error() == e;
}

}  // namespace ringwall

// The value of a Result, or return its error from the enclosing function. A whole statement or a whole initialiser only:
// inside a braced aggregate both g++ 12 and clang 14 leak the members that were already built.
#define TRY(...)                                \
  __extension__({                               \
    auto ringwall_try_result = (__VA_ARGS__);   \
    if (!ringwall_try_result.ok()) [[unlikely]] \
      return ringwall_try_result.error();       \
    std::move(ringwall_try_result).value();     \
  })
