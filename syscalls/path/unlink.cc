// unlink(2), unlinkat(2).
#include "syscalls/path/at.h"
#include "syscalls/path/path.h"

namespace ringwall::syscalls {

Result<void> SysUnlinkat(Task& task, Fd dirfd, UserPath path, RawFlags flags) {
  if ((flags.value & ~abi::kAT_REMOVEDIR) != 0) return Errno::kEINVAL;
  const UserPlace place = TRY(ReadPlace(task, dirfd, path));
  if (flags.value != 0) return vfs::Rmdir(task, place.walk(), place.path);
  return vfs::Unlink(task, place.walk(), place.path);
}

Result<void> SysUnlink(Task& task, UserPath path) { return SysUnlinkat(task, abi::kAtFdCwd, path, {}); }

}  // namespace ringwall::syscalls
