// pidfd_open(2), pidfd_send_signal(2), waitid(2) on a pidfd: processes that cannot be mistaken for their pid's next owner.
#pragma once

#include <sys/types.h>

#include <optional>

#include "base/error/result.h"
#include "base/fd/unique_fd.h"

namespace ringwall::host {

Result<UniqueFd> OpenPidfd(pid_t pid);
Result<void> PidfdSendSignal(int pidfd, int signo);
// A copy of descriptor `fd` of that process (pidfd_getfd(2)), close-on-exec.
Result<UniqueFd> PidfdGetFd(int pidfd, int fd);

struct ExitStatus {
  bool signaled;  // else exited
  int code;       // exit status or signal number
  // 128 + signal or the exit status: what a shell and runc report.
  int ShellCode() const { return signaled ? 128 + code : code; }
};
// Waits for and reaps a child. ECHILD when it is not ours.
Result<ExitStatus> PidfdWait(int pidfd);
// Reaps if the child has ended; nullopt while it lives.
Result<std::optional<ExitStatus>> PidfdTryWait(int pidfd);

}  // namespace ringwall::host
