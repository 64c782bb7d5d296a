// The page between sentry and vDSO: written by the sentry, read-only in guests. Both sides are built from this.
#pragma once

#include <cstdint>

namespace ringwall::vdso::guest {

// monotonic = base_monotonic + ((tsc - base_tsc) * multiplier >> 32); the other clocks are at fixed distances from it.
// A seqlock: `sequence` is odd while the sentry writes. Plain 64-bit fields, accessed with __atomic builtins.
struct DataPage {
  uint64_t sequence = 0;
  uint64_t valid = 0;  // 0: ask the kernel
  uint64_t base_tsc = 0;
  uint64_t multiplier = 0;      // nanoseconds per tick, 32.32 fixed point
  uint64_t max_ticks = 0;       // older than this: ask the kernel
  int64_t base_monotonic = 0;   // ns
  int64_t realtime_offset = 0;  // ns to add to monotonic
  int64_t boottime_offset = 0;
};
static_assert(sizeof(DataPage) == 64);

}  // namespace ringwall::vdso::guest
