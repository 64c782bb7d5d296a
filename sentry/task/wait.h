// wait4(2) and waitid(2).
#pragma once

#include <cstdint>

#include "base/error/result.h"
#include "sentry/task/task.h"
#include "sentry/task/thread_group.h"

namespace ringwall::task {

struct WaitRequest {
  int32_t id_type = 0;  // P_ALL, P_PID, P_PGID
  int32_t id = 0;
  uint32_t options = 0;    // W* flags; WEXITED explicit
  bool kernel_id = false;  // `id` is not in the caller's pid namespace but the kernel's (a pidfd's)
};

struct WaitResult {
  int32_t pid = 0;     // 0: WNOHANG and nothing to report
  int32_t status = 0;  // wait(2) status word
  uint32_t uid = 0;    // real uid of the child
  // A ptrace-stop: waitid(2) shows its whole code.
  bool trapped = false;
  int32_t stop_code = 0;
  int32_t stop_cld = 0;  // CLD_TRAPPED, CLD_STOPPED
  Usage usage{};
};

// One attempt, parking when there is nothing yet. ECHILD when no child fits.
Result<WaitResult> Wait(Task& task, const WaitRequest& request);

// Tells the parent that `group` is a zombie (SIGCHLD or its exit signal, and the wait queue). True when nobody will wait for it (SIGCHLD
// ignored, SA_NOCLDWAIT, or no parent): the caller reaps it.
bool NotifyParentOfExit(ThreadGroup& group);

// A child's number and user as its parent's namespaces see them.
struct ChildIds {
  int32_t pid = 0;
  uint32_t uid = 0;
};
ChildIds IdsForParentLocked(PidTable& pids, ThreadGroup& child) ABSL_EXCLUSIVE_LOCKS_REQUIRED(pids.mu());

}  // namespace ringwall::task
