// umount2(2).
#include <utility>

#include "abi/capability.h"
#include "abi/mount.h"
#include "sentry/cred/credentials.h"
#include "sentry/vfs/mount.h"
#include "syscalls/path/at.h"
#include "syscalls/path/path.h"

namespace ringwall::syscalls {

Result<void> SysUmount2(Task& task, UserPath target, RawFlags flags) {
  constexpr uint32_t kKnown = abi::kMNT_FORCE | abi::kMNT_DETACH | abi::kMNT_EXPIRE | abi::kUMOUNT_NOFOLLOW;
  if ((flags.value & ~kKnown) != 0) return Errno::kEINVAL;
  vfs::Path path = TRY(FindPath(task, abi::kAtFdCwd, target, (flags.value & abi::kUMOUNT_NOFOLLOW) != 0 ? abi::kAT_SYMLINK_NOFOLLOW : 0));
  const Ref<vfs::MountNamespace>& ns = task.fs().mount_ns();
  if (!task.creds().HasIn(*ns->owner(), abi::kCAP_SYS_ADMIN)) return Errno::kEPERM;
  // A place that was covered after somebody went there ("." after pivot_root(2)): what covers it is meant.
  while (path.mount) {
    RefPtr<vfs::Mount> on_top = ns->MountedAt(path);
    if (!on_top) break;
    path.dentry = RefPtr<vfs::Dentry>(on_top->root());
    path.mount = std::move(on_top);
  }
  const bool expire = (flags.value & abi::kMNT_EXPIRE) != 0;
  if (expire && (flags.value & (abi::kMNT_FORCE | abi::kMNT_DETACH)) != 0) return Errno::kEINVAL;
  if ((flags.value & abi::kMNT_FORCE) != 0 && !task.creds().Has(abi::kCAP_SYS_ADMIN)) return Errno::kEPERM;
  return ns->Umount(path, {.detach = (flags.value & abi::kMNT_DETACH) != 0, .expire = expire});
}

}  // namespace ringwall::syscalls
