// Who may signal whom: kill(2), DESCRIPTION.
#pragma once

#include <cstdint>

#include "abi/signal.h"
#include "base/error/result.h"
#include "sentry/task/task.h"
#include "sentry/task/thread_group.h"

namespace ringwall::syscalls {

// EPERM unless the caller's real or effective uid equals the target's real or saved uid, it has CAP_KILL, or it sends SIGCONT within its session.
Result<void> CheckMaySignal(task::Task& task, task::ThreadGroup& target, int32_t signo);
// siginfo of a signal that the caller sends: its pid and real uid.
abi::SigInfo UserSignal(task::Task& task, int32_t signo, int32_t si_code);

}  // namespace ringwall::syscalls
