// Raw system calls and the words in which a guest test speaks about their results.
#pragma once

#include <errno.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <string>
#include <type_traits>

namespace tests {

// What one argument looks like in a register: pointers and strings by address, numbers sign- or zero-extended.
template <class T>
long Word(const T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    return reinterpret_cast<long>(value.c_str());
  } else if constexpr (std::is_array_v<T>) {
    return reinterpret_cast<long>(&value[0]);
  } else if constexpr (std::is_pointer_v<T>) {
    return reinterpret_cast<long>(value);
  } else if constexpr (std::is_null_pointer_v<T>) {
    return 0;
  } else if constexpr (requires { value.get(); }) {
    return Word(value.get());
  } else {
    return static_cast<long>(value);
  }
}

// One byte per call number: made by the running test or its forked children through RawCall. run.py compares what passing tests made
// with COMPATIBILITY.md's levels.
inline constexpr long kCallNumbers = 512;
extern volatile unsigned char* calls_made;

inline long RawCall(long number, long a, long b, long c, long d, long e, long f) {
  if (number >= 0 && number < kCallNumbers) calls_made[number] = 1;
  long result;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  asm volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return result;
}

// One system call, exactly: the kernel's own return value, an errno as its negative. The C library is not involved.
template <class... Args>
long Call(long number, const Args&... args) {
  static_assert(sizeof...(Args) <= 6);
  const long words[7] = {Word(args)...};
  return RawCall(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}

// An address in the never-mapped first pages.
inline char* BadAddress() { return reinterpret_cast<char*>(0x1000); }
// An address in the kernel's half.
inline char* KernelAddress() { return reinterpret_cast<char*>(0xffff'8880'0000'0000UL); }
// A page that can be read (zeros) and not written.
char* ReadOnlyAddress();

std::string ResultText(long result);

inline bool IsError(long result) { return result < 0 && result >= -4095; }

struct Succeeds {
  testing::AssertionResult operator()(const char* text, long result) const;
};
struct SucceedsWith {
  long wanted;
  explicit SucceedsWith(long value) : wanted(value) {}
  testing::AssertionResult operator()(const char* text, long result) const;
};
struct FailsWith {
  int wanted;
  explicit FailsWith(int error) : wanted(error) {}
  testing::AssertionResult operator()(const char* text, long result) const;
};
// For the places where Linux itself answers differently by file system or version.
struct FailsWithEither {
  int first, second;
  FailsWithEither(int one, int other) : first(one), second(other) {}
  testing::AssertionResult operator()(const char* text, long result) const;
};
// Statements about a status from wait(2).
struct Exited {
  int code;
  explicit Exited(int value) : code(value) {}
  testing::AssertionResult operator()(const char* text, int status) const;
};
struct KilledBy {
  int signal;
  explicit KilledBy(int value) : signal(value) {}
  testing::AssertionResult operator()(const char* text, int status) const;
};

#define EXPECT_THAT(value, matcher) EXPECT_PRED_FORMAT1(matcher, value)
#define ASSERT_THAT(value, matcher) ASSERT_PRED_FORMAT1(matcher, value)

}  // namespace tests
