// A small timing loop for guest programs: static, no library, the same binary natively and in every sandbox.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace ringwall::bench {

// One measured operation. Set-up and clean-up surround all of its repetitions; `run` does the operation `count` times.
struct Benchmark {
  const char* name;
  void (*set_up)();
  void (*run)(uint64_t count);
  void (*clean_up)();
  Benchmark* next = nullptr;
};

// Adds itself to the list that main() goes through, in no particular order.
class Register {
 public:
  explicit Register(Benchmark& benchmark) {
    benchmark.next = head();
    head() = &benchmark;
  }
  static Benchmark*& head() {
    static Benchmark* first = nullptr;
    return first;
  }
};

// A measurement that can't be made ends the program: the harness shows the text.
#define BENCH_REQUIRE(condition)         \
  do {                                   \
    if (!(condition)) {                  \
      std::perror("bench: " #condition); \
      std::exit(1);                      \
    }                                    \
  } while (false)

#define BENCHMARK_OP(name, set_up, run, clean_up)                                 \
  static ::ringwall::bench::Benchmark bench_##name{#name, set_up, run, clean_up}; \
  static const ::ringwall::bench::Register register_##name { bench_##name }

inline void Nothing() {}

// What other measurements run (idle.cc); both end by a signal only.
[[noreturn]] void Spin();
[[noreturn]] void Sleep(int threads, const char* ready_file);
// Nanoseconds that a call takes whoever makes it, with so many workers at once; bursty ones pause after every few calls (handoff.cc).
double Handoff(int workers, bool processes, bool bursty, double budget_ns);

}  // namespace ringwall::bench
