// getpid(2), gettid(2), getppid(2), credentials(7): process groups and sessions.
#include "sentry/task/pid_table.h"
#include "sentry/task/thread_group.h"
#include "syscalls/task/task.h"

namespace ringwall::syscalls {

Result<Lasting<int32_t>> SysGetpid(Task& task) { return task.ToGuestPid(task.tgid()); }
Result<Lasting<int32_t>> SysGettid(Task& task) { return task.ToGuestPid(task.tid()); }
Result<Lasting<int32_t>> SysGetppid(Task& task) { return task::ParentPid(task.thread_group()); }
Result<int32_t> SysGetpgrp(Task& task) { return SysGetpgid(task, 0); }
// A group or session that was made outside of the caller's pid namespace is 0 (pid_namespaces(7)).
Result<int32_t> SysGetpgid(Task& task, int32_t pid) {
  const int32_t pgid = TRY(task::GetPgid(task.thread_group(), task.ToKernelPid(pid)));
  return task.ToGuestPid(pgid);
}
Result<void> SysSetpgid(Task& task, int32_t pid, int32_t pgid) {
  if (pgid < 0 || (pgid == 0 && pid < 0)) return Errno::kEINVAL;
  return task::SetPgid(task.thread_group(), task.ToKernelPid(pid), task.ToKernelPid(pgid));
}
Result<int32_t> SysGetsid(Task& task, int32_t pid) {
  const int32_t sid = TRY(task::GetSid(task.thread_group(), task.ToKernelPid(pid)));
  return task.ToGuestPid(sid);
}
Result<int32_t> SysSetsid(Task& task) {
  const int32_t sid = TRY(task::SetSid(task.thread_group()));
  return task.ToGuestPid(sid);
}

}  // namespace ringwall::syscalls
