// clock_gettime(2), clock_getres(2), gettimeofday(2), time(2). Most callers never get here: the vDSO answers.
#include "sentry/task/cpu_clock.h"
#include "syscalls/time/time.h"

namespace ringwall::syscalls {
namespace {

constexpr int64_t kTickNs = 4'000'000;  // resolution of the coarse clocks: CONFIG_HZ 250

Result<int64_t> ReadClock(Task& task, int32_t clock) {
  switch (clock) {
    case abi::kCLOCK_REALTIME:
    case abi::kCLOCK_REALTIME_COARSE:
    case abi::kCLOCK_REALTIME_ALARM:
      return time::RealtimeNs();
    case abi::kCLOCK_TAI:
      return time::RealtimeNs() + time::TaiOffsetSeconds() * time::kNsPerSecond;
    case abi::kCLOCK_MONOTONIC:
    case abi::kCLOCK_MONOTONIC_RAW:
    case abi::kCLOCK_MONOTONIC_COARSE:
      return time::MonotonicNs();
    case abi::kCLOCK_BOOTTIME:
    case abi::kCLOCK_BOOTTIME_ALARM:
      return time::BoottimeNs();
    default:
      return task::ReadCpuClock(task, clock);
  }
}

}  // namespace

Result<void> SysClockGettime(Task& task, int32_t clock, UserOut<abi::Timespec> ts) {
  const int64_t ns = TRY(ReadClock(task, clock));
  return ts.Write(task.memory(), time::ToTimespec(ns));
}

Result<void> SysClockGetres(Task& task, int32_t clock, UserOut<abi::Timespec> ts) {
  TRY(ReadClock(task, clock));
  const bool coarse = clock == abi::kCLOCK_REALTIME_COARSE || clock == abi::kCLOCK_MONOTONIC_COARSE;
  return ts.WriteIfSet(task.memory(), time::ToTimespec(coarse ? kTickNs : 1));
}

Result<void> SysGettimeofday(Task& task, UserOut<abi::Timeval> tv, UserOut<abi::Timezone> tz) {
  const int64_t ns = time::RealtimeNs();
  TRY(tv.WriteIfSet(task.memory(), {.tv_sec = ns / time::kNsPerSecond, .tv_usec = ns % time::kNsPerSecond / 1000}));
  return tz.WriteIfSet(task.memory(), {});
}

Result<int64_t> SysTime(Task& task, UserOut<int64_t> out) {
  const int64_t seconds = time::RealtimeNs() / time::kNsPerSecond;
  TRY(out.WriteIfSet(task.memory(), seconds));
  return seconds;
}

}  // namespace ringwall::syscalls
