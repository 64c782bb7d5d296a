// Process descriptors.
#include "host/calls/pidfd.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

namespace ringwall::host {
namespace {

Result<std::optional<ExitStatus>> Wait(int pidfd, int options) {
  siginfo_t info = {};
  int rc;
  do rc = ::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd), &info, WEXITED | options);
  while (rc != 0 && errno == EINTR);
  if (rc != 0) return ErrnoFromHost(errno);
  if (info.si_pid == 0) return std::optional<ExitStatus>();
  return std::optional<ExitStatus>(ExitStatus{info.si_code != CLD_EXITED, info.si_status});
}

}  // namespace

Result<UniqueFd> OpenPidfd(pid_t pid) {
  const long fd = ::syscall(SYS_pidfd_open, pid, 0);
  if (fd < 0) return ErrnoFromHost(errno);
  return UniqueFd(static_cast<int>(fd));
}

Result<void> PidfdSendSignal(int pidfd, int signo) {
  if (::syscall(SYS_pidfd_send_signal, pidfd, signo, nullptr, 0) != 0) return ErrnoFromHost(errno);
  return {};
}

Result<UniqueFd> PidfdGetFd(int pidfd, int fd) {
  const long copy = ::syscall(SYS_pidfd_getfd, pidfd, fd, 0);
  if (copy < 0) return ErrnoFromHost(errno);
  return UniqueFd(static_cast<int>(copy));
}

Result<ExitStatus> PidfdWait(int pidfd) {
  const std::optional<ExitStatus> status = TRY(Wait(pidfd, 0));
  if (!status) return Errno::kECHILD;
  return *status;
}

Result<std::optional<ExitStatus>> PidfdTryWait(int pidfd) { return Wait(pidfd, WNOHANG); }

}  // namespace ringwall::host
