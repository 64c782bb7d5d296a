// clock_gettime(2), clock_getres(2), clock_settime(2), gettimeofday(2), time(2). Most callers never get here: the vDSO answers.
#include "sentry/task/cpu_clock.h"
#include "syscalls/time/time.h"

namespace ringwall::syscalls {
Result<void> SysClockGettime(Task& task, int32_t clock, UserOut<abi::Timespec> ts) {
  const int64_t ns = TRY(task::ReadClock(task, clock));
  return ts.Write(task.memory(), time::ToTimespec(ns));
}

Result<void> SysClockGetres(Task& task, int32_t clock, UserOut<abi::Timespec> ts) {
  const int64_t ns = TRY(task::ClockResolution(task, clock));
  return ts.WriteIfSet(task.memory(), time::ToTimespec(ns));
}

Result<void> SysClockSettime(Task& task, int32_t clock, UserIn<abi::Timespec> ts) {
  // Only CLOCK_REALTIME has a time to set; CPU clocks of a pid exist but refuse (clock_settime(2)).
  if (clock >= 0 && clock != abi::kCLOCK_REALTIME) return Errno::kEINVAL;
  const abi::Timespec wanted = TRY(ts.Read(task.memory()));
  if (clock < 0) TRY(task::ReadClock(task, clock));
  if (wanted.tv_sec < 0 || wanted.tv_nsec < 0 || wanted.tv_nsec >= time::kNsPerSecond) return Errno::kEINVAL;
  // Differs from Linux: not even CAP_SYS_TIME helps, the host owns the clock.
  return Errno::kEPERM;
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
