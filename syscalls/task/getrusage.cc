// getrusage(2), times(2).
#include "sentry/mm/memory_manager.h"
#include "sentry/task/thread_group.h"
#include "syscalls/task/rusage.h"
#include "syscalls/task/task.h"

namespace ringwall::syscalls {
namespace {

constexpr int64_t kNsPerTick = 10'000'000;  // USER_HZ 100

abi::Timeval ToTimeval(uint64_t ns) {
  return {.tv_sec = static_cast<int64_t>(ns / 1'000'000'000), .tv_usec = static_cast<int64_t>(ns % 1'000'000'000 / 1000)};
}

task::Usage OwnUsage(Task& task) {
  task::Usage sum;
  for (const Ref<Task>& thread : task.thread_group().pids().ThreadsOf(task.thread_group())) {
    sum.user_ns += thread->UserTimeNs();
    sum.system_ns += thread->SystemTimeNs();
  }
  {
    MutexLock lock(task.thread_group().pids().mu());
    sum.Add(task.thread_group().pids().FamilyOf(task.thread_group()).dead_threads);
  }
  sum.max_rss_kib = std::max<uint64_t>(sum.max_rss_kib, task.mm().Usage().resident_bytes / 1024);
  return sum;
}

task::Usage ChildrenUsage(Task& task) {
  MutexLock lock(task.thread_group().pids().mu());
  return task.thread_group().pids().FamilyOf(task.thread_group()).reaped_children;
}

}  // namespace

abi::Rusage ToRusage(const task::Usage& usage) {
  abi::Rusage r{};
  r.ru_utime = ToTimeval(usage.user_ns);
  r.ru_stime = ToTimeval(usage.system_ns);
  r.ru_maxrss = static_cast<int64_t>(usage.max_rss_kib);
  r.ru_minflt = static_cast<int64_t>(usage.minor_faults);
  r.ru_majflt = static_cast<int64_t>(usage.major_faults);
  r.ru_nvcsw = static_cast<int64_t>(usage.voluntary);
  r.ru_nivcsw = static_cast<int64_t>(usage.involuntary);
  return r;
}

Result<void> SysGetrusage(Task& task, int32_t who, UserOut<abi::Rusage> usage) {
  switch (who) {
    case abi::kRUSAGE_SELF: return usage.Write(task.memory(), ToRusage(OwnUsage(task)));
    case abi::kRUSAGE_CHILDREN: return usage.Write(task.memory(), ToRusage(ChildrenUsage(task)));
    case abi::kRUSAGE_THREAD: {
      const task::Usage own{.user_ns = task.UserTimeNs(), .system_ns = task.SystemTimeNs()};
      return usage.Write(task.memory(), ToRusage(own));
    }
    default: return Errno::kEINVAL;
  }
}

Result<int64_t> SysTimes(Task& task, UserOut<abi::Tms> buffer) {
  if (!buffer.is_null()) {
    const task::Usage own = OwnUsage(task);
    const task::Usage children = ChildrenUsage(task);
    abi::Tms tms{};
    tms.tms_utime = static_cast<int64_t>(own.user_ns) / kNsPerTick;
    tms.tms_stime = static_cast<int64_t>(own.system_ns) / kNsPerTick;
    tms.tms_cutime = static_cast<int64_t>(children.user_ns) / kNsPerTick;
    tms.tms_cstime = static_cast<int64_t>(children.system_ns) / kNsPerTick;
    TRY(buffer.Write(task.memory(), tms));
  }
  return time::MonotonicNs() / kNsPerTick;
}

}  // namespace ringwall::syscalls
