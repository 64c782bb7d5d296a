// getcwd(2), chdir(2), fchdir(2), chroot(2).
#include "abi/capability.h"
#include "sentry/cred/credentials.h"
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/permission.h"
#include "syscalls/path/at.h"
#include "syscalls/path/path.h"

namespace ringwall::syscalls {

Result<int64_t> SysGetcwd(Task& task, UserBuffer buffer, ByteCount size) {
  const vfs::Path cwd = task.fs().cwd();
  if (cwd.dentry->IsUnlinked()) return Errno::kENOENT;
  const std::string name = vfs::AbsoluteName(*task.fs().mount_ns(), task.fs().root(), cwd);
  if (name.size() + 1 > size.value) return Errno::kERANGE;
  // The C string with its NUL.
  TRY(task.memory().Write(buffer.address, absl::Span<const std::byte>(reinterpret_cast<const std::byte*>(name.c_str()), name.size() + 1)));
  return static_cast<int64_t>(name.size() + 1);
}

Result<void> SysChdir(Task& task, UserPath path) {
  const UserPlace place = TRY(ReadPlace(task, abi::kAtFdCwd, path));
  vfs::Path found = TRY(vfs::Walk(task, place.walk(), place.path, {.must_be_directory = true}));
  TRY(vfs::CheckAccess(task, found.inode(), abi::kX_OK));
  task.fs().SetCwd(std::move(found));
  return {};
}

Result<void> SysFchdir(Task& task, Fd fd) {
  const Ref<vfs::File> file = TRY(task.fds().Get(fd));
  if (!file->path() || !file->path().inode().IsDirectory()) return Errno::kENOTDIR;
  TRY(vfs::CheckAccess(task, file->path().inode(), abi::kX_OK));
  task.fs().SetCwd(file->path());
  return {};
}

Result<void> SysChroot(Task& task, UserPath path) {
  const UserPlace place = TRY(ReadPlace(task, abi::kAtFdCwd, path));
  vfs::Path found = TRY(vfs::Walk(task, place.walk(), place.path, {.must_be_directory = true}));
  TRY(vfs::CheckAccess(task, found.inode(), abi::kX_OK));
  if (!task.creds().HasInOwn(abi::kCAP_SYS_CHROOT)) return Errno::kEPERM;
  task.fs().SetRoot(std::move(found));
  return {};
}

}  // namespace ringwall::syscalls
