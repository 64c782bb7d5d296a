// mkdir(2), rmdir(2), mknod(2).
#include "abi/device.h"
#include "syscalls/path/at.h"
#include "syscalls/path/path.h"

namespace ringwall::syscalls {

Result<void> SysMkdirat(Task& task, Fd dirfd, UserPath path, Mode mode) {
  const UserPlace place = TRY(ReadPlace(task, dirfd, path));
  return vfs::Mkdir(task, place.walk(), place.path, mode.value & (abi::kS_IRWXUGO | abi::kS_ISVTX), task.fs().umask());
}

Result<void> SysMkdir(Task& task, UserPath path, Mode mode) { return SysMkdirat(task, abi::kAtFdCwd, path, mode); }

Result<void> SysRmdir(Task& task, UserPath path) {
  const UserPlace place = TRY(ReadPlace(task, abi::kAtFdCwd, path));
  return vfs::Rmdir(task, place.walk(), place.path);
}

Result<void> SysMknodat(Task& task, Fd dirfd, UserPath path, Mode mode, uint32_t dev) {
  const UserPlace place = TRY(ReadPlace(task, dirfd, path));
  TRY(vfs::Mknod(task, place.walk(), place.path, mode.value, dev, task.fs().umask()));
  return {};
}

Result<void> SysMknod(Task& task, UserPath path, Mode mode, uint32_t dev) { return SysMknodat(task, abi::kAtFdCwd, path, mode, dev); }

}  // namespace ringwall::syscalls
