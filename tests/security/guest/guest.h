// Hostile guest programs: each mode attacks, then proves that the kernel around it still works. Static, no library but libc.
#pragma once

#include <signal.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>

namespace ringwall::hostile {

// Adds `int main_of_mode(argc, argv)` under a name; 0 = survived.
class Mode {
 public:
  using Body = int (*)(int argc, char** argv);
  Mode(const char* name, Body body) : name_(name), body_(body), next_(head()) { head() = this; }
  static const Mode* Find(const char* name);
  int Run(int argc, char** argv) const { return body_(argc, argv); }

 private:
  static Mode*& head() {
    static Mode* first = nullptr;
    return first;
  }
  const char* const name_;
  const Body body_;
  Mode* const next_;
};

// Ends the mode with a sentence about what should not have happened.
#define HOSTILE_REQUIRE(condition, ...)  \
  do {                                   \
    if (!(condition)) {                  \
      std::fprintf(stderr, __VA_ARGS__); \
      std::fputc('\n', stderr);          \
      std::exit(1);                      \
    }                                    \
  } while (false)

// xorshift64*: the same attack in every run.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ull + 1) {}
  uint64_t Next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1dull;
  }
  uint64_t Below(uint64_t limit) { return Next() % limit; }

 private:
  uint64_t state_;
};

// Signals go to `handler`, on a stack of its own: the attacker's may be anywhere.
void CatchSignals(std::initializer_list<int> signals, void (*handler)(int, siginfo_t*, void*), int flags = 0);
// Runs `body` in a child, ended after `seconds`. The wait status: any exit, any signal is fine for an attacker.
int Sacrifice(void (*body)(void*), void* argument, unsigned seconds);
// The kernel still makes processes, threads, memory, pipes and files.
void Canary();

}  // namespace ringwall::hostile
