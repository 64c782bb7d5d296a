// Mounting and changing the root of this process's mount namespace. All need CAP_SYS_ADMIN in the namespace's user namespace.
#pragma once

#include <cstdint>

#include "base/error/result.h"
#include "base/fd/unique_fd.h"

namespace ringwall::host {

// mount(2). Any string may be null where mount(2) allows it.
Result<void> Mount(const char* source, const char* target, const char* type, unsigned long flags, const char* data = nullptr);
// Makes every mount below `path` private (MS_REC | MS_PRIVATE), so that nothing done here spreads to the host.
Result<void> MakePrivate(const char* path);
// Binds `source` onto `target` (recursively), then applies `flags` (MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC...) to the new mount, keeping
// flags that are locked from an outer user namespace.
Result<void> BindMount(const char* source, const char* target, bool recursive, unsigned long flags);
// Changes attributes of a mount and everything below it with mount_setattr(2): MOUNT_ATTR_* of <linux/mount.h>.
Result<void> SetMountAttributes(int dir, const char* path, uint64_t set, uint64_t clear, bool recursive);
// open_tree(2) with OPEN_TREE_CLONE: a detached copy of the mount at `path`.
Result<UniqueFd> CloneTree(int dir, const char* path, bool recursive);
// move_mount(2) of a detached tree onto `path`.
Result<void> AttachTree(int tree, int dir, const char* path);
// umount2(2).
Result<void> Unmount(const char* path, int flags);

// Makes the mount point or directory `path` the root and detaches the old one; the working directory is then "/". The caller has its own
// mount namespace with private propagation.
Result<void> PivotInto(const char* path);
// Pivots into a fresh, empty, read-only tmpfs: no host path can be named any more. `/proc` and all else is gone; descriptors stay.
Result<void> PivotIntoEmptyRoot();

}  // namespace ringwall::host
