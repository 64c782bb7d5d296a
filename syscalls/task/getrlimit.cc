// getrlimit(2), setrlimit(2), prlimit(2).
#include "abi/resource.h"
#include "sentry/cred/credentials.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/task/process_timers.h"
#include "sentry/task/thread_group.h"
#include "sentry/vfs/fd_table.h"
#include "syscalls/task/task.h"

namespace ringwall::syscalls {
namespace {

Result<void> SetLimit(Task& task, task::ThreadGroup& target, int32_t resource, const abi::Rlimit& limit) {
  if (limit.rlim_cur > limit.rlim_max) return Errno::kEINVAL;
  if (resource == abi::kRLIMIT_NOFILE && limit.rlim_max > vfs::FdTable::kMaxFds) return Errno::kEPERM;
  if (limit.rlim_max > target.GetLimit(resource).rlim_max && !task.creds().Has(abi::kCAP_SYS_RESOURCE)) return Errno::kEPERM;
  const uint64_t old = target.GetLimit(resource).rlim_cur;
  target.SetLimit(resource, limit);
  if (resource == abi::kRLIMIT_CPU) task::WatchCpuLimit(task.kernel(), target);
  // A main stack that may grow further does so at once; the limit stands even where there is no room (getrlimit(2)).
  if (resource == abi::kRLIMIT_STACK && limit.rlim_cur > old && &target == &task.thread_group()) {
    (void)task.mm().RaiseStackLimit(limit.rlim_cur, &task.thread()).ok();
  }
  return {};
}

// prlimit(2): the same real, effective and saved ids, or CAP_SYS_RESOURCE.
Result<void> CheckMayPrlimit(Task& task, task::ThreadGroup& target) {
  if (&target == &task.thread_group() || task.creds().Has(abi::kCAP_SYS_RESOURCE)) return {};
  for (const Ref<Task>& thread : task.thread_group().pids().ThreadsOf(target)) {
    const auto c = thread->ShareCreds();
    const cred::Credentials& own = task.creds();
    if (!c || own.uid != c->uid || own.uid != c->euid || own.uid != c->suid || own.gid != c->gid || own.gid != c->egid ||
        own.gid != c->sgid) {
      return Errno::kEPERM;
    }
  }
  return {};
}

}  // namespace

Result<void> SysGetrlimit(Task& task, int32_t resource, UserOut<abi::Rlimit> limit) {
  if (resource < 0 || resource >= abi::kRLIM_NLIMITS) return Errno::kEINVAL;
  return limit.Write(task.memory(), task.thread_group().GetLimit(resource));
}

Result<void> SysSetrlimit(Task& task, int32_t resource, UserIn<abi::Rlimit> limit) {
  const abi::Rlimit wanted = TRY(limit.Read(task.memory()));
  if (resource < 0 || resource >= abi::kRLIM_NLIMITS) return Errno::kEINVAL;
  return SetLimit(task, task.thread_group(), resource, wanted);
}

Result<void> SysPrlimit64(Task& task, int32_t pid, int32_t resource, UserIn<abi::Rlimit> new_limit, UserOut<abi::Rlimit> old_limit) {
  if (resource < 0 || resource >= abi::kRLIM_NLIMITS) return Errno::kEINVAL;
  abi::Rlimit wanted{};
  if (!new_limit.is_null()) wanted = TRY(new_limit.Read(task.memory()));
  RefPtr<task::ThreadGroup> target = RefPtr<task::ThreadGroup>(task.thread_group_ref());
  if (pid != 0) {
    const RefPtr<Task> found = task.thread_group().pids().FindTask(task.ToKernelPid(pid));
    if (!found) return Errno::kESRCH;
    target = RefPtr<task::ThreadGroup>(found->thread_group_ref());
  }
  TRY(CheckMayPrlimit(task, *target));
  const abi::Rlimit old = target->GetLimit(resource);
  if (!new_limit.is_null()) TRY(SetLimit(task, *target, resource, wanted));
  return old_limit.WriteIfSet(task.memory(), old);
}

}  // namespace ringwall::syscalls
