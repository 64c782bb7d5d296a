// unshare(2), setns(2).
#include "abi/clone.h"
#include "sentry/kernel/kernel.h"
#include "sentry/observe/unimplemented.h"
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/path_walk.h"
#include "syscalls/task/task.h"

namespace ringwall::syscalls {

Result<void> SysUnshare(Task& task, RawFlags flags) {
  constexpr uint64_t kNamespaces = abi::kCLONE_NEWNS | abi::kCLONE_NEWCGROUP | abi::kCLONE_NEWUTS | abi::kCLONE_NEWIPC |
                                   abi::kCLONE_NEWUSER | abi::kCLONE_NEWPID | abi::kCLONE_NEWNET | abi::kCLONE_NEWTIME;
  constexpr uint64_t kShared = abi::kCLONE_FILES | abi::kCLONE_FS | abi::kCLONE_SYSVSEM;
  constexpr uint64_t kAlone = abi::kCLONE_THREAD | abi::kCLONE_SIGHAND | abi::kCLONE_VM;
  const uint64_t f = flags.value;
  if ((f & ~(kNamespaces | kShared | kAlone)) != 0) return Errno::kEINVAL;
  // A single-threaded process has nothing to unshare there; others may not.
  if ((f & kAlone) != 0 && task.thread_group().pids().ThreadsOf(task.thread_group()).size() > 1) return Errno::kEINVAL;
  if ((f & kNamespaces) != 0) {
    task.kernel().unimplemented().Count("unshare", "CLONE_NEW*");
    return Errno::kEPERM;
  }
  if ((f & abi::kCLONE_FILES) != 0 && task.fds().ref_count() > 1) task.SetFds(task.fds().Clone());
  if ((f & abi::kCLONE_FS) != 0 && task.fs().ref_count() > 1) task.SetFs(task.fs().Clone());
  return {};
}

Result<void> SysSetns(Task& task, Fd fd, RawFlags) {
  TRY(task.fds().Get(fd));
  task.kernel().unimplemented().Count("setns");
  return Errno::kEINVAL;
}

}  // namespace ringwall::syscalls
