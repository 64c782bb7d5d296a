// The code of the vDSO: runs in guests, without a C library, without writable data. What it can't answer it asks the kernel.
#include <cstddef>
#include <cstdint>

#include "sentry/vdso/guest/data_page.h"

using ringwall::vdso::guest::DataPage;

// Placed by vdso.lds in the page before the image. Only ever read, and changing under us.
extern "C" [[gnu::visibility("hidden")]] const DataPage ringwall_vdso_data;

namespace {

struct Timespec {
  int64_t sec, nsec;
};
struct Timeval {
  int64_t sec, usec;
};
struct Timezone {
  int32_t minutes_west, dst_time;
};

constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr long kSysGettimeofday = 96, kSysTime = 201, kSysClockGettime = 228, kSysClockGetres = 229, kSysGetcpu = 309;
constexpr int kRealtime = 0, kMonotonic = 1, kRealtimeCoarse = 5, kMonotonicCoarse = 6, kBoottime = 7;

inline long Syscall3(long number, long a, long b, long c) {
  long result;
  asm volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}

inline uint64_t Load(const uint64_t& field) { return __atomic_load_n(&field, __ATOMIC_RELAXED); }
inline int64_t Load(const int64_t& field) { return __atomic_load_n(&field, __ATOMIC_RELAXED); }

inline uint64_t Tsc() {
  uint32_t low, high;
  asm volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high) : : "memory");
  return uint64_t{high} << 32 | low;
}

// Nanoseconds of one of the clocks above; false when the kernel must be asked.
inline bool Read(int clock, int64_t& ns) {
  const DataPage& page = ringwall_vdso_data;
  for (;;) {
    const uint64_t sequence = __atomic_load_n(&page.sequence, __ATOMIC_ACQUIRE);
    if ((sequence & 1) != 0) {
      asm volatile("pause");
      continue;
    }
    const bool valid = Load(page.valid) != 0;
    const uint64_t base_tsc = Load(page.base_tsc), multiplier = Load(page.multiplier), max_ticks = Load(page.max_ticks);
    int64_t base = Load(page.base_monotonic);
    switch (clock) {
      case kRealtime:
      case kRealtimeCoarse: base += Load(page.realtime_offset); break;
      case kMonotonic:
      case kMonotonicCoarse: break;
      case kBoottime: base += Load(page.boottime_offset); break;
      default: return false;
    }
    const uint64_t tsc = Tsc();
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (__atomic_load_n(&page.sequence, __ATOMIC_RELAXED) != sequence) continue;
    if (!valid) return false;
    // Counters of two CPUs may differ by a few ticks.
    uint64_t ticks = tsc - base_tsc;
    if (static_cast<int64_t>(ticks) < 0) ticks = 0;
    if (ticks > max_ticks) return false;
    ns = base + static_cast<int64_t>(static_cast<unsigned __int128>(ticks) * multiplier >> 32);
    return true;
  }
}

}  // namespace

extern "C" {

[[gnu::visibility("default")]] int __vdso_clock_gettime(int clock, Timespec* out) {
  int64_t ns;
  if (static_cast<unsigned>(clock) <= static_cast<unsigned>(kBoottime) && Read(clock, ns)) [[likely]] {
    out->sec = ns / kNsPerSecond;
    out->nsec = ns % kNsPerSecond;
    return 0;
  }
  return static_cast<int>(Syscall3(kSysClockGettime, clock, reinterpret_cast<long>(out), 0));
}

[[gnu::visibility("default")]] int __vdso_gettimeofday(Timeval* out, Timezone* zone) {
  int64_t ns;
  if (!Read(kRealtime, ns))
    return static_cast<int>(Syscall3(kSysGettimeofday, reinterpret_cast<long>(out), reinterpret_cast<long>(zone), 0));
  if (out != nullptr) {
    out->sec = ns / kNsPerSecond;
    out->usec = ns % kNsPerSecond / 1000;
  }
  if (zone != nullptr) *zone = Timezone{0, 0};
  return 0;
}

[[gnu::visibility("default")]] int64_t __vdso_time(int64_t* out) {
  int64_t ns;
  if (!Read(kRealtime, ns)) return Syscall3(kSysTime, reinterpret_cast<long>(out), 0, 0);
  const int64_t seconds = ns / kNsPerSecond;
  if (out != nullptr) *out = seconds;
  return seconds;
}

// Which CPU a guest thread is on is the kernel's to say: its CPUs need not be numbered as the host's are.
[[gnu::visibility("default")]] long __vdso_getcpu(unsigned* cpu, unsigned* node, void* unused) {
  return Syscall3(kSysGetcpu, reinterpret_cast<long>(cpu), reinterpret_cast<long>(node), reinterpret_cast<long>(unused));
}

[[gnu::visibility("default")]] int __vdso_clock_getres(int clock, Timespec* out) {
  if (clock == kRealtime || clock == kMonotonic || clock == kBoottime) {
    if (out != nullptr) *out = Timespec{0, 1};
    return 0;
  }
  const long result = Syscall3(kSysClockGetres, clock, reinterpret_cast<long>(out), 0);
  return static_cast<int>(result);
}

// The names without prefix, weak as in Linux's vDSO.
[[gnu::weak, gnu::visibility("default"), gnu::alias("__vdso_clock_gettime")]] int clock_gettime(int, Timespec*);
[[gnu::weak, gnu::visibility("default"), gnu::alias("__vdso_gettimeofday")]] int gettimeofday(Timeval*, Timezone*);
[[gnu::weak, gnu::visibility("default"), gnu::alias("__vdso_time")]] int64_t time(int64_t*);
[[gnu::weak, gnu::visibility("default"), gnu::alias("__vdso_getcpu")]] long getcpu(unsigned*, unsigned*, void*);
[[gnu::weak, gnu::visibility("default"), gnu::alias("__vdso_clock_getres")]] int clock_getres(int, Timespec*);

}  // extern "C"
