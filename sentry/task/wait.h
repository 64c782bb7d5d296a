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
  uint32_t options = 0;  // W* flags; WEXITED explicit
};

struct WaitResult {
  int32_t pid = 0;     // 0: WNOHANG and nothing to report
  int32_t status = 0;  // wait(2) status word
  uint32_t uid = 0;    // real uid of the child
  Usage usage{};
};

// One attempt, parking when there is nothing yet. ECHILD when no child fits.
Result<WaitResult> Wait(Task& task, const WaitRequest& request);

// Tells the parent that `group` is a zombie (SIGCHLD or its exit signal, and the wait queue). True when nobody will wait for it (SIGCHLD
// ignored, SA_NOCLDWAIT, or no parent): the caller reaps it.
bool NotifyParentOfExit(ThreadGroup& group);

}  // namespace ringwall::task
