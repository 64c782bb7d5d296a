// mount(2), mount_setattr(2), open_tree(2), pivot_root(2).
#include "host/namespaces/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

// <sys/mount.h> and <linux/mount.h> do not go together with this libc; the one call that is needed is declared here.
extern "C" int mount(const char*, const char*, const char*, unsigned long, const void*) noexcept;
extern "C" int umount2(const char*, int) noexcept;

namespace ringwall::host {
namespace {

constexpr int kMntDetach = 2;

// Flags that statvfs(3) reports for a mount and that a bind remount must repeat when they are locked.
unsigned long CurrentFlags(const char* path) {
  struct statvfs st;
  if (::statvfs(path, &st) != 0) return 0;
  unsigned long flags = 0;
  if ((st.f_flag & ST_RDONLY) != 0) flags |= MS_RDONLY;
  if ((st.f_flag & ST_NOSUID) != 0) flags |= MS_NOSUID;
  if ((st.f_flag & ST_NODEV) != 0) flags |= MS_NODEV;
  if ((st.f_flag & ST_NOEXEC) != 0) flags |= MS_NOEXEC;
  if ((st.f_flag & ST_NOATIME) != 0) flags |= MS_NOATIME;
  if ((st.f_flag & ST_NODIRATIME) != 0) flags |= MS_NODIRATIME;
  if ((st.f_flag & ST_RELATIME) != 0) flags |= MS_RELATIME;
  return flags;
}

}  // namespace

Result<void> Mount(const char* source, const char* target, const char* type, unsigned long flags, const char* data) {
  if (::mount(source, target, type, flags, data) != 0) return ErrnoFromHost(errno);
  return {};
}

Result<void> MakePrivate(const char* path) { return Mount(nullptr, path, nullptr, MS_REC | MS_PRIVATE); }

Result<void> BindMount(const char* source, const char* target, bool recursive, unsigned long flags) {
  TRY(Mount(source, target, nullptr, MS_BIND | (recursive ? MS_REC : 0)));
  if (flags == 0) return {};
  return Mount(nullptr, target, nullptr, MS_REMOUNT | MS_BIND | flags | CurrentFlags(target));
}

Result<void> SetMountAttributes(int dir, const char* path, uint64_t set, uint64_t clear, bool recursive) {
  mount_attr attr = {};
  attr.attr_set = set;
  attr.attr_clr = clear;
  const unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  if (::syscall(SYS_mount_setattr, dir, path, flags, &attr, sizeof(attr)) != 0) return ErrnoFromHost(errno);
  return {};
}

Result<UniqueFd> CloneTree(int dir, const char* path, bool recursive) {
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  const long fd = ::syscall(SYS_open_tree, dir, path, flags);
  if (fd < 0) return ErrnoFromHost(errno);
  return UniqueFd(static_cast<int>(fd));
}

Result<void> AttachTree(int tree, int dir, const char* path) {
  if (::syscall(SYS_move_mount, tree, "", dir, path, MOVE_MOUNT_F_EMPTY_PATH) != 0) return ErrnoFromHost(errno);
  return {};
}

Result<void> Unmount(const char* path, int flags) {
  if (::umount2(path, flags) != 0) return ErrnoFromHost(errno);
  return {};
}

Result<void> PivotInto(const char* path) {
  // pivot_root(2) wants a mount point: a bind of the directory onto itself is one.
  TRY(Mount(path, path, nullptr, MS_BIND | MS_REC));
  if (::chdir(path) != 0) return ErrnoFromHost(errno);
  // With "." for both, the old root is stacked on top of the new one, and no directory is needed to put it in (NOTES of pivot_root(2)).
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return ErrnoFromHost(errno);
  TRY(Unmount(".", kMntDetach));
  if (::chdir("/") != 0) return ErrnoFromHost(errno);
  return {};
}

Result<void> PivotIntoEmptyRoot() {
  // Any directory serves as the mount point; "/proc" exists wherever this is called.
  TRY(Mount("ringwall", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,nr_inodes=2,mode=0555"));
  if (::chdir("/proc") != 0) return ErrnoFromHost(errno);
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return ErrnoFromHost(errno);
  TRY(Unmount(".", kMntDetach));
  if (::chdir("/") != 0) return ErrnoFromHost(errno);
  return Mount(nullptr, "/", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC);
}

}  // namespace ringwall::host
