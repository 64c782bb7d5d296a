// fsync(2), fdatasync(2), sync(2), syncfs(2), sync_file_range(2).
#include "sentry/kernel/kernel.h"
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/mount.h"
#include "syscalls/fd/fd.h"

namespace ringwall::syscalls {

Result<void> SysFsync(Task& task, Fd fd) {
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  return file->Sync(task, false);
}

Result<void> SysFdatasync(Task& task, Fd fd) {
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  return file->Sync(task, true);
}

Result<void> SysSync(Task& task) {
  for (const auto& entry : task.kernel().mounts()->List()) (void)entry.mount->fs().Sync(task).ok();
  return {};
}

Result<void> SysSyncfs(Task& task, Fd fd) {
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  if (!file->path().mount) return {};
  return file->path().mount->fs().Sync(task);
}

Result<void> SysSyncFileRange(Task& task, Fd fd, int64_t offset, int64_t bytes, RawFlags flags) {
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  if ((flags.value & ~(abi::kSYNC_FILE_RANGE_WAIT_BEFORE | abi::kSYNC_FILE_RANGE_WRITE | abi::kSYNC_FILE_RANGE_WAIT_AFTER)) != 0)
    return Errno::kEINVAL;
  int64_t end;
  if (offset < 0 || bytes < 0 || __builtin_add_overflow(offset, bytes, &end)) return Errno::kEINVAL;
  if (file->kind() != vfs::FileKind::kRegular && file->kind() != vfs::FileKind::kDirectory) return Errno::kESPIPE;
  return file->Sync(task, true);
}

}  // namespace ringwall::syscalls
