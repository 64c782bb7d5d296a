// statfs(2), fstatfs(2).
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/mount.h"
#include "syscalls/path/at.h"
#include "syscalls/path/path.h"

namespace ringwall::syscalls {
namespace {

Result<void> Report(Task& task, const vfs::Path& path, UserOut<abi::Statfs> out) {
  const vfs::FileSystemStats stats = TRY(path.inode().StatFs(task));
  abi::Statfs s{};
  s.f_type = static_cast<int64_t>(stats.type);
  s.f_bsize = static_cast<int64_t>(stats.block_size);
  s.f_frsize = static_cast<int64_t>(stats.block_size);
  s.f_blocks = stats.blocks;
  s.f_bfree = stats.blocks_free;
  s.f_bavail = stats.blocks_available;
  s.f_files = stats.files;
  s.f_ffree = stats.files_free;
  s.f_fsid[0] = static_cast<int32_t>(stats.id);
  s.f_fsid[1] = static_cast<int32_t>(stats.id >> 32);
  s.f_namelen = stats.name_max;
  s.f_flags = abi::kST_VALID;
  if (path.mount) {
    const vfs::MountFlags flags = path.mount->flags();
    s.f_flags |= (flags.read_only ? abi::kST_RDONLY : 0) | (flags.no_suid ? abi::kST_NOSUID : 0) | (flags.no_dev ? abi::kST_NODEV : 0) |
                 (flags.no_exec ? abi::kST_NOEXEC : 0) | (flags.no_atime ? abi::kST_NOATIME : abi::kST_RELATIME);
  }
  return out.Write(task.memory(), s);
}

}  // namespace

Result<void> SysStatfs(Task& task, UserPath path, UserOut<abi::Statfs> out) {
  const vfs::Path found = TRY(FindPath(task, abi::kAtFdCwd, path, 0));
  return Report(task, found, out);
}

Result<void> SysFstatfs(Task& task, Fd fd, UserOut<abi::Statfs> out) {
  const Ref<vfs::File> file = TRY(task.fds().Get(fd));
  if (!file->path()) return Errno::kENOSYS;
  return Report(task, file->path(), out);
}

}  // namespace ringwall::syscalls
