// getpid(2), gettid(2), getppid(2), credentials(7): process groups and sessions.
#include "sentry/task/pid_table.h"
#include "sentry/task/thread_group.h"
#include "syscalls/task/task.h"

namespace ringwall::syscalls {

Result<int32_t> SysGetpid(Task& task) { return task.tgid(); }
Result<int32_t> SysGettid(Task& task) { return task.tid(); }
Result<int32_t> SysGetppid(Task& task) { return task::ParentPid(task.thread_group()); }
Result<int32_t> SysGetpgrp(Task& task) { return task::GetPgid(task.thread_group(), 0); }
Result<int32_t> SysGetpgid(Task& task, int32_t pid) { return task::GetPgid(task.thread_group(), pid); }
Result<void> SysSetpgid(Task& task, int32_t pid, int32_t pgid) { return task::SetPgid(task.thread_group(), pid, pgid); }
Result<int32_t> SysGetsid(Task& task, int32_t pid) { return task::GetSid(task.thread_group(), pid); }
Result<int32_t> SysSetsid(Task& task) { return task::SetSid(task.thread_group()); }

}  // namespace ringwall::syscalls
