// rename(2), renameat(2), renameat2(2).
#include "sentry/cred/credentials.h"
#include "syscalls/path/at.h"
#include "syscalls/path/path.h"

namespace ringwall::syscalls {

Result<void> SysRenameat2(Task& task, Fd old_dirfd, UserPath old_path, Fd new_dirfd, UserPath new_path, RawFlags flags) {
  constexpr uint32_t kKnown = abi::kRENAME_NOREPLACE | abi::kRENAME_EXCHANGE | abi::kRENAME_WHITEOUT;
  if ((flags.value & ~kKnown) != 0) return Errno::kEINVAL;
  if ((flags.value & abi::kRENAME_EXCHANGE) != 0 && (flags.value & (abi::kRENAME_NOREPLACE | abi::kRENAME_WHITEOUT)) != 0)
    return Errno::kEINVAL;
  if ((flags.value & abi::kRENAME_WHITEOUT) != 0 && !task.creds().Has(abi::kCAP_MKNOD)) return Errno::kEPERM;
  const UserPlace from = TRY(ReadPlace(task, old_dirfd, old_path));
  const UserPlace to = TRY(ReadPlace(task, new_dirfd, new_path));
  return vfs::Rename(task, from.walk(), from.path, to.walk(), to.path, flags.value);
}

Result<void> SysRenameat(Task& task, Fd old_dirfd, UserPath old_path, Fd new_dirfd, UserPath new_path) {
  return SysRenameat2(task, old_dirfd, old_path, new_dirfd, new_path, {});
}

Result<void> SysRename(Task& task, UserPath old_path, UserPath new_path) {
  return SysRenameat2(task, abi::kAtFdCwd, old_path, abi::kAtFdCwd, new_path, {});
}

}  // namespace ringwall::syscalls
