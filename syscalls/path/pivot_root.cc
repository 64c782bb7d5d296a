// pivot_root(2).
#include "abi/capability.h"
#include "sentry/cred/credentials.h"
#include "sentry/task/thread_group.h"
#include "sentry/vfs/mount.h"
#include "syscalls/path/at.h"
#include "syscalls/path/path.h"

namespace ringwall::syscalls {

Result<void> SysPivotRoot(Task& task, UserPath new_root, UserPath put_old) {
  const Ref<vfs::MountNamespace>& ns = task.fs().mount_ns();
  if (!task.creds().HasIn(*ns->owner(), abi::kCAP_SYS_ADMIN)) return Errno::kEPERM;
  const UserPlace new_place = TRY(ReadPlace(task, abi::kAtFdCwd, new_root));
  const vfs::Path to = TRY(vfs::Walk(task, new_place.walk(), new_place.path, {.must_be_directory = true}));
  const UserPlace old_place = TRY(ReadPlace(task, abi::kAtFdCwd, put_old));
  const vfs::Path old = TRY(vfs::Walk(task, old_place.walk(), old_place.path, {.must_be_directory = true}));
  const vfs::Path root = task.fs().root();
  TRY(ns->PivotRoot(root, to, old));
  // Everybody whose root or working directory was the old root goes along (pivot_root(2)).
  task::PidTable& pids = task.thread_group().pids();
  for (const Ref<task::ThreadGroup>& group : pids.AllGroups()) {
    for (const Ref<Task>& thread : pids.ThreadsOf(*group)) {
      const RefPtr<vfs::FsContext> fs = thread->ShareFs();
      if (!fs) continue;
      if (fs->root() == root) fs->SetRoot(to);
      if (fs->cwd() == root) fs->SetCwd(to);
    }
  }
  return {};
}

}  // namespace ringwall::syscalls
