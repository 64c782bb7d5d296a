// Job control over the pid table: setsid(2), setpgid(2), getpgid(2), getsid(2), getppid(2).
#pragma once

#include <cstdint>

#include "base/error/result.h"
#include "sentry/task/thread_group.h"

namespace ringwall::task {

// The new session id. EPERM when the caller leads a process group.
Result<int32_t> SetSid(ThreadGroup& group);
// pid 0 = the caller, pgid 0 = pid. ESRCH, EPERM, EACCES, EINVAL as setpgid(2).
Result<void> SetPgid(ThreadGroup& caller, int32_t pid, int32_t pgid);
// pid 0 = the caller; thread ids count too. ESRCH.
Result<int32_t> GetPgid(ThreadGroup& caller, int32_t pid);
Result<int32_t> GetSid(ThreadGroup& caller, int32_t pid);
// 0 when the parent is outside the sandbox.
int32_t ParentPid(ThreadGroup& group);

}  // namespace ringwall::task
