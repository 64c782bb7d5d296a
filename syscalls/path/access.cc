// access(2), faccessat(2), faccessat2(2).
#include <utility>

#include "sentry/cred/credentials.h"
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/permission.h"
#include "syscalls/path/at.h"
#include "syscalls/path/path.h"

namespace ringwall::syscalls {
namespace {

// access(2) asks for the real ids: the walk and the check run with them in place of the file system ids.
class RealIds {
 public:
  explicit RealIds(Task& task) : task_(task), saved_(task.ShareCreds()) {
    Ref<cred::Credentials> real = task.creds().Clone();
    real->fsuid = real->uid;
    real->fsgid = real->gid;
    // Capabilities count as they would for the real user, unless securebits cut the tie (capabilities(7)).
    if ((real->securebits & abi::kSECBIT_NO_SETUID_FIXUP) == 0)
      real->effective = real->uid == real->user_ns->root_uid() ? real->permitted : 0;
    task.SetCreds(Ref<const cred::Credentials>(std::move(real)));
  }
  ~RealIds() { task_.SetCreds(saved_.ToRef()); }

 private:
  Task& task_;
  const RefPtr<const cred::Credentials> saved_;
};

Result<void> Check(Task& task, Fd dirfd, UserPath user_path, int32_t mode, uint32_t at_flags) {
  const UserPlace place = TRY(ReadPlace(task, dirfd, user_path));
  const vfs::Path found = TRY(WalkPlace(task, place, at_flags));
  vfs::Inode& inode = found.inode();
  const uint32_t wanted = static_cast<uint32_t>(mode);
  if ((wanted & abi::kX_OK) != 0 && inode.IsRegular() && found.mount && found.mount->flags().no_exec) return Errno::kEACCES;
  TRY(vfs::CheckAccess(task, inode, wanted));
  if ((wanted & abi::kW_OK) != 0 && (inode.IsRegular() || inode.IsDirectory() || inode.IsSymlink())) return vfs::CheckWritable(found);
  return {};
}

}  // namespace

Result<void> SysFaccessat2(Task& task, Fd dirfd, UserPath path, int32_t mode, RawFlags flags) {
  if ((static_cast<uint32_t>(mode) & ~(abi::kR_OK | abi::kW_OK | abi::kX_OK)) != 0) return Errno::kEINVAL;
  if ((flags.value & ~(abi::kAT_EACCESS | abi::kAT_SYMLINK_NOFOLLOW | abi::kAT_EMPTY_PATH)) != 0) return Errno::kEINVAL;
  if ((flags.value & abi::kAT_EACCESS) != 0) return Check(task, dirfd, path, mode, flags.value);
  const RealIds real(task);
  return Check(task, dirfd, path, mode, flags.value);
}

Result<void> SysFaccessat(Task& task, Fd dirfd, UserPath path, int32_t mode) { return SysFaccessat2(task, dirfd, path, mode, {}); }

Result<void> SysAccess(Task& task, UserPath path, int32_t mode) { return SysFaccessat2(task, abi::kAtFdCwd, path, mode, {}); }

}  // namespace ringwall::syscalls
