// Time in the units of tests.
#pragma once

#include <time.h>

#include "tests/lib/call.h"

namespace tests {

inline constexpr long kMillisecond = 1'000'000;

inline long NowNs(int clock = CLOCK_MONOTONIC) {
  timespec now{};
  clock_gettime(clock, &now);
  return now.tv_sec * 1'000'000'000L + now.tv_nsec;
}

class Stopwatch {
 public:
  long ms() const { return (NowNs() - start_) / kMillisecond; }

 private:
  long start_ = NowNs();
};

inline timespec Ms(long ms) { return timespec{ms / 1000, ms % 1000 * kMillisecond}; }
inline void SleepMs(long ms) {
  timespec left = Ms(ms);
  while (Call(SYS_nanosleep, &left, &left) == -EINTR) {
  }
}

}  // namespace tests
