// unshare(2).
#include "sentry/ns/unshare.h"
#include "abi/clone.h"
#include "sentry/task/thread_group.h"
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/path_walk.h"
#include "syscalls/task/task.h"

namespace ringwall::syscalls {

Result<void> SysUnshare(Task& task, RawFlags raw_flags) {
  constexpr uint64_t kNamespaces = abi::kCLONE_NEWNS | abi::kCLONE_NEWCGROUP | abi::kCLONE_NEWUTS | abi::kCLONE_NEWIPC |
                                   abi::kCLONE_NEWUSER | abi::kCLONE_NEWPID | abi::kCLONE_NEWNET | abi::kCLONE_NEWTIME;
  constexpr uint64_t kShared = abi::kCLONE_FILES | abi::kCLONE_FS | abi::kCLONE_SYSVSEM;
  constexpr uint64_t kAlone = abi::kCLONE_THREAD | abi::kCLONE_SIGHAND | abi::kCLONE_VM;
  uint64_t flags = raw_flags.value;
  if ((flags & ~(kNamespaces | kShared | kAlone)) != 0) return Errno::kEINVAL;
  if ((flags & abi::kCLONE_NEWUSER) != 0) flags |= abi::kCLONE_THREAD | abi::kCLONE_FS;
  if ((flags & abi::kCLONE_NEWNS) != 0) flags |= abi::kCLONE_FS;
  // A single-threaded process has nothing to unshare there; others may not.
  if ((flags & kAlone) != 0 && task.thread_group().pids().ThreadsOf(task.thread_group()).size() > 1) return Errno::kEINVAL;
  // Once is enough: until a child is born there (pid_namespaces(7)).
  if ((flags & abi::kCLONE_NEWPID) != 0 && ns::ChildrenBornElsewhere(task)) return Errno::kEINVAL;
  if ((flags & abi::kCLONE_FS) != 0 && task.fs().ref_count() > 1) task.SetFs(task.fs().Clone());
  if ((flags & kNamespaces) != 0) TRY(ns::Unshare(task, flags & kNamespaces));
  // semop(2)'s adjustments: those of the old namespace are carried out with the last thread that shares them.
  if ((flags & (abi::kCLONE_SYSVSEM | abi::kCLONE_NEWIPC)) != 0) task.sem_undo.reset();
  if ((flags & abi::kCLONE_FILES) != 0 && task.fds().ref_count() > 1) task.SetFds(task.fds().Clone());
  return {};
}

}  // namespace ringwall::syscalls
