// Clocks and time structures: clock_gettime(2), setitimer(2), timer_create(2), adjtimex(2), times(2).
#pragma once

#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

struct Timespec {
  int64_t tv_sec = 0, tv_nsec = 0;
};
static_assert(sizeof(Timespec) == 16 && NoPadding<Timespec>);

struct Timeval {
  int64_t tv_sec = 0, tv_usec = 0;
};
static_assert(sizeof(Timeval) == 16 && NoPadding<Timeval>);

struct Timezone {
  int32_t tz_minuteswest = 0, tz_dsttime = 0;
};
static_assert(sizeof(Timezone) == 8 && NoPadding<Timezone>);

struct Itimerval {
  Timeval it_interval, it_value;
};
static_assert(sizeof(Itimerval) == 32 && NoPadding<Itimerval>);

struct Itimerspec {
  Timespec it_interval, it_value;
};
static_assert(sizeof(Itimerspec) == 32 && NoPadding<Itimerspec>);

struct Tms {
  int64_t tms_utime = 0, tms_stime = 0, tms_cutime = 0, tms_cstime = 0;
};
static_assert(sizeof(Tms) == 32 && NoPadding<Tms>);

struct Timex {
  uint32_t modes = 0, pad0_ = 0;
  int64_t offset = 0, freq = 0, maxerror = 0, esterror = 0;
  int32_t status = 0;
  uint32_t pad1_ = 0;
  int64_t constant = 0, precision = 0, tolerance = 0;
  Timeval time;
  int64_t tick = 0, ppsfreq = 0, jitter = 0;
  int32_t shift = 0;
  uint32_t pad2_ = 0;
  int64_t stabil = 0, jitcnt = 0, calcnt = 0, errcnt = 0, stbcnt = 0;
  int32_t tai = 0;
  uint32_t pad3_[11] = {};
};
static_assert(sizeof(Timex) == 208 && NoPadding<Timex>);

inline constexpr int32_t kCLOCK_REALTIME = 0, kCLOCK_MONOTONIC = 1, kCLOCK_PROCESS_CPUTIME_ID = 2, kCLOCK_THREAD_CPUTIME_ID = 3,
    kCLOCK_MONOTONIC_RAW = 4, kCLOCK_REALTIME_COARSE = 5, kCLOCK_MONOTONIC_COARSE = 6, kCLOCK_BOOTTIME = 7,
    kCLOCK_REALTIME_ALARM = 8, kCLOCK_BOOTTIME_ALARM = 9, kCLOCK_TAI = 11, kMAX_CLOCKS = 16;
inline constexpr uint32_t kTIMER_ABSTIME = 1;
inline constexpr int32_t kITIMER_REAL = 0, kITIMER_VIRTUAL = 1, kITIMER_PROF = 2;

// Dynamic clock ids of clock_getcpuclockid(3): ~pid in the upper bits, which clock in the low three.
inline constexpr int32_t kCPUCLOCK_PROF = 0, kCPUCLOCK_VIRT = 1, kCPUCLOCK_SCHED = 2, kCPUCLOCK_CLOCK_MASK = 3;
inline constexpr int32_t kCPUCLOCK_PERTHREAD_MASK = 4;

inline constexpr int64_t kUSER_HZ = 100;  // sysconf(_SC_CLK_TCK), AT_CLKTCK
inline constexpr int64_t kNSEC_PER_SEC = 1'000'000'000, kNSEC_PER_USEC = 1'000, kUSEC_PER_SEC = 1'000'000;

inline constexpr uint32_t kADJ_OFFSET = 1, kADJ_FREQUENCY = 2, kADJ_MAXERROR = 4, kADJ_ESTERROR = 8, kADJ_STATUS = 0x10,
    kADJ_TIMECONST = 0x20, kADJ_TAI = 0x80, kADJ_SETOFFSET = 0x100, kADJ_MICRO = 0x1000, kADJ_NANO = 0x2000, kADJ_TICK = 0x4000,
    kADJ_OFFSET_SINGLESHOT = 0x8001, kADJ_OFFSET_SS_READ = 0xa001;
inline constexpr int32_t kSTA_PLL = 1, kSTA_PPSFREQ = 2, kSTA_PPSTIME = 4, kSTA_FLL = 8, kSTA_INS = 0x10, kSTA_DEL = 0x20,
    kSTA_UNSYNC = 0x40, kSTA_FREQHOLD = 0x80, kSTA_PPSSIGNAL = 0x100, kSTA_PPSJITTER = 0x200, kSTA_PPSWANDER = 0x400,
    kSTA_PPSERROR = 0x800, kSTA_CLOCKERR = 0x1000, kSTA_NANO = 0x2000, kSTA_MODE = 0x4000, kSTA_CLK = 0x8000,
    kSTA_RONLY = 0xff00;
inline constexpr int32_t kTIME_OK = 0, kTIME_INS = 1, kTIME_DEL = 2, kTIME_OOP = 3, kTIME_WAIT = 4, kTIME_ERROR = 5;

}  // namespace ringwall::abi
