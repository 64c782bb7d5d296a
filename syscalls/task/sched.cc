// sched(7): policies, parameters and affinity. The host schedules; these values are kept, checked and reported as Linux does.
#include <bit>

#include "abi/resource.h"
#include "abi/sched.h"
#include "sentry/context/machine.h"
#include "sentry/cred/credentials.h"
#include "sentry/task/thread_group.h"
#include "syscalls/task/task.h"

namespace ringwall::syscalls {
namespace {

Result<Ref<Task>> FindTarget(Task& task, int32_t pid) {
  if (pid == 0) return Ref<Task>(task);
  RefPtr<Task> found = pid < 0 ? nullptr : task.thread_group().pids().FindTask(task.ToKernelPid(pid));
  if (!found) return Errno::kESRCH;
  return std::move(found).ToRef();
}

// A negative id is EINVAL for all calls of this page but those about affinity.
Result<Ref<Task>> Target(Task& task, int32_t pid) {
  if (pid < 0) return Errno::kEINVAL;
  return FindTarget(task, pid);
}

// The caller's effective uid owns the target, or CAP_SYS_NICE.
Result<void> CheckMayChange(Task& task, Task& target) {
  if (&task == &target || task.creds().Has(abi::kCAP_SYS_NICE)) return {};
  const auto creds = target.ShareCreds();
  if (creds && (task.creds().euid == creds->euid || task.creds().euid == creds->uid)) return {};
  return Errno::kEPERM;
}

bool IsRealtime(int32_t policy) { return policy == abi::kSCHED_FIFO || policy == abi::kSCHED_RR; }

bool KnownPolicy(int32_t policy) {
  return policy == abi::kSCHED_NORMAL || IsRealtime(policy) || policy == abi::kSCHED_BATCH || policy == abi::kSCHED_IDLE;
}

Result<void> Apply(Task& task, Task& target, int32_t policy, int32_t priority) {
  if (!KnownPolicy(policy)) return Errno::kEINVAL;
  if (IsRealtime(policy) ? priority < 1 || priority > 99 : priority != 0) return Errno::kEINVAL;
  TRY(CheckMayChange(task, target));
  if (IsRealtime(policy) && !task.creds().Has(abi::kCAP_SYS_NICE) &&
      static_cast<uint64_t>(priority) > target.thread_group().GetLimit(abi::kRLIMIT_RTPRIO).rlim_cur) {
    return Errno::kEPERM;
  }
  Task::Scheduling s = target.scheduling();
  s.policy = policy;
  s.priority = priority;
  target.SetScheduling(s);
  return {};
}

uint32_t CpuCount() { return std::min(64u, machine::CpuCount()); }
uint64_t AllCpus() { return CpuCount() == 64 ? ~uint64_t{0} : (uint64_t{1} << CpuCount()) - 1; }

}  // namespace

Result<Lasting<int32_t>> SysSchedYield(Task&) { return 0; }

Result<void> SysSchedSetaffinity(Task& task, int32_t pid, uint32_t length, UserAddr mask) {
  uint64_t bits = 0;
  const size_t n = std::min<size_t>(length, sizeof(bits));
  TRY(task.memory().Read(mask.value, absl::Span<std::byte>(reinterpret_cast<std::byte*>(&bits), n)));
  const Ref<Task> target = TRY(FindTarget(task, pid));
  TRY(CheckMayChange(task, *target));
  bits &= AllCpus();
  if (bits == 0) return Errno::kEINVAL;
  Task::Scheduling s = target->scheduling();
  s.affinity = bits;
  target->SetScheduling(s);
  return {};
}

Result<int32_t> SysSchedGetaffinity(Task& task, int32_t pid, uint32_t length, UserAddr mask) {
  if (length % sizeof(uint64_t) != 0 || length < sizeof(uint64_t)) return Errno::kEINVAL;
  const Ref<Task> target = TRY(FindTarget(task, pid));
  TRY(task.memory().WriteValue<uint64_t>(mask.value, target->scheduling().affinity & AllCpus()));
  return static_cast<int32_t>(sizeof(uint64_t));
}

Result<void> SysSchedSetscheduler(Task& task, int32_t pid, int32_t policy, UserIn<abi::SchedParam> param) {
  if (param.is_null() || pid < 0) return Errno::kEINVAL;
  const abi::SchedParam p = TRY(param.Read(task.memory()));
  const Ref<Task> target = TRY(Target(task, pid));
  return Apply(task, *target, policy & ~abi::kSCHED_RESET_ON_FORK, p.sched_priority);
}

Result<int32_t> SysSchedGetscheduler(Task& task, int32_t pid) {
  const Ref<Task> target = TRY(Target(task, pid));
  return target->scheduling().policy;
}

Result<void> SysSchedSetparam(Task& task, int32_t pid, UserIn<abi::SchedParam> param) {
  if (param.is_null() || pid < 0) return Errno::kEINVAL;
  const abi::SchedParam p = TRY(param.Read(task.memory()));
  const Ref<Task> target = TRY(Target(task, pid));
  return Apply(task, *target, target->scheduling().policy, p.sched_priority);
}

Result<void> SysSchedGetparam(Task& task, int32_t pid, UserOut<abi::SchedParam> param) {
  if (param.is_null() || pid < 0) return Errno::kEINVAL;
  const Ref<Task> target = TRY(Target(task, pid));
  return param.Write(task.memory(), {.sched_priority = target->scheduling().priority});
}

Result<void> SysSchedSetattr(Task& task, int32_t pid, UserAddr attr, uint32_t flags) {
  if (attr.is_null() || pid < 0 || flags != 0) return Errno::kEINVAL;
  uint32_t size = TRY(task.memory().ReadValue<uint32_t>(attr.value));
  if (size == 0) size = abi::kSCHED_ATTR_SIZE_VER0;
  if (size < abi::kSCHED_ATTR_SIZE_VER0 || size > 4096) {
    (void)task.memory().WriteValue<uint32_t>(attr.value, sizeof(abi::SchedAttr)).ok();
    return Errno::kE2BIG;
  }
  abi::SchedAttr a;
  TRY(task.memory().Read(attr.value, absl::Span<std::byte>(reinterpret_cast<std::byte*>(&a), std::min<size_t>(size, sizeof(a)))));
  for (uint64_t at = sizeof(a); at < size; ++at) {
    const uint8_t unknown = TRY(task.memory().ReadValue<uint8_t>(attr.value + at));
    if (unknown != 0) return Errno::kE2BIG;
  }
  const Ref<Task> target = TRY(Target(task, pid));
  if ((a.sched_flags & abi::kSCHED_FLAG_KEEP_POLICY) != 0) a.sched_policy = static_cast<uint32_t>(target->scheduling().policy);
  if (static_cast<int32_t>(a.sched_policy) < 0 || (a.sched_flags & ~abi::kSCHED_FLAG_ALL) != 0) return Errno::kEINVAL;
  TRY(Apply(task, *target, static_cast<int32_t>(a.sched_policy), static_cast<int32_t>(a.sched_priority)));
  if (!IsRealtime(static_cast<int32_t>(a.sched_policy))) {
    Task::Scheduling s = target->scheduling();
    s.nice = std::clamp(a.sched_nice, abi::kMIN_NICE, abi::kMAX_NICE);
    target->SetScheduling(s);
  }
  return {};
}

Result<void> SysSchedGetattr(Task& task, int32_t pid, UserAddr attr, uint32_t size, uint32_t flags) {
  if (attr.is_null() || pid < 0 || size > 4096 || size < abi::kSCHED_ATTR_SIZE_VER0 || flags != 0) return Errno::kEINVAL;
  const Ref<Task> target = TRY(Target(task, pid));
  const Task::Scheduling s = target->scheduling();
  abi::SchedAttr a{};
  a.size = std::min<uint32_t>(size, sizeof(a));
  a.sched_policy = static_cast<uint32_t>(s.policy);
  a.sched_nice = s.nice;
  a.sched_priority = static_cast<uint32_t>(s.priority);
  return task.memory().Write(attr.value, absl::Span<const std::byte>(reinterpret_cast<const std::byte*>(&a), a.size));
}

Result<int32_t> SysSchedGetPriorityMax(Task&, int32_t policy) {
  if (IsRealtime(policy)) return 99;
  if (KnownPolicy(policy) || policy == abi::kSCHED_DEADLINE) return 0;
  return Errno::kEINVAL;
}

Result<int32_t> SysSchedGetPriorityMin(Task&, int32_t policy) {
  if (IsRealtime(policy)) return 1;
  if (KnownPolicy(policy) || policy == abi::kSCHED_DEADLINE) return 0;
  return Errno::kEINVAL;
}

Result<void> SysSchedRrGetInterval(Task& task, int32_t pid, UserOut<abi::Timespec> interval) {
  const Ref<Task> target = TRY(Target(task, pid));
  const int64_t ns = target->scheduling().policy == abi::kSCHED_RR ? 100'000'000 : 0;
  return interval.Write(task.memory(), time::ToTimespec(ns));
}

}  // namespace ringwall::syscalls
