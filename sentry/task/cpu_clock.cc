// CPU clocks and the table of clock ids (clock_getres(2)).
#include "sentry/task/cpu_clock.h"

#include "abi/time.h"
#include "sentry/task/task.h"
#include "sentry/task/thread_group.h"
#include "sentry/time/clock.h"

namespace ringwall::task {

CpuTimes ThreadCpu(const Task& task) { return {.user_ns = task.UserTimeNs(), .system_ns = task.SystemTimeNs()}; }

CpuTimes ProcessCpu(ThreadGroup& group) {
  PidTable& pids = group.pids();
  CpuTimes sum;
  for (const Ref<Task>& thread : pids.ThreadsOf(group)) {
    const CpuTimes times = ThreadCpu(*thread);
    sum.user_ns += times.user_ns;
    sum.system_ns += times.system_ns;
  }
  MutexLock lock(pids.mu());
  const Usage& dead = pids.FamilyOf(group).dead_threads;
  return {.user_ns = sum.user_ns + dead.user_ns, .system_ns = sum.system_ns + dead.system_ns};
}

Result<ClockRef> FindClock(Task& task, int32_t clock) {
  ClockRef found{.id = clock, .which = abi::kCPUCLOCK_SCHED, .thread = {}, .process = {}};
  switch (clock) {
    case abi::kCLOCK_REALTIME:
    case abi::kCLOCK_MONOTONIC:
    case abi::kCLOCK_MONOTONIC_RAW:
    case abi::kCLOCK_REALTIME_COARSE:
    case abi::kCLOCK_MONOTONIC_COARSE:
    case abi::kCLOCK_BOOTTIME:
    case abi::kCLOCK_REALTIME_ALARM:
    case abi::kCLOCK_BOOTTIME_ALARM:
    case abi::kCLOCK_TAI: return found;
    case abi::kCLOCK_PROCESS_CPUTIME_ID: found.process = task.thread_group_ref(); return found;
    case abi::kCLOCK_THREAD_CPUTIME_ID: found.thread = Ref<Task>(task); return found;
    default: break;
  }
  if (clock >= 0) return Errno::kEINVAL;
  found.which = clock & abi::kCPUCLOCK_CLOCK_MASK;
  if (found.which > abi::kCPUCLOCK_SCHED) return Errno::kEINVAL;  // clocks behind descriptors (PTP) do not exist here
  const int32_t pid = ~(clock >> 3);
  if ((clock & abi::kCPUCLOCK_PERTHREAD_MASK) != 0) {
    found.thread = pid == 0 ? RefPtr<Task>(Ref<Task>(task)) : task.thread_group().pids().FindTask(task.ToKernelPid(pid));
    if (!found.thread || &found.thread->thread_group() != &task.thread_group()) return Errno::kEINVAL;
  } else {
    found.process = pid == 0 ? RefPtr<ThreadGroup>(task.thread_group_ref()) : task.thread_group().pids().FindGroup(task.ToKernelPid(pid));
    if (!found.process) return Errno::kEINVAL;
  }
  return found;
}

int64_t ClockRef::Now() const {
  if (is_cpu()) {
    const CpuTimes times = thread ? ThreadCpu(*thread) : ProcessCpu(*process);
    return static_cast<int64_t>(which == abi::kCPUCLOCK_VIRT ? times.user_ns : times.total_ns());
  }
  switch (id) {
    case abi::kCLOCK_REALTIME:
    case abi::kCLOCK_REALTIME_COARSE:
    case abi::kCLOCK_REALTIME_ALARM:
    case abi::kCLOCK_TAI:  // the offset to UTC is zero until somebody sets it, as on a freshly booted Linux
      return time::RealtimeNs();
    case abi::kCLOCK_BOOTTIME:
    case abi::kCLOCK_BOOTTIME_ALARM: return time::BoottimeNs();
    default: return time::MonotonicNs();
  }
}

Result<int64_t> ReadClock(Task& task, int32_t clock) {
  const ClockRef ref = TRY(FindClock(task, clock));
  return ref.Now();
}

Result<int64_t> ClockResolution(Task& task, int32_t clock) {
  TRY(FindClock(task, clock));
  constexpr int64_t kTickNs = 4'000'000;  // HZ=250
  return clock == abi::kCLOCK_REALTIME_COARSE || clock == abi::kCLOCK_MONOTONIC_COARSE ? kTickNs : 1;
}

}  // namespace ringwall::task
