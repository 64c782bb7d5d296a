// dup(2), dup2(2), dup3(2).
#include <utility>

#include "abi/resource.h"
#include "sentry/vfs/fd_table.h"
#include "syscalls/fd/fd.h"

namespace ringwall::syscalls {
namespace {

Result<Fd> DupOnto(Task& task, Fd old_fd, Fd new_fd, vfs::FdFlags flags) {
  Ref<vfs::File> file = TRY(task.fds().Get(old_fd));
  const RefPtr<vfs::File> replaced = TRY(task.fds().Replace(new_fd, std::move(file), flags, task.Limit(abi::kRLIMIT_NOFILE)));
  // The file that was there is closed silently (dup2(2), NOTES).
  if (replaced) (void)vfs::FinishClose(task, replaced.ToRef(), task.fds()).ok();
  return new_fd;
}

}  // namespace

Result<Fd> SysDup(Task& task, Fd fd) {
  Ref<vfs::File> file = TRY(task.fds().Get(fd));
  return task.fds().Add(std::move(file), {}, task.Limit(abi::kRLIMIT_NOFILE));
}

Result<Fd> SysDup2(Task& task, Fd old_fd, Fd new_fd) {
  if (old_fd == new_fd) {
    TRY(task.fds().Get(old_fd));
    return new_fd;
  }
  return DupOnto(task, old_fd, new_fd, {});
}

Result<Fd> SysDup3(Task& task, Fd old_fd, Fd new_fd, RawFlags flags) {
  if ((flags.value & ~abi::kO_CLOEXEC) != 0 || old_fd == new_fd) return Errno::kEINVAL;
  return DupOnto(task, old_fd, new_fd, {.cloexec = flags.value != 0});
}

}  // namespace ringwall::syscalls
