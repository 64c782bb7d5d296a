// chmod(2), chown(2), umask(2), truncate(2).
#include "sentry/cred/credentials.h"
#include "sentry/vfs/fd_table.h"
#include "syscalls/core/io.h"
#include "syscalls/path/at.h"
#include "syscalls/path/path.h"

namespace ringwall::syscalls {
namespace {

// Ids of the caller's user namespace; EINVAL for those that it does not know.
Result<void> ChownTo(Task& task, const vfs::Path& path, uint32_t uid, uint32_t gid) {
  const cred::UserNamespace& ids = *task.creds().user_ns;
  const auto user = ids.ToKernel(cred::IdKind::kUid, uid);
  const auto group = ids.ToKernel(cred::IdKind::kGid, gid);
  if ((uid != ~0u && !user.has_value()) || (gid != ~0u && !group.has_value())) return Errno::kEINVAL;
  return vfs::Chown(task, path, user.value_or(~0u), group.value_or(~0u));
}

}  // namespace

namespace {

// The file behind an open descriptor; anonymous files have attributes of their own and no place.
Result<vfs::Path> PathOf(Task& task, Fd fd) {
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  if (!file->path()) return Errno::kEINVAL;
  return file->path();
}

}  // namespace

Result<void> SysFchmodat2(Task& task, Fd dirfd, UserPath path, Mode mode, RawFlags flags) {
  if ((flags.value & ~(abi::kAT_SYMLINK_NOFOLLOW | abi::kAT_EMPTY_PATH)) != 0) return Errno::kEINVAL;
  const vfs::Path found = TRY(FindPath(task, dirfd, path, flags.value));
  if (found.inode().IsSymlink()) return Errno::kEOPNOTSUPP;
  return vfs::Chmod(task, found, mode.value & abi::kS_IALLUGO);
}

Result<void> SysFchmodat(Task& task, Fd dirfd, UserPath path, Mode mode) { return SysFchmodat2(task, dirfd, path, mode, {}); }
Result<void> SysChmod(Task& task, UserPath path, Mode mode) { return SysFchmodat2(task, abi::kAtFdCwd, path, mode, {}); }

Result<void> SysFchmod(Task& task, Fd fd, Mode mode) {
  const vfs::Path path = TRY(PathOf(task, fd));
  return vfs::Chmod(task, path, mode.value & abi::kS_IALLUGO);
}

Result<void> SysFchownat(Task& task, Fd dirfd, UserPath path, uint32_t uid, uint32_t gid, RawFlags flags) {
  if ((flags.value & ~(abi::kAT_SYMLINK_NOFOLLOW | abi::kAT_EMPTY_PATH)) != 0) return Errno::kEINVAL;
  const vfs::Path found = TRY(FindPath(task, dirfd, path, flags.value));
  return ChownTo(task, found, uid, gid);
}

Result<void> SysChown(Task& task, UserPath path, uint32_t uid, uint32_t gid) {
  return SysFchownat(task, abi::kAtFdCwd, path, uid, gid, {});
}

Result<void> SysLchown(Task& task, UserPath path, uint32_t uid, uint32_t gid) {
  return SysFchownat(task, abi::kAtFdCwd, path, uid, gid, {abi::kAT_SYMLINK_NOFOLLOW});
}

Result<void> SysFchown(Task& task, Fd fd, uint32_t uid, uint32_t gid) {
  const vfs::Path path = TRY(PathOf(task, fd));
  return ChownTo(task, path, uid, gid);
}

Result<uint32_t> SysUmask(Task& task, Mode mask) { return task.fs().SetUmask(mask.value); }

Result<void> SysTruncate(Task& task, UserPath path, int64_t length) {
  if (length < 0) return Errno::kEINVAL;
  const vfs::Path found = TRY(FindPath(task, abi::kAtFdCwd, path, 0));
  auto done = vfs::Truncate(task, found, static_cast<uint64_t>(length));
  if (!done.ok()) SignalFileSizeLimit(task, done.error());
  return done;
}

}  // namespace ringwall::syscalls
