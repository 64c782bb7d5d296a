// stat(2), fstat(2), lstat(2), fstatat(2), statx(2).
#include "abi/device.h"
#include "sentry/cred/credentials.h"
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/mount.h"
#include "syscalls/path/at.h"
#include "syscalls/path/path.h"

namespace ringwall::syscalls {
namespace {

// Owners as the caller's user namespace sees them.
abi::Stat ToStat(const Task& task, const vfs::Attributes& a) {
  const cred::UserNamespace& ids = *task.creds().user_ns;
  abi::Stat s{};
  s.st_dev = a.dev;
  s.st_ino = a.ino;
  s.st_nlink = a.nlink;
  s.st_mode = a.mode;
  s.st_uid = ids.Show(cred::IdKind::kUid, a.uid);
  s.st_gid = ids.Show(cred::IdKind::kGid, a.gid);
  s.st_rdev = a.rdev;
  s.st_size = static_cast<int64_t>(a.size);
  s.st_blksize = a.block_size;
  s.st_blocks = static_cast<int64_t>(a.blocks);
  s.st_atim = a.atime;
  s.st_mtim = a.mtime;
  s.st_ctim = a.ctime;
  return s;
}

abi::StatxTimestamp ToStatx(const abi::Timespec& ts) { return {.tv_sec = ts.tv_sec, .tv_nsec = static_cast<uint32_t>(ts.tv_nsec)}; }

// An empty path with AT_EMPTY_PATH, or a null one (Linux 6.11), is fstat: it works on sockets and pipes too.
Result<vfs::Attributes> AttributesAt(Task& task, Fd dirfd, UserPath user_path, uint32_t at_flags, vfs::Path* where) {
  const bool empty_allowed = (at_flags & abi::kAT_EMPTY_PATH) != 0;
  std::string path;
  if (!(user_path.is_null() && empty_allowed)) path = TRY(user_path.Read(task.memory()));
  if (path.empty() && empty_allowed && dirfd != abi::kAtFdCwd) {
    const Ref<vfs::File> file = TRY(task.fds().Get(dirfd));
    if (where != nullptr) *where = file->path();
    return file->GetAttributes(task);
  }
  const auto start = TRY(task.StartOf(dirfd, path));
  vfs::WalkOptions options;
  options.empty_path = empty_allowed;
  if ((at_flags & abi::kAT_SYMLINK_NOFOLLOW) != 0) options.last = vfs::LastSymlink::kKeep;
  const vfs::Path found = TRY(vfs::Walk(task, start->start, path, options));
  if (where != nullptr) *where = found;
  return vfs::GetAttributes(task, found);
}

}  // namespace

Result<void> SysNewfstatat(Task& task, Fd dirfd, UserPath path, UserOut<abi::Stat> out, RawFlags flags) {
  if ((flags.value & ~(abi::kAT_SYMLINK_NOFOLLOW | abi::kAT_NO_AUTOMOUNT | abi::kAT_EMPTY_PATH)) != 0) return Errno::kEINVAL;
  const vfs::Attributes attributes = TRY(AttributesAt(task, dirfd, path, flags.value, nullptr));
  return out.Write(task.memory(), ToStat(task, attributes));
}

Result<void> SysStat(Task& task, UserPath path, UserOut<abi::Stat> out) { return SysNewfstatat(task, abi::kAtFdCwd, path, out, {}); }

Result<void> SysLstat(Task& task, UserPath path, UserOut<abi::Stat> out) {
  return SysNewfstatat(task, abi::kAtFdCwd, path, out, {abi::kAT_SYMLINK_NOFOLLOW});
}

Result<void> SysFstat(Task& task, Fd fd, UserOut<abi::Stat> out) {
  const Ref<vfs::File> file = TRY(task.fds().Get(fd));
  const vfs::Attributes attributes = TRY(file->GetAttributes(task));
  return out.Write(task.memory(), ToStat(task, attributes));
}

Result<void> SysStatx(Task& task, Fd dirfd, UserPath path, RawFlags flags, uint32_t mask, UserOut<abi::Statx> out) {
  constexpr uint32_t kKnown = abi::kAT_SYMLINK_NOFOLLOW | abi::kAT_NO_AUTOMOUNT | abi::kAT_EMPTY_PATH | abi::kAT_STATX_SYNC_TYPE;
  if ((flags.value & ~kKnown) != 0 || (flags.value & abi::kAT_STATX_SYNC_TYPE) == abi::kAT_STATX_SYNC_TYPE) return Errno::kEINVAL;
  if ((mask & abi::kSTATX__RESERVED) != 0) return Errno::kEINVAL;
  vfs::Path where;
  const vfs::Attributes a = TRY(AttributesAt(task, dirfd, path, flags.value, &where));
  abi::Statx s{};
  s.stx_mask = abi::kSTATX_BASIC_STATS;
  s.stx_blksize = a.block_size;
  s.stx_nlink = a.nlink;
  s.stx_uid = task.creds().user_ns->Show(cred::IdKind::kUid, a.uid);
  s.stx_gid = task.creds().user_ns->Show(cred::IdKind::kGid, a.gid);
  s.stx_mode = static_cast<uint16_t>(a.mode);
  s.stx_ino = a.ino;
  s.stx_size = a.size;
  s.stx_blocks = a.blocks;
  s.stx_atime = ToStatx(a.atime);
  s.stx_mtime = ToStatx(a.mtime);
  s.stx_ctime = ToStatx(a.ctime);
  if (a.btime.tv_sec != 0 || a.btime.tv_nsec != 0) {
    s.stx_btime = ToStatx(a.btime);
    s.stx_mask |= abi::kSTATX_BTIME;
  }
  s.stx_rdev_major = abi::Major(a.rdev);
  s.stx_rdev_minor = abi::Minor(a.rdev);
  s.stx_dev_major = abi::Major(a.dev);
  s.stx_dev_minor = abi::Minor(a.dev);
  if (where.mount) {
    s.stx_mnt_id = static_cast<uint64_t>(where.mount->id());
    s.stx_mask |= abi::kSTATX_MNT_ID;
    s.stx_attributes_mask |= abi::kSTATX_ATTR_MOUNT_ROOT;
    if (where.dentry.get() == where.mount->root().get()) s.stx_attributes |= abi::kSTATX_ATTR_MOUNT_ROOT;
  }
  return out.Write(task.memory(), s);
}

}  // namespace ringwall::syscalls
