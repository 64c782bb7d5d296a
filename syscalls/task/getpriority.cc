// getpriority(2), setpriority(2), ioprio_get(2), ioprio_set(2), getcpu(2).
#include <algorithm>
#include <vector>

#include "abi/resource.h"
#include "abi/sched.h"
#include "sentry/cred/credentials.h"
#include "sentry/task/pid_table.h"
#include "sentry/task/thread_group.h"
#include "syscalls/task/task.h"

namespace ringwall::syscalls {
namespace {

// The tasks that (which, who) names; ESRCH when there is none.
Result<std::vector<Ref<Task>>> Select(Task& task, int32_t which, int32_t who) {
  task::PidTable& pids = task.thread_group().pids();
  std::vector<Ref<Task>> chosen;
  switch (which) {
    case abi::kPRIO_PROCESS: {
      RefPtr<Task> one = who == 0 ? RefPtr<Task>::Share(&task) : pids.FindTask(task.ToKernelPid(who));
      if (one) chosen.push_back(std::move(one).ToRef());
      break;
    }
    case abi::kPRIO_PGRP: {
      int32_t pgid = task.ToKernelPid(who);
      if (who == 0) pgid = TRY(task::GetPgid(task.thread_group(), 0));
      for (const Ref<task::ThreadGroup>& group : pids.MembersOf(pgid)) {
        for (Ref<Task>& t : pids.ThreadsOf(*group)) chosen.push_back(std::move(t));
      }
      break;
    }
    case abi::kPRIO_USER: {
      const cred::UserNamespace& ids = *task.creds().user_ns;
      const uint32_t uid = who == 0 ? task.creds().uid : ids.ToKernel(cred::IdKind::kUid, static_cast<uint32_t>(who)).value_or(~0u);
      for (const Ref<task::ThreadGroup>& group : pids.AllGroups()) {
        for (Ref<Task>& t : pids.ThreadsOf(*group)) {
          const auto creds = t->ShareCreds();
          if (creds && creds->uid == uid) chosen.push_back(std::move(t));
        }
      }
      break;
    }
    default: return Errno::kEINVAL;
  }
  if (chosen.empty()) return Errno::kESRCH;
  return chosen;
}

}  // namespace

Result<int32_t> SysGetpriority(Task& task, int32_t which, int32_t who) {
  const std::vector<Ref<Task>> chosen = TRY(Select(task, which, who));
  int32_t best = 0;
  // The system call gives 20 - nice, so that it is never negative.
  for (const Ref<Task>& t : chosen) best = std::max(best, 20 - t->scheduling().nice);
  return best;
}

Result<void> SysSetpriority(Task& task, int32_t which, int32_t who, int32_t priority) {
  const std::vector<Ref<Task>> chosen = TRY(Select(task, which, who));
  const int32_t nice = std::clamp(priority, abi::kMIN_NICE, abi::kMAX_NICE);
  Result<void> outcome;
  for (const Ref<Task>& t : chosen) {
    const auto creds = t->ShareCreds();
    const cred::Credentials& own = task.creds();
    if (creds && own.euid != creds->euid && own.euid != creds->uid && !own.Has(abi::kCAP_SYS_NICE)) {
      outcome = Errno::kEPERM;
      continue;
    }
    Task::Scheduling s = t->scheduling();
    const uint64_t floor_limit = t->thread_group().GetLimit(abi::kRLIMIT_NICE).rlim_cur;
    const bool allowed_by_limit = floor_limit >= 40 || 20 - static_cast<int32_t>(floor_limit) <= nice;
    if (nice < s.nice && !own.Has(abi::kCAP_SYS_NICE) && !allowed_by_limit) {
      outcome = Errno::kEACCES;
      continue;
    }
    s.nice = nice;
    t->SetScheduling(s);
  }
  return outcome;
}

Result<int32_t> SysIoprioGet(Task& task, int32_t which, int32_t who) {
  // IOPRIO_WHO_* are PRIO_* plus one.
  const std::vector<Ref<Task>> chosen = TRY(Select(task, which - 1, who));
  const int32_t own = chosen.front()->io_priority.load();
  if ((own >> abi::kIOPRIO_CLASS_SHIFT) != abi::kIOPRIO_CLASS_NONE) return own;
  // Nobody has chosen: best effort, by the nice value (ioprio_set(2), NOTES).
  return abi::kIOPRIO_CLASS_BE << abi::kIOPRIO_CLASS_SHIFT | (chosen.front()->scheduling().nice + 20) / 5;
}

Result<void> SysIoprioSet(Task& task, int32_t which, int32_t who, int32_t ioprio) {
  const int32_t cls = ioprio >> abi::kIOPRIO_CLASS_SHIFT;
  const int32_t level = ioprio & ((1 << abi::kIOPRIO_CLASS_SHIFT) - 1);
  if (cls < abi::kIOPRIO_CLASS_NONE || cls > abi::kIOPRIO_CLASS_IDLE) return Errno::kEINVAL;
  if (cls == abi::kIOPRIO_CLASS_NONE && level != 0) return Errno::kEINVAL;
  if ((cls == abi::kIOPRIO_CLASS_RT || cls == abi::kIOPRIO_CLASS_BE) && (level & 7) >= abi::kIOPRIO_NR_LEVELS) return Errno::kEINVAL;
  if (cls == abi::kIOPRIO_CLASS_RT && !task.creds().Has(abi::kCAP_SYS_NICE) && !task.creds().Has(abi::kCAP_SYS_ADMIN)) return Errno::kEPERM;
  const std::vector<Ref<Task>> chosen = TRY(Select(task, which - 1, who));
  for (const Ref<Task>& t : chosen) {
    const auto theirs = t->ShareCreds();
    const bool own = theirs && (theirs->uid == task.creds().euid || theirs->uid == task.creds().uid);
    if (!own && !task.creds().Has(abi::kCAP_SYS_NICE)) return Errno::kEPERM;
    t->io_priority = ioprio;
  }
  return {};
}

Result<void> SysGetcpu(Task& task, UserOut<uint32_t> cpu, UserOut<uint32_t> node, UserAddr) {
  // Any CPU that the task may run on is a true answer by the time the caller sees it.
  const uint64_t mask = task.scheduling().affinity;
  TRY(cpu.WriteIfSet(task.memory(), mask == 0 ? 0 : static_cast<uint32_t>(__builtin_ctzll(mask))));
  return node.WriteIfSet(task.memory(), 0);
}

}  // namespace ringwall::syscalls
