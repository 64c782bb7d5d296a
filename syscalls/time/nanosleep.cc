// nanosleep(2), clock_nanosleep(2).
#include "sentry/task/cpu_clock.h"
#include "syscalls/time/time.h"

namespace ringwall::syscalls {
namespace {

// Sleeps until the monotonic deadline. Interrupted, the rest is reported and the call may go on through restart_syscall(2).
Result<void> SleepUntil(Task& task, int64_t deadline_ns, uint64_t remaining, bool absolute);

Result<int64_t> RestartSleep(Task& task) {
  TRY(SleepUntil(task, task.restart_data.deadline_ns, task.restart_data.args[0], false));
  return 0;
}

Result<void> SleepUntil(Task& task, int64_t deadline_ns, uint64_t remaining, bool absolute) {
  const int64_t now = time::MonotonicNs();
  if (now >= deadline_ns) return {};
  const Errno outcome = task.ParkUntilWoken(deadline_ns, absolute ? Errno::kRestartNoHand : Errno::kRestartBlock);
  if (outcome == Errno::kRestartBlock) {
    if (remaining != 0) TRY(task.memory().WriteValue(remaining, time::ToTimespec(deadline_ns - now)));
    task.restart_data.deadline_ns = deadline_ns;
    task.restart_data.args[0] = remaining;
    task.SetRestart(&RestartSleep);
  }
  return outcome;
}

}  // namespace

Result<void> SysNanosleep(Task& task, UserIn<abi::Timespec> request, UserOut<abi::Timespec> remaining) {
  const abi::Timespec ts = TRY(request.Read(task.memory()));
  if (!time::ValidTimespec(ts)) return Errno::kEINVAL;
  return SleepUntil(task, task.DeadlineAfter(time::ToNs(ts)), remaining.address, false);
}

Result<void> SysClockNanosleep(Task& task, int32_t clock, int32_t flags, UserIn<abi::Timespec> request, UserOut<abi::Timespec> remaining) {
  switch (clock) {
    case abi::kCLOCK_REALTIME:
    case abi::kCLOCK_MONOTONIC:
    case abi::kCLOCK_BOOTTIME:
    case abi::kCLOCK_TAI:
    case abi::kCLOCK_REALTIME_ALARM:
    case abi::kCLOCK_BOOTTIME_ALARM: break;
    case abi::kCLOCK_PROCESS_CPUTIME_ID: break;
    case abi::kCLOCK_THREAD_CPUTIME_ID:
    case abi::kCLOCK_MONOTONIC_RAW:
    case abi::kCLOCK_MONOTONIC_COARSE:
    case abi::kCLOCK_REALTIME_COARSE: return Errno::kEOPNOTSUPP;
    default: return Errno::kEINVAL;
  }
  const abi::Timespec ts = TRY(request.Read(task.memory()));
  if (!time::ValidTimespec(ts)) return Errno::kEINVAL;
  const bool absolute = (flags & abi::kTIMER_ABSTIME) != 0;
  int64_t wanted = time::ToNs(ts);
  if (clock == abi::kCLOCK_PROCESS_CPUTIME_ID) {
    // The clock goes on only while the process runs: looked at again each time it could have got there.
    const int64_t now = TRY(task::ReadClock(task, clock));
    if (absolute) {
      if (now >= wanted) return {};
      return task.ParkUntilWoken(time::SaturatingAdd(time::MonotonicNs(), wanted - now), Errno::kRestartNoHand);
    }
    return SleepUntil(task, task.DeadlineAfter(wanted), remaining.address, false);
  }
  if (!absolute) return SleepUntil(task, task.DeadlineAfter(wanted), remaining.address, false);
  // Absolute times of other clocks are turned into monotonic ones at each run, so that a set clock counts from the next wake-up on.
  const int64_t now_there = TRY(task::ReadClock(task, clock));
  if (wanted <= now_there) return {};
  return SleepUntil(task, time::SaturatingAdd(time::MonotonicNs(), wanted - now_there), 0, true);
}

}  // namespace ringwall::syscalls
